//! `config show`: what is configured, from where, and without its secrets.

use clap::Subcommand;

use super::{EXIT_OK, Ended, Shell, print, print_json};

/// Look at the configuration
#[derive(Subcommand)]
pub(super) enum Config {
    /// Print what the file, the profile and the environment come to, without secrets
    #[command(after_long_help = "Examples:
  config show
  config show --profile prod --json")]
    Show,
}

impl Config {
    pub(super) fn run(self, shell: &Shell) -> Result<u8, Ended> {
        let Self::Show = self;
        let configuration = shell.builder.configuration()?;
        match (shell.json, configuration) {
            (true, Some(configuration)) => {
                print_json(&serde_json::json!({ "v": 1, "configuration": configuration.to_json() }));
            }
            (true, None) => print_json(&serde_json::json!({ "v": 1, "configuration": null })),
            (false, Some(configuration)) => print(configuration.to_string().trim_end()),
            (false, None) => print("# no configuration"),
        }
        Ok(EXIT_OK)
    }
}
