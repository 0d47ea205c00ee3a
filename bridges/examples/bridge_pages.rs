//! Writes pages of the manual and completions of shells into a folder, as the parser of the command line has them.
//! `packaging/deb-bridge` puts them into a package; the program itself carries none of this.
//!
//! ```sh
//! cargo run -p v2x-bridges --example bridge_pages -- FOLDER      # roadcast-bridge.1, roadcast-bridge-run.1, ..., completions
//! ```

use std::error::Error;

use clap_complete::Shell;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder to write to")?;
    clap_mangen::generate_to(v2x_bridges::cli::command(), &folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut v2x_bridges::cli::command(), "roadcast-bridge", &folder)?;
    }
    Ok(())
}
