//! What can go wrong with a letter, by what the sender can do about it.

/// A letter that was not taken, or settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The settings cannot be used; only the administrator can help.
    #[error("mail: {0}")]
    Settings(String),
    /// This is no address that mail is sent to.
    #[error("not an e-mail address")]
    InvalidAddress,
    /// The letter cannot be written down.
    #[error("the letter cannot be written: {0}")]
    Unwritable(String),
    /// The SMTP server does not want it: trying again will not help.
    #[error("the mail server refuses the letter: {0}")]
    Refused(String),
    /// The SMTP server cannot be reached or is busy: trying later may help.
    #[error("the mail server does not take the letter now: {0}")]
    Unavailable(String),
}

impl From<lettre::transport::smtp::Error> for MailError {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        if error.is_permanent() {
            Self::Refused(error.to_string())
        } else {
            Self::Unavailable(error.to_string())
        }
    }
}
