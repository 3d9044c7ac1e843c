//! The keys between the fleet and the others.

use serde::{Deserialize, Serialize};
use tally_model::{Epoch, Member, NodeId, Operation, SetId};

/// Records of sets ([`tally_model::SetRecord`] as JSON), written by the fleet alone.
pub const SETS_PREFIX: &str = "sets/";
/// Requests to replace an occupant (JSON with its `incarnation`), written by the scheduler's recovery, deleted by the fleet.
pub const REPAIR_PREFIX: &str = "repair/";
/// Notes that a draining set has nothing in flight (any value), written by the scheduler, deleted by the fleet.
pub const DRAINED_PREFIX: &str = "drained/";
/// Who leads a set of replicas that elect their leader themselves (JSON of [`Led`]), written by the scheduler for the set's
/// worker, deleted by the fleet once the record says it.
pub const LEADER_PREFIX: &str = "leader/";
/// The fleet's own notes: the next number of every operation, the incarnations of every set.
pub const FLEET_PREFIX: &str = "fleet/";

/// The key of a set's record.
pub fn record_key(set: SetId) -> String {
    format!("{SETS_PREFIX}{set}")
}

/// The key of a request to replace the occupant of a place.
pub fn repair_key(node: NodeId) -> String {
    format!("{REPAIR_PREFIX}{node}")
}

/// The key that says that a draining set is idle.
pub fn drained_key(set: SetId) -> String {
    format!("{DRAINED_PREFIX}{set}")
}

/// The key that says who leads a set.
pub fn leader_key(set: SetId) -> String {
    format!("{LEADER_PREFIX}{set}")
}

/// The value of [`leader_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Led {
    /// In which epoch.
    pub epoch: Epoch,
    /// Index of the leading replica.
    pub leader: u8,
}

/// Where the next number of an operation's sets is noted.
pub(super) fn next_key(operation: Operation) -> String {
    format!("{FLEET_PREFIX}next/{operation}")
}

/// Where the incarnations of a set's places are noted.
pub(super) fn places_key(set: SetId) -> String {
    format!("{FLEET_PREFIX}places/{set}")
}

/// Where the lock on the lead of a set is kept: whoever leads it is named there, or nobody does.
pub fn lock_key(set: SetId) -> String {
    format!("{FLEET_PREFIX}lock/{set}")
}

/// The value of [`lock_key`]: place and occupant.
pub fn lock_holder(member: &Member) -> String {
    format!("{}#{}", member.node, member.incarnation)
}

/// The reverse of [`lock_key`].
pub fn lock_of(key: &str) -> Option<SetId> {
    key.strip_prefix(FLEET_PREFIX)?
        .strip_prefix("lock/")?
        .parse()
        .ok()
}

/// The reverse of [`next_key`].
pub(super) fn next_of(key: &str) -> Option<Operation> {
    let name = key.strip_prefix(FLEET_PREFIX)?.strip_prefix("next/")?;
    Operation::from_name(name)
}

/// The reverse of [`places_key`].
pub(super) fn places_of(key: &str) -> Option<SetId> {
    key.strip_prefix(FLEET_PREFIX)?
        .strip_prefix("places/")?
        .parse()
        .ok()
}

/// What the fleet needs of a repair request; who asks may add reasons.
#[derive(Deserialize)]
struct Repair {
    incarnation: u32,
}

/// The occupant that a repair request wants replaced, if it can be read.
pub(super) fn incarnation_in(repair: &str) -> Option<u32> {
    let read = serde_json::from_str::<Repair>(repair).ok()?;
    Some(read.incarnation)
}
