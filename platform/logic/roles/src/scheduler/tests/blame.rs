//! Sets that answer nothing, or wrongly.

use tally_model::{PlatformConfig, SetRecord, Work, WorkDistribution, WorkKind};

use super::*;

const SET: SetId = SetId {
    operation: Operation::Add,
    number: 0,
};

/// Who is blamed in 16 s by a worker that has no room, or says nothing; with `answers` its set answers now and then.
fn blamed(
    is_full: bool,
    answers: bool,
    change: impl Fn(&mut SetRecord),
    configure: impl Fn(&mut PlatformConfig),
) -> Vec<NodeId> {
    let mut bench = Bench::new(|config| {
        config.protocol = Protocol::Pbft;
        configure(config);
    });
    let set = bench.set_of(Operation::Add, 0, SetState::Ready, 4);
    let mut record = bench.scheduler.sets.record(set).unwrap().clone();
    change(&mut record);
    bench.store(&record);
    bench.requested("1+2");
    let mut raised = Vec::new();
    // A full worker is asked again every 200 ms, one that says nothing after 5 s.
    for _ in 0..160 {
        if answers {
            bench.scheduler.silence.heard(set);
        }
        bench.pass(Duration::from_millis(100));
        let mut assigned = Vec::new();
        for command in bench.take() {
            match command {
                Command::Observe(o) if o.step == Step::FaultRaised => raised.extend(o.node),
                Command::Send {
                    to,
                    packet: Packet::Assign(task),
                } => assigned.push((to, task)),
                _ => {}
            }
        }
        for (worker, task) in assigned.into_iter().filter(|_| is_full) {
            bench.busy(worker, &task);
        }
    }
    raised
}

/// A set that lets every task expire, or turns all of them away, is reported with one replica more than its protocol masks, so that
/// it is made anew; one that answers now and then is slow, and keeps its members.
#[test]
fn a_set_that_answers_nothing_is_made_anew() {
    let two = [NodeId::Replica(SET, 0), NodeId::Replica(SET, 1)];
    assert_eq!(blamed(false, false, |_| {}, |_| {}), two);
    assert_eq!(blamed(true, false, |_| {}, |_| {}), two);
    assert_eq!(blamed(false, true, |_| {}, |_| {}), []);
    assert_eq!(blamed(true, true, |_| {}, |_| {}), []);
}

/// Its leader is among them wherever it stands: `collect` has no other member that can stop a set alone.
#[test]
fn the_leader_is_blamed_first() {
    let two = [NodeId::Replica(SET, 3), NodeId::Replica(SET, 0)];
    assert_eq!(blamed(false, false, |record| record.leader = 3, |_| {}), two);
}

/// Behind the leader come those who were replaced least often, so that a silent member is not passed over for ever while honest ones
/// are replaced again and again.
#[test]
fn who_was_replaced_already_is_blamed_last() {
    let replaced = |record: &mut SetRecord| {
        record.leader = 2;
        record.replicas[0].incarnation = 5;
        record.replicas[1].incarnation = 1;
    };
    let two = [NodeId::Replica(SET, 2), NodeId::Replica(SET, 3)];
    assert_eq!(blamed(false, false, replaced, |_| {}), two);
}

/// Where a job may take longer than tasks may, no answer is no silence yet.
#[test]
fn a_set_that_works_is_not_silent() {
    let slow = |config: &mut PlatformConfig| {
        config.work = [Some(Work {
            kind: WorkKind::Delay,
            mean: Duration::from_secs(1),
            distribution: WorkDistribution::Exponential,
            replicas: false,
            processor: 0,
        }); 4];
    };
    assert_eq!(blamed(false, false, |_| {}, slow), []);
    assert_eq!(blamed(true, false, |_| {}, slow), []);
}

/// A worker that answered wrongly gets nothing more until it is replaced, or has had time to be: what it says cannot make the
/// scheduler ask for more of it.
#[test]
fn a_worker_that_lied_is_not_asked_again() {
    let mut bench = Bench::new(|config| config.protocol = Protocol::Collect);
    bench.set(Operation::Add, 0, SetState::Ready);
    bench.requested("1+2");
    let (worker, task) = bench.assigned().remove(0);
    for _ in 0..3 {
        bench.done(worker, task.clone(), "4");
        assert_eq!(bench.assigned(), []);
    }
    let mut asked = 0;
    for _ in 0..12 {
        bench.pass(Duration::from_secs(1));
        asked += bench.assigned().len();
    }
    assert_eq!(asked, 1, "tried again after ten seconds");
}

/// With replicas, an answer without a certificate that verifies counts for nothing.
#[test]
fn an_uncertified_answer_is_refused() {
    let mut bench = Bench::new(|config| config.protocol = Protocol::Collect);
    bench.set(Operation::Add, 0, SetState::Ready);
    bench.requested("1+2");
    let (worker, task) = bench.assigned().remove(0);
    bench.done(worker, task, "4");
    let commands = bench.take();
    let refused = |c: &Command| matches!(c, Command::Observe(o) if o.step == Step::CertificateRefused);
    assert!(commands.iter().any(refused));
    // Nothing is answered; the worker, who should have checked, is blamed.
    let sent: Vec<_> = commands
        .iter()
        .filter_map(|c| match c {
            Command::Port(PortCommand::Send { queue, .. }) => Some(*queue),
            _ => None,
        })
        .collect();
    assert_eq!(sent, [QueueName::Faults]);
}
