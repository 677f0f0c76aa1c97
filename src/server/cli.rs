//! What can be typed after `hearth`.

use clap::{Args, Parser, Subcommand};

use crate::config::SettingsArguments;

/// Hearth, a Matrix homeserver
#[derive(Debug, Parser)]
#[command(name = "hearth", version, arg_required_else_help = true)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server until SIGTERM or SIGINT
    Serve(SettingsArguments),
    /// Look at settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manage accounts of a server that is not running
    #[command(subcommand)]
    User(UserCommand),
    /// Manage the index of messages
    #[command(subcommand)]
    Search(SearchCommand),
    /// Print the version
    Version,
}

/// `hearth config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read the settings as `serve` would, and say what is wrong with them
    Check(SettingsArguments),
    /// Print a configuration file with every setting and its default
    Example,
}

/// `hearth user …`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make an account; prints the password when it makes one up
    Create {
        /// The account.
        #[command(flatten)]
        user: UserArguments,
        /// Let the account administer the server
        #[arg(long)]
        admin: bool,
        /// Read the password from standard input instead of making one up
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give an account a new password and log it out everywhere
    ResetPassword {
        /// The account.
        #[command(flatten)]
        user: UserArguments,
        /// Read the password from standard input instead of making one up
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let somebody at an OpenID Connect provider log in to an account
    Link {
        /// The account.
        #[command(flatten)]
        user: UserArguments,
        /// What the provider calls itself, to the letter
        #[arg(long)]
        issuer: String,
        /// What the provider calls the person, to the letter: the claim `sub`
        #[arg(long)]
        subject: String,
    },
    /// Log an account out everywhere and never let it in again
    Deactivate {
        /// The account.
        #[command(flatten)]
        user: UserArguments,
    },
    /// Print every account, one a line
    List {
        /// The server.
        #[command(flatten)]
        settings: SettingsArguments,
    },
}

/// `hearth search …`
#[derive(Debug, Subcommand)]
pub enum SearchCommand {
    /// Make the index again, from what the server has. If the server is running, it does that
    /// itself, goes on serving, and finds meanwhile what is there already
    Reindex(SettingsArguments),
}

/// An account of the server that the settings describe.
#[derive(Debug, Args)]
pub struct UserArguments {
    /// Name of the account: `alice` or `@alice:example.org`
    pub user: String,
    /// The server.
    #[command(flatten)]
    pub settings: SettingsArguments,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
