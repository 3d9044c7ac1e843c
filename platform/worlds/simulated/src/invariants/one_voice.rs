//! An honest member never says two different things in one place.

use std::collections::BTreeMap;

use tally_consensus::{Body, Digest, pbft};
use tally_model::{Epoch, SetId};
use tally_substrate::PodIndex;

use super::of_set;
use crate::watch::{Invariant, Sent, Verdict};

/// Kind of statement, epoch, view and place.
type Place = (u8, Epoch, u32, u64);

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Digest(Digest),
    /// Which requests a batch holds: worker's incarnation, slot, timestamp.
    Requests(Vec<(u32, u8, u64)>),
}

/// Per occupant of a place: a replacement has a key of its own, and so a voice of its own.
#[derive(Debug, Default)]
pub(super) struct OneVoice {
    said: BTreeMap<(PodIndex, SetId), BTreeMap<Place, Said>>,
}

fn statement(view: u32, epoch: Epoch, body: &Body) -> Option<(Place, Said)> {
    let said = match body {
        Body::Commit(vote) => ((0, epoch, view, vote.sequence), Said::Digest(vote.root)),
        Body::PrePrepare(order) => (
            (1, epoch, view, order.sequence),
            Said::Requests(vec![(0, order.propose.slot, order.propose.timestamp)]),
        ),
        Body::Pbft(body) => match &**body {
            pbft::Body::PrePrepare(order) => {
                let requests = &order.batch.requests;
                let names = requests.iter().map(|r| (r.incarnation, r.slot, r.timestamp));
                ((2, epoch, view, order.sequence), Said::Requests(names.collect()))
            }
            pbft::Body::Prepare(prepare) => {
                ((3, epoch, view, prepare.sequence), Said::Digest(prepare.digest))
            }
            pbft::Body::Commit(commit) => ((4, epoch, view, commit.sequence), Said::Digest(commit.digest)),
            pbft::Body::Checkpoint(point) => ((5, epoch, 0, point.sequence), Said::Digest(point.digest)),
            _ => return None,
        },
        _ => return None,
    };
    Some(said)
}

impl Invariant for OneVoice {
    fn name(&self) -> &'static str {
        "one-voice"
    }

    fn source(&self) -> &'static str {
        "pbft.md section 11, 9"
    }

    fn gone(&mut self, pod: PodIndex) {
        self.said.retain(|(of, _), _| *of != pod);
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        let (Some(message), Some(pod)) = (of_set(sent), sent.pod) else {
            return Ok(());
        };
        let Some((place, said)) = statement(message.view, message.epoch, &message.body) else {
            return Ok(());
        };
        let before = self.said.entry((pod, message.set)).or_default();
        let first = before.entry(place).or_insert_with(|| said.clone());
        if *first == said {
            return Ok(());
        }
        Err(format!(
            "{} said {first:?} and then {said:?} in epoch {} view {} place {}",
            sent.from, place.1.0, place.2, place.3
        ))
    }
}
