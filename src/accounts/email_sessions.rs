//! Sessions in which somebody proves that an e-mail address is theirs: a letter with a link whose
//! token comes back.
//!
//! Whether an address belongs to an account is never told to whoever asks: they get a session in
//! any case, and the letter says the rest to whoever reads the mailbox. Sessions are kept in memory
//! for a while, like those of user-interactive authentication that they serve.

use std::time::Duration;

use hearth_base::{
    Clock, Expiring,
    limits::{EMAIL_SESSIONS_MAX, EMAIL_TOKEN_ATTEMPTS_MAX, EMAILS_PER_SESSION_MAX},
};
use hearth_mail::EmailAddress;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

use crate::{Accounts, AccountsError, email_letters::Occasion};

/// How long a session waits for its proof, and then for its use.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
const SESSION_ID_LENGTH: usize = 32;
const TOKEN_LENGTH: usize = 43;
const NEXT_LINK_BYTES_MAX: usize = 2_000;

/// What an address is proven for. A proof is good for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailPurpose {
    /// To register an account.
    Register,
    /// To add it to an account.
    Add,
    /// To set a new password.
    ResetPassword,
}

/// An address that somebody has proven to be theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenEmail {
    /// The address.
    pub address: EmailAddress,
    /// What it was proven for.
    pub purpose: EmailPurpose,
    /// When, in Unix milliseconds.
    pub validated_ms: u64,
}

impl ProvenEmail {
    /// The address, if it was proven for this purpose.
    ///
    /// # Errors
    /// [`AccountsError::Forbidden`] if it was proven for another.
    pub fn meant_for(self, purpose: EmailPurpose) -> Result<Self, AccountsError> {
        if self.purpose == purpose {
            Ok(self)
        } else {
            Err(AccountsError::forbidden("the address was confirmed for another purpose"))
        }
    }
}

/// Somebody wants to prove an address.
#[derive(Clone, Copy, Debug)]
pub struct EmailTokenRequest<'a> {
    /// What for.
    pub purpose: EmailPurpose,
    /// The address.
    pub address: &'a str,
    /// What protects the session: only who knows it can use the proof.
    pub client_secret: &'a str,
    /// A higher number than before asks for another letter.
    pub send_attempt: u64,
    /// Where the person goes on afterwards: a web address.
    pub next_link: Option<&'a str>,
}

/// What became of a token that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailTokenOutcome {
    /// The address is proven.
    Validated {
        /// Where the person goes on.
        next_link: Option<String>,
    },
    /// The session does not exist (any more), or the token is another.
    Refused,
}

struct EmailSession {
    purpose: EmailPurpose,
    address: EmailAddress,
    client_secret: String,
    send_attempt: u64,
    letters: u32,
    token: String,
    attempts_left: u32,
    next_link: Option<String>,
    validated_ms: Option<u64>,
}

pub(crate) struct EmailSessions {
    sessions: Expiring<EmailSession>,
    /// Hash of purpose, secret and address → the session, so that a repeated request finds it.
    by_request: Expiring<String>,
}

impl EmailSessions {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self {
            sessions: Expiring::new(clock.clone(), LIFETIME, EMAIL_SESSIONS_MAX),
            by_request: Expiring::new(clock.clone(), LIFETIME, EMAIL_SESSIONS_MAX),
        }
    }
}

impl Accounts {
    /// Whether this server sends letters.
    #[must_use]
    pub fn sends_mail(&self) -> bool {
        self.0.settings.mail.is_some()
    }

    /// Sends a letter with a token, unless this attempt was answered before, and returns the id of
    /// the session.
    ///
    /// # Errors
    /// [`AccountsError::NoMail`] if there is no mail server, [`AccountsError::Mail`] if it does
    /// not take the letter, [`AccountsError::TooManyLetters`] after too many of them,
    /// [`AccountsError::Invalid`] if the address or the next link is none.
    pub async fn request_email_token(
        &self,
        request: EmailTokenRequest<'_>,
    ) -> Result<String, AccountsError> {
        let mail = self.0.settings.mail.as_ref().ok_or(AccountsError::NoMail)?;
        let not_one = |_| AccountsError::invalid("not an e-mail address");
        let address: EmailAddress = request.address.parse().map_err(not_one)?;
        request.next_link.map(check_next_link).transpose()?;
        let (session, token) = self.email_session(&request, &address)?;
        let Some(token) = token else {
            return Ok(session);
        };
        let owner = self.user_of_email(&address).await?;
        let occasion = Occasion::new(request.purpose, owner.is_some());
        if let Err(error) = mail.send_token(occasion, &address, &session, &token).await {
            // The same attempt may be made again.
            self.0.email_sessions.sessions.take(&session);
            return Err(error);
        }
        Ok(session)
    }

    /// Takes a token that came back from a letter. After too many wrong ones the session ends.
    #[must_use]
    pub fn submit_email_token(&self, session: &str, token: &str) -> EmailTokenOutcome {
        let sessions = &self.0.email_sessions.sessions;
        let now_ms = self.0.clock.now_ms();
        let outcome = sessions.with(session, |found| {
            if !bool::from(found.token.as_bytes().ct_eq(token.as_bytes())) {
                found.attempts_left = found.attempts_left.saturating_sub(1);
                return Err(found.attempts_left);
            }
            found.validated_ms.get_or_insert(now_ms);
            Ok(found.next_link.clone())
        });
        match outcome {
            Some(Ok(next_link)) => EmailTokenOutcome::Validated { next_link },
            Some(Err(0)) => {
                sessions.take(session);
                EmailTokenOutcome::Refused
            }
            _ => EmailTokenOutcome::Refused,
        }
    }

    /// What a session has proven, which ends it; `None` while it has not, or if the secret is
    /// another.
    #[must_use]
    pub fn take_proven_email(&self, session: &str, client_secret: &str) -> Option<ProvenEmail> {
        let sessions = &self.0.email_sessions.sessions;
        let proven = sessions.with(session, |found| {
            let same = found.client_secret.as_bytes().ct_eq(client_secret.as_bytes());
            let validated_ms = found.validated_ms.filter(|_| bool::from(same));
            validated_ms.map(|validated_ms| ProvenEmail {
                address: found.address.clone(),
                purpose: found.purpose,
                validated_ms,
            })
        });
        let proven = proven.flatten()?;
        // Of two requests that use one proof only one goes ahead.
        sessions.take(session).map(|_| proven)
    }

    /// The session of a request, and its token if a letter has to be sent.
    fn email_session(
        &self,
        request: &EmailTokenRequest<'_>,
        address: &EmailAddress,
    ) -> Result<(String, Option<String>), AccountsError> {
        let EmailSessions { sessions, by_request } = &self.0.email_sessions;
        let name = name_of(request, address);
        if let Some(id) = by_request.with(&name, |id| id.clone())
            && let Some(token) = sessions.with(&id, |session| session.next_letter(request))
        {
            return Ok((id, token?));
        }
        let id = self.0.random.alphanumeric(SESSION_ID_LENGTH);
        let token = self.0.random.alphanumeric(TOKEN_LENGTH);
        let session = EmailSession {
            purpose: request.purpose,
            address: address.clone(),
            client_secret: request.client_secret.to_owned(),
            send_attempt: request.send_attempt,
            letters: 1,
            token: token.clone(),
            attempts_left: EMAIL_TOKEN_ATTEMPTS_MAX,
            next_link: request.next_link.map(str::to_owned),
            validated_ms: None,
        };
        sessions.insert(id.clone(), session);
        by_request.insert(name, id.clone());
        Ok((id, Some(token)))
    }
}

impl EmailSession {
    /// The token for another letter; none if the request only repeats what was answered.
    fn next_letter(
        &mut self,
        request: &EmailTokenRequest<'_>,
    ) -> Result<Option<String>, AccountsError> {
        if request.send_attempt <= self.send_attempt {
            return Ok(None);
        }
        if self.letters >= EMAILS_PER_SESSION_MAX {
            return Err(AccountsError::TooManyLetters);
        }
        self.letters += 1;
        self.send_attempt = request.send_attempt;
        self.next_link = request.next_link.map(str::to_owned);
        Ok(Some(self.token.clone()))
    }
}

/// Refuses what is no address of a web page: the person will be shown it as a link.
fn check_next_link(link: &str) -> Result<(), AccountsError> {
    let is_web = |url: &Url| ["http", "https"].contains(&url.scheme()) && url.has_host();
    let plain = |url: &Url| url.username().is_empty() && url.password().is_none();
    match Url::parse(link) {
        Ok(url) if is_web(&url) && plain(&url) && link.len() <= NEXT_LINK_BYTES_MAX => Ok(()),
        _ => Err(AccountsError::invalid("next_link is not the address of a web page")),
    }
}

fn name_of(request: &EmailTokenRequest<'_>, address: &EmailAddress) -> String {
    let purpose = match request.purpose {
        EmailPurpose::Register => "register",
        EmailPurpose::Add => "add",
        EmailPurpose::ResetPassword => "password",
    };
    let mut hasher = Sha256::new();
    for part in [purpose, request.client_secret, address.as_str()] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fixture, fixture, fixture_with, settings};

    const SECRET: &str = "client.secret";

    fn request(send_attempt: u64) -> EmailTokenRequest<'static> {
        EmailTokenRequest {
            purpose: EmailPurpose::Add,
            address: "a@example.com",
            client_secret: SECRET,
            send_attempt,
            next_link: Some("https://app.example.org/"),
        }
    }

    fn ask(
        fixture: &Fixture,
        request: &EmailTokenRequest<'_>,
    ) -> Result<(String, Option<String>), AccountsError> {
        fixture.accounts.email_session(request, &request.address.parse().unwrap())
    }

    fn opened(fixture: &Fixture) -> (String, String) {
        let (id, token) = ask(fixture, &request(1)).unwrap();
        (id, token.unwrap())
    }

    fn take(fixture: &Fixture, id: &str, secret: &str) -> Option<ProvenEmail> {
        fixture.accounts.take_proven_email(id, secret)
    }

    #[tokio::test]
    async fn a_token_proves_the_address_once() {
        let fixture = fixture();
        let (id, token) = opened(&fixture);
        assert_eq!(take(&fixture, &id, SECRET), None, "not proven yet");
        let next_link = Some("https://app.example.org/".to_owned());
        let done = fixture.accounts.submit_email_token(&id, &token);
        assert_eq!(done, EmailTokenOutcome::Validated { next_link });
        assert_eq!(take(&fixture, &id, "another"), None);
        let proven = take(&fixture, &id, SECRET).unwrap();
        assert_eq!(proven.address.as_str(), "a@example.com");
        assert!(proven.clone().meant_for(EmailPurpose::ResetPassword).is_err());
        assert!(proven.meant_for(EmailPurpose::Add).is_ok());
        assert_eq!(take(&fixture, &id, SECRET), None);
    }

    #[tokio::test]
    async fn a_repeated_attempt_sends_no_letter_and_letters_are_bounded() {
        let fixture = fixture();
        let (id, token) = opened(&fixture);
        for attempt in [1, 0] {
            let again = ask(&fixture, &request(attempt)).unwrap();
            assert_eq!(again, (id.clone(), None));
        }
        for attempt in 2..=u64::from(EMAILS_PER_SESSION_MAX) {
            let again = ask(&fixture, &request(attempt)).unwrap();
            assert_eq!(again, (id.clone(), Some(token.clone())));
        }
        let more = ask(&fixture, &request(1_000));
        assert!(matches!(more, Err(AccountsError::TooManyLetters)));
        let other = EmailTokenRequest { client_secret: "other", ..request(1) };
        assert_ne!(ask(&fixture, &other).unwrap().0, id);
    }

    #[tokio::test]
    async fn guessing_ends_the_session() {
        let fixture = fixture();
        let (id, token) = opened(&fixture);
        for _ in 0..EMAIL_TOKEN_ATTEMPTS_MAX {
            let wrong = fixture.accounts.submit_email_token(&id, "guess");
            assert_eq!(wrong, EmailTokenOutcome::Refused);
        }
        let late = fixture.accounts.submit_email_token(&id, &token);
        assert_eq!(late, EmailTokenOutcome::Refused);
    }

    #[tokio::test]
    async fn a_session_expires() {
        let fixture = fixture();
        let (id, token) = opened(&fixture);
        fixture.clock.advance(LIFETIME);
        let late = fixture.accounts.submit_email_token(&id, &token);
        assert_eq!(late, EmailTokenOutcome::Refused);
        assert_eq!(take(&fixture, &id, SECRET), None);
    }

    #[tokio::test]
    async fn without_a_mail_server_there_is_no_session() {
        let refused = fixture().accounts.request_email_token(request(1)).await;
        assert!(matches!(refused, Err(AccountsError::NoMail)));
    }

    #[tokio::test]
    async fn a_letter_that_was_not_taken_may_be_asked_for_again() {
        let server = hearth_mail::Settings {
            server: "127.0.0.1".to_owned(),
            port: Some(1),
            tls: hearth_mail::Tls::None,
            login: None,
            from: "noreply@example.org".to_owned(),
            timeout: Duration::from_secs(5),
            trusted_authorities: Vec::new(),
        };
        let clock = Clock::manual(0);
        let mail = crate::AccountMail {
            mail: hearth_mail::Mail::new(server, clock, hearth_base::Random::seeded(1)).unwrap(),
            server_name: "example.org".to_owned(),
            base_url: "https://example.org".to_owned(),
        };
        let fixture = fixture_with(crate::Settings { mail: Some(mail), ..settings() });
        for _ in 0..2 {
            let failed = fixture.accounts.request_email_token(request(1)).await;
            assert!(matches!(failed, Err(AccountsError::Mail(_))), "{failed:?}");
        }
    }

    #[test]
    fn a_person_goes_on_at_a_web_page() {
        for good in ["https://app.example.org/?x=1#/y", "http://localhost:8080"] {
            assert!(check_next_link(good).is_ok(), "{good}");
        }
        let long = format!("https://example.org/{}", "x".repeat(NEXT_LINK_BYTES_MAX));
        for bad in
            ["", "/x", "javascript:alert(1)", "data:text/html,x", "https://a:b@example.org", &long]
        {
            assert!(check_next_link(bad).is_err(), "{bad}");
        }
    }
}
