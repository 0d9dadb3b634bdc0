//! The command line of a program of assets: a library call in the user's `main`.

mod asset;
mod backfill;
mod check;
mod completions;
mod config;
mod doctor;
mod front;
mod gc;
mod graph;
mod list;
mod logs;
mod materialize;
mod output;
mod partition_options;
mod partitions;
mod plan;
mod printed;
mod runs;
mod signals;
mod units;

use std::ffi::OsString;
use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind as ClapErrorKind;
use clap::{Parser, Subcommand};

pub use output::{KeptLines, LogLayer};

use printed::print;

use crate::error::{Error, ErrorKind};
use crate::event::Failure;
use crate::lakehouse::{BuildError, Lakehouse, LakehouseBuilder};
use crate::report::render_error;

/// Everything was done.
pub const EXIT_OK: u8 = 0;
/// At least one step failed.
pub const EXIT_STEP_FAILED: u8 = 1;
/// The command line or the selection is wrong.
pub const EXIT_USAGE: u8 = 2;
/// The definitions are wrong.
pub const EXIT_DEFINITIONS: u8 = 3;
/// The configuration is wrong, a store or the log cannot be used, another run has what is asked for, or standard output cannot be written.
pub const EXIT_STORE: u8 = 4;
/// The run was interrupted or canceled, or of a backfill there are runs left.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Data assets: look at them, check them, materialize them.
#[derive(Parser)]
#[command(version = env!("CARGO_PKG_VERSION"), arg_required_else_help = true, after_help = "Exit codes: 0 done, 1 a step failed, \
2 usage, selection or partition key, 3 definitions, 4 configuration, store, log or another run, 130 ended early.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        help = "The folder of the local stores [default: $LAKEWRIGHT_ROOT, else `root` of the configuration, else lakehouse]"
    )]
    root: Option<PathBuf>,
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "The configuration [default: $LAKEWRIGHT_CONFIG, else the nearest lakewright.toml from here upwards]"
    )]
    config: Option<PathBuf>,
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help = "The profile of the configuration [default: $LAKEWRIGHT_PROFILE, else what the file says]"
    )]
    profile: Option<String>,
    /// Set a field of an asset's configuration; may be given several times
    #[arg(long, global = true, value_name = "ASSET.FIELD=VALUE")]
    set: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Check all definitions without running or touching anything
    Check(check::Check),
    /// Ask every store whether it can be used, and whether the log says what it holds
    Doctor(doctor::Doctor),
    /// List the assets
    List(list::List),
    /// Show what is made from what
    Graph(graph::Graph),
    /// Compute assets and store them
    Materialize(materialize::Materialize),
    /// Show what a run would do, step by step, and why
    Plan(plan::Plan),
    /// Make many partitions, run by run, and look at how far that is
    #[command(subcommand)]
    Backfill(backfill::Backfill),
    /// Look at runs, stop them and go on with them
    #[command(subcommand)]
    Runs(runs::Runs),
    /// Show what the steps of a run wrote
    Logs(logs::Logs),
    /// Look at one asset, and look after what is stored of it
    #[command(subcommand)]
    Asset(asset::Asset),
    /// Look at partitions, and change dynamic sets of them
    #[command(subcommand)]
    Partitions(partitions::Partitions),
    /// Remove from the log what is old
    Gc(gc::Gc),
    /// Look at the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

/// How a command ends when it does not end well.
enum Ended {
    Definitions(BuildError),
    Error(Error),
}

impl From<BuildError> for Ended {
    fn from(error: BuildError) -> Self {
        Self::Definitions(error)
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// What every command gets.
struct Shell {
    builder: LakehouseBuilder,
    json: bool,
}

impl Shell {
    fn lakehouse(self) -> Result<Lakehouse, BuildError> {
        self.builder.build()
    }
}

/// A program of assets with its command line.
///
/// ```no_run
/// use lakewright::prelude::*;
///
/// fn main() -> std::process::ExitCode {
///     lakewright::cli::App::new(Lakehouse::builder().parallelism(4)).run()
/// }
/// ```
#[must_use = "nothing happens before `run`"]
pub struct App {
    builder: Box<dyn FnOnce(Option<PathBuf>) -> LakehouseBuilder>,
    bare: Vec<OsString>,
}

impl App {
    /// A command line over this lakehouse.
    pub fn new(builder: LakehouseBuilder) -> Self {
        Self::with(|root| match root {
            Some(root) => builder.root(root),
            None => builder,
        })
    }

    /// A command line over the lakehouse that this makes once the root is known, for stores that are configured by hand.
    /// The root is what `--root` says, if it is given.
    pub fn with(builder: impl FnOnce(Option<PathBuf>) -> LakehouseBuilder + 'static) -> Self {
        Self { builder: Box::new(builder), bare: Vec::new() }
    }

    /// What the program does without arguments, instead of showing its help.
    pub fn bare<S: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.bare = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// Does what the arguments of the process say.
    #[must_use]
    pub fn run(self) -> ExitCode {
        self.run_with(std::env::args_os())
    }

    /// Does what these arguments say, the first of which is the name of the program.
    #[must_use]
    pub fn run_with<S: Into<OsString> + Clone>(self, arguments: impl IntoIterator<Item = S>) -> ExitCode {
        let mut arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        if arguments.len() <= 1 {
            arguments.extend(self.bare);
        }
        let arguments = match Arguments::try_parse_from(arguments) {
            Ok(arguments) => arguments,
            Err(error) => {
                // Help and version are no errors. If a mistake cannot be told, nobody is left to tell that.
                let asked = matches!(error.kind(), ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion);
                let told = error.print();
                if !asked {
                    return ExitCode::from(EXIT_USAGE);
                }
                printed::note(told);
                return ExitCode::from(printed::settled(EXIT_OK));
            }
        };
        let mut builder = (self.builder)(arguments.root).configured();
        if let Some(file) = arguments.config {
            builder = builder.config_file(file);
        }
        if let Some(profile) = arguments.profile {
            builder = builder.profile(profile);
        }
        for assignment in &arguments.set {
            builder = builder.set(assignment);
        }
        let shell = Shell { builder, json: arguments.json };
        let json = shell.json;
        let ended = match arguments.command {
            Command::Check(command) => command.run(shell),
            Command::Doctor(command) => command.run(shell),
            Command::List(command) => command.run(shell),
            Command::Graph(command) => command.run(shell),
            Command::Materialize(command) => command.run(shell),
            Command::Plan(command) => command.run(shell),
            Command::Backfill(command) => command.run(shell),
            Command::Runs(command) => command.run(shell),
            Command::Logs(command) => command.run(shell),
            Command::Asset(command) => command.run(shell),
            Command::Partitions(command) => command.run(shell),
            Command::Gc(command) => command.run(shell),
            Command::Config(command) => command.run(&shell),
            Command::Completions(command) => Ok(command.run()),
        };
        ExitCode::from(printed::settled(ended.unwrap_or_else(|ended| tell(ended, json))))
    }
}

/// The whole `main` of a program of assets: `lakewright::main!();`, or with a builder in the parentheses.
#[macro_export]
macro_rules! main {
    () => {
        $crate::main!($crate::Lakehouse::builder());
    };
    ($builder:expr) => {
        fn main() -> ::std::process::ExitCode {
            $crate::cli::App::new($builder).run()
        }
    };
}

/// Says what went wrong and with which exit code.
fn tell(ended: Ended, json: bool) -> u8 {
    let (errors, code) = match ended {
        Ended::Definitions(errors) => {
            let errors = errors.into_errors();
            let only_configuration = errors.iter().all(|error| error.kind() == ErrorKind::Config);
            (errors, if only_configuration { EXIT_STORE } else { EXIT_DEFINITIONS })
        }
        Ended::Error(error) => {
            let code = exit_code(&error);
            (vec![error], code)
        }
    };
    if json {
        let failures: Vec<Failure> = errors.iter().map(Failure::from).collect();
        print_json(&serde_json::json!({ "v": 1, "errors": failures }));
    } else {
        let fancy = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        for error in &errors {
            complain(render_error(error, fancy).trim_end());
        }
        if errors.len() > 1 {
            complain(&format!("{} mistakes", errors.len()));
        }
    }
    code
}

fn exit_code(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Selection | ErrorKind::External | ErrorKind::PartitionKey => EXIT_USAGE,
        ErrorKind::Interrupted | ErrorKind::Canceled => EXIT_INTERRUPTED,
        kind if kind.is_definition() => EXIT_DEFINITIONS,
        _ => EXIT_STORE,
    }
}

/// Several selections on one command line select what any of them does; none selects everything. One is as it was written, for what is
/// said of it.
fn joined(selections: &[String]) -> Result<String, Error> {
    if selections.iter().any(|one| one.trim().is_empty()) {
        let help = "leave it out to select everything, or name something: `iris_cleaned+`";
        return Err(Error::new(ErrorKind::Selection, "the selection is empty").help(help));
    }
    Ok(match selections {
        [] => "*".to_owned(),
        [one] => one.clone(),
        several => several.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" or "),
    })
}

/// Refuses rows for a person in a document for a program, which would only be left out.
fn check_preview(preview: bool, json: bool) -> Result<(), Error> {
    if !(preview && json) {
        return Ok(());
    }
    let message = "`--preview` shows rows to a person, and `--json` writes a document for a program";
    Err(Error::new(ErrorKind::Selection, message).help("leave one of them out, or ask `asset preview` for the rows"))
}

fn print_json(json: &serde_json::Value) {
    print(&format!("{json:#}"));
}

fn complain(text: &str) {
    drop(writeln!(stderr(), "{text}"));
}
