//! Flags and commands.

mod serve;
mod sim;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit;
pub(crate) use serve::{QueueArgs, Role, Serve};
pub(crate) use sim::{Replay, Sim};

/// A serverless platform for arithmetic, and the harness that tries to break it.
#[derive(Debug, Parser)]
#[command(name = "tally", version, after_help = exit::TABLE, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Work as if started in this directory.
    #[arg(short = 'C', long = "dir", global = true, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Where runs are recorded.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "runs",
        env = "TALLY_RUNS_DIR"
    )]
    pub(crate) runs_dir: PathBuf,
    /// Print results only.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log more; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// How to show progress on standard error.
    #[arg(long, global = true, value_enum, default_value_t = Progress::Auto)]
    pub(crate) progress: Progress,
    /// Print exactly one JSON document on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

/// How to show progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// A bar on a terminal, plain lines elsewhere.
    Auto,
    /// One line per change of phase and per five seconds.
    Plain,
    /// One JSON object per line.
    Json,
    None,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a platform, load it, kill parts of it, check every answer, write a report. Needs nothing.
    Demo(Demo),
    /// Start a platform and leave it running.
    ///
    /// If the last one died instead of being stopped, this goes on with what that one had accepted, as long as --protocol, --suite and
    /// --replicas are the same.
    Up(Up),
    /// Stop the platform that `up` started, and remove everything it made.
    Down(Down),
    /// Show what runs.
    Status(Status),
    /// Compute one expression.
    Calc(Calc),
    /// Run experiments: load, faults, expectations, verdict, report.
    Run(Run),
    /// Run experiments in virtual time: the same machines, one thread, no processes.
    Sim(Sim),
    /// Play a simulated trial or a seed again, event by event, and compare it with what was recorded.
    Replay(Replay),
    /// Check experiment files without running anything.
    Validate(Validate),
    /// Say in words what an experiment file will do, what an error code or a metric means.
    Explain(Explain),
    /// Render stored runs again.
    Report(Report),
    /// Compare stored runs, arm against arm, with intervals over their trials.
    Compare(Compare),
    /// Check stored histories again, against the plan of their run.
    Check(Check),
    /// Look at this machine: what works here, what is missing and how to get it.
    Doctor(Doctor),
    /// Write an experiment file, its schema and a CI snippet to start from.
    Init(Init),
    /// Print the JSON schema of experiment files, for editors.
    Schema,
    /// Compare the model of the Kubernetes autoscaler with a table of cases.
    HpaCases(HpaCases),
    /// Show the model of the Kubernetes autoscaler what live ones of stored runs were shown, and list every difference.
    HpaReplay(HpaReplay),
    /// Make an experiment file of a recorded trace in the form of Azure Functions 2019.
    Import(Import),
    /// Print a completion script.
    Completions(Completions),
    /// Run one role of the platform (started by `up` and `run`, not by hand).
    #[command(hide = true)]
    Serve(Serve),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Demo {
    /// Seed of everything random.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// Which cluster, for the targets `kind` and `kube`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ClusterArgs {
    /// A context of the kubeconfig; for `kind` that of the cluster deploy/kind/cluster.sh makes.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Where the gateway answers; by default it is looked for on the cluster's machines.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) gateway: Option<std::net::SocketAddr>,
    /// Use a context that is not one of kind's. What runs in the namespaces tally-* there is stopped.
    #[arg(long)]
    pub(crate) any_context: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where: `local`, `kind` (a cluster on this machine), or `kube` (any cluster, with --context).
    #[arg(long, default_value = "local")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// How replica sets agree.
    #[arg(long, default_value = "pbft")]
    pub(crate) protocol: String,
    /// Digests and signatures.
    #[arg(long, default_value = "modern")]
    pub(crate) suite: String,
    /// Replicas per set: 4 or 7, with vote 3, 5 or 7 [default: for one fault].
    #[arg(long)]
    pub(crate) replicas: Option<u8>,
    /// Port of the gateway on loopback; 0 for any.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// How long to wait until it answers, in seconds.
    #[arg(long, default_value_t = 30)]
    pub(crate) wait: u64,
    /// `kind`: use the images that are there instead of building them.
    #[arg(long)]
    pub(crate) no_build: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// CSV of invocations per minute.
    pub(crate) invocations: PathBuf,
    /// CSV of execution times.
    pub(crate) durations: Option<PathBuf>,
    /// HashFunction of the one to play; all together without it.
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// First minute.
    #[arg(long, default_value_t = 0)]
    pub(crate) from: usize,
    /// How many minutes.
    #[arg(long, default_value_t = 60)]
    pub(crate) minutes: usize,
    /// By what counts are multiplied.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) scale: f64,
    /// Seconds in which a minute is played.
    #[arg(long, default_value_t = 60.0)]
    pub(crate) bucket: f64,
    /// Write there instead of to standard output.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Down {
    /// Where: `local`, `kind` (a cluster on this machine), or `kube` (any cluster, with --context).
    #[arg(long, default_value = "local")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// `kind`: remove the cluster as well.
    #[arg(long)]
    pub(crate) delete_cluster: bool,
    /// Say what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Where: `local`, `kind` (a cluster on this machine), or `kube` (any cluster, with --context).
    #[arg(long, default_value = "local")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Look for processes that nobody owns; exit 7 if there are any.
    #[arg(long)]
    pub(crate) leaks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Calc {
    /// The expression, such as `((3+5)*(4/2))`.
    #[arg(allow_hyphen_values = true)]
    pub(crate) expression: String,
    /// Show the tasks, where they were computed and who certified them.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Compute here, without a platform.
    #[arg(long)]
    pub(crate) reference: bool,
    /// How long to wait for the answer, in seconds.
    #[arg(long, default_value_t = 30)]
    pub(crate) wait: u64,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Run {
    /// Experiment files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where to run: `local`, `sim` (virtual time), `kind` (a cluster on this machine), or `kube` (any cluster, with --context).
    #[arg(long, default_value = "local")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Seed of everything random, in place of the file's.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Play the experiment also on these arms, side by side with its own settings: names of scalers, `whole`, which splits no
    /// expression, changes of the platform such as `protocol=none`, or `sim`, the same in virtual time; `+` joins several. On a cluster also
    /// `hpa-cpu`, `hpa-queue` and `kubelet`. The first is what the others are compared with.
    #[arg(long, value_name = "ARM", value_delimiter = ',')]
    pub(crate) against: Vec<String>,
    /// Number of trials (of every arm), in place of the file's.
    #[arg(long)]
    pub(crate) trials: Option<u32>,
    /// Change a value of the file: `--set platform.replicas=7`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Do everything but run: validate, expand the plan, print the timeline.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Use the platform that `up` started.
    #[arg(long)]
    pub(crate) attach: bool,
    /// Have the load sent by this many processes instead of by this one, each with an equal share of the plan.
    #[arg(long, value_name = "N")]
    pub(crate) agents: Option<u32>,
    /// `kind` and `kube`: have it sent by Jobs on the cluster, one if --agents does not say more.
    #[arg(long)]
    pub(crate) in_cluster: bool,
    /// Stop after the first experiment that does not pass.
    #[arg(long)]
    pub(crate) fail_fast: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Experiment files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// An experiment file, an error code (`F0412`), or a metric (`latency`).
    #[arg(required_unless_present = "expr")]
    pub(crate) what: Option<String>,
    /// Show how an expression is split into tasks.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expr: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Runs: `latest`, `burst/latest`, a path, or an id.
    #[arg(default_value = "latest")]
    pub(crate) runs: Vec<String>,
    /// Write the HTML page here instead of into the run.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// Runs or comparisons: `latest`, `burst/latest`, a path, or an id, with `LABEL=` before it if you like. The first arm is what
    /// the others are compared with; runs with one label, or with the same settings, are trials of one arm.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<String>,
    /// Write page, text and JSON here instead of into a new directory of comparisons.
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Runs: `latest`, `burst/latest`, a path, or an id.
    #[arg(default_value = "latest")]
    pub(crate) runs: Vec<String>,
    /// Verify every certificate, however many there are.
    #[arg(long)]
    pub(crate) audit_all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where to write; created if missing.
    // Not `dir`: an argument of that name is the global `--dir`.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) place: PathBuf,
    /// Which template; all of them if none is named.
    #[arg(long)]
    pub(crate) template: Option<String>,
    /// List the templates.
    #[arg(long)]
    pub(crate) list: bool,
    /// Overwrite files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HpaCases {
    /// A JSON array of rows.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct HpaReplay {
    /// Runs of an arm such as hpa-queue: `latest`, `burst/latest`, a path, or an id.
    #[arg(default_value = "latest")]
    pub(crate) runs: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell.
    pub(crate) shell: clap_complete::Shell,
}
