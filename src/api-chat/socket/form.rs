//! How frames are written: as JSON, or small, as MessagePack whose keys have one letter.
//!
//! Both say the same. The client chooses with the subprotocol; [`KEYS`] is the whole difference.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::limits::FRAME_DEPTH_MAX;

/// The subprotocol of JSON frames.
pub(crate) const JSON_PROTOCOL: &str = "hearth.chat.v1.json";
/// The subprotocol of MessagePack frames.
pub(crate) const COMPACT_PROTOCOL: &str = "hearth.chat.v1.msgpack";

/// The keys of frames and their letters. Keys that are not here stay as they are.
pub(crate) const KEYS: [(&str, &str); 52] = [
    ("type", "t"),
    ("id", "i"),
    ("pos", "p"),
    ("room_id", "r"),
    ("message", "m"),
    ("message_id", "M"),
    ("content", "c"),
    ("sender", "s"),
    ("user", "u"),
    ("user_id", "U"),
    ("emoji", "e"),
    ("created_at", "C"),
    ("edited_at", "E"),
    ("parent_id", "P"),
    ("parent_message_id", "I"),
    ("attachments", "a"),
    ("reactions", "R"),
    ("count", "o"),
    ("users", "S"),
    ("username", "w"),
    ("display_name", "d"),
    ("avatar_url", "A"),
    ("status", "T"),
    ("status_message", "g"),
    ("notification", "n"),
    ("formatted_content", "f"),
    ("filename", "F"),
    ("size", "z"),
    ("mime_type", "y"),
    ("url", "l"),
    ("thumbnail_url", "h"),
    ("uploaded_at", "L"),
    ("token", "k"),
    ("rooms", "O"),
    ("all_rooms", "b"),
    ("resumed", "D"),
    ("typing", "Y"),
    ("problem", "B"),
    ("detail", "j"),
    ("errors", "q"),
    ("field", "v"),
    ("heartbeat_ms", "H"),
    ("is_deleted", "x"),
    ("is_action", "N"),
    ("thread_id", "G"),
    ("thread_count", "J"),
    ("reacted", "K"),
    ("reacted_at", "Q"),
    ("system", "V"),
    ("kind", "W"),
    ("read_by_count", "X"),
    ("client_id", "Z"),
];

/// How the frames of a connection are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text frames.
    Json,
    /// Binary frames.
    Compact,
}

/// Why a frame was not understood or could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormError {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Read(#[from] rmp_serde::decode::Error),
    #[error("{0}")]
    Write(#[from] rmp_serde::encode::Error),
}

impl Form {
    /// Writes a frame.
    pub(crate) fn write(self, frame: &impl Serialize) -> Result<Bytes, FormError> {
        Ok(match self {
            Self::Json => serde_json::to_vec(frame)?.into(),
            Self::Compact => {
                let short = rename(serde_json::to_value(frame)?, short_key);
                rmp_serde::to_vec(&short)?.into()
            }
        })
    }

    /// Reads a frame.
    pub(crate) fn read<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, FormError> {
        Ok(match self {
            Self::Json => serde_json::from_slice(bytes)?,
            Self::Compact => {
                let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
                reader.set_max_depth(FRAME_DEPTH_MAX);
                let short = Value::deserialize(&mut reader)?;
                serde_json::from_value(rename(short, long_key))?
            }
        })
    }
}

fn short_key(key: &str) -> Option<&'static str> {
    KEYS.iter().find(|(long, _)| *long == key).map(|(_, short)| *short)
}

fn long_key(key: &str) -> Option<&'static str> {
    KEYS.iter().find(|(_, short)| *short == key).map(|(long, _)| *long)
}

/// The value with the keys of all its objects renamed.
fn rename(value: Value, name: fn(&str) -> Option<&'static str>) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (name(&key).map_or(key, str::to_owned), rename(value, name)))
            .collect(),
        Value::Array(items) => items.into_iter().map(|item| rename(item, name)).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn letters_are_letters_and_none_is_used_twice() {
        let letters: BTreeSet<_> = KEYS.iter().map(|(_, short)| *short).collect();
        let names: BTreeSet<_> = KEYS.iter().map(|(long, _)| *long).collect();
        assert_eq!((letters.len(), names.len()), (KEYS.len(), KEYS.len()));
        assert!(
            letters.iter().all(|key| key.len() == 1 && key.as_bytes()[0].is_ascii_alphabetic())
        );
    }

    #[test]
    fn the_keys_are_documented() {
        let page = include_str!("../../../docs/chat-live.md");
        for (long, short) in KEYS {
            assert!(page.contains(&format!("| `{long}` | `{short}` |\n")), "{long}");
        }
    }

    #[test]
    fn both_forms_say_the_same() {
        let frame = json!({
            "type": "message_created",
            "pos": "17",
            "message": { "id": "$a", "reactions": [{ "emoji": "🔥", "count": 2 }], "odd": null },
        });
        for form in [Form::Json, Form::Compact] {
            let written = form.write(&frame).unwrap();
            assert_eq!(form.read::<Value>(&written).unwrap(), frame);
        }
        let (long, short) =
            (Form::Json.write(&frame).unwrap(), Form::Compact.write(&frame).unwrap());
        assert!(short.len() < long.len() * 2 / 3, "{} and {}", short.len(), long.len());
    }

    #[test]
    fn nonsense_is_no_frame() {
        let deep = [vec![0x91; 100], vec![0xc0]].concat();
        for bytes in [&b""[..], b"\xc1", &deep, b"\x81\x01\x02"] {
            assert!(Form::Compact.read::<Value>(bytes).is_err(), "{bytes:?}");
        }
        assert!(Form::Json.read::<Value>(b"{").is_err());
    }
}
