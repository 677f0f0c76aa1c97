//! What the commands do. Each prints its result to standard output; errors go up to `main`.

mod search;
mod serve;
mod user;

use std::io;

use crate::{
    cli::{Command, CommandLine, ConfigCommand, SearchCommand},
    config::{self, ConfigError, Settings, SettingsArguments},
    data_dir::DataDirError,
    listeners::ListenError,
    logging::LogError,
    metrics::MetricsError,
    wiring::WiringError,
};

pub use user::UserError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
#[allow(missing_docs, reason = "each variant is another module's error")]
pub enum CommandError {
    Config(#[from] ConfigError),
    DataDir(#[from] DataDirError),
    Io(#[from] io::Error),
    Listen(#[from] ListenError),
    Log(#[from] LogError),
    Metrics(#[from] MetricsError),
    User(#[from] UserError),
    Wiring(#[from] WiringError),
}

/// Does what the command line says.
///
/// # Errors
/// See [`CommandError`].
pub fn run(command_line: CommandLine) -> Result<(), CommandError> {
    match command_line.command {
        Command::Serve(arguments) => serve::serve(settings(&arguments)?),
        Command::Config(ConfigCommand::Check(arguments)) => {
            println!("The settings of {} are good.", settings(&arguments)?.server_name);
            Ok(())
        }
        Command::Config(ConfigCommand::Example) => {
            print!("{}", config::EXAMPLE);
            Ok(())
        }
        Command::User(command) => user::run(command),
        Command::Search(SearchCommand::Reindex(arguments)) => {
            search::reindex(&settings(&arguments)?)
        }
        Command::Version => {
            println!("hearth {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    }
}

/// The settings of this process. A variable that is not Unicode is none of ours.
fn settings(arguments: &SettingsArguments) -> Result<Settings, ConfigError> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    config::load(arguments, variables)
}
