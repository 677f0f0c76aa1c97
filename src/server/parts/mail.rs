//! Letters to people, from the settings.

use std::{path::Path, time::Duration};

use hearth_accounts::AccountMail;
use hearth_base::{Clock, Random, Secret};
use hearth_mail::{Login, Mail, MailError, Tls};

use crate::config::{MailTls, Settings};

/// What sends letters; none without a server that takes them.
///
/// # Errors
/// The settings lack something, or a file that they name cannot be read.
pub(super) fn open_mail(
    settings: &Settings,
    clock: &Clock,
    random: &Random,
) -> Result<Option<Mail>, MailError> {
    let mail = &settings.mail;
    let Some(server) = mail.server.clone() else {
        return Ok(None);
    };
    let missing = |key: &str| MailError::Settings(format!("mail.server needs mail.{key} too"));
    let login = match &mail.username {
        None => None,
        Some(username) => {
            let password = password(settings)?.ok_or_else(|| missing("password"))?;
            Some(Login { username: username.clone(), password })
        }
    };
    let files = settings.federation.trusted_ca_files.iter();
    let sending = hearth_mail::Settings {
        server,
        port: mail.port,
        tls: match mail.tls {
            MailTls::None => Tls::None,
            MailTls::Starttls => Tls::StartTls,
            MailTls::Implicit => Tls::Implicit,
        },
        login,
        from: mail.from.clone().ok_or_else(|| missing("from"))?,
        timeout: Duration::from_secs(mail.timeout_seconds),
        trusted_authorities: files.map(|path| read(path)).collect::<Result<_, _>>()?,
    };
    Mail::new(sending, clock.clone(), random.clone()).map(Some)
}

/// What sends letters of accounts. Their links lead to the address that clients know.
pub(super) fn account_mail(settings: &Settings, mail: &Mail) -> AccountMail {
    let server_name = settings.server_name.to_string();
    let known = settings.well_known.client_base_url.as_ref().map(ToString::to_string);
    let base_url = known.unwrap_or_else(|| format!("https://{server_name}"));
    let base_url = base_url.trim_end_matches('/').to_owned();
    AccountMail { mail: mail.clone(), server_name, base_url }
}

fn password(settings: &Settings) -> Result<Option<Secret>, MailError> {
    match &settings.mail.password_file {
        Some(path) => Ok(Some(Secret::new(read(path)?.trim_end_matches(['\r', '\n'])))),
        None => Ok(settings.mail.password.clone()),
    }
}

fn read(path: &Path) -> Result<String, MailError> {
    let unreadable = |error| MailError::Settings(format!("{}: {error}", path.display()));
    std::fs::read_to_string(path).map_err(unreadable)
}
