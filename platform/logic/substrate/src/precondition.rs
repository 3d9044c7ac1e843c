//! When a write of the store happens.

use tally_model::Precondition;

/// Whether a precondition holds for a key with this version, `None` if the key does not exist.
pub fn holds(when: Precondition, version: Option<u64>) -> bool {
    match when {
        Precondition::Any => true,
        Precondition::Absent => version.is_none(),
        Precondition::Version(wanted) => version == Some(wanted),
    }
}

/// Whether a delete under this precondition removes a key with this version. `Absent` holds where there is nothing to
/// delete, so it never removes anything.
pub fn may_delete(when: Precondition, version: Option<u64>) -> bool {
    version.is_some() && holds(when, version)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: the table of `MetadataStore::put` and `MetadataStore::delete`.
    #[test]
    fn preconditions_follow_the_table() {
        for (when, version, holds_, deletes) in [
            (Precondition::Any, None, true, false),
            (Precondition::Any, Some(7), true, true),
            (Precondition::Absent, None, true, false),
            (Precondition::Absent, Some(7), false, false),
            (Precondition::Version(7), None, false, false),
            (Precondition::Version(7), Some(7), true, true),
            (Precondition::Version(7), Some(8), false, false),
        ] {
            assert_eq!(holds(when, version), holds_, "{when:?} on {version:?}");
            assert_eq!(may_delete(when, version), deletes, "{when:?} on {version:?}");
        }
    }
}
