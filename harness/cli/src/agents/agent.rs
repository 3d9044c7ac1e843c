//! `tally serve agent`: sends its share of a plan from where it is, and tells everything.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use tally_load::Answer;
use tally_plan::{Plan, Share};

use super::message::{Assignment, Frame, Note, Order};
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

/// Before the answer stream is tried again.
const AGAIN: Duration = Duration::from_millis(50);
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
    let (stream, answers) = in_time(zero.start, || station.subscribe(zero, agent))?;
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

/// Opens the answer stream before the start; a gateway that cannot be reached is tried again for as long as there is time.
fn in_time<T>(start: Instant, mut open: impl FnMut() -> std::io::Result<T>) -> Result<T, String> {
    loop {
        let opened = open();
        let left = start.saturating_duration_since(Instant::now());
        match opened {
            Ok(_) if left.is_zero() => return Err("the answer stream was open only after the start".into()),
            Ok(opened) => return Ok(opened),
            Err(error) if left <= AGAIN => {
                return Err(format!("the answer stream cannot be opened: {error}"));
            }
            Err(_) => std::thread::sleep(AGAIN),
        }
    }
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
    for lane in station
        .send(zero, &Teller(outbox))
        .map_err(|broken| broken.to_string())?
    {
        outbox.note(Note::Lane {
            open: lane.open,
            report: Box::new(lane.report),
        });
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

    fn missed(&self, dropped: u64) {
        self.0.note(Note::Missed(dropped));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A gateway that is not there for a moment is tried again before the start, and not after it.
    #[test]
    fn the_answer_stream_is_tried_again_until_the_start() {
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let mut tries = 0;
        let mut third = || {
            tries += 1;
            if tries < 3 { Err(refused()) } else { Ok(tries) }
        };
        let later = Instant::now() + Duration::from_mins(10);
        assert_eq!(in_time(later, &mut third), Ok(3));
        let mut tries = 0;
        let mut never = || {
            tries += 1;
            Err::<u32, _>(refused())
        };
        let told = in_time(Instant::now(), &mut never).unwrap_err();
        assert!(told.starts_with("the answer stream cannot be opened"), "{told}");
        assert_eq!(tries, 1);
        assert!(
            in_time(Instant::now(), || Ok(1))
                .unwrap_err()
                .contains("after the start")
        );
    }
}
