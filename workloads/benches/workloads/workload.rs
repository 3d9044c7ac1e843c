//! The workloads: experiments of the catalog, cut to what a bench needs.

use tally_workloads::catalog_entry;
use toml::{Table, Value};

use crate::bound::Certified;
use crate::metric::Metric;

/// Users of a closed loop: enough to keep every core busy.
const USERS: i64 = 64;
/// The expression whose latency is held against a lower bound.
pub(crate) const EXPRESSION: &str = "((3+5)*(4/2))";

/// How long a trial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Full,
    Quick,
    Smoke,
}

/// How requests come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrivals {
    /// As fast as they are answered: finds the capacity.
    Saturating,
    /// As the catalog says.
    Catalog,
    /// [`EXPRESSION`] alone, seldom enough that no two meet.
    Sparse,
    /// [`EXPRESSION`] alone, the next one when the last one is answered: one request is under way at any time.
    Alone,
}

/// One workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// Its name in filters and baselines.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    /// The experiment it is made from.
    catalog: &'static str,
    arrivals: Arrivals,
    /// Of the full measure phase.
    seconds: u64,
    /// Trials of a full run.
    pub(crate) trials: usize,
    /// The metric that decides a comparison, beside processor time.
    pub(crate) main: Metric,
    /// What it must reach: at least for throughput, at most for latency.
    pub(crate) target: Option<f64>,
    /// Whether its p50 is held against the lower bound.
    pub(crate) bound: Option<Certified>,
}

const NONE: Workload = Workload {
    name: "throughput-none",
    about: "one operation per request, 64 users, no service time, no replicas",
    catalog: "steady",
    arrivals: Arrivals::Saturating,
    seconds: 6,
    trials: 5,
    main: Metric::Throughput,
    target: Some(2_000.0),
    bound: None,
};

/// All of them.
pub(crate) const WORKLOADS: &[Workload] = &[
    NONE,
    Workload {
        name: "throughput-collect",
        about: "the same, every task certified by four replicas",
        catalog: "steady-collect",
        target: Some(500.0),
        ..NONE
    },
    Workload {
        name: "throughput-pbft",
        about: "the same, every task agreed on by four replicas before it is certified",
        catalog: "steady-pbft",
        target: Some(500.0),
        ..NONE
    },
    Workload {
        name: "latency-none",
        about: "((3+5)*(4/2)) twenty times a second, no replicas",
        arrivals: Arrivals::Sparse,
        main: Metric::P50,
        target: None,
        bound: Some(Certified::Not),
        ..NONE
    },
    Workload {
        name: "latency-collect",
        about: "((3+5)*(4/2)) twenty times a second, certified by four replicas",
        catalog: "steady-collect",
        arrivals: Arrivals::Sparse,
        main: Metric::P50,
        target: None,
        bound: Some(Certified::Collect(4)),
        ..NONE
    },
    Workload {
        name: "latency-none-alone",
        about: "((3+5)*(4/2)) one after the other, no replicas",
        arrivals: Arrivals::Alone,
        main: Metric::P50,
        target: None,
        bound: Some(Certified::Not),
        ..NONE
    },
    Workload {
        name: "latency-collect-alone",
        about: "((3+5)*(4/2)) one after the other, certified by four replicas",
        catalog: "steady-collect",
        arrivals: Arrivals::Alone,
        main: Metric::P50,
        target: None,
        bound: Some(Certified::Collect(4)),
        ..NONE
    },
    Workload {
        name: "burst",
        about: "ten times the load for six seconds; the platform grows",
        catalog: "burst",
        arrivals: Arrivals::Catalog,
        seconds: 12,
        trials: 3,
        main: Metric::P99,
        target: None,
        ..NONE
    },
    Workload {
        name: "dependent",
        about: "expressions whose tasks wait for each other",
        catalog: "dependent",
        arrivals: Arrivals::Catalog,
        seconds: 8,
        trials: 3,
        main: Metric::P50,
        target: None,
        ..NONE
    },
];

impl Workload {
    /// Whether one request is under way at any time, so that nothing sleeps between two of them.
    pub(crate) fn is_alone(&self) -> bool {
        self.arrivals == Arrivals::Alone
    }

    /// The experiment file of one trial.
    ///
    /// # Errors
    /// A catalog file that is not what this expects: a bug here or there.
    pub(crate) fn experiment(&self, scale: Scale) -> Result<String, String> {
        let entry = catalog_entry(self.catalog).ok_or(format!("no `{}` in the catalog", self.catalog))?;
        let mut file: Table = entry
            .source
            .parse()
            .map_err(|error| format!("{}: {error}", self.catalog))?;
        file.insert("name".into(), format!("bench-{}", self.name).into());
        file.insert("title".into(), self.about.into());
        file.insert("trials".into(), 1.into());
        file.insert("phases".into(), Value::Table(self.phases(scale)));
        let loads = file
            .get_mut("load")
            .and_then(Value::as_array_mut)
            .ok_or("no [[load]]")?;
        if self.arrivals != Arrivals::Catalog {
            loads.truncate(1);
        }
        let first = loads
            .first_mut()
            .and_then(Value::as_table_mut)
            .ok_or("no [[load]]")?;
        match self.arrivals {
            Arrivals::Saturating => {
                first.remove("rate");
                first.insert("pattern".into(), "closed".into());
                let users = if scale == Scale::Smoke { 2 } else { USERS };
                first.insert("users".into(), users.into());
            }
            Arrivals::Sparse => {
                first.insert("rate".into(), "20/s".into());
                first.insert("expr".into(), Value::Array(vec![EXPRESSION.into()]));
            }
            Arrivals::Alone => {
                first.remove("rate");
                first.insert("pattern".into(), "closed".into());
                first.insert("users".into(), 1.into());
                first.insert("expr".into(), Value::Array(vec![EXPRESSION.into()]));
            }
            Arrivals::Catalog if scale != Scale::Full && first.contains_key("at") => {
                first.insert("at".into(), "500ms".into());
                first.insert("for".into(), "500ms".into());
            }
            Arrivals::Catalog => {}
        }
        // Speed is judged here, answers by the harness.
        let always = |expectation: &Value| expectation.get("when").and_then(Value::as_str) == Some("always");
        file.get_mut("expect")
            .and_then(Value::as_array_mut)
            .ok_or("no [[expect]]")?
            .retain(always);
        // No live autoscaler takes part, and what changes beside one names expectations that are gone.
        file.remove("live");
        Ok(file.to_string())
    }

    fn phases(&self, scale: Scale) -> Table {
        let (warmup, measure) = match scale {
            Scale::Full => (1_500, self.seconds * 1_000),
            Scale::Quick => (1_000, 3_000.min(self.seconds * 1_000)),
            Scale::Smoke => (100, 1_000),
        };
        let phase = |millis: u64| Value::from(format!("{millis}ms"));
        [
            ("warmup", phase(warmup)),
            ("measure", phase(measure)),
            ("drain", phase(20_000)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
    }
}
