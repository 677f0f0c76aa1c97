//! The token of a connection: how far its client is, and which version of the connection it has.

use std::fmt;

use hearth_base::StreamPosition;

use crate::SyncToken;

/// A `pos`.
///
/// As text: as a token of `/sync`, but with `s` and the version of the connection at its end. So
/// `/messages` understands it, as MSC4186 wants, and `/sync` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pos {
    /// Everything up to here was sent.
    pub(crate) position: StreamPosition,
    /// Which run of the server typing belongs to.
    pub(crate) epoch: u64,
    /// How much of typing was sent, in that epoch.
    pub(crate) version: u64,
    /// Which version of what the connection was told the client has.
    pub(crate) told: u64,
}

impl Pos {
    /// Reads a token; `None` if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('h')?.split('.');
        let pos = Self {
            position: StreamPosition(parts.next()?.parse().ok()?),
            epoch: parts.next()?.parse().ok()?,
            version: parts.next()?.parse().ok()?,
            told: parts.next()?.strip_prefix('s')?.parse().ok()?,
        };
        let whole = parts.next().is_none() && pos.position >= StreamPosition::ZERO;
        whole.then_some(pos)
    }

    /// The same as a token of `/sync`.
    pub(crate) fn token(&self) -> SyncToken {
        let Self { position, epoch, version, .. } = *self;
        SyncToken { position, epoch, version, to_device: position }
    }
}

impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, epoch, version, told } = self;
        write!(f, "h{}.{epoch}.{version}.s{told}", position.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_others_are_refused() {
        let pos = Pos { position: StreamPosition(7), epoch: u64::MAX, version: 3, told: 9 };
        assert_eq!(Pos::parse(&pos.to_string()), Some(pos));
        for bad in ["", "0", "h1.2.3.4", "h1.2.3.s", "h1.2.3.s4.5", "h-1.2.3.s4"] {
            assert_eq!(Pos::parse(bad), None, "{bad}");
        }
        assert!(pos.to_string().parse::<SyncToken>().is_err());
    }
}
