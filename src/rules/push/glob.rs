//! Globs of push rules: `*` matches any characters, `?` one, case does not count.
//!
//! All places at which a pattern can stand are followed at once, as bits, so that no pattern and
//! no text makes the matcher go back: the cost is the length of the text times the words of bits.

use std::{cell::Cell, collections::HashMap};

/// Longest pattern in characters, a run of stars counting as one; a longer one never matches.
const PATTERN_CHARS_MAX: usize = 1_024;

/// How much matching an evaluation may still do.
#[derive(Debug)]
pub(super) struct Steps(Cell<u32>);

impl Steps {
    pub(super) const fn new(steps: u32) -> Self {
        Self(Cell::new(steps))
    }

    /// Takes what a match costs; `false` if that is more than is left.
    fn take(&self, steps: usize) -> bool {
        let left = u32::try_from(steps).ok().and_then(|steps| self.0.get().checked_sub(steps));
        self.0.set(left.unwrap_or_default());
        left.is_some()
    }
}

/// Where in a text a pattern has to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// It is all of the text.
    Whole,
    /// It is a part that starts and ends at word boundaries.
    Words,
}

/// A pattern ready to match.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Glob {
    extent: Extent,
    /// How many characters a match consumes, stars aside: the places are 0 to this.
    length: usize,
    /// Places at which a character is consumed, by the character.
    literals: HashMap<char, Vec<u64>>,
    /// Places at which any one character is consumed.
    any: Vec<u64>,
    /// Places at which any number of characters is skipped.
    stars: Vec<u64>,
}

impl Glob {
    /// Compiles a pattern; `None` if it is too long ever to match.
    pub(super) fn new(pattern: &str, extent: Extent) -> Option<Self> {
        let mut glob = Self::empty(extent);
        for character in pattern.chars().flat_map(char::to_lowercase) {
            match character {
                '*' => set(&mut glob.stars, glob.length),
                '?' => glob.push(None)?,
                literal => glob.push(Some(literal))?,
            }
        }
        glob.stars.resize(glob.words(), 0);
        Some(glob)
    }

    /// A pattern without wildcards; `None` if it is too long ever to match.
    pub(super) fn literal(text: &str, extent: Extent) -> Option<Self> {
        let mut glob = Self::empty(extent);
        for character in text.chars().flat_map(char::to_lowercase) {
            glob.push(Some(character))?;
        }
        glob.stars.resize(glob.words(), 0);
        Some(glob)
    }

    fn empty(extent: Extent) -> Self {
        Self { extent, length: 0, literals: HashMap::new(), any: Vec::new(), stars: Vec::new() }
    }

    fn push(&mut self, literal: Option<char>) -> Option<()> {
        let place = self.length;
        match literal {
            Some(literal) => set(self.literals.entry(literal).or_default(), place),
            None => set(&mut self.any, place),
        }
        self.length += 1;
        (self.length <= PATTERN_CHARS_MAX).then_some(())
    }

    fn words(&self) -> usize {
        self.length / 64 + 1
    }

    /// Whether the text has the pattern where it has to be.
    pub(super) fn matches(&self, text: &str, steps: &Steps) -> bool {
        if !steps.take((text.len() + 1).saturating_mul(self.words())) {
            return false;
        }
        let mut places = vec![0; self.words()];
        let (mut before, mut characters) = (None, text.chars());
        let mut is_first = true;
        loop {
            let next = characters.next();
            let is_boundary = is_boundary(before, next);
            if is_first || (self.extent == Extent::Words && is_boundary) {
                set(&mut places, 0);
            }
            let is_end = next.is_none() || (self.extent == Extent::Words && is_boundary);
            if is_end && get(&places, self.length) {
                return true;
            }
            let Some(next) = next else {
                return false;
            };
            for character in next.to_lowercase() {
                self.step(&mut places, character);
            }
            (before, is_first) = (Some(next), false);
        }
    }

    /// Moves every place over one character.
    fn step(&self, places: &mut [u64], character: char) {
        let literal = self.literals.get(&character).map_or(&[][..], Vec::as_slice);
        let mut carry = 0;
        for (word, place) in places.iter_mut().enumerate() {
            let bits = |mask: &[u64]| mask.get(word).copied().unwrap_or_default();
            let consumed = *place & (bits(literal) | bits(&self.any));
            let skipped = *place & bits(&self.stars);
            *place = (consumed << 1) | carry | skipped;
            carry = consumed >> 63;
        }
    }
}

/// Whether there is a word boundary between two characters, or an end of the text.
fn is_boundary(before: Option<char>, after: Option<char>) -> bool {
    let is_word = |character: Option<char>| {
        character.is_some_and(|character| character.is_ascii_alphanumeric() || character == '_')
    };
    !(is_word(before) && is_word(after))
}

fn set(bits: &mut Vec<u64>, place: usize) {
    let word = place / 64;
    if bits.len() <= word {
        bits.resize(word + 1, 0);
    }
    if let Some(bits) = bits.get_mut(word) {
        *bits |= 1 << (place % 64);
    }
}

fn get(bits: &[u64], place: usize) -> bool {
    bits.get(place / 64).is_some_and(|word| word & (1 << (place % 64)) != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str, extent: Extent) -> bool {
        Glob::new(pattern, extent).unwrap().matches(text, &Steps::new(1_000_000))
    }

    /// The definition, without any cleverness.
    fn model(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                model(rest, text) || text.split_first().is_some_and(|(_, t)| model(pattern, t))
            }
            (Some(('?', rest)), Some((_, text))) => model(rest, text),
            (Some((p, rest)), Some((t, text))) => p == t && model(rest, text),
            _ => false,
        }
    }

    #[test]
    fn a_whole_text_matches_whatever_its_case() {
        for (pattern, text, expected) in [
            ("lunc?*", "Lunch plans", true),
            ("lunc?*", "LUNCH", true),
            ("lunc?*", " lunch", false),
            ("lunc?*", "lunc", false),
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
            ("*a**b*", "xaxbx", true),
            ("ÄÖ", "äö", true),
        ] {
            assert_eq!(matches(pattern, text, Extent::Whole), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn words_are_found_in_a_text() {
        for (pattern, text, expected) in [
            ("ex*ple", "An example event.", true),
            ("ex*ple", "exple", true),
            ("ex*ple", "An exciting triple-whammy", true),
            ("ex*ple", "complex examples", false),
            ("cake", "cake", true),
            ("cake", "(Cake)", true),
            ("cake", "cakes", false),
            ("cake", "pan_cake", false),
            ("@room", "hello @room!", true),
            ("foo bar", "a foo bar b", true),
            ("*", "anything", true),
            ("über", "ist über alles", true),
        ] {
            assert_eq!(matches(pattern, text, Extent::Words), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_literal_has_no_wildcards() {
        let glob = Glob::literal("a*?", Extent::Words).unwrap();
        assert!(glob.matches("what a*? no", &Steps::new(1_000)));
        assert!(!glob.matches("what abc no", &Steps::new(1_000)));
    }

    #[test]
    fn a_hostile_pattern_costs_what_its_length_says() {
        let pattern = "a*".repeat(1_000);
        let text = "a".repeat(60_000);
        let glob = Glob::new(&format!("{pattern}b"), Extent::Whole).unwrap();
        let enough = Steps::new(1_000_000);
        assert!(!glob.matches(&text, &enough));
        assert_eq!(1_000_000 - enough.0.get(), 60_001 * 16);
        assert!(!Glob::new("a*", Extent::Whole).unwrap().matches(&text, &Steps::new(60_000)));
        assert!(Glob::new(&"a".repeat(PATTERN_CHARS_MAX + 1), Extent::Whole).is_none());
        assert!(Glob::new(&"*".repeat(100_000), Extent::Whole).unwrap().matches("", &enough));
    }

    proptest! {
        #[test]
        fn it_matches_what_the_definition_matches(
            pattern in "[ab*?]{0,70}",
            text in "[ab]{0,12}",
        ) {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let mut short = chars(&pattern);
            short.dedup_by(|a, b| *a == '*' && *b == '*');
            let expected = model(&short, &chars(&text));
            prop_assert_eq!(matches(&pattern, &text, Extent::Whole), expected);
        }

        #[test]
        fn long_patterns_cross_words_of_bits(text in "[ab]{60,200}", at in 0_usize..60) {
            let mut pattern: Vec<_> = text.chars().collect();
            prop_assert!(matches(&text, &text, Extent::Whole));
            pattern[at] = '?';
            pattern.insert(at, '*');
            let pattern: String = pattern.into_iter().collect();
            prop_assert!(matches(&pattern, &text, Extent::Whole));
            let longer = pattern + "c";
            prop_assert!(!matches(&longer, &text, Extent::Whole));
        }
    }
}
