//! Sync tokens: how much of the stream, and of what is not stored, a client has seen.

use std::{fmt, str::FromStr};

use hearth_base::StreamPosition;

use crate::SyncError;

/// A `next_batch` token.
///
/// As text: `h`, then four numbers separated by dots: stream position, epoch, version within the
/// epoch, position of the last to-device message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncToken {
    /// Everything up to here was sent.
    pub position: StreamPosition,
    /// Which run of the server typing and presence belong to.
    pub epoch: u64,
    /// How much of typing and presence was sent, in that epoch.
    pub version: u64,
    /// To-device messages up to here were sent: fewer than `position` when they came in parts.
    pub to_device: StreamPosition,
}

impl fmt::Display for SyncToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, epoch, version, to_device } = self;
        write!(f, "h{}.{epoch}.{version}.{}", position.0, to_device.0)
    }
}

impl FromStr for SyncToken {
    type Err = SyncError;

    fn from_str(token: &str) -> Result<Self, SyncError> {
        parse(token).ok_or_else(|| SyncError::BadToken(token.to_owned()))
    }
}

fn parse(token: &str) -> Option<SyncToken> {
    let mut parts = token.strip_prefix('h')?.split('.');
    let token = SyncToken {
        position: StreamPosition(parts.next()?.parse().ok()?),
        epoch: parts.next()?.parse().ok()?,
        version: parts.next()?.parse().ok()?,
        to_device: StreamPosition(parts.next()?.parse().ok()?),
    };
    let whole = parts.next().is_none() && token.position >= StreamPosition::ZERO;
    whole.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back() {
        let token = SyncToken {
            position: StreamPosition(7),
            epoch: u64::MAX,
            version: 3,
            to_device: StreamPosition(5),
        };
        assert_eq!(token.to_string().parse::<SyncToken>().unwrap(), token);
    }

    #[test]
    fn other_text_is_refused() {
        for bad in ["", "h", "h1", "h1.2.3", "h1.2.3.4.5", "s1.2.3.4", "h-1.2.3.4", "h1.2.3.x"] {
            assert!(bad.parse::<SyncToken>().is_err(), "{bad}");
        }
    }
}
