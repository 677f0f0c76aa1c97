//! Which field of an input does not have the shape that it has to have.

use serde::de::Error;

use crate::Problem;

/// 400 that names the field.
pub(super) fn misshapen<E: Error>(error: serde_path_to_error::Error<E>) -> Problem {
    let path = error.path().to_string();
    let parent = if path == "." { "" } else { path.as_str() };
    let detail = error.into_inner().to_string();
    // The place in the text helps nobody who wrote the text with a program.
    let detail = detail.split(" at line ").next().unwrap_or_default();
    Problem::invalid_field(&field(parent, detail), detail)
}

/// A missing field is told by its parent.
fn field(parent: &str, detail: &str) -> String {
    let missing = detail.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    match (parent, missing) {
        (parent, None) => parent.to_owned(),
        ("", Some(name)) => name.to_owned(),
        (parent, Some(name)) => format!("{parent}.{name}"),
    }
}
