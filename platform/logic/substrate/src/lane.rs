//! One queue: its messages by the order in which they are next handed out or timed out.

use std::collections::BTreeSet;

use tally_model::Instant;

use crate::policy::{Policy, QueueId};
use crate::{MessageId, message::State};

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane {
    pub(crate) policy: Policy,
    /// Queues whose dead letters come here.
    pub(crate) sources: BTreeSet<QueueId>,
    pub(crate) visible: BTreeSet<(u64, MessageId)>,
    leased: BTreeSet<(Instant, MessageId)>,
    delayed: BTreeSet<(Instant, MessageId)>,
}

impl Lane {
    /// The same queue without messages.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            policy: self.policy,
            sources: self.sources.clone(),
            ..Self::default()
        }
    }

    /// Puts a message where its state says.
    pub(crate) fn enter(&mut self, id: MessageId, state: State) {
        match state {
            State::Visible(place) => self.visible.insert((place, id)),
            State::Leased(until) => self.leased.insert((until, id)),
            State::Delayed(until) => self.delayed.insert((until, id)),
        };
    }

    /// Takes a message out from where its state says.
    pub(crate) fn leave(&mut self, id: MessageId, state: State) {
        match state {
            State::Visible(place) => self.visible.remove(&(place, id)),
            State::Leased(until) => self.leased.remove(&(until, id)),
            State::Delayed(until) => self.delayed.remove(&(until, id)),
        };
    }

    /// Takes out a message whose lease or delay is over at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<MessageId> {
        [&mut self.leased, &mut self.delayed].into_iter().find_map(|set| {
            let &(until, _) = set.first()?;
            (until <= now).then(|| set.pop_first())?.map(|(_, id)| id)
        })
    }

    /// When the next lease or delay ends.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let firsts = [&self.leased, &self.delayed].map(|set| set.first().map(|&(until, _)| until));
        firsts.into_iter().flatten().min()
    }

    /// Every message.
    pub(crate) fn ids(&self) -> impl Iterator<Item = MessageId> + '_ {
        let visible = self.visible.iter().map(|&(_, id)| id);
        let timed = self.leased.iter().chain(&self.delayed).map(|&(_, id)| id);
        visible.chain(timed)
    }

    /// How many messages there are.
    pub(crate) fn census(&self) -> Census {
        Census {
            visible: self.visible.len() as u64,
            in_flight: self.leased.len() as u64,
            delayed: self.delayed.len() as u64,
        }
    }
}

/// How many messages a queue has, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Receivable now.
    pub visible: u64,
    /// Received and neither deleted nor timed out.
    pub in_flight: u64,
    /// Sent with a delay that is not over.
    pub delayed: u64,
}
