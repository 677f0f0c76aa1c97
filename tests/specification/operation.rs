//! One operation of the API: its path, its method, and the answers that are documented.

use std::collections::BTreeMap;

use boon::SchemaIndex;
use serde_json::Value;

/// One operation of the API.
#[derive(Debug)]
pub struct Operation {
    /// The `operationId` of the documents.
    pub id: String,
    /// The method, in capitals.
    pub method: String,
    /// The path with its parameters in braces.
    pub path: String,
    /// Whether the operation is documented as deprecated.
    pub is_deprecated: bool,
    pub(crate) answers: BTreeMap<u16, Answer>,
    segments: Vec<Segment>,
    /// What tells a request for this operation from one for another of the same path.
    telltale: Option<&'static str>,
}

/// One documented answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The schema of its JSON, if it has any.
    pub(crate) schema: Option<SchemaIndex>,
    /// The media types that it may have; empty where none is documented.
    pub(crate) media_types: Vec<String>,
    /// The headers that it must have.
    pub(crate) headers: Vec<String>,
}

#[derive(Debug, PartialEq)]
enum Segment {
    Literal(String),
    /// Whether it may be empty, as only a state key may.
    Parameter {
        may_be_empty: bool,
    },
}

/// Operations that share method and path with another, and the field that only theirs have.
const TELLTALES: [(&str, &str); 2] = [("inviteBy3PID", "medium"), ("peekEvents", "room_id")];

impl Operation {
    /// An operation of a document, without its answers. `path` has its base path already.
    pub(crate) fn new(method: &str, path: &str, document: &Value) -> Option<Self> {
        let id = document["operationId"].as_str()?.to_owned();
        // A space at the end tells two operations of the same path apart.
        let path = path.trim_end().to_owned();
        let telltale = TELLTALES.iter().find(|(operation, _)| *operation == id);
        Some(Self {
            telltale: telltale.map(|(_, field)| *field),
            segments: path.split('/').map(Segment::new).collect(),
            is_deprecated: document["deprecated"] == true,
            method: method.to_ascii_uppercase(),
            answers: BTreeMap::new(),
            path,
            id,
        })
    }

    /// How well a path fits: `None` when it does not, else the number of literal segments.
    pub(crate) fn fit(&self, path: &str) -> Option<usize> {
        let mut given = path.split('/');
        let mut literals = 0;
        for segment in &self.segments {
            let part = given.next()?;
            match segment {
                Segment::Literal(literal) if literal == part => literals += 1,
                Segment::Parameter { may_be_empty } if *may_be_empty || !part.is_empty() => {}
                _ => return None,
            }
        }
        given.next().is_none().then_some(literals)
    }

    pub(crate) fn telltale(&self) -> Option<&'static str> {
        self.telltale
    }
}

impl Segment {
    fn new(text: &str) -> Self {
        match text.strip_prefix('{') {
            Some(name) => Self::Parameter { may_be_empty: name == "stateKey}" },
            None => Self::Literal(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(path: &str) -> Operation {
        Operation::new("get", path, &json!({ "operationId": "x" })).unwrap()
    }

    #[test]
    fn parameters_fit_one_segment() {
        let state = operation("/rooms/{roomId}/state/{eventType}/{stateKey}");
        assert_eq!(state.fit("/rooms/!r/state/m.room.name/key"), Some(3));
        assert_eq!(state.fit("/rooms/!r/state/m.room.name/"), Some(3));
        assert_eq!(state.fit("/rooms/!r/state//key"), None);
        assert_eq!(state.fit("/rooms/!r/state/m.room.name"), None);
        assert_eq!(state.fit("/rooms/!r/state/m.room.name/key/more"), None);
    }

    #[test]
    fn a_space_at_the_end_of_a_path_is_no_part_of_it() {
        assert_eq!(operation("/events ").fit("/events"), Some(2));
    }
}
