//! One letter, and how it is written down.

use std::time::{Duration, UNIX_EPOCH};

use hearth_base::{Clock, Random};
use lettre::{
    Message,
    message::{Mailbox, MultiPart, SinglePart, header},
};

use crate::{EmailAddress, MailError};

/// Most characters of a subject.
const SUBJECT_CHARACTERS_MAX: usize = 200;
const MESSAGE_ID_LENGTH: usize = 32;

/// What to send to whom. The bodies say the same, once for people whose mail program shows no
/// HTML; whoever writes HTML escapes what is not theirs ([`crate::escape`]).
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The recipient.
    pub to: &'a EmailAddress,
    /// The subject. Line breaks become spaces.
    pub subject: &'a str,
    /// The body as plain text.
    pub plain: &'a str,
    /// The body as HTML.
    pub html: Option<&'a str>,
}

impl Letter<'_> {
    pub(crate) fn write(
        &self,
        from: &Mailbox,
        clock: &Clock,
        random: &Random,
    ) -> Result<Message, MailError> {
        let unwritable = |error: lettre::error::Error| MailError::Unwritable(error.to_string());
        let id = format!("<{}@{}>", random.alphanumeric(MESSAGE_ID_LENGTH), from.email.domain());
        let message = Message::builder()
            .date(UNIX_EPOCH + Duration::from_millis(clock.now_ms()))
            .message_id(Some(id))
            .from(from.clone())
            .to(Mailbox::new(None, self.to.to_lettre()?))
            .subject(one_line(self.subject))
            .header(AutoSubmitted);
        match self.html {
            None => message.singlepart(SinglePart::plain(self.plain.to_owned())),
            Some(html) => {
                let (plain, html) = (self.plain.to_owned(), html.to_owned());
                message.multipart(MultiPart::alternative_plain_html(plain, html))
            }
        }
        .map_err(unwritable)
    }
}

/// A subject without line breaks and other control characters, of bounded length.
fn one_line(subject: &str) -> String {
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    subject.chars().take(SUBJECT_CHARACTERS_MAX).map(plain).collect()
}

/// `Auto-Submitted: auto-generated` (RFC 3834): no mail program answers by itself.
#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(subject: &str, plain: &str, html: Option<&str>) -> String {
        let to = "bob@example.com".parse().unwrap();
        let from = "Hearth <noreply@example.org>".parse().unwrap();
        let letter = Letter { to: &to, subject, plain, html };
        let clock = Clock::manual(1_700_000_000_000);
        let message = letter.write(&from, &clock, &Random::seeded(1)).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    fn headers(message: &str) -> Vec<String> {
        let (head, _) = message.split_once("\r\n\r\n").unwrap();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let name = |line: &str| line.split(':').next().unwrap().to_ascii_lowercase();
        unfolded.split("\r\n").map(name).collect()
    }

    #[test]
    fn a_letter_says_who_when_and_what() {
        let text = written("Hello", "plain words", Some("<p>words</p>"));
        assert!(text.contains("To: bob@example.com\r\n"), "{text}");
        assert!(text.contains("noreply@example.org"), "{text}");
        assert!(text.contains("Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated\r\n"), "{text}");
        assert!(text.contains("multipart/alternative"), "{text}");
        assert!(text.contains("plain words") && text.contains("<p>words</p>"), "{text}");
    }

    proptest! {
        #[test]
        fn a_subject_adds_no_header(subject in "(\\PC|[\r\n\t]|Bcc: eve@example.org){0,60}") {
            let expected = headers(&written("Hello", "body", None));
            prop_assert_eq!(headers(&written(&subject, "body", None)), expected);
        }
    }
}
