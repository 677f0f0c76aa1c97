//! The handle, and the delivery of one letter.

use std::sync::Arc;

use hearth_base::{Clock, Random};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls as LettreTls, TlsParameters},
        extension::ClientId,
    },
};
use tokio::sync::Semaphore;

use crate::{Letter, MailError, Settings, Tls};

/// Most letters that are handed in at once; the others wait.
const CONCURRENT_LETTERS_MAX: usize = 8;

/// Sends letters. Cheap to clone.
#[derive(Clone)]
pub struct Mail(Arc<Inner>);

struct Inner {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    settings: Settings,
    permits: Semaphore,
    clock: Clock,
    random: Random,
}

impl Mail {
    /// The SMTP server of the settings; nothing connects to it before there is a letter.
    ///
    /// # Errors
    /// [`MailError::Settings`] if the sender is no address or an authority no certificate.
    pub fn new(settings: Settings, clock: Clock, random: Random) -> Result<Self, MailError> {
        let from: Mailbox = settings
            .from
            .parse()
            .map_err(|error| MailError::Settings(format!("the sender: {error}")))?;
        let mut transport =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.server.as_str())
                .port(settings.port())
                .tls(tls(&settings)?)
                .timeout(Some(settings.timeout))
                .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if let Some(login) = &settings.login {
            let password = login.password.expose().to_owned();
            transport = transport.credentials(Credentials::new(login.username.clone(), password));
        }
        Ok(Self(Arc::new(Inner {
            transport: transport.build(),
            from,
            settings,
            permits: Semaphore::new(CONCURRENT_LETTERS_MAX),
            clock,
            random,
        })))
    }

    /// Hands a letter in, and waits until the SMTP server has taken it.
    ///
    /// # Errors
    /// [`MailError::Refused`] where trying again is of no use, [`MailError::Unavailable`] where it
    /// may be.
    pub async fn send(&self, letter: Letter<'_>) -> Result<(), MailError> {
        let Inner { transport, from, settings, permits, clock, random } = &*self.0;
        let message = letter.write(from, clock, random)?;
        let closed = |_| MailError::Unavailable("the server ends".to_owned());
        let late = |_| MailError::Unavailable("it took too long".to_owned());
        let _permit = permits.acquire().await.map_err(closed)?;
        tokio::time::timeout(settings.timeout, transport.send(message)).await.map_err(late)??;
        Ok(())
    }
}

fn tls(settings: &Settings) -> Result<LettreTls, MailError> {
    let parameters = || {
        let mut builder = TlsParameters::builder(settings.server.clone());
        for authority in &settings.trusted_authorities {
            builder = builder.add_root_certificate(Certificate::from_pem(authority.as_bytes())?);
        }
        builder.build()
    };
    let unusable =
        |error: lettre::transport::smtp::Error| MailError::Settings(format!("TLS: {error}"));
    Ok(match settings.tls {
        Tls::None => LettreTls::None,
        Tls::StartTls => LettreTls::Required(parameters().map_err(unusable)?),
        Tls::Implicit => LettreTls::Wrapper(parameters().map_err(unusable)?),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings() -> Settings {
        Settings {
            server: "127.0.0.1".to_owned(),
            port: Some(1),
            tls: Tls::None,
            login: None,
            from: "Hearth <noreply@example.org>".to_owned(),
            timeout: Duration::from_secs(5),
            trusted_authorities: Vec::new(),
        }
    }

    fn mail(settings: Settings) -> Result<Mail, MailError> {
        Mail::new(settings, Clock::manual(0), Random::seeded(1))
    }

    #[tokio::test]
    async fn a_server_that_is_away_may_come_back() {
        let to = "bob@example.com".parse().unwrap();
        let letter = Letter { to: &to, subject: "Hello", plain: "words", html: None };
        let failed = mail(settings()).unwrap().send(letter).await;
        assert!(matches!(failed, Err(MailError::Unavailable(_))), "{failed:?}");
    }

    #[tokio::test]
    async fn settings_are_checked_at_the_start() {
        for from in ["", "nobody", "a@b\r\nBcc: eve@example.org"] {
            let bad = mail(Settings { from: from.to_owned(), ..settings() });
            assert!(matches!(bad, Err(MailError::Settings(_))), "{from:?}");
        }
        for tls in [Tls::StartTls, Tls::Implicit] {
            assert!(mail(Settings { tls, ..settings() }).is_ok());
        }
        let ports = [Tls::None, Tls::StartTls, Tls::Implicit]
            .map(|tls| Settings { tls, port: None, ..settings() }.port());
        assert_eq!(ports, [25, 587, 465]);
    }
}
