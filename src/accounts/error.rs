//! What can go wrong with an account, by what the caller can do about it.

use hearth_mail::MailError;
use hearth_store::StoreError;

/// A refused or failed request. Absence is an `Option` where reading is the purpose.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The request is malformed; sending it again will not help.
    #[error("{0}")]
    Invalid(String),
    /// The JSON of the request lacks something, or has it in another shape.
    #[error("{0}")]
    BadJson(String),
    /// The user name does not follow the grammar for new users.
    #[error("not a valid user name: {0}")]
    InvalidUsername(String),
    /// Somebody has the user id already.
    #[error("the user id is taken")]
    UserInUse,
    /// The user id belongs to an application service.
    #[error("the user id is reserved by an application service")]
    Exclusive,
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The token does not exist, was used up or has expired.
    #[error("unknown token")]
    UnknownToken,
    /// What the request names does not exist.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Something is over its limit.
    #[error("{0} is too large")]
    TooLarge(&'static str),
    /// The name of a profile field is over its limit.
    #[error("the name of the profile field is too long")]
    ProfileKeyTooLarge,
    /// The profile as a whole would be over its limit.
    #[error("the profile would be too large")]
    ProfileTooLarge,
    /// A one-time key of this id exists with other content.
    #[error("one-time key {0} exists already with other content")]
    OneTimeKeyExists(String),
    /// A signature is missing or does not verify.
    #[error("invalid signature: {0}")]
    InvalidSignature(String),
    /// The key backup is not at the version that the request names.
    #[error("the version of the key backup is another")]
    WrongBackupVersion {
        /// The version that it is at, if there is one.
        current: Option<String>,
    },
    /// The e-mail address belongs to another account.
    #[error("the e-mail address belongs to another account")]
    EmailInUse,
    /// This server sends no mail.
    #[error("this server sends no mail")]
    NoMail,
    /// The mail server has no mailbox of this address.
    #[error("no letter can be sent to this address")]
    RefusedLetter,
    /// The mail server does not take a letter now.
    #[error(transparent)]
    Mail(MailError),
    /// Too many letters were sent for the same purpose.
    #[error("too many letters were sent")]
    TooManyLetters,
    /// Others changed the same thing again and again; trying later may help.
    #[error("too many concurrent changes")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for AccountsError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLarge { what, .. } => Self::TooLarge(what),
            other => Self::Store(other),
        }
    }
}

impl From<MailError> for AccountsError {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Refused(_) => Self::RefusedLetter,
            other => Self::Mail(other),
        }
    }
}

impl AccountsError {
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid(reason.into())
    }

    pub(crate) fn forbidden(reason: impl Into<String>) -> Self {
        Self::Forbidden(reason.into())
    }
}
