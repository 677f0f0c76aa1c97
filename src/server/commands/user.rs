//! `hearth user …`: accounts of a server that is not running, straight in its data directory.

use std::io::BufRead;

use hearth_accounts::{Accounts, AccountsError, ExternalId, NewUser};
use hearth_base::{Clock, Random};
use hearth_store::Store;
use ruma::{OwnedUserId, ServerName, UserId};

use super::{CommandError, settings};
use crate::{
    cli::{UserArguments, UserCommand},
    config::Settings,
    data_dir::DataDir,
    parts::{open_accounts, open_store},
    wiring::WiringError,
};

/// Length of a password that is made up, about 6 bits a character.
const PASSWORD_CHARACTERS: usize = 20;
/// How many accounts are read at once for the list.
const LIST_PAGE: usize = 500;

/// Why a command about accounts failed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The name is not one that an account of this server can have.
    #[error("`{0}` cannot be the name of an account here")]
    BadName(String),
    /// There is no password on standard input.
    #[error("standard input has no password")]
    NoPassword,
    /// The accounts refuse it.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
}

/// Does what the command says, with the data directory to itself.
pub(super) fn run(command: UserCommand) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run_async(command))
}

async fn run_async(command: UserCommand) -> Result<(), CommandError> {
    let settings = match &command {
        UserCommand::Create { user, .. }
        | UserCommand::ResetPassword { user, .. }
        | UserCommand::Link { user, .. }
        | UserCommand::Deactivate { user } => settings(&user.settings)?,
        UserCommand::List { settings: arguments } => settings(arguments)?,
    };
    let random = Random::system();
    let data_dir = DataDir::open(&settings.data_dir, &settings.server_name, &random)?;
    let store = open_store(&settings, &data_dir).await?;
    let accounts = open_accounts(&settings, &store, &Clock::system(), &random, None)?;
    let done = carry_out(command, &settings, &accounts, &random).await;
    close(&store).await?;
    done
}

async fn carry_out(
    command: UserCommand,
    settings: &Settings,
    accounts: &Accounts,
    random: &Random,
) -> Result<(), CommandError> {
    let named = |user: &UserArguments| user_id(&user.user, &settings.server_name);
    match command {
        UserCommand::Create { user, admin, password_stdin } => {
            let user_id = named(&user)?;
            let password = password(password_stdin, random)?;
            let new =
                NewUser { password: Some(password.text()), is_admin: admin, ..NewUser::default() };
            accounts.create_user(&user_id, new).await.map_err(UserError::from)?;
            println!("created {user_id}");
            password.tell();
        }
        UserCommand::ResetPassword { user, password_stdin } => {
            let user_id = named(&user)?;
            let password = password(password_stdin, random)?;
            accounts.set_password(&user_id, password.text()).await.map_err(UserError::from)?;
            accounts.close_all_sessions(&user_id).await.map_err(UserError::from)?;
            println!("{user_id} has a new password and is logged out everywhere");
            password.tell();
        }
        UserCommand::Link { user, issuer, subject } => {
            let user_id = named(&user)?;
            let id = ExternalId { issuer, subject };
            accounts.link_external_id(&user_id, &id).await.map_err(UserError::from)?;
            println!("{} of {} may log in as {user_id}", id.subject, id.issuer);
        }
        UserCommand::Deactivate { user } => {
            let user_id = named(&user)?;
            accounts.deactivate(&user_id, false).await.map_err(UserError::from)?;
            println!("deactivated {user_id}");
        }
        UserCommand::List { .. } => list(accounts).await?,
    }
    Ok(())
}

async fn list(accounts: &Accounts) -> Result<(), UserError> {
    let mut after: Option<OwnedUserId> = None;
    loop {
        let page = accounts.list_users(after.as_deref(), LIST_PAGE).await?;
        for (user_id, user) in &page {
            let marks = [
                (user.is_admin, " admin"),
                (user.is_guest, " guest"),
                (user.is_deactivated, " deactivated"),
            ];
            let marks: String =
                marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect();
            println!("{user_id}{marks}");
        }
        match page.last() {
            Some((last, _)) if page.len() == LIST_PAGE => after = Some(last.clone()),
            _ => return Ok(()),
        }
    }
}

async fn close(store: &Store) -> Result<(), WiringError> {
    Ok(store.close().await?)
}

/// A password, and whether the person who runs the command knows it already.
enum Password {
    Given(String),
    MadeUp(String),
}

impl Password {
    fn text(&self) -> &str {
        let (Self::Given(text) | Self::MadeUp(text)) = self;
        text
    }

    fn tell(&self) {
        if let Self::MadeUp(text) = self {
            println!("password: {text}");
        }
    }
}

fn password(from_stdin: bool, random: &Random) -> Result<Password, CommandError> {
    if !from_stdin {
        return Ok(Password::MadeUp(random.alphanumeric(PASSWORD_CHARACTERS)));
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let text = line.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(UserError::NoPassword.into());
    }
    Ok(Password::Given(text.to_owned()))
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
