//! What replies come to: an answer once f+1 match, and who does not do its part.

use tally_model::{FaultType, Instant, NodeId};

use super::Client;
use crate::client::ClientEvent;
use crate::membership::Membership;
use crate::pbft::flight::Heard;
use crate::pbft::message::Reply;
use crate::pbft::quorum::primary;
use crate::replica::Refusal;

impl Client {
    pub(super) fn reply(
        &mut self,
        membership: &Membership,
        now: Instant,
        view: u32,
        reply: Reply,
        out: &mut Vec<ClientEvent>,
    ) -> Result<(), Refusal> {
        let member = reply.member;
        let peer = membership.replica(member).ok_or(Refusal::NotAMember)?;
        let Some(flight) = self
            .flights
            .get_mut(&reply.slot)
            .filter(|flight| flight.request.timestamp == reply.timestamp)
        else {
            // Late: a sign of life. It is not verified, since all a liar gains is that its silence is noticed later.
            if self.pulse.heard(member) {
                self.tell_full(membership, out);
            }
            return Err(Refusal::Stale);
        };
        let slot = reply.slot;
        let effort = &mut self.effort;
        let heard = flight.hear(membership, reply, |statement, signature| {
            effort.verified += 1;
            peer.key.verify(statement, signature)
        })?;
        self.views.insert(member, view);
        self.lost.heard(now, NodeId::Replica(membership.set(), member));
        if heard == Heard::Waiting {
            return Ok(());
        }
        let Some(flight) = self.flights.remove(&slot) else {
            return Ok(());
        };
        let Some(landed) = flight.land(membership) else {
            return Ok(());
        };
        let members = membership.size();
        for (item, (outcome, certificate)) in flight.request.items.iter().zip(landed.results) {
            out.push(ClientEvent::Certified {
                job: item.job.clone(),
                outcome,
                certificate,
                votes: landed.members.len() as u8,
                members,
            });
        }
        for liar in landed.dissenters {
            self.suspect(membership, liar, "answered otherwise than f+1 others", out);
        }
        self.pulse.answered(now, members, &landed.members);
        self.tell_led(membership, out);
        self.pump(now, out);
        Ok(())
    }

    fn tell_led(&mut self, membership: &Membership, out: &mut Vec<ClientEvent>) {
        if !self.ordered {
            return;
        }
        let (epoch, leader) = (membership.epoch(), primary(membership, self.view(membership)));
        if self.led.replace((epoch, leader)) != Some((epoch, leader)) {
            out.push(ClientEvent::Led { epoch, leader });
        }
    }

    fn tell_full(&mut self, membership: &Membership, out: &mut Vec<ClientEvent>) {
        if self.pulse.tell(true) {
            out.push(ClientEvent::Full {
                members: membership.size(),
            });
        }
    }

    pub(super) fn suspect(
        &self,
        membership: &Membership,
        member: u8,
        reason: &str,
        out: &mut Vec<ClientEvent>,
    ) {
        let Some(peer) = membership.replica(member) else {
            return;
        };
        out.push(ClientEvent::Suspect {
            kind: if self.ordered && member == primary(membership, self.view(membership)) {
                FaultType::Leader
            } else {
                FaultType::Follower
            },
            node: NodeId::Replica(membership.set(), member),
            incarnation: peer.incarnation,
            reason: reason.to_owned(),
        });
    }
}
