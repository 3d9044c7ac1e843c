//! Scores of a run, and the table of all.

use std::collections::BTreeMap;

use tally_capture::elasticity::{Criteria, Scores, gap_closed};
use tally_model::Scaler;

use crate::layer::Run;
use crate::traces::Trace;

/// Windows in which the objective is judged, and movement.
const WINDOW: u64 = 5_000_000_000;

/// The scores of one run.
pub(crate) fn scores(run: &Run) -> Scores {
    let criteria = Criteria {
        objective: run.objective,
        window: WINDOW,
        path: 0,
        most: Trace::MOST,
    };
    Scores::of(&run.course, &criteria)
}

/// All runs.
pub(crate) struct Table {
    policies: Vec<Scaler>,
    cells: BTreeMap<(String, Scaler), Vec<Scores>>,
    order: Vec<String>,
}

impl Table {
    pub(crate) fn new(policies: &[Scaler]) -> Self {
        Self {
            policies: policies.to_vec(),
            cells: BTreeMap::new(),
            order: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, trace: &str, scaler: Scaler, cell: Scores) {
        if !self.order.iter().any(|known| known == trace) {
            self.order.push(trace.to_owned());
        }
        self.cells
            .entry((trace.to_owned(), scaler))
            .or_default()
            .push(cell);
    }

    fn mean(&self, trace: Option<&str>, scaler: Scaler, of: impl Fn(&Scores) -> f64) -> f64 {
        let chosen = self
            .cells
            .iter()
            .filter(|((name, policy), _)| *policy == scaler && trace.is_none_or(|wanted| wanted == name))
            .flat_map(|(_, cells)| cells);
        let values: Vec<f64> = chosen.map(of).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    }

    pub(crate) fn print(&self, start: f64) {
        let seeds = self.cells.values().map(Vec::len).max().unwrap_or(0);
        println!(
            "{seeds} seeds, sets take {start} s to start, 50 ms per task, objective 500 ms for 95 % of each 5 s"
        );
        for trace in &self.order {
            println!("\n{trace}");
            self.rows(Some(trace));
        }
        println!("\nall");
        self.rows(None);
        self.verdict();
    }

    fn rows(&self, trace: Option<&str>) {
        println!(
            "  {:<17}{:>8}{:>10}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>7}{:>9}",
            "policy",
            "V %",
            "K set-s",
            "K/K*",
            "under",
            "over",
            "t under",
            "t over",
            "unstab",
            "flaps",
            "p99 s"
        );
        let bound = self.mean(trace, Scaler::Clairvoyant, |cell| cell.cost);
        for &scaler in &self.policies {
            let mean = |of: fn(&Scores) -> f64| self.mean(trace, scaler, of);
            println!(
                "  {:<17}{:>8.2}{:>10.0}{:>8.2}{:>8.1}{:>8.1}{:>8.1}{:>8.1}{:>8.1}{:>7.1}{:>9.2}",
                scaler.to_string(),
                mean(|cell| cell.violations),
                mean(|cell| cell.cost),
                mean(|cell| cell.cost) / bound,
                mean(|cell| cell.elasticity.under_accuracy),
                mean(|cell| cell.elasticity.over_accuracy),
                mean(|cell| cell.elasticity.under_time),
                mean(|cell| cell.elasticity.over_time),
                mean(|cell| cell.elasticity.instability),
                mean(|cell| cell.flaps),
                mean(|cell| cell.p99),
            );
        }
    }

    /// The figure: which share of the gap between the best of the three HPA configurations and the clairvoyant `kalman`
    /// closes, over the whole set and trace by trace, losses included.
    fn verdict(&self) {
        let three = [Scaler::Hpa, Scaler::HpaCpu80, Scaler::HpaCpu50];
        let v = |trace: Option<&str>, scaler| self.mean(trace, scaler, |cell| cell.violations);
        let k = |trace: Option<&str>, scaler| self.mean(trace, scaler, |cell| cell.cost);
        let best = |trace| {
            three
                .into_iter()
                .min_by(|a, b| v(trace, *a).total_cmp(&v(trace, *b)))
                .unwrap_or(Scaler::Hpa)
        };
        println!(
            "\nshare of the gap between the best HPA of three and the clairvoyant that is closed, and K against the clairvoyant's"
        );
        let rows = self.order.iter().map(|trace| Some(trace.as_str())).chain([None]);
        for trace in rows {
            let baseline = best(trace);
            let line = [
                Scaler::Kalman,
                Scaler::Hpa1s,
                Scaler::Dc2Ps,
                Scaler::Kpa,
                Scaler::Threshold,
            ]
            .map(|scaler| {
                let closed = gap_closed(
                    v(trace, scaler),
                    v(trace, baseline),
                    v(trace, Scaler::Clairvoyant),
                );
                let cost = k(trace, scaler) / k(trace, Scaler::Clairvoyant);
                match closed {
                    Some(closed) => format!("{scaler} {:.0} % at {cost:.2}", closed * 100.0),
                    None => format!("{scaler} no gap at {cost:.2}"),
                }
            });
            println!(
                "  {:<10} best {baseline}: {}",
                trace.unwrap_or("all"),
                line.join(", ")
            );
        }
    }
}
