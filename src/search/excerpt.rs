//! Excerpts: the part of a text that matches first, with its matches marked.

use std::ops::Range;

use crate::{
    limits::{EXCERPT_CHARACTERS_BEFORE, EXCERPT_CHARACTERS_MAX},
    query::{Phrases, Row},
    words::{Word, words},
};

/// Part of a text in fragments that make it up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt(pub Vec<Fragment>);

/// Part of an excerpt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// What it says.
    pub text: String,
    /// Whether it is what was looked for.
    pub is_match: bool,
}

impl Excerpt {
    pub(crate) fn new(text: &str, phrases: &Phrases) -> Self {
        let marks = marks(text, phrases);
        let part = part(text, marks.first().map_or(0, |first| first.start));
        let mut fragments = Vec::new();
        let mut push = |range: Range<usize>, is_match| {
            let text = text.get(range).unwrap_or_default().to_owned();
            if !text.is_empty() {
                fragments.push(Fragment { text, is_match });
            }
        };
        let mut at = part.start;
        for mark in marks {
            let (start, end) = (mark.start.clamp(at, part.end), mark.end.clamp(at, part.end));
            push(at..start, false);
            push(start..end, true);
            at = end;
        }
        push(at..part.end, false);
        if part.start > 0 {
            fragments.insert(0, ellipsis());
        }
        if part.end < text.len() {
            fragments.push(ellipsis());
        }
        Self(fragments)
    }

    /// What was found.
    pub fn matches(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|fragment| fragment.is_match).map(|fragment| fragment.text.as_str())
    }
}

fn ellipsis() -> Fragment {
    Fragment { text: "…".to_owned(), is_match: false }
}

/// What of a text is shown if its first match begins at `first`: a short one is shown whole.
fn part(text: &str, first: usize) -> Range<usize> {
    if text.chars().nth(EXCERPT_CHARACTERS_MAX).is_none() {
        return 0..text.len();
    }
    let before = text.get(..first).unwrap_or_default().char_indices().rev();
    let start = before.take(EXCERPT_CHARACTERS_BEFORE).last().map_or(first, |(at, _)| at);
    let rest = text.get(start..).unwrap_or_default();
    let length = rest.char_indices().nth(EXCERPT_CHARACTERS_MAX).map_or(rest.len(), |(at, _)| at);
    start..start + length
}

/// Where phrases are in a text, one place after another.
fn marks(text: &str, phrases: &Phrases) -> Vec<Range<usize>> {
    let words = words(text);
    let mut found = Vec::new();
    for row in phrases.rows() {
        let places = words.windows(row.words.len().max(1)).filter(|place| is_row(row, place));
        found.extend(places.filter_map(|place| Some(place.first()?.start..place.last()?.end)));
    }
    found.sort_by_key(|mark| mark.start);
    let mut marks: Vec<Range<usize>> = Vec::new();
    for mark in found {
        match marks.last_mut() {
            Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
            _ => marks.push(mark),
        }
    }
    marks
}

fn is_row(row: &Row, place: &[Word]) -> bool {
    place.iter().enumerate().all(|(at, word)| row.is_word(at, &word.text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An excerpt with its matches in brackets.
    fn show(text: &str, term: &str, with_typos: bool) -> String {
        let Excerpt(fragments) = Excerpt::new(text, &Phrases::parse(term, with_typos));
        let show = |Fragment { text, is_match }| if is_match { format!("[{text}]") } else { text };
        fragments.into_iter().map(show).collect()
    }

    #[test]
    fn matches_are_marked_as_they_were_written() {
        assert_eq!(show("Le Café, le CAFÉ", "cafe", false), "Le [Café], le [CAFÉ]");
        assert_eq!(show("今日は日本語で", "日本", false), "今日は[日本]語で");
        assert_eq!(show("b c, a b c", "\"a b\"", false), "b c, [a b] c");
        assert_eq!(show("an elefant", "elephant", true), "an [elefant]");
        assert_eq!(show("an elefant", "elephant", false), "an elefant");
    }

    #[test]
    fn of_a_long_text_the_part_around_the_first_match_is_shown() {
        let text = format!("{}needle{}", "é ".repeat(500), " é".repeat(500));
        let shown = show(&text, "needle", false);
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.contains("[needle]"));
        assert_eq!(shown.chars().count(), EXCERPT_CHARACTERS_MAX + 4);
    }

    #[test]
    fn a_short_text_is_shown_whole_wherever_it_matches() {
        let text = format!("{}needle", "é ".repeat(80));
        assert_eq!(show(&text, "needle", false), format!("{}[needle]", "é ".repeat(80)));
    }

    proptest! {
        #[test]
        fn an_excerpt_of_a_short_text_is_all_of_it(text in "\\PC{0,80}", term in "\\PC{0,8}") {
            let Excerpt(fragments) = Excerpt::new(&text, &Phrases::parse(&term, true));
            let whole: String = fragments.into_iter().map(|fragment| fragment.text).collect();
            prop_assert_eq!(whole, text);
        }
    }
}
