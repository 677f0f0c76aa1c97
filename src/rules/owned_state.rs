//! Owned state (MSC3757): in some unstable room versions a state key that begins with a user id
//! belongs to that user, who may add to it, and to whoever has more power.
//!
//! Everywhere else such a key is for its user alone. The rule stands before the other rules, which
//! then take the event for one under its sender's own key.

use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedUserId, RoomId, RoomVersionId, UserId,
    events::{StateEventType, TimelineEventType},
    room_version_rules::RoomVersionRules,
    state_res::Event,
};
use serde_json::value::RawValue;

use crate::{NotAllowed, Pdu, PowerLevels, auth::authorize_as};

/// The room versions with owned state.
pub const VERSIONS: [&str; 2] = ["org.matrix.msc3757.10", "org.matrix.msc3757.11"];

/// Why an event under an owned state key is refused.
#[derive(Debug, thiserror::Error)]
pub enum OwnedStateError {
    /// The state key begins like a user id, and is none with an addition.
    #[error("the state key names no user")]
    Malformed,
    /// The room's rules refuse it.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
}

/// Whether rooms of a version have owned state.
#[must_use]
pub fn has_owned_state(version: &RoomVersionId) -> bool {
    VERSIONS.contains(&version.as_str())
}

/// As [`crate::authorize`], in a room with owned state.
///
/// # Errors
/// See [`OwnedStateError`].
pub fn authorize_owned<E: Event<Id = OwnedEventId> + Clone>(
    pdu: &Pdu,
    rules: &RoomVersionRules,
    levels: &PowerLevels,
    fetch_state: impl Fn(&StateEventType, &str) -> Option<E>,
) -> Result<(), OwnedStateError> {
    let Some(owner) = owner_of(pdu)? else {
        return Ok(crate::authorize(pdu, rules, fetch_state)?);
    };
    if owner != pdu.sender() && levels.user(pdu.sender()) <= levels.user(&owner) {
        let reason = "this state belongs to a user who has no less power".to_owned();
        return Err(NotAllowed { reason }.into());
    }
    Ok(authorize_as(pdu, UnderOwnKey(pdu), rules, fetch_state)?)
}

/// Whose state an event sets; `None` if it is nobody's.
fn owner_of(pdu: &Pdu) -> Result<Option<OwnedUserId>, OwnedStateError> {
    let is_member = *pdu.event_type() == TimelineEventType::RoomMember;
    let Some(key) = pdu.state_key().filter(|key| key.starts_with('@') && !is_member) else {
        return Ok(None);
    };
    // No server name has an underscore, so the first one after the name begins the addition.
    let (localpart, rest) = key.split_once(':').ok_or(OwnedStateError::Malformed)?;
    let server_name = rest.split('_').next().unwrap_or_default();
    let owner = UserId::parse(format!("{localpart}:{server_name}"));
    owner.map(Some).map_err(|_| OwnedStateError::Malformed)
}

/// An event as if its state key were its sender's id.
struct UnderOwnKey<'a>(&'a Pdu);

impl Event for UnderOwnKey<'_> {
    type Id = OwnedEventId;

    fn event_id(&self) -> &Self::Id {
        Event::event_id(self.0)
    }

    fn room_id(&self) -> Option<&RoomId> {
        Event::room_id(self.0)
    }

    fn sender(&self) -> &UserId {
        self.0.sender()
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.0.origin_server_ts()
    }

    fn event_type(&self) -> &TimelineEventType {
        self.0.event_type()
    }

    fn content(&self) -> &RawValue {
        self.0.content()
    }

    fn state_key(&self) -> Option<&str> {
        Some(self.0.sender().as_str())
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Event::prev_events(self.0)
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Event::auth_events(self.0)
    }

    fn redacts(&self) -> Option<&Self::Id> {
        Event::redacts(self.0)
    }

    fn rejected(&self) -> bool {
        self.0.is_rejected()
    }
}
