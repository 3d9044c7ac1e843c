//! Where the time of tasks went: per layer, and per request along its tasks. From the times in the certificates.

use std::path::Path;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tally_model::Operation as Layer;

use crate::error::Result;
use crate::history::fold_frames;
use crate::shape::operations;
use crate::summary::{Quantiles, histogram};
use crate::tasks::{TaskTimes, read_tasks};
use crate::waits::Waits;

/// The tasks of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerTimes {
    /// Which layer.
    pub operation: Layer,
    /// From operands known to handed to a worker.
    pub queue_wait: Quantiles,
    /// From handed to a worker to the certified answer: service time, computation and votes.
    pub compute: Quantiles,
    /// Operations of this kind in whole expressions (`dispatch = whole`), whichever layer computed them; none where every task was a
    /// single operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<u64>,
}

/// One thread's part.
struct Part {
    layers: [[Histogram<u64>; 2]; 4],
    /// By kind, in whole expressions.
    operations: [u64; 4],
    waits: Vec<Waits>,
    tasks: Vec<TaskTimes>,
}

impl Part {
    fn new() -> Self {
        Self {
            layers: std::array::from_fn(|_| [histogram(), histogram()]),
            operations: [0; 4],
            waits: Vec::new(),
            tasks: Vec::new(),
        }
    }
}

/// Reads the certificates of a trial and tells, per layer, how long tasks waited and how long they took, and the same per request.
pub(crate) fn read(path: &Path, threads: usize) -> Result<(Vec<LayerTimes>, Vec<Waits>)> {
    let mut total = Part::new();
    if path.exists() {
        let (parts, _) = fold_frames(path, threads, Part::new, |part, line, frame| {
            let head = read_tasks(line, &mut part.tasks, frame, path)?;
            if part.tasks.iter().any(|task| task.whole) {
                let more = operations(&head.expression);
                part.operations
                    .iter_mut()
                    .zip(more)
                    .for_each(|(sum, more)| *sum += more);
            }
            for task in &part.tasks {
                let layer = &mut part.layers[task.layer.index()];
                layer[0].saturating_record(task.wait());
                layer[1].saturating_record(task.service());
            }
            part.waits.extend(Waits::of(&head, &part.tasks));
            Ok(())
        })?;
        for part in parts {
            for (sum, some) in total
                .layers
                .iter_mut()
                .flatten()
                .zip(part.layers.iter().flatten())
            {
                // All have the same bounds, so nothing can be out of range.
                let _ = sum.add(some);
            }
            let operations = total.operations.iter_mut().zip(part.operations);
            operations.for_each(|(sum, more)| *sum += more);
            if total.waits.is_empty() {
                total.waits = part.waits;
            } else {
                total.waits.extend(part.waits);
            }
        }
    }
    let any_whole = total.operations != [0; 4];
    let layers = Layer::ALL
        .into_iter()
        .zip(&total.layers)
        .map(|(operation, [wait, compute])| LayerTimes {
            operation,
            queue_wait: Quantiles::of(wait),
            compute: Quantiles::of(compute),
            operations: any_whole.then(|| total.operations[operation.index()]),
        })
        .collect();
    Ok((layers, total.waits))
}
