//! The room versions that this server speaks.
//!
//! Versions 1 to 5 predate strict canonical JSON; they are refused here and nowhere else, so that
//! this list is the only thing that changes when they come.

use ruma::{RoomVersionId, room_version_rules::RoomVersionRules};

/// Every supported room version, oldest first.
pub const SUPPORTED: [RoomVersionId; 7] = [
    RoomVersionId::V6,
    RoomVersionId::V7,
    RoomVersionId::V8,
    RoomVersionId::V9,
    RoomVersionId::V10,
    RoomVersionId::V11,
    RoomVersionId::V12,
];

/// The version of a room whose creator names none.
pub const DEFAULT: RoomVersionId = RoomVersionId::V12;

/// The rules of a supported room version; `None` for every other.
#[must_use]
pub fn rules_of(version: &RoomVersionId) -> Option<&'static RoomVersionRules> {
    Some(match version {
        RoomVersionId::V6 => &RoomVersionRules::V6,
        RoomVersionId::V7 => &RoomVersionRules::V7,
        RoomVersionId::V8 => &RoomVersionRules::V8,
        RoomVersionId::V9 => &RoomVersionRules::V9,
        RoomVersionId::V10 => &RoomVersionRules::V10,
        RoomVersionId::V11 => &RoomVersionRules::V11,
        RoomVersionId::V12 => &RoomVersionRules::V12,
        other => return unstable_rules_of(other.as_str()),
    })
}

/// The rules of an unstable version, but for what [`crate::owned_state`] adds.
fn unstable_rules_of(version: &str) -> Option<&'static RoomVersionRules> {
    match version {
        "org.matrix.msc3757.10" => Some(&RoomVersionRules::V10),
        "org.matrix.msc3757.11" => Some(&RoomVersionRules::V11),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_version_has_rules_with_strict_canonical_json() {
        for version in SUPPORTED {
            assert!(rules_of(&version).unwrap().authorization.strict_canonical_json, "{version}");
        }
        assert!(SUPPORTED.contains(&DEFAULT));
    }

    #[test]
    fn unstable_versions_have_rules_and_owned_state() {
        for version in crate::owned_state::VERSIONS {
            let version = RoomVersionId::try_from(version).unwrap();
            assert!(rules_of(&version).is_some() && crate::has_owned_state(&version));
        }
        assert!(!crate::has_owned_state(&DEFAULT));
    }

    #[test]
    fn older_and_unknown_versions_have_none() {
        assert!(rules_of(&RoomVersionId::V1).is_none());
        assert!(rules_of(&RoomVersionId::V5).is_none());
        assert!(rules_of(&RoomVersionId::try_from("org.example.1").unwrap()).is_none());
    }
}
