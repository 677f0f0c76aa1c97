//! Redacting events, and who may ask for it.
//!
//! Redaction removes what the room version does not protect; the event id stays, because the
//! reference hash is taken over the redacted form.

use ruma::{
    CanonicalJsonObject, UserId, canonical_json::redact_in_place,
    room_version_rules::RoomVersionRules,
};

use crate::{ClientEvent, ClientEventFormat, Pdu, PduError, PowerLevels, Unsigned, pdu::malformed};

/// The redacted form of an event (specification, client-server API, "Redactions").
///
/// The redaction `because` of which it happened is kept in `unsigned.redacted_because` as clients
/// see it; every other `unsigned` field goes. Redacting twice changes nothing but that.
///
/// # Errors
/// [`PduError::Malformed`] when the stored text was not an event.
pub fn redact(pdu: &Pdu, rules: &RoomVersionRules, because: Option<&Pdu>) -> Result<Pdu, PduError> {
    let mut object = pdu.to_object()?;
    redact_in_place(&mut object, &rules.redaction, None).map_err(malformed)?;
    object.remove("unsigned");
    if let Some(because) = because {
        let event = ClientEvent::new(because, ClientEventFormat::Full, Unsigned::default());
        let event: CanonicalJsonObject =
            serde_json::from_str(event.to_raw()?.get()).map_err(malformed)?;
        let unsigned = [("redacted_because".to_owned(), event.into())];
        object.insert(
            "unsigned".to_owned(),
            CanonicalJsonObject::from(unsigned).into(),
        );
    }
    pdu.with_json(&object, rules)
}

/// Whether a user of this server may redact an event: their own, or any with the redact level.
///
/// That they may send `m.room.redaction` at all is for [`crate::authorize`].
#[must_use]
pub fn redaction_allowed(levels: &PowerLevels, redactor: &UserId, target_sender: &UserId) -> bool {
    redactor == target_sender || levels.user(redactor) >= levels.redact()
}

/// Whether a redaction that the room accepted takes effect here: with the redact level, or when
/// both senders are of the same server, which then answers for it (specification, room version 3,
/// "Handling redactions").
#[must_use]
pub fn redaction_applies(levels: &PowerLevels, redactor: &UserId, target_sender: &UserId) -> bool {
    redactor.server_name() == target_sender.server_name()
        || levels.user(redactor) >= levels.redact()
}
