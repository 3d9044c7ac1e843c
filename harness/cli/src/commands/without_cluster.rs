//! `--target kind|kube` in a program that was built without Kubernetes: says how to get it.

use crate::args::{Down, Run, Status, Up};
use crate::exit::Exit;
use crate::output::Output;
use crate::run::Settings;

/// Refuses a target other than the local one.
fn refuse(target: &str, output: &Output) -> Exit {
    if !matches!(target, "kind" | "kube") {
        let help = "there are local, kind and kube; `tally run` also has sim";
        output.error(&format!("there is no target `{target}` for this"), Some(help));
        return Exit::BadInput;
    }
    let help = "build it in: cargo build --release --features cluster (wants protoc: install protobuf-compiler and libprotobuf-dev)";
    output.error(&format!("target `{target}` is not in this build"), Some(help));
    Exit::Environment
}

pub(super) fn up(args: &Up, output: &Output) -> Exit {
    refuse(&args.target, output)
}

pub(super) fn down(args: &Down, output: &Output) -> Exit {
    refuse(&args.target, output)
}

pub(super) fn status(args: &Status, output: &Output) -> Exit {
    refuse(&args.target, output)
}

pub(super) fn prepare(args: &Run, _settings: &mut Settings, output: &Output) -> Result<(), Exit> {
    Err(refuse(&args.target, output))
}
