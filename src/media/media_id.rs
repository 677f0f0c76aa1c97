//! The identifier of a piece of content on its server.

use std::fmt;

use hearth_base::Random;

use crate::limits::{MEDIA_ID_BYTES_MAX, MEDIA_ID_CHARS};

/// `[A-Za-z0-9_-]{1,255}` (specification, content repository, security considerations): nothing
/// that means something in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaId(String);

impl MediaId {
    /// Accepts a well-formed id; any other cannot exist.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let length = (1..=MEDIA_ID_BYTES_MAX).contains(&id.len());
        (length && id.bytes().all(allowed)).then(|| Self(id.to_owned()))
    }

    /// A new id that nobody can guess.
    pub(crate) fn random(random: &Random) -> Self {
        Self(random.alphanumeric(MEDIA_ID_CHARS))
    }

    /// The id as it stands in URIs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn traversal_and_odd_lengths_are_refused() {
        let long = "a".repeat(256);
        for id in ["", ".", "..", "../x", "a/b", "a\\b", "a%2fb", "a\0", "ä", "a b", &long] {
            assert_eq!(MediaId::parse(id), None, "{id:?}");
        }
        assert!(MediaId::parse(&long[1..]).is_some());
    }

    proptest! {
        #[test]
        fn only_harmless_characters_pass(id in "\\PC{0,300}") {
            let harmless = !id.is_empty()
                && id.len() <= 255
                && id.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
            prop_assert_eq!(MediaId::parse(&id).is_some(), harmless);
        }

        #[test]
        fn made_ids_are_well_formed(seed: u64) {
            let id = MediaId::random(&Random::seeded(seed));
            prop_assert_eq!(MediaId::parse(id.as_str()), Some(id));
        }
    }
}
