//! `action-runner`: see `--help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    action_runner::cli::main()
}
