//! Goes through the stored answers, for those that are not remembered for removal: of earlier lives of the process, and beyond
//! the bound of what is remembered.
//!
//! The store lists keys by prefix, so the answers are gone through in the order of their ids, digit by digit: a prefix with too
//! many answers for one page is divided into its sixteen longer ones. Nothing but that prefix is held. A sweep is in no hurry, and
//! there is none while nothing can be left over: the second one after a start is the last, unless more came than is remembered.

use tally_model::{Instant, Versioned};

use super::interface::GatewayCommand;
use super::ledger::{Ledger, Purpose, RETRY_AFTER};
use super::naming::ANSWERS;
use crate::port::PortCommand;

/// Answers of one page. One that is full is read again in parts.
pub(super) const PAGE: usize = 64;
/// Between two pages: at most so much of the gateway's time goes into a sweep, and some 2,000 answers a second are gone through.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Where a sweep is, and when the next one is.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// When the next page, or the next sweep, is due.
    due: Option<Instant>,
    /// First digits of the ids of the next page; `None` between two sweeps.
    digits: Option<String>,
    /// When this sweep began, or the last one.
    began: Instant,
    /// Until when something that is not remembered may come of age.
    left_until: Option<Instant>,
    /// A page is being read.
    reading: bool,
}

impl Sweep {
    /// The life of the process begins. The answers of earlier ones are of age when a retention has passed; a first sweep is made
    /// halfway, for those whose lives are short.
    pub(super) fn start(&mut self, now: Instant, ledger: &Ledger) {
        self.left_until = Some(now + ledger.timing.retention);
        self.due = Some(now + ledger.timing.retention / 2);
    }

    /// Something that comes of age then is not remembered.
    pub(super) fn left(&mut self, until: Instant) {
        self.left_until = self.left_until.max(Some(until));
        if self.digits.is_none() && self.due.is_none() {
            self.due = Some(until);
        }
    }

    /// Reads the next page if it is due; only one at a time, and only while there is room for removals.
    pub(super) fn wake(&mut self, now: Instant, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        if self.deadline(ledger).is_none_or(|due| due > now) {
            return;
        }
        if self.digits.is_none() {
            self.began = now;
        }
        let digits = self.digits.get_or_insert_default();
        self.reading = true;
        out.push(GatewayCommand::Port(PortCommand::List {
            token: ledger.ask(Purpose::Sweep),
            prefix: format!("{ANSWERS}{digits}"),
            limit: PAGE,
        }));
    }

    /// A page could not be read: tried again.
    pub(super) fn failed(&mut self, now: Instant) {
        self.reading = false;
        self.due = Some(now + RETRY_AFTER);
    }

    /// A page came; gives back what is on it if it is all there is under its prefix.
    pub(super) fn read<T>(&mut self, now: Instant, page: Vec<T>, ledger: &Ledger) -> Vec<T> {
        self.reading = false;
        let digits = self.digits.take().unwrap_or_default();
        let full = page.len() >= PAGE;
        self.digits = if full { Some(digits + "0") } else { after(digits) };
        self.due = if self.digits.is_some() {
            Some(now + PAUSE)
        } else {
            let next = self.left_until.filter(|until| *until > self.began);
            next.map(|until| until.min(self.began + ledger.timing.retention).max(now))
        };
        if full { Vec::new() } else { page }
    }

    /// When [`Sweep::wake`] is useful.
    pub(super) fn deadline(&self, ledger: &Ledger) -> Option<Instant> {
        self.due.filter(|_| !self.reading && ledger.has_room())
    }
}

/// The next prefix that has none of these digits before it: one more in the last place, or in the place before that.
fn after(mut digits: String) -> Option<String> {
    while let Some(last) = digits.pop() {
        let next = char::from_digit(last.to_digit(16)? + 1, 16);
        if let Some(next) = next {
            digits.push(next);
            return Some(digits);
        }
    }
    None
}

/// What a page holds, unread.
pub(super) type Page = Vec<(String, Versioned)>;
