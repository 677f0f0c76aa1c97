//! `hearth user …`: accounts of a server that is not running, straight in its data directory.

use hearth_base::Random;
use ruma::{OwnedUserId, ServerName, UserId};

use super::{CommandError, settings};
use crate::{
    cli::{UserArguments, UserCommand},
    data_dir::DataDir,
};

/// Why a command about accounts failed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The name is not one that an account of this server can have.
    #[error("`{0}` cannot be the name of an account here")]
    BadName(String),
    /// This version keeps no accounts.
    #[error("this version of hearth keeps no accounts")]
    NoAccounts,
}

/// Does what the command says, with the data directory to itself.
pub(super) fn run(command: UserCommand) -> Result<(), CommandError> {
    let (user, arguments) = match command {
        UserCommand::Create {
            user: UserArguments { user, settings },
            ..
        }
        | UserCommand::ResetPassword {
            user: UserArguments { user, settings },
            ..
        }
        | UserCommand::Deactivate {
            user: UserArguments { user, settings },
        } => (Some(user), settings),
        UserCommand::List { settings } => (None, settings),
    };
    let settings = settings(&arguments)?;
    if let Some(user) = user {
        user_id(&user, &settings.server_name)?;
    }
    DataDir::open(&settings.data_dir, &settings.server_name, &Random::system())?;
    Err(UserError::NoAccounts.into())
}

/// The account that `name`, with or without `@` and the server's name, stands for.
fn user_id(name: &str, server: &ServerName) -> Result<OwnedUserId, UserError> {
    let bad = || UserError::BadName(name.to_owned());
    let user = UserId::parse_with_server_name(name, server).map_err(|_| bad())?;
    if user.server_name() != server || user.validate_strict().is_err() {
        return Err(bad());
    }
    Ok(user)
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;

    #[test]
    fn a_name_is_a_local_part_or_a_whole_user_id() {
        let user_id = |name| user_id(name, server_name!("example.org"));
        assert_eq!(user_id("alice").unwrap(), "@alice:example.org");
        assert_eq!(user_id("@alice:example.org").unwrap(), "@alice:example.org");
        for bad in ["", "@alice:example.com", "al ice", "Älice"] {
            assert!(user_id(bad).is_err(), "{bad}");
        }
    }
}
