//! What can be wrong with settings, and where a setting was read from.

use std::{fmt, io, path::PathBuf};

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `config.example.toml`, as compiled in.
    Defaults,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defaults => f.write_str("the built-in defaults"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// Settings that the server cannot start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file given with `--config` cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The text is not TOML.
    #[error("{origin}: {reason}")]
    Syntax {
        /// Where the text comes from.
        origin: Origin,
        /// The parser's message with line and column.
        reason: String,
    },
    /// Nobody reads this key.
    #[error("{origin}: there is no setting `{key}`; did you mean `{nearest}`?")]
    UnknownKey {
        /// Where the key was found.
        origin: Origin,
        /// The key with its sections, dotted.
        key: String,
        /// The known key that looks most like it.
        nearest: String,
    },
    /// The value does not fit its key.
    #[error("{origin}: {key}: {reason}")]
    BadValue {
        /// Where the value was found.
        origin: Origin,
        /// The key with its sections, dotted.
        key: String,
        /// What is wrong; never the value of a secret.
        reason: String,
    },
    /// The one setting without a default.
    #[error(
        "`server_name` is not set: put it into the configuration file, or give --server-name NAME"
    )]
    NoServerName,
}
