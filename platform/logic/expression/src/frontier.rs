//! Which tasks can run now, and the answer once enough of them have: the fold of a DAG in any order of completion.

use tally_model::{Failure, Operation, Outcome};

use crate::dag::{Dag, Operand, Task};

/// A task whose operands are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyTask {
    /// Its position in [`Dag::tasks`].
    pub index: u16,
    /// What to do.
    pub operation: Operation,
    /// Left operand, canonical.
    pub left: String,
    /// Right operand, canonical.
    pub right: String,
}

/// The progress of one request through its DAG.
///
/// A task with a failed operand is never ready: it fails the same way, and **the left operand's failure wins**. That
/// is why a task whose right operand failed still waits for its left one, while a failed left operand settles it at
/// once. So [`Frontier::answer`] depends on the outcomes of the tasks and not on their order, and equals
/// [`crate::Expression::evaluate`] when those come from [`crate::apply`]. Tasks whose result can no longer matter,
/// because all that depends on them is settled, are not handed out either; a completion that still arrives for one
/// is recorded and changes nothing.
///
/// All operations together are linear in the size of the DAG. An operand of a hand-made [`Dag`] that refers to no
/// earlier task counts as failed with `internal`.
#[derive(Clone, Debug)]
pub struct Frontier {
    dag: Dag,
    progress: Vec<Progress>,
    /// Dependents of task `i` are `dependents[first[i]..first[i + 1]]`.
    dependents: Vec<u16>,
    first: Vec<usize>,
    /// Tasks whose operands are known and that were not handed out yet.
    waiting: Vec<u16>,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    outcome: Option<Outcome>,
    /// Handed out by `ready` or queued for it.
    announced: bool,
    /// Unsettled places that need the outcome; 0 means that it no longer matters.
    demand: u32,
    /// Whether its operands were told that it needs them no more.
    released: bool,
}

/// What is known of an operand.
enum Known {
    Nothing,
    Value,
    Failed(Failure),
}

impl Frontier {
    /// Nothing completed yet.
    pub fn new(dag: Dag) -> Self {
        let (first, dependents) = dependents_of(&dag);
        let mut progress = vec![Progress::default(); dag.tasks.len()];
        let operands = dag.tasks.iter().flat_map(|task| [&task.left, &task.right]);
        for operand in operands.chain([&dag.root]) {
            if let Operand::Task { index, .. } = operand
                && let Some(progress) = progress.get_mut(usize::from(*index))
            {
                progress.demand += 1;
            }
        }
        let mut frontier = Self {
            dag,
            progress,
            dependents,
            first,
            waiting: Vec::new(),
        };
        for index in 0..frontier.dag.tasks.len() {
            if let Some(failure) = frontier.examine(index) {
                frontier.settle(index, Outcome::Error(failure));
            }
        }
        frontier
    }

    /// The tasks that became ready since the last call, in the order of their indices. Each is returned once.
    pub fn ready(&mut self) -> Vec<ReadyTask> {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_unstable();
        let ready = waiting.into_iter().filter_map(|index| {
            let progress = self.progress.get(usize::from(index))?;
            if progress.outcome.is_some() || progress.demand == 0 {
                return None;
            }
            let task = self.dag.tasks.get(usize::from(index))?;
            Some(ReadyTask {
                index,
                operation: task.operation,
                left: self.text(&task.left)?,
                right: self.text(&task.right)?,
            })
        });
        ready.collect()
    }

    /// Records the outcome of a task. False, and nothing changes, if it is already known or there is no such task.
    ///
    /// An outcome may come before the task was handed out, for example from a record of an earlier life.
    pub fn complete(&mut self, index: u16, outcome: Outcome) -> bool {
        let index = usize::from(index);
        let unknown = self
            .progress
            .get(index)
            .is_some_and(|progress| progress.outcome.is_none());
        if unknown {
            self.settle(index, outcome);
        }
        unknown
    }

    /// The answer of the whole expression, as soon as it is decided; tasks may still be under way then.
    pub fn answer(&self) -> Option<Outcome> {
        match self.known(&self.dag.root, self.dag.tasks.len()) {
            Known::Nothing => None,
            Known::Value => self.text(&self.dag.root).map(Outcome::Value),
            Known::Failed(failure) => Some(Outcome::Error(failure)),
        }
    }

    /// What is known of one task, by completion or because an operand failed.
    pub fn outcome(&self, index: u16) -> Option<&Outcome> {
        self.progress.get(usize::from(index))?.outcome.as_ref()
    }

    /// The DAG it was made from.
    pub const fn dag(&self) -> &Dag {
        &self.dag
    }

    /// See [`Dag::work`].
    pub fn work(&self) -> usize {
        self.dag.work()
    }

    /// See [`Dag::critical_path`].
    pub fn critical_path(&self) -> usize {
        self.dag.critical_path()
    }

    /// Records outcomes and follows their consequences, with a list of its own instead of recursion.
    fn settle(&mut self, index: usize, outcome: Outcome) {
        let mut settled = vec![(index, outcome)];
        while let Some((index, outcome)) = settled.pop() {
            let Some(progress) = self.progress.get_mut(index) else {
                continue;
            };
            if progress.outcome.is_some() {
                continue;
            }
            progress.outcome = Some(outcome);
            self.release_operands(index);
            let range =
                self.first.get(index).copied().unwrap_or(0)..self.first.get(index + 1).copied().unwrap_or(0);
            for position in range {
                let Some(dependent) = self.dependents.get(position).map(|d| usize::from(*d)) else {
                    continue;
                };
                if let Some(failure) = self.examine(dependent) {
                    settled.push((dependent, Outcome::Error(failure)));
                }
            }
        }
    }

    /// Tells the operands of a task that it needs them no more, and so on below those that nothing needs.
    fn release_operands(&mut self, index: usize) {
        let mut released = vec![index];
        while let Some(index) = released.pop() {
            let Some(progress) = self.progress.get_mut(index) else {
                continue;
            };
            if std::mem::replace(&mut progress.released, true) {
                continue;
            }
            let Some(Task { left, right, .. }) = self.dag.tasks.get(index) else {
                continue;
            };
            for operand in [left, right] {
                let Operand::Task { index, .. } = operand else {
                    continue;
                };
                let index = usize::from(*index);
                let Some(below) = self.progress.get_mut(index) else {
                    continue;
                };
                below.demand = below.demand.saturating_sub(1);
                if below.demand == 0 {
                    released.push(index);
                }
            }
        }
    }

    /// Announces a task if its operands are known; otherwise the failure it inherits, if that is decided.
    fn examine(&mut self, index: usize) -> Option<Failure> {
        let task = self.dag.tasks.get(index)?;
        let known = (self.known(&task.left, index), self.known(&task.right, index));
        let progress = self.progress.get_mut(index)?;
        match known {
            (Known::Failed(failure), _) | (Known::Value, Known::Failed(failure)) => Some(failure),
            (Known::Value, Known::Value) => {
                if progress.outcome.is_none() && !std::mem::replace(&mut progress.announced, true) {
                    self.waiting.push(index as u16);
                }
                None
            }
            (Known::Nothing, _) | (Known::Value, Known::Nothing) => None,
        }
    }

    /// What is known of an operand of the task at `reader`.
    fn known(&self, operand: &Operand, reader: usize) -> Known {
        let Operand::Task { index, .. } = operand else {
            return Known::Value;
        };
        if usize::from(*index) >= reader {
            return Known::Failed(Failure::Internal);
        }
        match self.outcome(*index) {
            None => Known::Nothing,
            Some(Outcome::Value(_)) => Known::Value,
            Some(Outcome::Error(failure)) => Known::Failed(*failure),
        }
    }

    /// The canonical text of an operand whose value is known.
    fn text(&self, operand: &Operand) -> Option<String> {
        match operand {
            Operand::Literal(text) => Some(text.clone()),
            Operand::Task { index, negated } => match self.outcome(*index)? {
                Outcome::Value(text) if *negated => Some(negated_text(text)),
                Outcome::Value(text) => Some(text.clone()),
                Outcome::Error(_) => None,
            },
        }
    }
}

/// Negation of a canonical text is a matter of its sign; 0 has none.
fn negated_text(text: &str) -> String {
    match text.strip_prefix('-') {
        Some(magnitude) => magnitude.to_owned(),
        None if text == "0" => text.to_owned(),
        None => format!("-{text}"),
    }
}

/// For every task the tasks that read it, in one list with the start of each task's part.
fn dependents_of(dag: &Dag) -> (Vec<usize>, Vec<u16>) {
    let mut edges: Vec<(u16, u16)> = Vec::with_capacity(dag.tasks.len());
    for (reader, task) in dag.tasks.iter().enumerate() {
        for operand in [&task.left, &task.right] {
            if let Operand::Task { index, .. } = operand
                && usize::from(*index) < reader
            {
                edges.push((*index, reader as u16));
            }
        }
    }
    edges.sort_unstable();
    let mut first = vec![0; dag.tasks.len() + 1];
    for (read, _) in &edges {
        if let Some(count) = first.get_mut(usize::from(*read) + 1) {
            *count += 1;
        }
    }
    for index in 1..first.len() {
        first[index] += first[index - 1];
    }
    (first, edges.into_iter().map(|(_, reader)| reader).collect())
}
