//! Flags of virtual time.

use std::path::PathBuf;

use clap::Args;

/// What a swarm draws from. A seed means another world where the list is another.
const PROTOCOLS: &str = "none,pbft,vote,collect";

#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// Experiment files. Without any, a swarm: per seed another platform, another load, and everything goes wrong.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How many seeds [default: 1 per file or with --seed, 100 for a swarm].
    #[arg(long)]
    pub(crate) seeds: Option<u64>,
    /// The first seed; the file's if none is given, 0 for a swarm.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// With files the length of the measure phase in virtual minutes; a swarm ends after so many real ones.
    #[arg(long)]
    pub(crate) minutes: Option<f64>,
    /// Change a value of the file: `--set platform.scaler=fixed-2`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Compare policies on the same arrivals, with names or `all`; without it, those that the files name (`policies` of
    /// `[platform]`), and without these each file is played as it stands.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "files")]
    pub(crate) policies: Vec<String>,
    /// Compare policies once per value: `--sweep platform.start-delay=100ms,2s,30s`. Several make a grid.
    #[arg(long, value_name = "KEY=A,B,...", requires = "files")]
    pub(crate) sweep: Vec<String>,
    /// How long a pod takes to start, such as `2s`.
    #[arg(long, value_name = "DURATION", default_value = "60ms")]
    pub(crate) start_delay: String,
    /// Play every scenario of twins of so many rounds; 2 are 4,096.
    #[arg(long, value_name = "ROUNDS", value_parser = clap::value_parser!(u32).range(1..=3), conflicts_with_all = ["files", "seeds", "seed"])]
    pub(crate) twins: Option<u32>,
    /// Protocols a swarm draws from.
    #[arg(long, value_delimiter = ',', default_value = PROTOCOLS)]
    pub(crate) protocols: Vec<String>,
    /// Threads of a swarm or a comparison [default: all cores].
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
    /// Make the schedule of a failing seed as small as it goes.
    #[arg(long)]
    pub(crate) shrink: bool,
    /// Print what happened, one line per event.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Plant a bug (only in builds with the feature `mutants`).
    #[cfg(feature = "mutants")]
    #[arg(long, value_name = "NAME")]
    pub(crate) mutant: Option<String>,
    /// Say how often each thing happened that has to happen sometimes.
    #[arg(long)]
    pub(crate) coverage: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A run in virtual time: `latest`, `NAME/latest`, or its path.
    #[arg(value_name = "RUN", required_unless_present = "seed", conflicts_with = "seed")]
    pub(crate) run: Option<String>,
    /// Which of its trials.
    #[arg(long, default_value_t = 1)]
    pub(crate) trial: u32,
    /// A seed of a swarm instead.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Protocols that the swarm drew from.
    #[arg(long, value_delimiter = ',', default_value = PROTOCOLS)]
    pub(crate) protocols: Vec<String>,
    /// The trace that the seed must give; without it the seed is played twice.
    #[arg(long, value_name = "TRACE", requires = "seed")]
    pub(crate) expect: Option<String>,
}
