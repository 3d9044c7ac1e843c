//! Requests in hand: each with its DAG, its finished tasks and its inbound receipt.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tally_expression::Frontier;
use tally_model::{
    AnswerMessage, CertifiedTask, Dispatch, Instant, Job, Outcome, Receipt, RequestId, RequestMessage,
    TaskId, TaskMessage,
};

use super::receipts::Receipts;
use super::{REQUESTS_MAX, TASKS_MAX, TASKS_OF_ONE};

/// Finished requests remembered, so that a late second delivery is not computed again.
const FINISHED_MAX: usize = 65_536;

#[derive(Debug)]
struct Request {
    message: RequestMessage,
    held: Held,
    frontier: Option<Frontier>,
    /// What its only task is to compute, where expressions are not split.
    whole: Option<String>,
    /// Tasks handed out and not folded yet.
    open: BTreeSet<u16>,
    /// Boxed, because a node of the map has room for eleven and most requests have few.
    done: BTreeMap<u16, Box<CertifiedTask>>,
    /// Decided without the frontier: a text that does not parse, a dead-lettered task.
    ended: Option<(Outcome, String)>,
    answered: bool,
}

/// Messages that a durable answer settles.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Of its inbound message.
    pub(super) inbound: Receipts,
    /// The newest receipt of its message in the dead-letter queue.
    pub(super) dead: Option<Receipt>,
}

/// What came of admitting a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// A request not seen before.
    New(RequestId),
    /// In hand already; its receipts are kept.
    Again,
    /// Answered already, and not accepted anew since; the message can go.
    Finished,
}

/// What a request needs next.
#[derive(Debug)]
pub(super) enum Progress {
    /// These tasks became ready.
    Ready(Vec<TaskMessage>),
    /// It is finished. Returned once.
    Answered(AnswerMessage),
    /// It waits.
    Nothing,
}

/// The table of requests.
#[derive(Debug)]
pub(super) struct Requests {
    dispatch: Dispatch,
    table: BTreeMap<RequestId, Request>,
    /// Tasks of all of them.
    tasks: usize,
    /// With the time of acceptance: a key that is used again after its retention names the same id, and another request.
    finished: BTreeMap<RequestId, Instant>,
    finished_order: VecDeque<RequestId>,
}

impl Requests {
    pub(super) const fn new(dispatch: Dispatch) -> Self {
        Self {
            dispatch,
            table: BTreeMap::new(),
            tasks: 0,
            finished: BTreeMap::new(),
            finished_order: VecDeque::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many more may be taken in hand, whatever their size.
    pub(super) fn room(&self) -> usize {
        let tasks = TASKS_MAX.saturating_sub(self.tasks) / TASKS_OF_ONE;
        tasks.min(REQUESTS_MAX.saturating_sub(self.table.len()))
    }

    pub(super) fn ids(&self) -> Vec<RequestId> {
        self.table.keys().copied().collect()
    }

    pub(super) fn admit(&mut self, message: RequestMessage, held: Held) -> Admitted {
        let id = message.id;
        let finished = self.finished.get(&id);
        if finished.is_some_and(|accepted| message.accepted <= *accepted) {
            return Admitted::Finished;
        }
        if let Some(request) = self.table.get_mut(&id) {
            request.held.inbound.add(held.inbound);
            request.held.dead = held.dead.or(request.held.dead.take());
            return Admitted::Again;
        }
        let request = Request::new(message, held, self.dispatch);
        self.tasks += request.tasks();
        self.table.insert(id, request);
        Admitted::New(id)
    }

    /// True if the task's answer would still be of use.
    pub(super) fn wants(&self, task: TaskId) -> bool {
        self.table
            .get(&task.request)
            .is_some_and(|request| !request.answered && request.open.contains(&task.index))
    }

    pub(super) fn progress(&mut self, now: Instant, id: RequestId) -> Progress {
        let Some(request) = self.table.get_mut(&id) else {
            return Progress::Nothing;
        };
        if request.answered {
            return Progress::Nothing;
        }
        if let Some((outcome, detail)) = request.outcome() {
            request.answered = true;
            return Progress::Answered(request.answer(now, outcome, detail));
        }
        let Some(frontier) = &mut request.frontier else {
            return Progress::Nothing;
        };
        let mut tasks = Vec::new();
        for ready in frontier.ready() {
            request.open.insert(ready.index);
            tasks.push(TaskMessage {
                job: Job {
                    task: TaskId {
                        request: id,
                        index: ready.index,
                    },
                    operation: ready.operation,
                    expression: request.whole.clone(),
                    left: ready.left,
                    right: ready.right,
                },
                work_key: request.message.work_key,
                ready: now,
            });
        }
        if tasks.is_empty() {
            Progress::Nothing
        } else {
            Progress::Ready(tasks)
        }
    }

    pub(super) fn fold(&mut self, task: TaskId, certified: CertifiedTask) {
        let Some(request) = self.table.get_mut(&task.request) else {
            return;
        };
        request.open.remove(&task.index);
        if let Some(frontier) = &mut request.frontier {
            frontier.complete(task.index, certified.outcome.clone());
        }
        request.done.insert(task.index, Box::new(certified));
    }

    pub(super) fn is_complete(&self, id: RequestId) -> bool {
        self.table
            .get(&id)
            .is_some_and(|request| request.outcome().is_some())
    }

    /// Ends a request with an outcome of its own; false if it is unknown or answered.
    pub(super) fn end(&mut self, id: RequestId, outcome: Outcome, detail: &str) -> bool {
        match self.table.get_mut(&id) {
            Some(request) if !request.answered => {
                request.ended = Some((outcome, detail.to_owned()));
                true
            }
            Some(_) | None => false,
        }
    }

    /// Forgets an answered request whose answer is durable, and gives back what that settles.
    pub(super) fn finish(&mut self, id: RequestId) -> Option<Held> {
        let request = self.table.remove(&id)?;
        self.tasks -= request.tasks();
        if self.finished.insert(id, request.message.accepted).is_none() {
            self.finished_order.push_back(id);
        }
        while self.finished_order.len() > FINISHED_MAX {
            if let Some(old) = self.finished_order.pop_front() {
                self.finished.remove(&old);
            }
        }
        Some(request.held)
    }

    /// Inbound receipts whose lease ends before `until`; their lease is noted as `renewed`.
    pub(super) fn renew(&mut self, until: Instant, renewed: Instant) -> Vec<Receipt> {
        self.table
            .values_mut()
            .flat_map(|request| request.held.inbound.renew(until, renewed))
            .collect()
    }
}

impl Request {
    fn new(message: RequestMessage, held: Held, dispatch: Dispatch) -> Self {
        let mut request = Self {
            message,
            held,
            frontier: None,
            whole: None,
            open: BTreeSet::new(),
            done: BTreeMap::new(),
            ended: None,
            answered: false,
        };
        match tally_expression::parse(&request.message.expression) {
            Ok(expression) => {
                let mut dag = expression.dag();
                if dispatch == Dispatch::Whole {
                    dag = dag.undivided();
                    // The shortest text of the same tree: what is sent, stored and certified, however it was typed.
                    request.whole = Some(expression.to_string());
                }
                request.frontier = Some(Frontier::new(dag));
            }
            Err(error) => {
                let detail = error.diagnostics.first().map(|d| d.message.clone());
                request.ended = Some((Outcome::Error(error.failure), detail.unwrap_or_default()));
            }
        }
        request
    }

    fn tasks(&self) -> usize {
        self.frontier
            .as_ref()
            .map_or(0, |frontier| frontier.dag().tasks.len())
    }

    fn outcome(&self) -> Option<(Outcome, Option<String>)> {
        if let Some((outcome, detail)) = &self.ended {
            return Some((outcome.clone(), Some(detail.clone())));
        }
        self.frontier
            .as_ref()
            .and_then(Frontier::answer)
            .map(|outcome| (outcome, None))
    }

    fn answer(&mut self, now: Instant, outcome: Outcome, detail: Option<String>) -> AnswerMessage {
        AnswerMessage {
            id: self.message.id,
            outcome,
            tasks: std::mem::take(&mut self.done)
                .into_values()
                .map(|task| *task)
                .collect(),
            accepted: self.message.accepted,
            folded: now,
            tag: self.message.tag.clone(),
            detail,
        }
    }
}
