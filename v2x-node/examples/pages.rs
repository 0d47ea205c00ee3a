//! Writes pages of the manual and completions of shells into a folder, as the parser of the command line has them.
//! `packaging/deb` puts them into a package; the program itself carries none of this.
//!
//! ```sh
//! cargo run -p v2x-node --example pages -- FOLDER      # roadcast.1, roadcast-run.1, ..., roadcast.bash, _roadcast, roadcast.fish
//! ```

use std::error::Error;
use std::path::Path;

use clap_complete::Shell;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder to write to")?;
    write(Path::new(&folder))
}

/// Writes them all.
pub fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    clap_mangen::generate_to(v2x_node::cli::command(), folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut v2x_node::cli::command(), "roadcast", folder)?;
    }
    Ok(())
}
