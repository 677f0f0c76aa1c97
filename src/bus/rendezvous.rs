//! Rendezvous sessions: where two devices that see each other's QR code leave each other messages
//! (MSC4108, the insecure rendezvous session).
//!
//! A session holds one payload, whose tag changes with every write; who writes names the tag that
//! was read, so neither side overwrites what it has not seen. The payloads are encrypted by those
//! who meet; this server cannot read them.

use std::{sync::Arc, time::Duration};

use hearth_base::{Clock, Expiring, Random};

use crate::limits::{RENDEZVOUS_LIFETIME_MS, RENDEZVOUS_SESSIONS_MAX};

const ID_LENGTH: usize = 43;
const TAG_LENGTH: usize = 22;

/// The sessions of this process.
pub struct RendezvousSessions {
    clock: Clock,
    random: Random,
    sessions: Expiring<RendezvousPayload>,
}

/// What is in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RendezvousPayload {
    /// What somebody left there.
    pub content: Arc<str>,
    /// Names this content; another one has another tag.
    pub tag: String,
    /// When it was left there, in Unix milliseconds.
    pub modified_ms: u64,
    /// When the session is forgotten, in Unix milliseconds.
    pub expires_ms: u64,
}

/// What became of an attempt to leave something in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RendezvousUpdate {
    /// It is there, under a new tag.
    Done(RendezvousPayload),
    /// Somebody else was faster: this is there now.
    Conflict(RendezvousPayload),
}

impl RendezvousSessions {
    pub(crate) fn new(clock: Clock, random: Random) -> Self {
        let lifetime = Duration::from_millis(RENDEZVOUS_LIFETIME_MS);
        let sessions = Expiring::new(clock.clone(), lifetime, RENDEZVOUS_SESSIONS_MAX);
        Self { clock, random, sessions }
    }

    /// Opens a session, and returns its id. The oldest one makes room when there are too many.
    #[must_use]
    pub fn open(&self, content: &str) -> (String, RendezvousPayload) {
        let id = self.random.alphanumeric(ID_LENGTH);
        let now = self.clock.now_ms();
        let payload = RendezvousPayload {
            content: content.into(),
            tag: self.random.alphanumeric(TAG_LENGTH),
            modified_ms: now,
            expires_ms: now.saturating_add(RENDEZVOUS_LIFETIME_MS),
        };
        self.sessions.insert(id.clone(), payload.clone());
        (id, payload)
    }

    /// What is in a session, unless it is over.
    #[must_use]
    pub fn read(&self, id: &str) -> Option<RendezvousPayload> {
        self.sessions.with(id, |payload| payload.clone())
    }

    /// Leaves `content` in a session whose content has this tag; `None` if the session is over.
    pub fn write(&self, id: &str, tag: &str, content: &str) -> Option<RendezvousUpdate> {
        self.sessions.with(id, |payload| {
            if payload.tag != tag {
                return RendezvousUpdate::Conflict(payload.clone());
            }
            payload.content = content.into();
            payload.tag = self.random.alphanumeric(TAG_LENGTH);
            payload.modified_ms = self.clock.now_ms();
            RendezvousUpdate::Done(payload.clone())
        })
    }

    /// Ends a session; `false` if it is over already.
    pub fn close(&self, id: &str) -> bool {
        self.sessions.take(id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_has_to_have_read() {
        let clock = Clock::manual(1_000);
        let sessions = RendezvousSessions::new(clock.clone(), Random::seeded(1));
        let (id, first) = sessions.open("hello");
        assert_eq!(sessions.read(&id), Some(first.clone()));
        clock.advance(Duration::from_millis(5));
        let Some(RendezvousUpdate::Done(second)) = sessions.write(&id, &first.tag, "who is there?")
        else {
            panic!("not written")
        };
        assert_ne!(second.tag, first.tag);
        assert_eq!((second.modified_ms, second.expires_ms), (1_005, first.expires_ms));
        let late = sessions.write(&id, &first.tag, "hello?");
        assert_eq!(late, Some(RendezvousUpdate::Conflict(second)));
        assert!(sessions.close(&id));
        assert!(!sessions.close(&id));
        assert_eq!(sessions.read(&id), None);
    }

    #[test]
    fn sessions_are_few_and_short() {
        let clock = Clock::manual(0);
        let sessions = RendezvousSessions::new(clock.clone(), Random::seeded(1));
        let (oldest, _) = sessions.open("x");
        let mut newest = String::new();
        for _ in 0..RENDEZVOUS_SESSIONS_MAX {
            (newest, _) = sessions.open("x");
        }
        assert_eq!(sessions.read(&oldest), None);
        assert!(sessions.read(&newest).is_some());
        clock.advance(Duration::from_millis(RENDEZVOUS_LIFETIME_MS));
        assert_eq!(sessions.read(&newest), None);
    }
}
