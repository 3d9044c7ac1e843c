//! Scaling policies on the same arrivals: their scores per seed, and what follows from them.
//!
//! The seed is the unit: what a policy scored on the cases of one seed is put together first, then medians and intervals
//! are taken over the seeds.

use serde::Serialize;
use tally_capture::elasticity::{Scores, gap_closed, regret};

use crate::compare::{Estimate, estimate};
use crate::unit;

/// What a policy did with one seed of a case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyRun {
    /// The seed.
    pub seed: u64,
    /// Of all layers that had tasks.
    pub scores: Scores,
    /// Requests that were accepted and have no answer.
    pub unanswered: u64,
    /// Answers that differ from the reference evaluation.
    pub wrong: u64,
    /// Requests that were not accepted.
    pub refused: u64,
    /// Requests that ended by something else than arithmetic, such as their deadline.
    pub failed: u64,
}

/// Sets over time, all layers together: seconds since the plan began, and a number that holds until the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curves {
    /// Sets that serve.
    pub supply: Vec<(f64, f64)>,
    /// The fewest sets that would have met the objective.
    pub demand: Vec<(f64, f64)>,
}

/// One policy on one case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyArm {
    /// Its name.
    pub policy: String,
    /// Seed by seed, the same seeds in every arm.
    pub runs: Vec<PolicyRun>,
    /// Of the first seed.
    pub curves: Curves,
}

/// One experiment, at one point of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyCase {
    /// Name of the experiment, and the point of the sweep.
    pub name: String,
    /// For people.
    pub title: String,
    /// What the experiment asks, in words: objective, start delay.
    pub setting: String,
    /// One per policy, in the same order in every case.
    pub arms: Vec<PolicyArm>,
}

/// Everything that was played.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyComparison {
    /// Format of this document: 1.
    pub schema_version: u32,
    /// At least one.
    pub cases: Vec<PolicyCase>,
    /// What it took, in words.
    pub effort: String,
    /// The line that plays it again.
    pub repro: String,
}

/// One policy in a table: one estimate per [`MEASURES`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Standing {
    pub(crate) policy: String,
    pub(crate) estimates: Vec<Estimate>,
}

/// A column.
#[derive(Debug)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    /// What it is, for the page.
    pub(crate) meaning: &'static str,
    /// Of a policy's scores and those of the clairvoyant; none without one.
    of: fn(&Scores, Option<&Scores>) -> Option<f64>,
}

/// The columns of every table, the two that a policy is judged by first.
pub(crate) const MEASURES: [Measure; 11] = [
    Measure {
        name: "V %",
        meaning: "Share of the 5 s windows with tasks in which more than 5 % of the tasks took longer than the objective; mean over layers and cases.",
        of: |own, _| Some(own.violations),
    },
    Measure {
        name: "K set-s",
        meaning: "Replica-seconds: how long sets existed, starting and ending ones included; sum over layers and cases.",
        of: |own, _| Some(own.cost),
    },
    Measure {
        name: "regret V",
        meaning: "V less that of the clairvoyant on the same seed, at least 0.",
        of: |own, bound| Some(against(own, bound?).violations),
    },
    Measure {
        name: "K / K*",
        meaning: "K by that of the clairvoyant on the same seed.",
        of: |own, bound| Some(against(own, bound?).cost).filter(|ratio| ratio.is_finite()),
    },
    Measure {
        name: "under %",
        meaning: "SPEC accuracy, under-provisioned: sets that were missing as a share of those needed, averaged over time.",
        of: |own, _| Some(own.elasticity.under_accuracy),
    },
    Measure {
        name: "over %",
        meaning: "SPEC accuracy, over-provisioned: sets beyond those needed as a share of those needed, averaged over time.",
        of: |own, _| Some(own.elasticity.over_accuracy),
    },
    Measure {
        name: "time under %",
        meaning: "SPEC timeshare, under-provisioned: the time with too few sets.",
        of: |own, _| Some(own.elasticity.under_time),
    },
    Measure {
        name: "time over %",
        meaning: "SPEC timeshare, over-provisioned: the time with too many sets.",
        of: |own, _| Some(own.elasticity.over_time),
    },
    Measure {
        name: "unstable %",
        meaning: "SPEC instability: windows in which supply and demand did not move the same way.",
        of: |own, _| Some(own.elasticity.instability),
    },
    Measure {
        name: "flaps",
        meaning: "How often the wanted number turned round; sum over layers and cases.",
        of: |own, _| Some(own.flaps),
    },
    Measure {
        name: "p99 s",
        meaning: "Seconds that 99 % of the tasks took at most, from ready to answered; of layers and cases the longest.",
        of: |own, _| Some(own.p99),
    },
];

/// The policy that others are held against.
pub(crate) const BOUND: &str = "clairvoyant";
/// The three configurations of the model of the HorizontalPodAutoscaler that are the baseline.
const BASELINES: [&str; 3] = ["hpa", "hpa-cpu80", "hpa-cpu50"];
/// The policies that know the plan, which nobody can run.
const KNOWING: [&str; 2] = [BOUND, "static-optimum"];

fn against(own: &Scores, bound: &Scores) -> tally_capture::elasticity::Regret {
    regret((own.violations, own.cost), (bound.violations, bound.cost))
}

/// Scores per seed of each policy.
type PerSeed = Vec<(String, Vec<Scores>)>;

fn standings(policies: &PerSeed) -> Vec<Standing> {
    let bound = policies.iter().find(|(policy, _)| policy == BOUND);
    let standing = |(policy, seeds): &(String, Vec<Scores>)| Standing {
        policy: policy.clone(),
        estimates: MEASURES
            .iter()
            .map(|measure| {
                let value = |(index, own): (usize, &Scores)| {
                    (measure.of)(own, bound.and_then(|(_, seeds)| seeds.get(index)))
                };
                estimate(seeds.iter().enumerate().map(value).collect())
            })
            .collect(),
    };
    policies.iter().map(standing).collect()
}

impl PolicyCase {
    fn per_seed(&self) -> PerSeed {
        let scores = |arm: &PolicyArm| arm.runs.iter().map(|run| run.scores).collect();
        let arms = self.arms.iter();
        arms.map(|arm| (arm.policy.clone(), scores(arm))).collect()
    }

    /// Of this case alone.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        standings(&self.per_seed())
    }
}

impl PolicyComparison {
    /// Of all cases together, seed by seed.
    fn per_seed(&self) -> PerSeed {
        let cases: Vec<PerSeed> = self.cases.iter().map(PolicyCase::per_seed).collect();
        let Some(first) = cases.first() else {
            return Vec::new();
        };
        let together = |arm: usize, seed: usize| {
            let of = |case: &PerSeed| case.get(arm)?.1.get(seed).copied();
            Scores::together(&cases.iter().filter_map(of).collect::<Vec<_>>())
        };
        let policy = |(arm, (policy, seeds)): (usize, &(String, Vec<Scores>))| {
            let seeds = (0..seeds.len()).map(|seed| together(arm, seed)).collect();
            (policy.clone(), seeds)
        };
        first.iter().enumerate().map(policy).collect()
    }

    /// Of all cases together.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        standings(&self.per_seed())
    }

    /// How many seeds each case was played with.
    pub(crate) fn seeds(&self) -> usize {
        let arm = self.cases.first().and_then(|case| case.arms.first());
        arm.map_or(0, |arm| arm.runs.len())
    }

    /// Accepted requests without an answer, wrong answers, requests that were not accepted, and those that ended by their
    /// deadline.
    pub fn troubles(&self) -> [u64; 4] {
        let runs = self.cases.iter().flat_map(|case| &case.arms);
        runs.flat_map(|arm| &arm.runs).fold([0; 4], |sums, run| {
            [
                sums[0] + run.unanswered,
                sums[1] + run.wrong,
                sums[2] + run.refused,
                sums[3] + run.failed,
            ]
        })
    }

    /// What stands out, losses included.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![format!(
            "{} in virtual time, {} each, {}.",
            plural(self.cases.len(), "experiment"),
            plural(self.seeds(), "seed"),
            plural(self.cases.first().map_or(0, |case| case.arms.len()), "policy")
        )];
        let all = means(&self.per_seed());
        let runnable = all
            .iter()
            .filter(|(policy, _)| !KNOWING.contains(&policy.as_str()));
        if let Some((policy, best)) = runnable.min_by(|a, b| a.1.violations.total_cmp(&b.1.violations)) {
            sentences.push(format!(
                "Of the policies that do not know the plan {policy} violates the objective least: V {} % at K {}.",
                unit::digits(best.violations),
                unit::digits(best.cost)
            ));
        }
        sentences.extend(self.closed("kalman", &all));
        let [unanswered, wrong, refused, failed] = self.troubles();
        sentences.push(format!(
            "Accepted requests without an answer: {unanswered}. Wrong answers: {wrong}. Requests not accepted: {refused}. Ended by their deadline: {failed}."
        ));
        sentences
    }

    /// Which share of the gap between the best baseline and the bound a policy closes, and every case in which it loses.
    fn closed(&self, policy: &str, all: &[(String, Scores)]) -> Option<String> {
        let find = |all: &[(String, Scores)], name: &str| {
            let found = all.iter().find(|(known, _)| known == name);
            found.map(|(_, scores)| *scores)
        };
        let best = |all: &[(String, Scores)]| {
            let known = BASELINES
                .iter()
                .filter_map(|name| Some((*name, find(all, name)?)));
            known.min_by(|a, b| a.1.violations.total_cmp(&b.1.violations))
        };
        let (own, bound, (name, baseline)) = (find(all, policy)?, find(all, BOUND)?, best(all)?);
        let share = gap_closed(own.violations, baseline.violations, bound.violations)?;
        let lost: Vec<String> = self
            .cases
            .iter()
            .filter_map(|case| {
                let all = means(&case.per_seed());
                let (own, (name, baseline)) = (find(&all, policy)?, best(&all)?);
                let (own, other) = (own.violations, baseline.violations);
                (own > other).then(|| {
                    let (own, other) = (unit::digits(own), unit::digits(other));
                    format!("{} (V {own} % against {other} % of {name})", case.name)
                })
            })
            .collect();
        let lost = if lost.is_empty() {
            "It loses to none of the three in any case.".to_owned()
        } else {
            format!("It loses in {}.", lost.join(", "))
        };
        Some(format!(
            "{policy} closes {} % of the gap on V between the best of three autoscaler configurations ({name}) and the clairvoyant, at {} times its K. {lost}",
            unit::digits(share * 100.0),
            unit::digits(against(&own, &bound).cost),
        ))
    }
}

/// Means over the seeds.
fn means(policies: &PerSeed) -> Vec<(String, Scores)> {
    let mean = |(policy, seeds): &(String, Vec<Scores>)| {
        let mut mean = Scores::together(seeds);
        mean.cost /= seeds.len().max(1) as f64;
        (policy.clone(), mean)
    };
    policies.iter().map(mean).collect()
}

fn plural(count: usize, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
#[path = "policies/tests.rs"]
mod tests;
