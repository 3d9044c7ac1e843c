//! Signatures, a whole round of `collect` without a network, certificates, packets.

use std::collections::VecDeque;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use tally_consensus::{
    Certificate, Client, ClientEvent, Item, Keys, Membership, Message, Outgoing, Replica, Seat, client,
    replica,
};
use tally_model::{
    Epoch, Instant, Job, Member, NodeId, Operation, Outcome, PlatformConfig, Protocol, RequestId, SetId,
    SetRecord, SetState, Suite, TaskId,
};
use tally_roles::packet::{Packet, TaskDone};

const CLUSTER: [u8; 16] = [7; 16];
const SET: SetId = SetId {
    operation: Operation::Add,
    number: 0,
};
const WORKER: NodeId = NodeId::Worker(SET);
/// Replicas of the set.
const N: u8 = 4;

pub(crate) fn bench(criterion: &mut Criterion) {
    signatures(criterion);
    let (job, _, bytes) = Set::new().certify(1);
    let mut group = criterion.benchmark_group("collect");
    group.bench_function("round-of-one-job-n4", |bencher| {
        bencher.iter_batched_ref(Set::new, |set| set.certify(1), BatchSize::SmallInput);
    });
    group.finish();
    let membership = Set::new().membership();
    let mut group = criterion.benchmark_group("certificate");
    group.bench_function("decode-and-verify-n4", |bencher| {
        bencher.iter(|| {
            Certificate::decode(black_box(&bytes))
                .unwrap()
                .verify(&job, &membership)
                .unwrap()
        });
    });
    group.finish();
    packets(criterion, bytes);
}

fn signatures(criterion: &mut Criterion) {
    let statement = [1; 128];
    for suite in [Suite::Modern, Suite::Report] {
        let keys = Keys::generate(suite, [1; 32]).unwrap();
        let signature = keys.sign(&statement);
        let mut group = criterion.benchmark_group(format!("signature-{suite}"));
        group.bench_function("sign", |bencher| {
            bencher.iter(|| keys.sign(black_box(&statement)));
        });
        group.bench_function("verify", |bencher| {
            bencher.iter(|| assert!(keys.public_key().verify(black_box(&statement), &signature)));
        });
        group.finish();
    }
}

fn packets(criterion: &mut Criterion, certificate: Vec<u8>) {
    let packet = Packet::Done(Box::new(TaskDone {
        job: job(1),
        outcome: Outcome::Value("3/2".into()),
        certificate: Some(certificate),
        votes: 3,
        members: N,
        worked: std::time::Duration::from_micros(3),
        waited: std::time::Duration::ZERO,
    }));
    let bytes = tally_wire::encode(&packet);
    let mut group = criterion.benchmark_group("packet");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |bencher| {
        bencher.iter(|| tally_wire::encode(black_box(&packet)));
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| tally_wire::decode(black_box(&bytes)).unwrap());
    });
    group.finish();
}

fn job(number: u128) -> Job {
    Job {
        task: TaskId {
            request: RequestId(number),
            index: 0,
        },
        operation: Operation::Add,
        expression: None,
        left: number.to_string(),
        right: "1/2".into(),
    }
}

fn keys(place: u8) -> Keys {
    Keys::generate(Suite::Modern, [place + 1; 32]).unwrap()
}

fn member(node: NodeId, place: u8) -> Member {
    Member {
        node,
        incarnation: 0,
        address: String::new(),
        public_key: keys(place).public_key().to_string(),
    }
}

/// A worker and its replicas in one thread; messages arrive in order and at once.
#[derive(Debug)]
struct Set {
    config: PlatformConfig,
    record: SetRecord,
    client: Box<dyn Client>,
    replicas: Vec<Box<dyn Replica>>,
}

impl Set {
    fn new() -> Self {
        let config = PlatformConfig {
            protocol: Protocol::Collect,
            replicas: N,
            ..PlatformConfig::default()
        };
        let record = SetRecord {
            id: SET,
            epoch: Epoch(1),
            founded: Some(Epoch(1)),
            state: SetState::Ready,
            leader: 0,
            worker: Some(member(WORKER, N)),
            replicas: (0..N)
                .map(|index| member(NodeId::Replica(SET, index), index))
                .collect(),
            created: Instant::ZERO,
            ready: None,
        };
        let seat = |node, place| Seat {
            cluster: CLUSTER,
            node,
            incarnation: 0,
            keys: keys(place),
            config: config.clone(),
        };
        let mut client = client(seat(WORKER, N)).unwrap();
        client.configure(Instant::ZERO, &record, &mut Vec::new()).unwrap();
        let replicas = (0..N).map(|index| {
            let mut replica = replica(seat(NodeId::Replica(SET, index), index)).unwrap();
            replica
                .configure(Instant::ZERO, &record, &mut Vec::new())
                .unwrap();
            replica
        });
        Self {
            replicas: replicas.collect(),
            config,
            record,
            client,
        }
    }

    fn membership(&self) -> Membership {
        Membership::from_record(&self.record, CLUSTER, &self.config).unwrap()
    }

    /// Has one job certified: everything the set computes for it.
    fn certify(&mut self, number: u128) -> (Job, Outcome, Vec<u8>) {
        let mut events = Vec::new();
        self.client.submit(
            Instant::ZERO,
            Item {
                job: job(number),
                work_key: 0,
            },
            &mut events,
        );
        let mut flying: VecDeque<(NodeId, NodeId, Message)> = VecDeque::new();
        let mut certified = None;
        loop {
            for event in events.drain(..) {
                match event {
                    ClientEvent::Send(Outgoing { to, message }) => flying.push_back((WORKER, to, message)),
                    ClientEvent::Certified {
                        job,
                        outcome,
                        certificate,
                        ..
                    } => {
                        certified = Some((job, outcome, certificate));
                    }
                    _ => {}
                }
            }
            let Some((from, to, message)) = flying.pop_front() else {
                break;
            };
            match to {
                NodeId::Replica(_, index) => {
                    let mut sent = Vec::new();
                    self.replicas[usize::from(index)].handle(Instant::ZERO, from, message, &mut sent);
                    flying.extend(
                        sent.into_iter()
                            .map(|outgoing| (to, outgoing.to, outgoing.message)),
                    );
                }
                _ => self.client.handle(Instant::ZERO, from, message, &mut events),
            }
        }
        certified.expect("four honest replicas certify")
    }
}
