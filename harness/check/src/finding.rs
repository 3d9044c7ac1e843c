//! How often something was found, and where first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tally_model::RequestId;

/// Most examples kept of one kind.
pub const EXAMPLES: usize = 32;

/// One request for which something was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Example {
    /// Its number in the plan.
    pub n: u64,
    /// Its id, if it ever got one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// What was seen, for people.
    pub detail: String,
}

/// How often, and the first examples by number in the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How often.
    pub count: u64,
    /// At most [`EXAMPLES`].
    pub examples: Vec<Example>,
}

/// Collects a finding; adding in any order and merging in any order give the same [`Finding`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Collector {
    count: u64,
    kept: BTreeMap<Example, u32>,
    held: usize,
}

impl Collector {
    /// Notes one; `detail` is only asked for if the example is kept.
    pub(crate) fn note(&mut self, n: u64, id: Option<RequestId>, detail: impl FnOnce() -> String) {
        self.count += 1;
        let beyond = self.kept.last_key_value().is_some_and(|(last, _)| n > last.n);
        if self.held < EXAMPLES || !beyond {
            self.keep(
                Example {
                    n,
                    id,
                    detail: detail(),
                },
                1,
            );
        }
    }

    fn keep(&mut self, example: Example, times: u32) {
        *self.kept.entry(example).or_default() += times;
        self.held += times as usize;
        while self.held > EXAMPLES {
            let Some(mut last) = self.kept.last_entry() else {
                break;
            };
            *last.get_mut() -= 1;
            self.held -= 1;
            if *last.get() == 0 {
                last.remove();
            }
        }
    }

    /// Adds what another thread found.
    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        for (example, times) in other.kept {
            self.keep(example, times);
        }
    }

    /// The result.
    pub(crate) fn finish(self) -> Finding {
        let repeat = |(example, times): (Example, u32)| std::iter::repeat_n(example, times as usize);
        Finding {
            count: self.count,
            examples: self.kept.into_iter().flat_map(repeat).collect(),
        }
    }
}
