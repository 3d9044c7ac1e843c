//! Criterion's flag habits: what `cargo bench -- ...`, `cargo test --benches -- ...` and nextest pass.

/// What to do with a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Baseline {
    /// Compare with `base` if it is there, then replace it; tells, but never fails.
    Rolling,
    /// Keep the results under this name.
    Save(String),
    /// Compare with this one, keep nothing, fail on a regression.
    Compare { name: String, lenient: bool },
}

/// A parsed command line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Flags {
    /// Workloads whose name contains (or, with `exact`, is) one of these; all if empty.
    pub(crate) filters: Vec<String>,
    pub(crate) exact: bool,
    pub(crate) list: bool,
    /// Measure; otherwise one tiny trial each, for its answers only.
    pub(crate) measure: bool,
    pub(crate) baseline: Baseline,
    /// Short phases and two trials.
    pub(crate) quick: bool,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    pub(crate) trials: Option<usize>,
    /// Share by which a metric must be worse to be a regression.
    pub(crate) noise: f64,
    /// Flags that mean nothing here.
    pub(crate) ignored: Vec<String>,
}

/// Of criterion, libtest and nextest: taken with their value and without effect.
const WITH_VALUE: &[&str] = &[
    "--color",
    "--colour",
    "--format",
    "--output-format",
    "--skip",
    "--test-threads",
    "--logfile",
    "--plotting-backend",
    "--sample-size",
    "--measurement-time",
    "--warm-up-time",
    "--nresamples",
    "--confidence-level",
    "--significance-level",
    "--profile-time",
    "--load-baseline",
    "-Z",
];

/// Likewise, without a value.
const BARE: &[&str] = &[
    "--noplot",
    "-n",
    "--nocapture",
    "--no-capture",
    "--show-output",
    "--include-ignored",
    "--discard-baseline",
];

impl Flags {
    /// Reads arguments (without the program's name).
    ///
    /// # Errors
    /// A flag whose value is missing or senseless, in words.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut flags = Self {
            filters: Vec::new(),
            exact: false,
            list: false,
            measure: false,
            baseline: Baseline::Rolling,
            quick: false,
            quiet: false,
            verbose: false,
            trials: None,
            noise: 0.05,
            ignored: Vec::new(),
        };
        let mut smoke = false;
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let (flag, joined) = match argument.split_once('=') {
                Some((flag, value)) if flag.starts_with('-') => (flag.to_owned(), Some(value.to_owned())),
                _ => (argument, None),
            };
            let mut value = || {
                joined
                    .clone()
                    .or_else(|| arguments.next())
                    .ok_or(format!("{flag} needs a value"))
            };
            match flag.as_str() {
                "--bench" => flags.measure = true,
                "--test" => smoke = true,
                "--list" => flags.list = true,
                "--exact" => flags.exact = true,
                "--quick" => flags.quick = true,
                "--quiet" | "-q" => flags.quiet = true,
                "--verbose" | "-v" => flags.verbose = true,
                "--trials" => flags.trials = Some(positive(&value()?)?),
                "--noise-threshold" => flags.noise = share(&value()?)?,
                "--save-baseline" | "-s" => flags.baseline = Baseline::Save(name(&value()?)?),
                "--baseline" | "-b" => flags.baseline = compare(&value()?, false)?,
                "--baseline-lenient" => flags.baseline = compare(&value()?, true)?,
                // No test is ever ignored here, so those that are ignored are none.
                "--ignored" => flags.filters.push("\0".into()),
                known if WITH_VALUE.contains(&known) => drop(value()?),
                known if BARE.contains(&known) => {}
                unknown if unknown.starts_with('-') => flags.ignored.push(unknown.to_owned()),
                filter => flags.filters.push(filter.to_owned()),
            }
        }
        flags.measure &= !smoke;
        Ok(flags)
    }

    /// Whether a workload of this name is wanted.
    pub(crate) fn selects(&self, workload: &str) -> bool {
        let fits = |filter: &String| {
            if self.exact {
                filter == workload
            } else {
                workload.contains(filter.as_str())
            }
        };
        self.filters.is_empty() || self.filters.iter().any(fits)
    }
}

fn positive(text: &str) -> Result<usize, String> {
    let number = text
        .parse::<usize>()
        .ok()
        .filter(|number| (1..=1_000).contains(number));
    number.ok_or(format!("--trials {text}: give a number from 1 to 1000"))
}

fn share(text: &str) -> Result<f64, String> {
    let number = text
        .parse::<f64>()
        .ok()
        .filter(|number| (0.0..1.0).contains(number));
    number.ok_or(format!(
        "--noise-threshold {text}: give a share from 0 to 1, such as 0.05"
    ))
}

/// A baseline becomes a file name.
fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.len() > 64 || text.starts_with('.') || !text.chars().all(plain) {
        return Err(format!(
            "baseline `{text}`: use letters, digits, `-`, `_` and `.`, not `.` first, at most 64"
        ));
    }
    Ok(text.to_owned())
}

fn compare(text: &str, lenient: bool) -> Result<Baseline, String> {
    Ok(Baseline::Compare {
        name: name(text)?,
        lenient,
    })
}
