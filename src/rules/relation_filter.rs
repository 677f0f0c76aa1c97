//! Whether an event relates to another in one of the ways that a client asks for (MSC3874).
//!
//! Deliberately absent: whether the event that it relates to exists.

use serde::Deserialize;

use crate::Pdu;

/// The fields of a room event filter that are about relations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RelationFilter {
    /// Only events that relate in one of these ways.
    #[serde(rename = "org.matrix.msc3874.rel_types", alias = "rel_types")]
    pub rel_types: Option<Vec<String>>,
    /// No events that relate in one of these ways.
    #[serde(default, rename = "org.matrix.msc3874.not_rel_types", alias = "not_rel_types")]
    pub not_rel_types: Vec<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "m.relates_to")]
    relates_to: RelatesTo,
}

#[derive(Deserialize)]
struct RelatesTo {
    rel_type: String,
}

impl RelationFilter {
    /// Whether an event passes; its content is only parsed if the filter asks for something.
    #[must_use]
    pub fn passes(&self, pdu: &Pdu) -> bool {
        if self.rel_types.is_none() && self.not_rel_types.is_empty() {
            return true;
        }
        let content = pdu.content_as::<Content>();
        let Some(rel_type) = content.map(|content| content.relates_to.rel_type) else {
            return self.rel_types.is_none();
        };
        !self.not_rel_types.contains(&rel_type)
            && self.rel_types.as_ref().is_none_or(|wanted| wanted.contains(&rel_type))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::test_room::{ALICE, TestRoom};

    #[test]
    fn relations_are_wanted_or_not() {
        let mut room = TestRoom::new(&crate::version::DEFAULT, "public");
        let mut event = |content| room.send(ALICE, "m.room.message", None, content).unwrap();
        let plain = event(json!({ "body": "hello" }));
        let relation = json!({ "rel_type": "m.thread", "event_id": "$root" });
        let reply = event(json!({ "body": "hello", "m.relates_to": relation }));
        let filter = |json| serde_json::from_value::<RelationFilter>(json).unwrap();
        let passing = |filter: &RelationFilter| [&plain, &reply].map(|event| filter.passes(event));
        assert_eq!(passing(&filter(json!({}))), [true, true]);
        let only = filter(json!({ "org.matrix.msc3874.rel_types": ["m.thread"] }));
        assert_eq!(passing(&only), [false, true]);
        let others = filter(json!({ "rel_types": ["m.reference"] }));
        assert_eq!(passing(&others), [false, false]);
        let without = filter(json!({ "org.matrix.msc3874.not_rel_types": ["m.thread"] }));
        assert_eq!(passing(&without), [true, false]);
    }
}
