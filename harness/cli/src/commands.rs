//! One file per command.

mod against;
mod calc;
mod check;
mod compare;
mod completions;
mod demo;
mod doctor;
mod down;
mod explain;
mod hpa_cases;
mod hpa_replay;
mod import;
mod init;
#[cfg(feature = "cluster")]
mod on_cluster;
#[cfg(not(feature = "cluster"))]
#[path = "commands/without_cluster.rs"]
mod on_cluster;
mod policies;
mod replay;
mod report;
mod run;
mod schema;
mod serve;
mod sim;
mod status;
mod sweep;
mod up;
mod validate;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::output::Output;

#[cfg(feature = "cluster")]
pub(crate) use on_cluster::start as start_on_cluster;

/// Runs the chosen command.
pub(crate) fn dispatch(cli: Cli) -> Exit {
    let output = Output::new(&cli.global);
    let exit = perform(cli, &output);
    output.finish(exit);
    exit
}

fn perform(cli: Cli, output: &Output) -> Exit {
    if let Some(dir) = &cli.global.dir
        && let Err(error) = std::env::set_current_dir(dir)
    {
        output.error(&format!("cannot work in {}: {error}", dir.display()), None);
        return Exit::BadInput;
    }
    match cli.command {
        Command::Demo(args) => demo::run(&args, &cli.global, output),
        Command::Up(args) => up::run(&args, output),
        Command::Down(args) => down::run(&args, output),
        Command::Status(args) => status::run(&args, output),
        Command::Calc(args) => calc::run(&args, output),
        Command::Run(args) => run::run(&args, &cli.global, output),
        Command::Sim(args) => sim::run(&args, &cli.global, output),
        Command::Replay(args) => replay::run(&args, &cli.global, output),
        Command::Validate(args) => validate::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Report(args) => report::run(&args, &cli.global, output),
        Command::Compare(args) => compare::run(&args, &cli.global, output),
        Command::Check(args) => check::run(&args, &cli.global, output),
        Command::Doctor(_) => doctor::run(&cli.global, output),
        Command::Init(args) => init::run(&args, output),
        Command::Schema => schema::run(output),
        Command::HpaCases(args) => hpa_cases::run(&args, output),
        Command::HpaReplay(args) => hpa_replay::run(&args, &cli.global, output),
        Command::Import(args) => import::run(&args, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Serve(args) => serve::run(&args),
    }
}
