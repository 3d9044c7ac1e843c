//! The report's randomised leader election (M76, C2): drawn by whoever knows seed, set and epoch.

use tally_model::{Epoch, SetId};

/// The index of the leader among `replicas`; 0 without replicas. `failed` is not drawn again if there is another.
///
/// Nothing but the arguments decides, so a fleet that is restarted in the middle of an election draws the same leader.
pub fn draw_leader(seed: u64, set: SetId, epoch: Epoch, replicas: u8, failed: Option<u8>) -> u8 {
    let failed = failed.filter(|&index| index < replicas && replicas > 1);
    let candidates = u64::from(replicas) - u64::from(failed.is_some());
    if candidates == 0 {
        return 0;
    }
    let mut hasher = blake3::Hasher::new_derive_key("tally 2026 leader election");
    hasher.update(&seed.to_be_bytes());
    hasher.update(&epoch.0.to_be_bytes());
    hasher.update(set.to_string().as_bytes());
    let mut word = [0; 8];
    hasher.finalize_xof().fill(&mut word);
    let drawn = (u64::from_be_bytes(word) % candidates) as u8;
    match failed {
        Some(index) if drawn >= index => drawn + 1,
        _ => drawn,
    }
}

#[cfg(test)]
mod tests {
    use tally_model::Operation;

    use super::*;

    /// The draw stays in range, avoids the failed leader, and every replica gets its share over the epochs.
    #[test]
    fn every_other_replica_may_lead() {
        let set = SetId {
            operation: Operation::Add,
            number: 3,
        };
        assert_eq!(draw_leader(1, set, Epoch(1), 0, None), 0);
        assert_eq!(draw_leader(1, set, Epoch(1), 1, Some(0)), 0);
        for (replicas, failed) in [(4, None), (4, Some(0)), (4, Some(3)), (7, Some(2)), (2, Some(1))] {
            let mut shares = [0_u32; 8];
            for epoch in 0..1000 {
                let leader = draw_leader(9, set, Epoch(epoch), replicas, failed);
                assert!(leader < replicas && Some(leader) != failed);
                shares[usize::from(leader)] += 1;
            }
            let candidates = u32::from(replicas) - u32::from(failed.is_some());
            let fair = 1000 / candidates;
            assert_eq!(
                shares.iter().filter(|&&share| share > fair / 2).count(),
                candidates as usize
            );
        }
    }
}
