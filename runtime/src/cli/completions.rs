//! `completions`: a script for the user's shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, EXIT_OK, print};

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_long_help = "Examples:
  completions bash > ~/.local/share/bash-completion/completions/PROGRAM
  completions zsh > ~/.zfunc/_PROGRAM")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> u8 {
        let mut command = Arguments::command();
        let name = std::env::args_os()
            .next()
            .and_then(|path| std::path::Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned()));
        let name = name.unwrap_or_else(|| command.get_name().to_owned());
        // Whatever it is given, the generator panics where that cannot be written.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        print(String::from_utf8_lossy(&script).trim_end());
        EXIT_OK
    }
}
