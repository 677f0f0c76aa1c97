//! What an answer may be beyond the documents: `allowances.yaml`, where each entry has its reason.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::LoadError;

/// What an answer may be beyond the documents.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowances {
    /// Status → codes of errors that any operation may answer.
    common: BTreeMap<u16, Vec<String>>,
    operations: Vec<Allowance>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowance {
    operations: Vec<String>,
    status: u16,
    /// What each complaint about the body has to contain; without it, anything goes.
    about: Option<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

/// Each line is a place in the body and what is wrong there, or leads to such lines.
fn is_about(complaint: &str, about: &str) -> bool {
    let mut places = complaint
        .lines()
        .filter(|line| line.trim_start().starts_with("- at") && !line.ends_with("failed"));
    places.all(|line| line.contains(about))
}

impl Allowances {
    /// Those of this repository.
    pub(crate) fn built_in() -> Result<Self, LoadError> {
        let parsed = serde_norway::from_str(include_str!("allowances.yaml"));
        parsed.map_err(|error| LoadError::Schema(format!("allowances.yaml: {error}")))
    }

    /// Whether any operation may answer this error.
    pub(crate) fn is_common(&self, status: u16, code: &str) -> bool {
        self.common.get(&status).is_some_and(|codes| codes.iter().any(|known| known == code))
    }

    /// Whether this operation may answer with this status what there is this complaint about.
    pub(crate) fn allow(&self, operation: &str, status: u16, complaint: &str) -> bool {
        let mut allowances = self.operations.iter();
        allowances.any(|allowance| {
            allowance.status == status
                && allowance.operations.iter().any(|known| known == operation)
                && allowance.about.as_ref().is_none_or(|about| is_about(complaint, about))
        })
    }
}
