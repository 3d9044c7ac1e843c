//! Subscribers to the answers of a tag, each with a bounded buffer of its own.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tally_model::AnswerMessage;
use tokio::sync::mpsc;

/// Answers that may wait for a subscriber.
const BUFFER: usize = 4096;
/// Bytes of answers that may wait for a subscriber.
const BUFFER_BYTES: usize = 8 << 20;
/// Subscribers at once.
const SUBSCRIBERS: usize = 64;

/// Everybody who listens.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    subscribers: Mutex<Vec<Subscriber>>,
}

#[derive(Debug)]
struct Subscriber {
    tag: String,
    sender: mpsc::Sender<Arc<str>>,
    backlog: Arc<Backlog>,
}

/// What a subscriber has not taken yet.
#[derive(Debug, Default)]
struct Backlog {
    bytes: AtomicUsize,
    lost: AtomicU64,
}

/// The receiving end. Dropping it ends the subscription.
#[derive(Debug)]
pub(crate) struct Subscription {
    receiver: mpsc::Receiver<Arc<str>>,
    backlog: Arc<Backlog>,
}

/// What a subscriber gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// An answer, JSON.
    Answer(Arc<str>),
    /// So many answers did not fit in the buffer since the last time.
    Lost(u64),
}

impl Audience {
    /// Listens from now on; `None` if there are too many listeners.
    pub(crate) fn subscribe(&self, tag: String) -> Option<Subscription> {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| !subscriber.sender.is_closed());
        if subscribers.len() >= SUBSCRIBERS {
            return None;
        }
        let (sender, receiver) = mpsc::channel(BUFFER);
        let backlog = Arc::<Backlog>::default();
        subscribers.push(Subscriber {
            tag,
            sender,
            backlog: Arc::clone(&backlog),
        });
        Some(Subscription { receiver, backlog })
    }

    /// Hands an answer to who listens to its tag; never waits.
    pub(crate) fn publish(&self, answer: &AnswerMessage) {
        let Some(tag) = &answer.tag else {
            return;
        };
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text: Option<Arc<str>> = None;
        subscribers.retain(|subscriber| {
            if subscriber.sender.is_closed() {
                return false;
            }
            if subscriber.tag == *tag {
                let json = text
                    .get_or_insert_with(|| serde_json::to_string(answer).unwrap_or_default().into())
                    .clone();
                subscriber.offer(json);
            }
            true
        });
    }
}

impl Subscriber {
    fn offer(&self, json: Arc<str>) {
        let bytes = json.len();
        // One answer always fits, however large.
        let waiting = self.backlog.bytes.fetch_add(bytes, Ordering::AcqRel);
        let fits = waiting == 0 || waiting + bytes <= BUFFER_BYTES;
        if !fits || self.sender.try_send(json).is_err() {
            self.backlog.bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.backlog.lost.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Subscription {
    /// The next item; `None` when the door is gone.
    pub(crate) async fn next(&mut self) -> Option<Item> {
        let lost = self.backlog.lost.swap(0, Ordering::AcqRel);
        if lost > 0 {
            return Some(Item::Lost(lost));
        }
        let json = self.receiver.recv().await?;
        self.backlog.bytes.fetch_sub(json.len(), Ordering::AcqRel);
        Some(Item::Answer(json))
    }
}

#[cfg(test)]
mod tests {
    use tally_model::{Instant, Outcome, RequestId};

    use super::*;

    fn answer(tag: &str) -> AnswerMessage {
        AnswerMessage {
            id: RequestId(1),
            outcome: Outcome::Value("1".into()),
            tasks: Vec::new(),
            accepted: Instant::ZERO,
            folded: Instant::ZERO,
            tag: Some(tag.into()),
            detail: None,
        }
    }

    /// What a slow subscriber received and what it was told it lost add up to what was published for its tag.
    #[tokio::test]
    async fn nothing_is_lost_without_being_counted() {
        let audience = Audience::default();
        let mut subscription = audience.subscribe("a".into()).unwrap();
        for _ in 0..BUFFER + 7 {
            audience.publish(&answer("a"));
            audience.publish(&answer("b"));
        }
        assert_eq!(subscription.next().await, Some(Item::Lost(7)));
        for _ in 0..BUFFER {
            assert!(matches!(subscription.next().await, Some(Item::Answer(_))));
        }
        audience.publish(&answer("a"));
        assert!(matches!(subscription.next().await, Some(Item::Answer(_))));
    }

    /// The number of subscribers is bounded, and one that left makes room.
    #[tokio::test]
    async fn subscribers_are_bounded() {
        let audience = Audience::default();
        let mut all: Vec<_> = (0..SUBSCRIBERS).map(|_| audience.subscribe("a".into())).collect();
        assert!(all.iter().all(Option::is_some));
        assert!(audience.subscribe("a".into()).is_none());
        all.pop();
        assert!(audience.subscribe("a".into()).is_some());
    }
}
