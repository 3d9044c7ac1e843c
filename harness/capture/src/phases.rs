//! Where the time of a task went, per layer, from the times in the certificates.

use std::path::Path;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tally_model::Operation as Layer;

use crate::error::Result;
use crate::history::{fold_frames, parse_line};
use crate::summary::{Quantiles, histogram};

/// The tasks of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerTimes {
    /// Which layer.
    pub operation: Layer,
    /// From operands known to handed to a worker.
    pub queue_wait: Quantiles,
    /// From handed to a worker to the certified answer: service time, computation and votes.
    pub compute: Quantiles,
}

/// The times of a task; everything else in the line is skipped without being kept.
#[derive(Deserialize)]
struct TaskTimes {
    job: TaskLayer,
    ready: u64,
    dispatched: u64,
    done: u64,
}

#[derive(Deserialize)]
struct TaskLayer {
    operation: Layer,
}

#[derive(Deserialize)]
struct LineTimes {
    tasks: Vec<TaskTimes>,
}

type Layers = [[Histogram<u64>; 2]; 4];

/// Reads the certificates of a trial and tells, per layer, how long tasks waited and how long they took.
pub(crate) fn read(path: &Path, threads: usize) -> Result<Vec<LayerTimes>> {
    let empty = || -> Layers { std::array::from_fn(|_| [histogram(), histogram()]) };
    if !path.exists() {
        return Ok(summarise(&empty()));
    }
    let (states, _) = fold_frames(path, threads, empty, |layers, line, frame| {
        for task in parse_line::<LineTimes>(line, frame, path)?.tasks {
            let layer = &mut layers[task.job.operation.index()];
            layer[0].saturating_record(task.dispatched.saturating_sub(task.ready));
            layer[1].saturating_record(task.done.saturating_sub(task.dispatched));
        }
        Ok(())
    })?;
    let mut total = empty();
    for state in states {
        for (sum, part) in total.iter_mut().flatten().zip(state.iter().flatten()) {
            // All have the same bounds, so nothing can be out of range.
            let _ = sum.add(part);
        }
    }
    Ok(summarise(&total))
}

fn summarise(layers: &Layers) -> Vec<LayerTimes> {
    Layer::ALL
        .into_iter()
        .zip(layers)
        .map(|(operation, [wait, compute])| LayerTimes {
            operation,
            queue_wait: Quantiles::of(wait),
            compute: Quantiles::of(compute),
        })
        .collect()
}
