//! Who is to be replaced: what the leader says of others, what its silence says of itself.

use tally_model::{FaultType, Instant, NodeId};

use super::CollectClient;
use crate::client::ClientEvent;
use crate::membership::Membership;
use crate::message::{Health, NoQuorum};
use crate::replica::Refusal;

/// Timeouts between two suspicions of the same occupant, should the first have been lost.
const SUSPECT_AGAIN: u32 = 10;

impl CollectClient {
    /// The leader says whose votes are missing.
    pub(super) fn no_quorum(
        &mut self,
        membership: &Membership,
        now: Instant,
        report: &NoQuorum,
        out: &mut Vec<ClientEvent>,
    ) -> Result<(), Refusal> {
        let timeout = self.patience.timeout();
        let leader = membership.leader();
        let flight = self.flights.get_mut(&report.slot);
        let flight = flight
            .filter(|flight| flight.propose.timestamp == report.timestamp)
            .ok_or(Refusal::Stale)?;
        let statement = report.statement(&membership.scope, leader);
        self.desk
            .verify_replica(membership, leader, &statement, &report.signature)?;
        if !self.patience.hears_reports_of(flight.proposed, now) {
            return Ok(());
        }
        flight.resend = now + timeout;
        flight.blame = Some(now + timeout * 2);
        self.patience.give_up();
        for member in &report.missing {
            self.suspect(membership, now, *member, "no vote within the quorum timeout", out);
        }
        let occupant = membership.replica(leader).map(|peer| (leader, peer.incarnation));
        if occupant.is_some_and(|occupant| self.patience.no_quorum(occupant, membership.epoch())) {
            self.suspect(membership, now, leader, "no quorum, whoever is replaced", out);
        }
        Ok(())
    }

    /// The leader says who owes votes.
    pub(super) fn hear_health(
        &mut self,
        membership: &Membership,
        now: Instant,
        health: &Health,
        out: &mut Vec<ClientEvent>,
    ) -> Result<(), Refusal> {
        if health.number <= self.health.0 {
            return Err(Refusal::Stale);
        }
        let statement = health.statement(&membership.scope, membership.leader());
        self.desk
            .verify_replica(membership, membership.leader(), &statement, &health.signature)?;
        let full = health.silent.is_empty();
        let members = membership.size();
        if self.health.1 != Some(full) {
            out.push(if full {
                ClientEvent::Full { members }
            } else {
                ClientEvent::Degraded {
                    voting: members.saturating_sub(health.silent.len() as u8),
                    members,
                }
            });
        }
        self.health = (health.number, Some(full));
        self.silent.retain(|member, _| health.silent.contains(member));
        for member in &health.silent {
            let since = *self.silent.entry(*member).or_insert(now);
            if now.since(since) >= self.patience.grace() {
                self.patience.give_up();
                let reason = "votes of others only, for a quorum timeout";
                self.suspect(membership, now, *member, reason, out);
            }
        }
        Ok(())
    }

    /// Raises a suspicion once per occupant, and again after a long while should it have been lost.
    pub(super) fn suspect(
        &mut self,
        membership: &Membership,
        now: Instant,
        member: u8,
        reason: &str,
        out: &mut Vec<ClientEvent>,
    ) {
        let Some(peer) = membership.replica(member) else {
            return;
        };
        let node = NodeId::Replica(membership.set(), member);
        let again = self.patience.timeout() * SUSPECT_AGAIN;
        if self
            .suspected
            .get(&node)
            .is_some_and(|(incarnation, at)| *incarnation == peer.incarnation && now.since(*at) < again)
        {
            return;
        }
        self.suspected.insert(node, (peer.incarnation, now));
        out.push(ClientEvent::Suspect {
            kind: if member == membership.leader() {
                FaultType::Leader
            } else {
                FaultType::Follower
            },
            node,
            incarnation: peer.incarnation,
            reason: reason.to_owned(),
        });
    }
}
