//! What the letters say that an account is about.
//!
//! No letter carries anything that whoever asked for it could choose, but the address itself.

use hearth_mail::{EmailAddress, Letter, Mail, escape};

use crate::{AccountsError, EmailPurpose};

/// Where the link of a letter leads: a page of the client-server listener.
pub(crate) const SUBMIT_PATH: &str = "/_hearth/client/email/submit_token";

/// What sends the letters of accounts.
#[derive(Clone)]
pub struct AccountMail {
    /// What sends letters.
    pub mail: Mail,
    /// The name of this server, for its readers.
    pub server_name: String,
    /// Where people reach the client-server listener, without a slash at the end.
    pub base_url: String,
}

impl std::fmt::Debug for AccountMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountMail").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Why somebody gets a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The link proves the address.
    Prove(EmailPurpose),
    /// The address has an account already, and a new one or another one cannot have it.
    InUse,
    /// The address has no account whose password could be set.
    NoAccount,
}

impl Occasion {
    pub(crate) const fn new(purpose: EmailPurpose, in_use: bool) -> Self {
        match (purpose, in_use) {
            (EmailPurpose::Register | EmailPurpose::Add, true) => Self::InUse,
            (EmailPurpose::ResetPassword, false) => Self::NoAccount,
            _ => Self::Prove(purpose),
        }
    }
}

impl AccountMail {
    pub(crate) async fn send_token(
        &self,
        occasion: Occasion,
        to: &EmailAddress,
        session: &str,
        token: &str,
    ) -> Result<(), AccountsError> {
        let link = format!("{}{SUBMIT_PATH}?sid={session}&token={token}", self.base_url);
        let Text { subject, body } = self.text(occasion);
        let link = matches!(occasion, Occasion::Prove(_)).then_some(link);
        let (plain, html) = (plain(&body, link.as_deref()), html(&body, link.as_deref()));
        let letter = Letter { to, subject: &subject, plain: &plain, html: Some(&html) };
        Ok(self.mail.send(letter).await?)
    }

    fn text(&self, occasion: Occasion) -> Text {
        let server = &self.server_name;
        let ignore = "If that was not you, ignore this letter: nothing will happen.";
        let (subject, asked, then) = match occasion {
            Occasion::Prove(EmailPurpose::Register) => (
                format!("Confirm your address for {server}"),
                format!("Somebody registers an account on {server} with this e-mail address."),
                "Follow the link to confirm that it is you.",
            ),
            Occasion::Prove(EmailPurpose::Add) => (
                format!("Confirm your address for {server}"),
                format!("Somebody adds this e-mail address to an account on {server}."),
                "Follow the link to confirm that it is you.",
            ),
            Occasion::Prove(EmailPurpose::ResetPassword) => (
                format!("Set a new password on {server}"),
                format!("Somebody wants to set a new password for your account on {server}."),
                "Follow the link to allow that.",
            ),
            Occasion::InUse => (
                format!("Your address has an account on {server}"),
                format!("Somebody wants to use this e-mail address for an account on {server}."),
                "It belongs to an account there already. If you forgot its password, choose \
                 \"forgot password\" in your Matrix client.",
            ),
            Occasion::NoAccount => (
                format!("No account on {server} has your address"),
                format!("Somebody wants to set a new password for your account on {server}."),
                "But no account there has this e-mail address: it may be another one, or you may \
                 register a new account.",
            ),
        };
        Text { subject, body: vec![asked, then.to_owned(), ignore.to_owned()] }
    }
}

struct Text {
    subject: String,
    /// Paragraphs; a link stands before the last one.
    body: Vec<String>,
}

fn plain(body: &[String], link: Option<&str>) -> String {
    let (last, first) = body.split_last().map_or(("", &[][..]), |(last, rest)| (last, rest));
    let paragraphs = first.iter().map(String::as_str).chain(link).chain([last]);
    paragraphs.map(|paragraph| format!("{paragraph}\n\n")).collect()
}

fn html(body: &[String], link: Option<&str>) -> String {
    let (last, first) = body.split_last().map_or(("", &[][..]), |(last, rest)| (last, rest));
    let paragraph = |text: &str| format!("<p>{}</p>", escape(text));
    let anchor = |link: &str| {
        let link = escape(link);
        format!("<p><a href=\"{link}\">{link}</a></p>")
    };
    let mut page = String::from("<!DOCTYPE html><html><body>");
    page.extend(first.iter().map(|text| paragraph(text)));
    page.extend(link.map(anchor));
    page.push_str(&paragraph(last));
    page.push_str("</body></html>");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_may_go_on_gets_a_link() {
        let prove = Occasion::Prove;
        use EmailPurpose::{Add, Register, ResetPassword};
        for (purpose, in_use, expected) in [
            (Register, false, prove(Register)),
            (Register, true, Occasion::InUse),
            (Add, false, prove(Add)),
            (Add, true, Occasion::InUse),
            (ResetPassword, true, prove(ResetPassword)),
            (ResetPassword, false, Occasion::NoAccount),
        ] {
            assert_eq!(Occasion::new(purpose, in_use), expected);
        }
    }

    #[test]
    fn both_bodies_have_the_link_before_the_end() {
        let body = ["First.".to_owned(), "Last.".to_owned()];
        let link = Some("https://x.org/?a=1&b=2");
        assert_eq!(plain(&body, link), "First.\n\nhttps://x.org/?a=1&b=2\n\nLast.\n\n");
        let html = html(&body, link);
        assert!(html.contains("<a href=\"https://x.org/?a=1&amp;b=2\">"), "{html}");
        assert!(!plain(&body, None).contains("http"));
    }
}
