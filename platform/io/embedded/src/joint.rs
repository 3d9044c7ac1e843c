//! [`Embedded`] as a queue and a store that are one: a key and a message in one commit.

use tally_model::Entry;
use tally_ports::{Failure, Joint, JointPut};

use crate::Embedded;
use crate::commit::Work;
use crate::limits::{BODY_LIMIT, KEY_LIMIT, VALUE_LIMIT, at_most};

impl Joint for Embedded {
    fn put_and_send(&self, entry: Entry) -> JointPut<'_> {
        Box::pin(async move {
            let sizes = [
                at_most("key", entry.key.len(), KEY_LIMIT),
                at_most("value", entry.value.len(), VALUE_LIMIT),
                at_most("body", entry.body.len(), BODY_LIMIT),
            ];
            let boxed = |error| Box::new(error) as Box<dyn Failure>;
            sizes.into_iter().collect::<Result<(), _>>().map_err(boxed)?;
            let bytes = entry.key.len() + entry.value.len() + entry.body.len();
            let message = self.0.parts.broker.reserve(vec![entry.body]).pop();
            let work = |done| Work::PutAndSend {
                key: entry.key,
                value: entry.value,
                queue: entry.queue.into(),
                message,
                done,
            };
            self.0.writer.submit(bytes, work, || ()).await.map_err(boxed)
        })
    }
}
