//! Whom this member answered when. A STATUS is answered by up to three messages for each of eight places, so whoever says the same
//! again at once, because the network does, because it is a liar, or because both sides asked, is not answered again.

use std::collections::BTreeMap;
use std::time::Duration;

use tally_model::Instant;

use super::message::Status;
use crate::Signature;

/// The last STATUS of each member that was answered, with its view, and when that was.
#[derive(Debug, Default)]
pub(super) struct Pace(BTreeMap<u8, (Instant, u32, Status)>);

impl Pace {
    /// Whether `status`, which was verified, is to be answered; from then on the same is not for a `pause`.
    pub(super) fn admits(&mut self, now: Instant, view: u32, status: &Status, pause: Duration) -> bool {
        // What it says, not how or why.
        let said = Status {
            asks: false,
            tag: Signature::new(),
            ..status.clone()
        };
        let last = self.0.get(&status.member);
        if last.is_some_and(|(at, of, last)| *of == view && *last == said && now.since(*at) < pause) {
            return false;
        }
        self.0.insert(status.member, (now, view, said));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(member: u8, executed: u64, asks: bool) -> Status {
        Status {
            member,
            executed,
            stable: 0,
            changing: false,
            asks,
            missing: Vec::new(),
            tag: [member][..].into(),
        }
    }

    /// The same from the same member is answered once per pause, however often it comes; news is answered at once.
    #[test]
    fn the_same_is_answered_once_per_pause() {
        let mut pace = Pace::default();
        let pause = Duration::from_millis(10);
        let mut admits = |millis, view, status: Status| {
            pace.admits(
                Instant::ZERO + Duration::from_millis(millis),
                view,
                &status,
                pause,
            )
        };
        assert!(admits(0, 0, status(1, 5, true)));
        assert!((0..100).all(|_| !admits(1, 0, status(1, 5, true))));
        assert!(
            !admits(2, 0, status(1, 5, false)),
            "its answer to a question of ours"
        );
        assert!(admits(2, 0, status(2, 5, true)), "somebody else");
        assert!(admits(3, 0, status(1, 6, true)), "it got further");
        assert!(admits(4, 1, status(1, 6, true)), "it changed its view");
        assert!(!admits(13, 1, status(1, 6, true)));
        assert!(admits(14, 1, status(1, 6, true)), "it still lacks what it lacked");
    }
}
