//! Members whose connection broke: whoever is silent may be slow, whoever's process ended is not.
//!
//! It is a hint of the transport that nobody can prove, so it does what an expired timer does and no more: it makes a backup
//! leave the view of a primary that is gone. What is read within the first half of the grace may be a member's last words; whoever is
//! heard after that, before or after the grace is over, was not lost.

use std::collections::BTreeMap;
use std::time::Duration;

use tally_model::{Instant, NodeId};

/// Whose connection broke.
#[derive(Debug, Default)]
pub(super) struct Lost(BTreeMap<u8, Loss>);

#[derive(Debug)]
struct Loss {
    /// What comes before was on its way when the connection broke, and is no sign of life: a dead member's last words may be
    /// read after the end of another of its streams was.
    last_words: Instant,
    /// When it is to be acted on.
    believed: Instant,
}

impl Lost {
    /// The connection to `member` broke; believed once `grace` is over. Whether it is news.
    pub(super) fn lost(&mut self, now: Instant, member: u8, grace: Duration) -> bool {
        let news = !self.contains(member);
        self.0.entry(member).or_insert(Loss {
            last_words: now + grace / 2,
            believed: now + grace,
        });
        news
    }

    /// Something came from there.
    pub(super) fn heard(&mut self, now: Instant, from: NodeId) {
        if let NodeId::Replica(_, member) = from
            && self.0.get(&member).is_some_and(|loss| loss.last_words <= now)
        {
            self.0.remove(&member);
        }
    }

    pub(super) fn contains(&self, member: u8) -> bool {
        self.0.contains_key(&member)
    }

    /// When the loss of `member` is to be acted on.
    pub(super) fn at(&self, member: u8) -> Option<Instant> {
        self.0.get(&member).map(|loss| loss.believed)
    }

    pub(super) fn expired(&self, now: Instant, member: u8) -> bool {
        self.at(member).is_some_and(|at| at <= now)
    }

    /// Forgets about members that are somebody else now.
    pub(super) fn retain(&mut self, stays: impl Fn(u8) -> bool) {
        self.0.retain(|member, _| stays(*member));
    }
}

#[cfg(test)]
mod tests {
    use tally_model::{Operation, SetId};

    use super::*;

    /// What a member said before it was gone does not bring it back, however late it is read; what it says later does.
    #[test]
    fn last_words_are_no_sign_of_life() {
        let set = SetId {
            operation: Operation::Add,
            number: 1,
        };
        let at = |millis| Instant::ZERO + Duration::from_millis(millis);
        let played = |heard| {
            let mut lost = Lost::default();
            assert!(lost.lost(at(100), 2, Duration::from_millis(16)));
            assert!(!lost.lost(at(101), 2, Duration::from_millis(16)), "no news");
            lost.heard(at(heard), NodeId::Replica(set, 1));
            lost.heard(at(heard), NodeId::Replica(set, 2));
            (
                lost.contains(2),
                lost.expired(at(115), 2),
                lost.expired(at(116), 2),
            )
        };
        assert_eq!(played(101), (true, false, true));
        assert_eq!(played(108), (false, false, false));
    }
}
