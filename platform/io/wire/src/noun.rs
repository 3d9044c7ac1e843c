//! The nouns inside packets, both ways.

use tally_consensus::MAX_OUTCOME;
use tally_expression::MAX_TEXT_BYTES;
use tally_model::{
    Epoch, FaultEvent, FaultType, Instant, Job, Member, NodeId, Operation, Outcome, RequestId, SetId,
    SetRecord, SetState, TaskId, TaskMessage,
};

use crate::error::Error;
use crate::proto;

/// Bytes of an operand; as long as an outcome, because it was one.
const MAX_OPERAND: usize = MAX_OUTCOME;
/// Bytes of an address, a key or a remark.
const MAX_TEXT: usize = 2048;
/// Replicas in a record.
const MAX_MEMBERS: usize = 64;

const STATES: [SetState; 4] = [
    SetState::Starting,
    SetState::Ready,
    SetState::Fenced,
    SetState::Draining,
];
const FAULTS: [FaultType; 4] = [
    FaultType::Worker,
    FaultType::Leader,
    FaultType::Follower,
    FaultType::ControlPlane,
];

pub(crate) fn u8_of(value: u32, field: &'static str) -> Result<u8, Error> {
    u8::try_from(value).map_err(|_| Error::OutOfRange(field))
}

fn pick<T: Copy>(values: &[T], index: u32, field: &'static str) -> Result<T, Error> {
    values
        .get(index as usize)
        .copied()
        .ok_or(Error::OutOfRange(field))
}

fn place<T: PartialEq>(values: &[T], value: &T) -> u32 {
    values
        .iter()
        .position(|candidate| candidate == value)
        .unwrap_or_default() as u32
}

fn bounded(text: String, most: usize, field: &'static str) -> Result<String, Error> {
    if text.len() > most {
        return Err(Error::OutOfRange(field));
    }
    Ok(text)
}

pub(crate) fn set_id(id: SetId) -> proto::SetId {
    proto::SetId {
        operation: id.operation.index() as u32,
        number: id.number,
    }
}

pub(crate) fn to_set_id(id: Option<proto::SetId>) -> Result<SetId, Error> {
    let id = id.ok_or(Error::Missing("set"))?;
    Ok(SetId {
        operation: pick(&Operation::ALL, id.operation, "set.operation")?,
        number: id.number,
    })
}

fn node_id(node: NodeId) -> proto::NodeId {
    let (kind, index) = match node {
        NodeId::Control => (0, 0),
        NodeId::Worker(_) => (1, 0),
        NodeId::Replica(_, index) => (2, u32::from(index)),
    };
    proto::NodeId {
        kind,
        set: node.set().map(set_id),
        index,
    }
}

fn to_node_id(node: Option<proto::NodeId>) -> Result<NodeId, Error> {
    let node = node.ok_or(Error::Missing("node"))?;
    match node.kind {
        0 => Ok(NodeId::Control),
        1 => Ok(NodeId::Worker(to_set_id(node.set)?)),
        2 => Ok(NodeId::Replica(
            to_set_id(node.set)?,
            u8_of(node.index, "node.index")?,
        )),
        _ => Err(Error::OutOfRange("node.kind")),
    }
}

fn member(member: &Member) -> proto::Member {
    proto::Member {
        node: Some(node_id(member.node)),
        incarnation: member.incarnation,
        address: member.address.clone(),
        public_key: member.public_key.clone(),
    }
}

fn to_member(member: proto::Member) -> Result<Member, Error> {
    Ok(Member {
        node: to_node_id(member.node)?,
        incarnation: member.incarnation,
        address: bounded(member.address, MAX_TEXT, "member.address")?,
        public_key: bounded(member.public_key, MAX_TEXT, "member.public_key")?,
    })
}

pub(crate) fn record(record: &SetRecord) -> proto::SetRecord {
    proto::SetRecord {
        id: Some(set_id(record.id)),
        epoch: record.epoch.0,
        state: place(&STATES, &record.state),
        leader: u32::from(record.leader),
        worker: record.worker.as_ref().map(member),
        replicas: record.replicas.iter().map(member).collect(),
        created: record.created.as_nanos(),
        ready: record.ready.map(Instant::as_nanos),
        founded: record.founded.map(|epoch| epoch.0),
    }
}

pub(crate) fn to_record(record: proto::SetRecord) -> Result<SetRecord, Error> {
    if record.replicas.len() > MAX_MEMBERS {
        return Err(Error::OutOfRange("record.replicas"));
    }
    Ok(SetRecord {
        id: to_set_id(record.id)?,
        epoch: Epoch(record.epoch),
        state: pick(&STATES, record.state, "record.state")?,
        leader: u8_of(record.leader, "record.leader")?,
        worker: record.worker.map(to_member).transpose()?,
        replicas: record
            .replicas
            .into_iter()
            .map(to_member)
            .collect::<Result<_, _>>()?,
        created: Instant::from_nanos(record.created),
        ready: record.ready.map(Instant::from_nanos),
        founded: record.founded.map(Epoch),
    })
}

pub(crate) fn task_id(task: TaskId) -> proto::TaskId {
    proto::TaskId {
        request: task.request.0.to_be_bytes().to_vec(),
        index: u32::from(task.index),
    }
}

pub(crate) fn to_task_id(task: Option<proto::TaskId>) -> Result<TaskId, Error> {
    let task = task.ok_or(Error::Missing("task"))?;
    let request = <[u8; 16]>::try_from(&task.request[..]).map_err(|_| Error::OutOfRange("task.request"))?;
    Ok(TaskId {
        request: RequestId(u128::from_be_bytes(request)),
        index: u16::try_from(task.index).map_err(|_| Error::OutOfRange("task.index"))?,
    })
}

pub(crate) fn job(job: &Job) -> proto::Job {
    proto::Job {
        task: Some(task_id(job.task)),
        operation: job.operation.index() as u32,
        left: job.left.clone(),
        right: job.right.clone(),
        expression: job.expression.clone(),
    }
}

pub(crate) fn to_job(job: Option<proto::Job>) -> Result<Job, Error> {
    let job = job.ok_or(Error::Missing("job"))?;
    Ok(Job {
        task: to_task_id(job.task)?,
        operation: pick(&Operation::ALL, job.operation, "job.operation")?,
        left: bounded(job.left, MAX_OPERAND, "job.left")?,
        right: bounded(job.right, MAX_OPERAND, "job.right")?,
        expression: job
            .expression
            .map(|text| bounded(text, MAX_TEXT_BYTES, "job.expression"))
            .transpose()?,
    })
}

pub(crate) fn task(task: &TaskMessage) -> proto::TaskMessage {
    proto::TaskMessage {
        job: Some(job(&task.job)),
        work_key: task.work_key,
        ready: task.ready.as_nanos(),
    }
}

pub(crate) fn to_task(task: proto::TaskMessage) -> Result<TaskMessage, Error> {
    Ok(TaskMessage {
        job: to_job(task.job)?,
        work_key: task.work_key,
        ready: Instant::from_nanos(task.ready),
    })
}

pub(crate) fn to_outcome(text: String) -> Result<Outcome, Error> {
    let text = bounded(text, MAX_OUTCOME, "outcome")?;
    Outcome::try_from(text).map_err(|_| Error::OutOfRange("outcome"))
}

pub(crate) fn fault(fault: &FaultEvent) -> proto::FaultEvent {
    proto::FaultEvent {
        kind: place(&FAULTS, &fault.kind),
        node: Some(node_id(fault.node)),
        incarnation: fault.incarnation,
        source: fault.source.clone(),
        noticed: fault.noticed.as_nanos(),
    }
}

pub(crate) fn to_fault(fault: proto::FaultEvent) -> Result<FaultEvent, Error> {
    Ok(FaultEvent {
        kind: pick(&FAULTS, fault.kind, "fault.kind")?,
        node: to_node_id(fault.node)?,
        incarnation: fault.incarnation,
        source: bounded(fault.source, MAX_TEXT * 4, "fault.source")?,
        noticed: Instant::from_nanos(fault.noticed),
    })
}
