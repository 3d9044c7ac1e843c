//! Messages between the members of a set, both ways.

use tally_consensus::{
    Body, Commit, Digest, Health, Item, MAX_BATCH, MAX_SIGNATURE, Message, NoQuorum, PrePrepare, Propose,
    Reply, Signature, Vote,
};
use tally_model::{Epoch, Outcome};

use crate::error::Error;
use crate::noun::{job, set_id, to_job, to_outcome, to_set_id, u8_of};
use crate::proto;
use crate::proto::set_message::Body as Wire;

mod pbft;

/// Members of a set named in one message.
const MAX_MEMBERS: usize = 64;

pub(crate) fn message(message: &Message) -> proto::SetMessage {
    proto::SetMessage {
        set: Some(set_id(message.set)),
        epoch: message.epoch.0,
        view: message.view,
        body: Some(body(&message.body)),
    }
}

fn body(body: &Body) -> Wire {
    match body {
        Body::Propose(it) => Wire::Propose(propose(it)),
        Body::PrePrepare(it) => Wire::PrePrepare(proto::PrePrepare {
            sequence: it.sequence,
            propose: Some(propose(&it.propose)),
            outcomes: texts(&it.outcomes),
            signature: it.signature.to_vec(),
        }),
        Body::Commit(it) => Wire::Commit(proto::Commit {
            sequence: it.sequence,
            member: u32::from(it.member),
            root: it.root.0.to_vec(),
            outcomes: texts(&it.outcomes),
            signature: it.signature.to_vec(),
        }),
        Body::Reply(it) => Wire::Reply(proto::Reply {
            slot: u32::from(it.slot),
            timestamp: it.timestamp,
            sequence: it.sequence,
            outcomes: texts(&it.outcomes),
            votes: it.votes.iter().map(vote).collect(),
            signature: it.signature.to_vec(),
        }),
        Body::NoQuorum(it) => Wire::NoQuorum(proto::NoQuorum {
            slot: u32::from(it.slot),
            timestamp: it.timestamp,
            sequence: it.sequence,
            missing: it.missing.clone(),
            signature: it.signature.to_vec(),
        }),
        Body::Health(it) => Wire::Health(proto::Health {
            number: it.number,
            silent: it.silent.clone(),
            signature: it.signature.to_vec(),
        }),
        Body::Pbft(it) => pbft::body(it),
    }
}

fn propose(propose: &Propose) -> proto::Propose {
    proto::Propose {
        slot: u32::from(propose.slot),
        timestamp: propose.timestamp,
        items: items(&propose.items),
        signature: propose.signature.to_vec(),
    }
}

fn items(items: &[Item]) -> Vec<proto::Item> {
    let items = items.iter().map(|item| proto::Item {
        job: Some(job(&item.job)),
        work_key: item.work_key,
    });
    items.collect()
}

fn vote(vote: &Vote) -> proto::Vote {
    proto::Vote {
        member: u32::from(vote.member),
        signature: vote.signature.to_vec(),
    }
}

fn texts(outcomes: &[Outcome]) -> Vec<String> {
    outcomes.iter().map(Outcome::to_string).collect()
}

pub(crate) fn to_message(message: proto::SetMessage) -> Result<Message, Error> {
    Ok(Message {
        set: to_set_id(message.set)?,
        epoch: Epoch(message.epoch),
        view: message.view,
        body: to_body(message.body.ok_or(Error::Missing("body"))?)?,
    })
}

fn to_body(body: Wire) -> Result<Body, Error> {
    Ok(match body {
        Wire::Propose(it) => Body::Propose(to_propose(Some(it))?),
        Wire::PrePrepare(it) => Body::PrePrepare(PrePrepare {
            sequence: it.sequence,
            propose: to_propose(it.propose)?,
            outcomes: to_outcomes(it.outcomes)?,
            signature: to_signature(it.signature)?,
        }),
        Wire::Commit(it) => Body::Commit(Commit {
            sequence: it.sequence,
            member: u8_of(it.member, "commit.member")?,
            root: Digest(it.root.try_into().map_err(|_| Error::OutOfRange("commit.root"))?),
            outcomes: to_outcomes(it.outcomes)?,
            signature: to_signature(it.signature)?,
        }),
        Wire::Reply(it) => Body::Reply(Reply {
            slot: u8_of(it.slot, "reply.slot")?,
            timestamp: it.timestamp,
            sequence: it.sequence,
            outcomes: to_outcomes(it.outcomes)?,
            votes: to_votes(it.votes, "reply.votes")?,
            signature: to_signature(it.signature)?,
        }),
        Wire::NoQuorum(it) => Body::NoQuorum(NoQuorum {
            slot: u8_of(it.slot, "no_quorum.slot")?,
            timestamp: it.timestamp,
            sequence: it.sequence,
            missing: at_most(it.missing, MAX_MEMBERS, "no_quorum.missing")?,
            signature: to_signature(it.signature)?,
        }),
        Wire::Health(it) => Body::Health(Health {
            number: it.number,
            silent: at_most(it.silent, MAX_MEMBERS, "health.silent")?,
            signature: to_signature(it.signature)?,
        }),
        other => Body::Pbft(Box::new(pbft::to_body(other)?)),
    })
}

fn to_propose(propose: Option<proto::Propose>) -> Result<Propose, Error> {
    let propose = propose.ok_or(Error::Missing("propose"))?;
    Ok(Propose {
        slot: u8_of(propose.slot, "propose.slot")?,
        timestamp: propose.timestamp,
        items: to_items(propose.items, "propose.items")?,
        signature: to_signature(propose.signature)?,
    })
}

fn to_items(items: Vec<proto::Item>, field: &'static str) -> Result<Vec<Item>, Error> {
    at_most(items, MAX_BATCH, field)?
        .into_iter()
        .map(to_item)
        .collect()
}

fn to_item(item: proto::Item) -> Result<Item, Error> {
    Ok(Item {
        job: to_job(item.job)?,
        work_key: item.work_key,
    })
}

fn to_votes(votes: Vec<proto::Vote>, field: &'static str) -> Result<Vec<Vote>, Error> {
    at_most(votes, MAX_MEMBERS, field)?
        .into_iter()
        .map(|vote| {
            Ok(Vote {
                member: u8_of(vote.member, "vote.member")?,
                signature: to_signature(vote.signature)?,
            })
        })
        .collect()
}

fn to_outcomes(outcomes: Vec<String>) -> Result<Vec<Outcome>, Error> {
    at_most(outcomes, MAX_BATCH, "outcomes")?
        .into_iter()
        .map(to_outcome)
        .collect()
}

fn to_signature(signature: Vec<u8>) -> Result<Signature, Error> {
    at_most(signature, MAX_SIGNATURE, "signature").map(Signature::from)
}

fn at_most<T>(values: Vec<T>, most: usize, field: &'static str) -> Result<Vec<T>, Error> {
    if values.len() > most {
        return Err(Error::OutOfRange(field));
    }
    Ok(values)
}
