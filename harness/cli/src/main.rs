//! The `tally` binary: everything is in the library, so that benches can be the same program.

fn main() -> std::process::ExitCode {
    tally::main()
}
