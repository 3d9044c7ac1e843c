//! One request on one connection: connect, write, read, and every way that can end.

use std::io::{ErrorKind, Read as _, Write as _};

use rustix::event::epoll::EventFlags;

use crate::pool::{NONE, Phase};
use crate::response::{Parsed, Response, parse, scan_id};
use crate::sender::Sender;

/// A response may be this long at most; the gateway's are a few hundred bytes.
const RESPONSE_LIMIT: usize = 1 << 20;

impl Sender<'_> {
    /// Counts an attempt of `shot` that begins now; the first one is what lag is measured on.
    pub(crate) fn begin_attempt(&mut self, shot: u32, now: u64) {
        let record = &mut self.supply.slot_mut(shot).sent;
        record.attempts += 1;
        if record.attempts == 1 {
            record.sent_ns = Some(now);
            self.tally.record_lag(now - record.intended_ns);
        }
    }

    /// Opens a connection for `shot`.
    pub(crate) fn open_for(&mut self, shot: u32, now: u64) {
        if self.pool.open(shot, now).is_err() {
            self.last_refused = now;
            self.attempt_failed(shot, None);
        }
    }

    /// Writes `shot` on an idle connection.
    pub(crate) fn write_new(&mut self, slot: u32, shot: u32, now: u64) {
        let connection = &mut self.pool.slots[slot as usize];
        connection.shot = shot;
        connection.started = now;
        connection.written = 0;
        self.write(slot);
    }

    /// Hands the rest of the request to the kernel.
    fn write(&mut self, slot: u32) {
        let connection = &mut self.pool.slots[slot as usize];
        let bytes = match connection.shot {
            NONE => self.options.warm_up.as_deref().unwrap_or(&[]),
            shot => self.supply.bytes(shot),
        };
        let Some(stream) = &mut connection.stream else {
            return;
        };
        while connection.written < bytes.len() {
            match stream.write(&bytes[connection.written..]) {
                Ok(count) => connection.written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    connection.phase = Phase::Writing;
                    return;
                }
                Err(_) => return self.lose(slot),
            }
        }
        connection.phase = Phase::Awaiting;
    }

    /// Something happened on the connection of `token`.
    pub(crate) fn on_event(&mut self, token: u64, flags: EventFlags) {
        let Some(slot) = self.pool.slot_of(token) else {
            return;
        };
        match self.pool.slots[slot as usize].phase {
            Phase::Closed => {}
            Phase::Connecting if flags.intersects(EventFlags::ERR | EventFlags::HUP) => {
                self.last_refused = self.clock.now();
                self.lose(slot);
            }
            Phase::Connecting if self.pool.slots[slot as usize].met_itself() => self.lose(slot),
            Phase::Connecting if flags.contains(EventFlags::OUT) => {
                self.pool.connected(slot);
                let is_warm_up = !self.started && self.options.warm_up.is_some();
                if self.pool.slots[slot as usize].shot != NONE || is_warm_up {
                    self.write(slot);
                } else {
                    self.pool.put_idle(slot);
                }
            }
            Phase::Connecting => {}
            Phase::Writing => {
                self.write(slot);
                self.read(slot, flags);
            }
            Phase::Awaiting | Phase::Idle => self.read(slot, flags),
        }
    }

    /// Reads what has arrived.
    fn read(&mut self, slot: u32, flags: EventFlags) {
        let readable = EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        if !flags.intersects(readable) {
            return;
        }
        loop {
            let connection = &mut self.pool.slots[slot as usize];
            let Some(stream) = &mut connection.stream else {
                return;
            };
            let count = match stream.read(&mut self.scratch) {
                Ok(0) => return self.lose(slot),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.lose(slot),
            };
            let now = self.clock.now();
            if connection.phase != Phase::Awaiting {
                // Bytes that nobody asked for: whatever they are, they must not be taken for the next response.
                return self.lose(slot);
            }
            if connection.pending.is_empty() {
                connection.first_byte = now;
            }
            let parsed = if connection.pending.is_empty() {
                parse(&self.scratch[..count], RESPONSE_LIMIT)
            } else {
                connection.pending.extend_from_slice(&self.scratch[..count]);
                parse(&connection.pending, RESPONSE_LIMIT)
            };
            match parsed {
                Parsed::Partial if connection.pending.is_empty() => {
                    connection.pending.extend_from_slice(&self.scratch[..count]);
                }
                Parsed::Partial => {}
                Parsed::Refused(reason) => {
                    self.tally.malformed += 1;
                    self.tally.malformed_reason.get_or_insert(reason);
                    return self.lose(slot);
                }
                Parsed::Complete(response) => return self.finish(slot, &response, now),
            }
            if count < self.scratch.len() {
                return;
            }
        }
    }

    /// A response is complete.
    fn finish(&mut self, slot: u32, response: &Response, now: u64) {
        let connection = &self.pool.slots[slot as usize];
        let shot = connection.shot;
        if shot != NONE {
            let text = if connection.pending.is_empty() {
                &self.scratch[..]
            } else {
                &connection.pending[..]
            };
            let body = &text[response.body.clone()];
            let record = &mut self.supply.slot_mut(shot).sent;
            record.first_byte_ns = connection.first_byte;
            record.last_byte_ns = now;
            record.status = response.status;
            record.retry_after = response.retry_after;
            record.id = if response.status == 202 {
                scan_id(body)
            } else {
                None
            };
        }
        if response.keep_alive {
            self.pool.put_idle(slot);
        } else {
            self.pool.close(slot);
        }
        if shot != NONE {
            self.answered(shot, now);
        }
    }

    /// The connection is gone; what it carried is tried again.
    pub(crate) fn lose(&mut self, slot: u32) {
        let connection = &self.pool.slots[slot as usize];
        let written = connection.written > 0 && connection.phase != Phase::Connecting;
        let shot = self.pool.close(slot);
        if shot != NONE {
            self.supply.slot_mut(shot).exposed |= written;
            self.attempt_failed(shot, None);
        }
    }
}
