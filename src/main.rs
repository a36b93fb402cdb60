//! The `vouchsafe` program: arguments in, an exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    vouchsafe::cli::main()
}
