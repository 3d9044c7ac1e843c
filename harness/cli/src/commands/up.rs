//! `tally up`: a platform that stays.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use tally_local::{Operator, Options, Platform, StateFile};
use tally_model::{PlatformConfig, Protocol, Suite};

use crate::args::Up;
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{Local, wait_until_ready};

/// Starts the supervisor as a daemon and waits until the platform answers.
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
    let started = Platform::start(&options)
        .map_err(|error| error.to_string())
        .and_then(|platform| {
            file.write(platform.state())
                .map_err(|error| format!("{}: {error}", file.path().display()))?;
            wait_until_ready(
                &Local(platform.state().clone()),
                &options.platform,
                options.timeout,
                &mut progress,
            )?;
            Ok(platform.state().clone())
        });
    drop(progress);
    match started {
        Ok(state) => {
            output.line(&format!("http://{}", state.http));
            output.document(&json!({ "http": state.http, "process": state.process, "data": state.data }));
            output.note("next: tally calc '((3+5)*(4/2))'    stop it with: tally down");
            Exit::Pass
        }
        Err(problem) => {
            output.error(
                &problem,
                Some("`tally down` removes what was started; `tally doctor` looks at the machine"),
            );
            Exit::Setup
        }
    }
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
