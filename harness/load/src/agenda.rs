//! Which request is due next: read off the schedule, or decided by the answers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tally_model::RequestId;

use crate::Loop;
use crate::supply::Supply;

/// Answers that overtook their 202, remembered until it arrives.
const EARLY: usize = 4096;

/// The next due request, for either kind of loop.
#[derive(Debug)]
pub(crate) struct Agenda {
    /// The first shot nobody has taken.
    cursor: u32,
    len: u32,
    users: Option<Users>,
}

#[derive(Debug)]
struct Users {
    due: BinaryHeap<Reverse<(u64, u32)>>,
    wait_for_answer: bool,
    /// Accepted and not yet answered, with the time after which the user no longer waits.
    waiting: Vec<(RequestId, u64)>,
    early: VecDeque<RequestId>,
    /// Users whose shots are being exchanged.
    busy: u32,
}

impl Agenda {
    pub(crate) fn new(supply: &mut Supply, mode: Loop) -> Self {
        let mut agenda = Self {
            cursor: 0,
            len: supply.len(),
            users: None,
        };
        if let Loop::Closed {
            users,
            wait_for_answer,
        } = mode
        {
            agenda.users = Some(Users {
                due: BinaryHeap::with_capacity(users as usize + 1),
                wait_for_answer,
                waiting: Vec::with_capacity(users as usize),
                early: VecDeque::with_capacity(EARLY),
                busy: 0,
            });
            for _ in 0..users.max(1) {
                agenda.next_of_user(supply, 0);
            }
        }
        agenda
    }

    /// The time and number of the next shot, if one is known.
    pub(crate) fn peek(&self, supply: &mut Supply) -> Option<(u64, u32)> {
        match &self.users {
            None if self.cursor < self.len => Some((supply.due(self.cursor), self.cursor)),
            None => None,
            Some(users) => users.due.peek().map(|Reverse(next)| *next),
        }
    }

    /// Takes the shot that `peek` showed.
    pub(crate) fn pop(&mut self) {
        match &mut self.users {
            None => self.cursor += 1,
            Some(users) => users.busy += u32::from(users.due.pop().is_some()),
        }
    }

    /// A shot is resolved; `accepted` is its id after 202, `until` when its user stops waiting for the answer.
    pub(crate) fn resolved(
        &mut self,
        supply: &mut Supply,
        accepted: Option<RequestId>,
        until: u64,
        now: u64,
    ) {
        let Some(users) = &mut self.users else { return };
        users.busy -= 1;
        if let (Some(id), true) = (accepted, users.wait_for_answer) {
            match users.early.iter().position(|early| *early == id) {
                Some(at) => drop(users.early.remove(at)),
                None => return users.waiting.push((id, until)),
            }
        }
        self.next_of_user(supply, now);
    }

    /// Request `id` is answered.
    pub(crate) fn answered(&mut self, supply: &mut Supply, id: RequestId, now: u64) {
        let Some(users) = &mut self.users else { return };
        if let Some(at) = users.waiting.iter().position(|(waiting, _)| *waiting == id) {
            users.waiting.swap_remove(at);
            return self.next_of_user(supply, now);
        }
        if users.early.len() == EARLY {
            users.early.pop_front();
        }
        users.early.push_back(id);
    }

    /// Lets users go on whose answer did not come in time; how many.
    pub(crate) fn expire(&mut self, supply: &mut Supply, now: u64) -> u64 {
        let mut expired = 0;
        while let Some(users) = &mut self.users {
            let Some(at) = users.waiting.iter().position(|(_, until)| *until <= now) else {
                break;
            };
            users.waiting.swap_remove(at);
            expired += 1;
            self.next_of_user(supply, now);
        }
        expired
    }

    /// Takes a shot that nobody has taken yet, due or not; to be repeated until there is none.
    pub(crate) fn abandon(&mut self) -> Option<u32> {
        if let Some(users) = &mut self.users {
            users.waiting.clear();
            users.busy += 1;
            if let Some(Reverse((_, shot))) = users.due.pop() {
                return Some(shot);
            }
        }
        (self.cursor < self.len).then(|| {
            self.cursor += 1;
            self.cursor - 1
        })
    }

    /// Whether nothing is left to send and nobody waits who would send more.
    pub(crate) fn finished(&self) -> bool {
        self.cursor == self.len
            && self
                .users
                .as_ref()
                .is_none_or(|users| users.due.is_empty() && users.waiting.is_empty() && users.busy == 0)
    }

    /// The earliest time at which a user gives up waiting.
    pub(crate) fn earliest_expiry(&self) -> Option<u64> {
        self.users.as_ref()?.waiting.iter().map(|(_, until)| *until).min()
    }

    fn next_of_user(&mut self, supply: &mut Supply, now: u64) {
        if let (Some(users), true) = (&mut self.users, self.cursor < self.len) {
            users
                .due
                .push(Reverse((now + supply.due(self.cursor), self.cursor)));
            self.cursor += 1;
        }
    }
}
