//! `roadcast-bridge`.

use std::process::ExitCode;

fn main() -> ExitCode {
    v2x_bridges::cli::main()
}
