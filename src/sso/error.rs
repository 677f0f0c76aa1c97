//! Why a login did not come about, by whose turn it is.

use hearth_accounts::AccountsError;

/// Why a login did not come about.
#[derive(Debug, thiserror::Error)]
pub enum SsoError {
    /// There is no such provider.
    #[error("there is no such login provider")]
    UnknownProvider,
    /// The client wants the browser sent to where no browser should go.
    #[error("the client's address cannot be used: {0}")]
    BadRedirect(&'static str),
    /// The browser did not begin this login, took too long, or comes back a second time.
    #[error("this login has expired or began in another browser: please try again")]
    UnknownLogin,
    /// The person said no, or the provider did.
    #[error("the login provider refused: {0}")]
    Refused(String),
    /// Nobody here is linked to this identity, and no account is made.
    #[error("{0}")]
    NoAccount(String),
    /// The provider cannot be reached, or what it says cannot be believed.
    #[error("the login provider cannot be used at present")]
    Provider(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The settings are of no use.
    #[error("{0}")]
    Settings(String),
    /// The accounts failed.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
}

impl SsoError {
    pub(crate) fn provider(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Provider(cause.into())
    }
}
