//! An event as push rules look at it: its properties by dot-separated path (specification,
//! appendices, "Dot-separated property paths").

use ruma::{UserId, push::ScalarJsonValue};
use serde_json::Value;

use crate::Pdu;

/// The path of a property, taken apart: a dot separates, `\.` is a dot and `\\` a backslash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<String>);

impl Path {
    pub(super) fn new(path: &str) -> Self {
        let mut parts = vec![String::new()];
        let mut characters = path.chars().peekable();
        while let Some(mut character) = characters.next() {
            if character == '.' {
                parts.push(String::new());
                continue;
            }
            if character == '\\'
                && let Some(escaped) = characters.next_if(|next| matches!(next, '.' | '\\'))
            {
                character = escaped;
            }
            if let Some(part) = parts.last_mut() {
                part.push(character);
            }
        }
        Self(parts)
    }

    pub(super) fn is_body(&self) -> bool {
        matches!(&*self.0, [first, second] if first == "content" && second == "body")
    }
}

/// A property of an event.
pub(super) enum Property<'a> {
    Text(&'a str),
    Json(&'a Value),
}

impl<'a> Property<'a> {
    pub(super) fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(value) => value.as_str(),
        }
    }

    /// Whether the property is exactly this value: types count.
    pub(super) fn is(&self, wanted: &ScalarJsonValue) -> bool {
        match self {
            Self::Text(text) => wanted.as_str() == Some(text),
            Self::Json(value) => is_value(value, wanted),
        }
    }

    /// Whether the property is a list with exactly this value in it.
    pub(super) fn contains(&self, wanted: &ScalarJsonValue) -> bool {
        match self {
            Self::Json(Value::Array(values)) => values.iter().any(|one| is_value(one, wanted)),
            _ => false,
        }
    }
}

fn is_value(value: &Value, wanted: &ScalarJsonValue) -> bool {
    match wanted {
        ScalarJsonValue::Null => value.is_null(),
        ScalarJsonValue::Bool(wanted) => value.as_bool() == Some(*wanted),
        ScalarJsonValue::Integer(wanted) => value.as_i64() == Some(i64::from(*wanted)),
        ScalarJsonValue::String(wanted) => value.as_str() == Some(wanted),
    }
}

/// An event, its content parsed once for all who may be notified.
pub struct PushEvent<'a> {
    pdu: &'a Pdu,
    content: Value,
}

impl<'a> PushEvent<'a> {
    /// An event to evaluate rules on.
    #[must_use]
    pub fn new(pdu: &'a Pdu) -> Self {
        Self { pdu, content: pdu.content_as().unwrap_or_default() }
    }

    pub(super) fn sender(&self) -> &UserId {
        self.pdu.sender()
    }

    pub(super) fn get(&self, path: &Path) -> Option<Property<'_>> {
        let (first, rest) = path.0.split_first()?;
        if first == "content" {
            let mut rest = rest.iter();
            let found = rest.try_fold(&self.content, |value, part| value.as_object()?.get(part));
            return found.map(Property::Json);
        }
        if !rest.is_empty() {
            return None;
        }
        let text = match first.as_str() {
            "type" => self.pdu.type_name(),
            "sender" => self.pdu.sender().as_str(),
            "state_key" => self.pdu.state_key()?,
            "room_id" => self.pdu.room_id().as_str(),
            "event_id" => self.pdu.event_id().as_str(),
            _ => return None,
        };
        Some(Property::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_backslashes_can_be_escaped() {
        for (path, expected) in [
            ("content.body", vec!["content", "body"]),
            (r"content.m\.mentions.user_ids", vec!["content", "m.mentions", "user_ids"]),
            (r"a\\.b", vec![r"a\", "b"]),
            (r"a\b", vec![r"a\b"]),
            (r"a\", vec![r"a\"]),
            ("", vec![""]),
            ("a..b", vec!["a", "", "b"]),
        ] {
            assert_eq!(Path::new(path).0, expected, "{path}");
        }
    }
}
