//! Claims about the report's mode: layers and dependents are looked at on a period and not in between (M37, M58, M71).

use super::bench::Bench;
use super::*;
use crate::port::LONG_WAIT;

const PERIOD: Duration = Duration::from_millis(100);
const LAYER: QueueName = QueueName::Layer(Operation::Add);

fn report() -> Bench {
    Bench::new(|config| {
        config.dispatch = Dispatch::Report;
        config.timing.report_poll = PERIOD;
    })
}

/// How long each receive of the layer waits that was asked for since the last look.
fn waits(bench: &mut Bench) -> Vec<Duration> {
    let waits = bench.out.iter().filter_map(|command| match command {
        Command::Port(PortCommand::Receive { queue, wait, .. }) if *queue == LAYER => Some(*wait),
        _ => None,
    });
    let waits = waits.collect();
    bench
        .out
        .retain(|command| !matches!(command, Command::Port(PortCommand::Receive { .. })));
    waits
}

/// At every tick the layer is asked for what is there, and not in between, whatever happens. So a task that comes onto it between two
/// ticks goes out at the next.
#[test]
fn a_task_goes_out_at_the_next_tick() {
    let mut bench = report();
    bench.set(Operation::Add, 0, SetState::Ready);
    bench.pass(PERIOD);
    assert_eq!(waits(&mut bench), [Duration::ZERO], "a tick");
    bench.port(PortEvent::Received(LAYER, Ok(Vec::new())));
    bench.pass(PERIOD / 4);
    bench.request(1, "1+2");
    let sent = bench.settle_sends();
    bench.set(Operation::Add, 1, SetState::Ready);
    bench.pass(PERIOD / 4);
    assert_eq!(waits(&mut bench), [], "between two ticks");
    assert!(bench.assigned().is_empty());
    bench.pass(PERIOD / 2);
    assert_eq!(waits(&mut bench), [Duration::ZERO], "the next tick");
    for (queue, body) in sent {
        bench.deliver(queue, body);
    }
    assert_eq!(waits(&mut bench), [], "once in a tick");
    assert_eq!(bench.assigned().len(), 1);
}

/// A port that failed is tried again soon; a layer is looked at when it is time.
#[test]
fn a_failed_look_waits_for_the_next_tick() {
    let mut bench = Bench::new(|config| {
        config.dispatch = Dispatch::Report;
        config.timing.report_poll = RETRY * 3;
    });
    bench.set(Operation::Add, 0, SetState::Ready);
    bench.pass(RETRY * 3);
    assert_eq!(waits(&mut bench), [Duration::ZERO]);
    let trouble = Trouble {
        transient: true,
        message: "lost".into(),
    };
    bench.port(PortEvent::Received(LAYER, Err(trouble)));
    bench.pass(RETRY * 2);
    assert_eq!(waits(&mut bench), []);
    bench.pass(RETRY);
    assert_eq!(waits(&mut bench), [Duration::ZERO]);
}

/// A dependent task is found ready by the tick after its operands are known, and is on its layer for the one after that.
#[test]
fn a_dependent_task_waits_for_a_look() {
    let mut bench = report();
    bench.set(Operation::Add, 0, SetState::Ready);
    bench.requested("1+2+3");
    let (worker, task) = bench.assigned().remove(0);
    bench.done(worker, task, "3");
    bench.pass(PERIOD / 2);
    assert!(bench.settle_sends().is_empty(), "nobody looked");
    bench.pass(PERIOD / 2);
    let sent = bench.settle_sends();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, LAYER);
}

/// Otherwise a receive of a layer is always open where there is room, so that a task goes out when it comes.
#[test]
fn without_the_mode_a_layer_is_waited_for() {
    let mut bench = Bench::new(|_| {});
    bench.set(Operation::Add, 0, SetState::Ready);
    assert_eq!(waits(&mut bench), [LONG_WAIT]);
    bench.port(PortEvent::Received(LAYER, Ok(Vec::new())));
    assert_eq!(waits(&mut bench), [LONG_WAIT]);
}
