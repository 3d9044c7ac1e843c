//! `tally up`: a platform that stays.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use tally_local::{Error, MadeWith, Operator, Options, Platform, State, StateFile};
use tally_model::{PlatformConfig, Protocol, Suite};

use crate::args::Up;
use crate::exit::Exit;
use crate::output::{Output, Progress};
use crate::run::{Local, wait_until_ready};

/// Starts the supervisor as a daemon and waits until the platform answers. Over the files of one that died it goes on where that one
/// ended, if it is of the same kind.
pub(crate) fn run(args: &Up, output: &Output) -> Exit {
    if args.target != "local" {
        return super::on_cluster::up(args, output);
    }
    let file = StateFile::locate();
    match file.read() {
        Ok(Some(state)) if is_alive(state.supervisor) => {
            output.error(
                &format!("a platform runs already at http://{}", state.http),
                Some("`tally down` stops it"),
            );
            return Exit::BadInput;
        }
        Ok(_) => {}
        Err(error) => {
            output.error(
                &format!("{}: {error}", file.path().display()),
                Some("remove the file if no platform runs"),
            );
            return Exit::Environment;
        }
    }
    let platform = match configured(args, output) {
        Ok(platform) => platform,
        Err(exit) => return exit,
    };
    let options = Options {
        data: file.data_dir(),
        platform,
        http: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port))),
        daemon: true,
        timeout: Duration::from_secs(args.wait),
    };
    let mut progress = output.progress();
    let started = start(&options, &file, &mut progress);
    drop(progress);
    match started {
        Ok(state) => {
            output.line(&format!("http://{}", state.http));
            output.document(&json!({ "http": state.http, "process": state.process, "data": state.data }));
            output.note("next: tally calc '((3+5)*(4/2))'    stop it with: tally down");
            Exit::Pass
        }
        Err(Refusal { exit, problem, help }) => {
            output.error(&problem, Some(&help));
            exit
        }
    }
}

/// Why there is no platform.
struct Refusal {
    exit: Exit,
    problem: String,
    help: String,
}

fn start(options: &Options, file: &StateFile, progress: &mut Progress) -> Result<State, Refusal> {
    let failed = |problem: String| Refusal {
        exit: Exit::Setup,
        problem,
        help: "`tally down` removes what was started; `tally doctor` looks at the machine".to_owned(),
    };
    let platform = Platform::start(options).map_err(|error| match &error {
        Error::MadeOtherwise { made, .. } => Refusal {
            exit: Exit::BadInput,
            problem: error.to_string(),
            help: ways_out(*made),
        },
        _ => failed(error.to_string()),
    })?;
    let state = platform.state().clone();
    file.write(&state)
        .map_err(|error| failed(format!("{}: {error}", file.path().display())))?;
    wait_until_ready(
        &Local(state.clone()),
        &options.platform,
        options.timeout,
        progress,
    )
    .map_err(failed)?;
    Ok(state)
}

/// What can be done about files of a platform of another kind.
fn ways_out(made: Option<MadeWith>) -> String {
    let back = made.map(|made| {
        let replicas = Some(made.replicas).filter(|&replicas| replicas > 0);
        let replicas = replicas.map_or_else(String::new, |replicas| format!(" --replicas {replicas}"));
        format!(
            "`tally up --protocol {} --suite {}{replicas}` brings it back with what it accepted; ",
            made.protocol, made.suite
        )
    });
    format!(
        "{}`tally down` removes it with what it accepted; TALLY_STATE_DIR names another place",
        back.unwrap_or_default()
    )
}

/// True if a supervisor answers there.
pub(crate) fn is_alive(supervisor: SocketAddr) -> bool {
    Operator::new(supervisor).is_ok_and(|mut operator| operator.status().is_ok())
}

pub(super) fn configured(args: &Up, output: &Output) -> Result<PlatformConfig, Exit> {
    let refuse = |message: String, help: &str| {
        output.error(&message, Some(help));
        Exit::BadInput
    };
    let protocol = Protocol::from_name(&args.protocol).ok_or_else(|| {
        refuse(
            format!("protocol `{}` is not there", args.protocol),
            "there are pbft, collect, vote and none",
        )
    })?;
    let suite = Suite::from_name(&args.suite).ok_or_else(|| {
        refuse(
            format!("suite `{}` is not there", args.suite),
            "there are modern and report",
        )
    })?;
    let sizes = protocol.sizes();
    let replicas = args.replicas.or_else(|| sizes.first().copied());
    if replicas.is_some_and(|replicas| !sizes.is_empty() && !sizes.contains(&replicas)) {
        return Err(refuse(
            format!("{protocol} has no sets of {} replicas", replicas.unwrap_or(0)),
            "use 4 or 7, with vote 3, 5 or 7",
        ));
    }
    Ok(PlatformConfig {
        protocol,
        suite,
        replicas: replicas.unwrap_or_default(),
        ..PlatformConfig::default()
    })
}
