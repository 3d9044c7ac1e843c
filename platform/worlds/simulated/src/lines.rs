//! Who waits at which queue, and when one of them is served.

use std::time::Duration;

use tally_model::{Instant, QueueName};
use tally_roles::port::PortEvent;

use crate::coverage::Sometimes;
use crate::happening::{Happening, Life, Role, Station};
use crate::ports::wrap;
use crate::world::World;

/// A receive that waits for messages.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    life: Life,
    role: Role,
    limit: usize,
    until: Instant,
}

/// Who waits at each queue.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    waiters: [Vec<Waiter>; QueueName::ALL.len()],
    /// Somebody there will be served soon.
    noted: [bool; QueueName::ALL.len()],
    armed: [Option<Instant>; QueueName::ALL.len()],
}

impl Lines {
    /// Whether a wake of this queue is the one that counts; it counts once.
    pub(crate) fn disarm(&mut self, queue: QueueName, now: Instant) -> bool {
        let armed = &mut self.armed[queue.index()];
        let counts = *armed == Some(now);
        if counts {
            *armed = None;
        }
        counts
    }

    /// Nobody waits any more.
    pub(crate) fn clear(&mut self) {
        self.waiters.iter_mut().for_each(Vec::clear);
    }
}

impl World {
    pub(crate) fn receive(&mut self, role: Role, queue: QueueName, limit: usize, wait: Duration) {
        let deliveries = self.queues.receive(self.now, queue, limit);
        if deliveries.is_empty() && !wait.is_zero() {
            let waiter = Waiter {
                life: self.control.life,
                role,
                limit,
                until: self.now + wait,
            };
            self.lines.waiters[queue.index()].push(waiter);
            self.arm_queue(queue);
            return;
        }
        self.arm_queue(queue);
        self.arm_queue(QueueName::Dead);
        if deliveries.iter().any(|delivery| delivery.received > 1) {
            self.hit(Sometimes::Redelivery);
        }
        if self.happens(self.port_weather.lost_receive) {
            self.hit(Sometimes::ReceiveLost);
            self.tell(wrap(role, PortEvent::Received(queue, Ok(Vec::new()))));
            return;
        }
        self.tell(wrap(role, PortEvent::Received(queue, Ok(deliveries))));
    }

    pub(crate) fn serve_soon(&mut self, queue: QueueName) {
        let waits = !self.lines.waiters[queue.index()].is_empty();
        if waits && !std::mem::replace(&mut self.lines.noted[queue.index()], true) {
            self.agenda
                .push(self.now + self.costs.local, Happening::Serve(queue));
        }
    }

    /// Whoever waits longest gets what there is.
    pub(crate) fn serve(&mut self, queue: QueueName) {
        self.lines.noted[queue.index()] = false;
        if self.control.paused {
            return;
        }
        let waiters = &mut self.lines.waiters[queue.index()];
        if waiters.is_empty() || self.queues.depth(self.now, queue).visible == 0 {
            return;
        }
        let waiter = waiters.remove(0);
        if waiter.life == self.control.life {
            self.receive(waiter.role, queue, waiter.limit, waiter.until.since(self.now));
        }
    }

    /// A lease may have ended, or a wait.
    pub(crate) fn queue_due(&mut self, queue: QueueName) {
        let now = self.now;
        self.queues.expire(now);
        if self.queues.depth(now, queue).visible > 0 {
            self.serve_soon(queue);
        }
        if !self.control.paused {
            let waiters = &mut self.lines.waiters[queue.index()];
            let over: Vec<Waiter> = waiters.extract_if(.., |waiter| waiter.until <= now).collect();
            for waiter in over {
                let event = wrap(waiter.role, PortEvent::Received(queue, Ok(Vec::new())));
                self.agenda.push(now, Happening::Role(waiter.life, event));
            }
        }
        self.arm_queue(queue);
    }

    pub(crate) fn arm_queue(&mut self, queue: QueueName) {
        let waiters = &self.lines.waiters[queue.index()];
        let Some(until) = waiters.iter().map(|waiter| waiter.until).min() else {
            return;
        };
        let at = self
            .queues
            .deadline(queue)
            .map_or(until, |lease| lease.min(until));
        // A paused process is served when it goes on.
        let at = at.max(self.now + Duration::from_nanos(1));
        let armed = &mut self.lines.armed[queue.index()];
        if armed.is_none_or(|armed| at < armed) {
            *armed = Some(at);
            self.agenda.push(at, Happening::Wake(Station::Queue(queue)));
        }
    }
}
