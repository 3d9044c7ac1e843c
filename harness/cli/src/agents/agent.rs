//! `tally serve agent`: sends its share of a plan from where it is, and tells everything.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use tally_load::Answer;
use tally_plan::{Plan, Share};

use super::message::{Assignment, Frame, LaneReport, Note, Order};
use super::outbox::Outbox;
use crate::run::{Address, Station, Told, Zero, wall};

/// Orders that may wait; there is one at a time.
const ORDERS: usize = 16;

/// Works for the harness at the other end of the standard streams until it is dismissed.
///
/// # Errors
/// What kept it from its work; the harness is told the same.
pub(crate) fn serve() -> Result<(), String> {
    let orders = listen();
    // Nothing is said before the first order, not even that this process lives: to a pod's standard output the harness comes later.
    let Ok(first) = orders.recv() else {
        return Err(ALONE.into());
    };
    let outbox = Outbox::new(std::io::stdout());
    let worked = work(first, &orders, &outbox);
    if let Err(trouble) = &worked {
        outbox.note(Note::Trouble(trouble.clone()));
    }
    outbox.close();
    // What was written may still be on its way through others, who drop it when this process ends.
    while let Ok(order) = orders.recv() {
        if matches!(order, Order::Dismiss) {
            break;
        }
    }
    worked
}

/// Orders from standard input; the end of it is the end of the channel.
fn listen() -> Receiver<Order> {
    let (heard, orders) = sync_channel(ORDERS);
    std::thread::spawn(move || {
        for line in BufReader::new(std::io::stdin()).lines() {
            let Ok(line) = line else { return };
            let order = match serde_json::from_str(&line) {
                Ok(order) => order,
                Err(error) => return tracing::error!(%error, "an order that is none"),
            };
            if heard.send(order).is_err() {
                return;
            }
        }
    });
    orders
}

/// The other end is gone.
const ALONE: &str = "the harness is gone";

fn work(first: Order, orders: &Receiver<Order>, outbox: &Outbox) -> Result<(), String> {
    let Order::Assign(assignment) = first else {
        return Err("the first order is not an assignment".into());
    };
    let Assignment {
        experiment,
        index,
        of,
        gateway,
        tag,
        trial,
    } = *assignment;
    let share = Share::new(index, of).ok_or_else(|| format!("there is no agent {index} of {of}"))?;
    let plan = Arc::new(Plan::expand(&experiment));
    let address = Address {
        target: gateway,
        tag,
        trial,
        agents: of,
    };
    let station = Station::new(&plan, &address, share).map_err(|error| error.to_string())?;
    outbox.note(Note::Ready(plan.hash()));
    loop {
        match orders.recv() {
            Ok(Order::Clock) => outbox.note(Note::Clock(wall())),
            Ok(Order::Start(at)) => {
                let zero = Zero::at(at).ok_or("the order to start came after the start")?;
                return play(&station, zero, index, orders, outbox);
            }
            Ok(Order::Stop | Order::Finish | Order::Dismiss) => return Ok(()),
            Ok(Order::Assign(_)) => return Err("a second assignment".into()),
            Err(_) => return Err(ALONE.into()),
        }
    }
}

fn play(
    station: &Station,
    zero: Zero,
    agent: u32,
    orders: &Receiver<Order>,
    outbox: &Outbox,
) -> Result<(), String> {
    let (stream, answers) = station
        .subscribe(zero, agent)
        .map_err(|error| format!("the answer stream cannot be opened: {error}"))?;
    if Instant::now() >= zero.start {
        return Err("the answer stream was open only after the start".into());
    }
    let (stop, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (told, ended) = (Teller(outbox), &over);
    let sent = std::thread::scope(|scope| {
        scope.spawn(move || station.hear(&answers, ended, &told));
        scope.spawn(|| station.end_lanes(zero, &|| stop.load(Ordering::Acquire), &over));
        let sending = scope.spawn(|| send(station, zero, outbox));
        obey(orders, &stop);
        let sent = sending
            .join()
            .unwrap_or_else(|_| Err("a sending thread panicked".into()));
        over.store(true, Ordering::Release);
        sent
    });
    drop(stream);
    sent
}

/// Follows orders until there is nothing more to wait for, or nobody who gives them.
fn obey(orders: &Receiver<Order>, stop: &AtomicBool) {
    while let Ok(order) = orders.recv() {
        match order {
            Order::Stop => stop.store(true, Ordering::Release),
            Order::Finish | Order::Dismiss => return,
            Order::Assign(_) | Order::Clock | Order::Start(_) => {}
        }
    }
    stop.store(true, Ordering::Release);
}

fn send(station: &Station, zero: Zero, outbox: &Outbox) -> Result<(), String> {
    for lane in station.send(zero, &Teller(outbox))? {
        outbox.note(Note::Lane(LaneReport::of(lane.open, &lane.report)));
    }
    outbox.note(Note::Sent);
    Ok(())
}

/// Tells the harness.
#[derive(Clone, Copy)]
struct Teller<'a>(&'a Outbox);

impl Told for Teller<'_> {
    fn sent(&self, sent: &tally_load::Sent) {
        self.0.tell(&Frame::Sent(*sent));
    }

    fn answer(&self, answer: &Answer) {
        self.0.tell(&Frame::Answer(answer.clone()));
    }

    fn missed(&self) {
        self.0.note(Note::Missed);
    }
}
