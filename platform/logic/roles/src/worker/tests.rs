//! A worker with its replicas in memory; time moves only when nothing else can happen.

use tally_consensus::{ClientEvent, Verifier};
use tally_model::{FaultType, Member, Operation, RequestId, SetId, Work, WorkDistribution, WorkKind};

use super::*;

mod set;

use set::Set;

const CLUSTER: ClusterId = [3; 16];
const SET: SetId = SetId {
    operation: Operation::Mul,
    number: 1,
};
const WORKER: NodeId = NodeId::Worker(SET);

fn keys(number: u8) -> Keys {
    Keys::generate(tally_model::Suite::Modern, [number + 1; 32]).unwrap()
}

fn replica_node(index: u8) -> NodeId {
    NodeId::Replica(SET, index)
}

fn task(number: u128) -> TaskMessage {
    TaskMessage {
        job: Job {
            task: TaskId {
                request: RequestId(number),
                index: 0,
            },
            operation: Operation::Mul,
            expression: None,
            left: number.to_string(),
            right: "2".into(),
        },
        work_key: number as u64,
        ready: Instant::ZERO,
    }
}

/// Whose certificates tell who led and who voted.
fn collect() -> PlatformConfig {
    PlatformConfig {
        protocol: Protocol::Collect,
        ..PlatformConfig::default()
    }
}

fn with_work(kind: WorkKind, replicas: bool) -> PlatformConfig {
    let mut config = collect();
    config.work[Operation::Mul.index()] = Some(Work {
        kind,
        mean: Duration::from_millis(20),
        distribution: WorkDistribution::Fixed,
        replicas,
        processor: 0,
    });
    config
}

fn member(node: NodeId, number: u8) -> Member {
    Member {
        node,
        incarnation: 0,
        address: String::new(),
        public_key: keys(number).public_key().to_string(),
    }
}

/// Tasks are pipelined, each is answered once, and control can verify every certificate.
#[test]
fn every_task_is_answered_once_with_a_certificate_that_holds() {
    let mut set = Set::new(&collect());
    set.assign(1..=60);
    set.run(0);
    let done = set.done();
    assert_eq!(done.len(), 60);
    let mut verifier = Verifier::new(CLUSTER, collect());
    verifier.learn(&set.record).unwrap();
    for (_, done) in done {
        let number = done.job.task.request.0;
        assert_eq!(done.outcome, Outcome::Value((number * 2).to_string()));
        assert_eq!((done.votes, done.members), (3, 4));
        let certificate = done.certificate.unwrap();
        verifier
            .verify(SET, &done.job, &done.outcome, &certificate)
            .unwrap();
    }
    assert_eq!(set.worker.in_flight(), 0);
    assert_eq!(set.observed.len(), 1);
    assert_eq!(set.observed[0].step, Step::FullCertificate);
}

/// With `protocol = none` the worker answers alone, and needs no set to do so.
#[test]
fn without_replicas_the_worker_answers_alone() {
    let config = PlatformConfig {
        protocol: Protocol::None,
        ..PlatformConfig::default()
    };
    let mut set = Set::new(&config);
    set.assign([21]);
    set.run(0);
    let (_, done) = set.done().remove(0);
    assert_eq!(done.outcome, Outcome::Value("42".into()));
    assert_eq!((done.certificate, done.votes, done.members), (None, 0, 0));
}

/// Service times pass one task at a time.
#[test]
fn a_worker_serves_one_task_at_a_time() {
    let mut set = Set::new(&with_work(WorkKind::Delay, false));
    set.assign(1..=3);
    set.run(1_000);
    let times: Vec<(u64, u128)> = set
        .done()
        .iter()
        .map(|(at, done)| (at.as_nanos() / 1_000_000, done.worked.as_millis()))
        .collect();
    assert_eq!(times, [(20, 20), (40, 20), (60, 20)]);
}

/// With `work.replicas` leader and followers take as long as the worker, one after the other.
#[test]
fn replicas_repeat_the_service_time_if_asked_to() {
    let mut set = Set::new(&with_work(WorkKind::Delay, true));
    set.assign([1]);
    set.run(1_000);
    assert_eq!(set.done()[0].0.as_nanos() / 1_000_000, 60);
    assert!(set.faults().is_empty());
}

/// Replicas that take longer than the quorum timeout are replaced, and given twice as long after that: the task is answered.
#[test]
fn members_that_are_merely_slow_are_given_more_time() {
    let mut config = with_work(WorkKind::Delay, true);
    config.timing.quorum_timeout = Duration::from_millis(30);
    let mut set = Set::new(&config);
    set.assign([1]);
    let mut replaced = 0;
    for _ in 0..400 {
        set.run(10);
        if set.faults().len() > replaced {
            replaced = set.faults().len();
            set.next_epoch();
        }
    }
    assert_eq!(set.done().len(), 1);
    assert!((1..=6).contains(&replaced), "{replaced}");
}

/// `spin` hands one duration at a time to the driver and goes on when the right task is reported.
#[test]
fn spinning_is_left_to_the_driver_one_task_at_a_time() {
    let mut set = Set::new(&with_work(WorkKind::Spin, false));
    set.assign(1..=2);
    set.run(1_000);
    assert_eq!(set.spins, [(task(1).job.task, Duration::from_millis(20))]);
    for (number, spins, done) in [(2, 1, 0), (1, 2, 1), (1, 2, 1), (2, 2, 2)] {
        let mut out = Vec::new();
        let event = WorkerEvent::SpinDone {
            task: task(number).job.task,
        };
        set.worker.handle(set.now, event, &mut out);
        set.obey_worker(out);
        set.run(0);
        assert_eq!((set.spins.len(), set.done().len()), (spins, done));
    }
}

/// A worker that is given a whole expression takes the time of all of its operations, whatever passes how, and answers what it comes to.
#[test]
fn a_whole_expression_is_worked_and_computed_at_once() {
    let mut config = with_work(WorkKind::Delay, false);
    config.protocol = Protocol::None;
    config.dispatch = tally_model::Dispatch::Whole;
    config.work[Operation::Add.index()] = config.work_of(Operation::Mul).map(|work| Work {
        kind: WorkKind::Spin,
        ..work
    });
    let mut set = Set::new(&config);
    let whole = |number, text: &str| {
        let mut task = task(number);
        task.job.expression = Some(text.into());
        (task.job.left, task.job.right) = (String::new(), String::new());
        task
    };
    let tasks = [whole(1, "-((1+2)*(3+4)*2)"), whole(2, "2*(1/(1-1))")];
    for task in &tasks {
        let packet = Packet::Assign(task.clone());
        set.flying.push_back((NodeId::Control, WORKER, packet));
    }
    set.run(100);
    let task = tasks[0].job.task;
    assert_eq!(set.spins, [(task, Duration::from_millis(40))]);
    let mut out = Vec::new();
    let spun = WorkerEvent::SpinDone { task };
    set.worker.handle(set.now, spun.clone(), &mut out);
    set.worker.handle(set.now, spun, &mut out);
    set.obey_worker(out);
    set.run(1_000);
    let done: Vec<_> = set
        .done()
        .into_iter()
        .map(|(at, done)| (at.as_nanos() / 1_000_000, done.job, done.outcome))
        .collect();
    let failed = Outcome::Error(tally_model::Failure::DivByZero);
    let [first, second] = tasks.map(|task| task.job);
    assert_eq!(
        done,
        [(140, first, Outcome::Value("-42".into())), (160, second, failed)]
    );
}

/// Above `limits.in_flight`, and for a job that is not of this set's operation, the answer is busy, and nothing is kept.
#[test]
fn more_than_the_limit_is_refused() {
    let mut set = Set::new(&with_work(WorkKind::Delay, false));
    set.assign(1..=70);
    set.run(0);
    assert_eq!((set.busy(), set.worker.in_flight()), (6, 64));
    let mut foreign = task(100);
    foreign.job.operation = Operation::Add;
    set.flying
        .push_back((NodeId::Control, WORKER, Packet::Assign(foreign)));
    set.run(10_000);
    assert_eq!((set.busy(), set.worker.in_flight()), (7, 0));
    assert_eq!(set.done().len(), 64);
}

/// A repeated assignment is not worked on twice; after the end it is answered from memory, which is bounded.
#[test]
fn repeated_assignments_cost_nothing() {
    let mut set = Set::new(&with_work(WorkKind::Delay, false));
    set.assign([1, 1, 1]);
    set.run(1_000);
    assert_eq!(set.done().len(), 1);
    set.assign([1]);
    set.run(0);
    assert_eq!(set.done().len(), 2);
    assert_eq!(set.done()[0].1, set.done()[1].1);
    let mut quick = Set::new(&collect());
    for batch in 0..10 {
        quick.assign(batch * 50..batch * 50 + 50);
        quick.run(0);
    }
    assert_eq!(quick.worker.done.len(), 128);
    assert_eq!(quick.worker.done_order.len(), 128);
}

/// A missing quorum puts one fault per missing follower on the bus; the next epoch answers the task.
#[test]
fn missing_members_become_fault_events() {
    let mut set = Set::new(&collect());
    set.mute = vec![2, 3];
    set.assign([1]);
    set.run(2_000);
    let mut faults = set.faults();
    faults.sort_by_key(|fault| fault.node);
    let named: Vec<_> = faults
        .iter()
        .map(|fault| (fault.kind, fault.node, fault.incarnation))
        .collect();
    assert_eq!(
        named,
        [
            (FaultType::Follower, replica_node(2), 0),
            (FaultType::Follower, replica_node(3), 0)
        ]
    );
    assert!(faults.iter().all(|fault| fault.noticed > Instant::ZERO));
    set.mute.clear();
    set.next_epoch();
    set.run(0);
    assert_eq!(set.done().len(), 1);
}

/// A mute leader is a fault of type II.
#[test]
fn a_mute_leader_becomes_a_fault_event_of_type_two() {
    let mut set = Set::new(&collect());
    set.mute = vec![1];
    set.assign([1]);
    set.run(2_000);
    assert_eq!(set.faults().len(), 1);
    assert_eq!(
        (set.faults()[0].kind, set.faults()[0].node),
        (FaultType::Leader, replica_node(1))
    );
}

/// C8: when the replicas certified another value than the worker computed, theirs is the answer, and the worker reports
/// itself, once.
#[test]
fn the_certified_value_wins_and_the_worker_reports_itself() {
    let mut set = Set::new(&collect());
    for number in [1, 2] {
        let job = task(number).job;
        let proposed = Proposed {
            own: Outcome::Value("0".into()),
            took: Took::default(),
        };
        set.worker.proposed.insert(job.task, proposed);
        let certified = ClientEvent::Certified {
            job,
            outcome: Outcome::Value("7".into()),
            certificate: vec![1],
            votes: 3,
            members: 4,
        };
        let mut out = Vec::new();
        set.worker.follow(set.now, vec![certified], &mut out);
        set.obey_worker(out);
    }
    set.run(0);
    assert!(
        set.done()
            .iter()
            .all(|(_, done)| done.outcome == Outcome::Value("7".into()))
    );
    assert_eq!(set.faults().len(), 1);
    assert_eq!(
        (set.faults()[0].kind, set.faults()[0].node),
        (FaultType::Worker, WORKER)
    );
    let refused = set
        .observed
        .iter()
        .filter(|seen| seen.step == Step::CertificateRefused);
    assert_eq!(refused.count(), 2);
}

/// Only control may configure and assign.
#[test]
fn only_control_gives_orders() {
    let mut set = Set::new(&collect());
    let mut record = set.record.clone();
    record.epoch.0 += 1;
    record.leader = 3;
    for to in [WORKER, replica_node(0), replica_node(3)] {
        set.flying
            .push_back((replica_node(3), to, Packet::Configure(record.clone())));
    }
    set.flying
        .push_back((replica_node(3), WORKER, Packet::Assign(task(1))));
    set.assign([2]);
    set.run(0);
    assert_eq!(set.done().len(), 1);
    assert_eq!(set.done()[0].1.job, task(2).job);
}
