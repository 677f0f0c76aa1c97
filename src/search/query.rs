//! From what somebody typed to what the index looks for.
//!
//! All words have to be there, each in any of the searched keys. Words in quotes, and letters of
//! scripts without spaces that touch each other, have to be there in a row.
//!
//! The rank of a match depends on the match alone: on how often the words are there, and on how
//! long the text is. How common a word is on the whole server has no part in it. So a rank is the
//! same from page to page, and tells nothing of other people's rooms.

use strsim::osa_distance;
use tantivy::{
    Term,
    query::{
        AllQuery, Bm25StatisticsProvider, BooleanQuery, BoostQuery, ConstScoreQuery,
        FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery, TermSetQuery,
    },
    schema::{Field, IndexRecordOption},
};

use crate::{
    limits::{LIKE_WORDS_MAX, QUERY_WORDS_MAX},
    words::{Word, stands_alone, words},
};

/// How much a word that is only like the one that is looked for adds to a rank.
const LIKENESS_RANK: f32 = 0.1;
/// What every word is taken to be: there once in a thousand messages of twelve words.
const MESSAGES: u64 = 1_000_000;
/// See [`MESSAGES`].
const MESSAGES_WITH_WORD: u64 = 1_000;
/// See [`MESSAGES`].
const WORDS: u64 = 12 * MESSAGES;

/// What somebody typed: words in a row, all of which have to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phrases(Vec<Row>);

/// Words in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub words: Vec<String>,
    /// How many letters of the word may be wrong; 0 for several words.
    typos: u8,
    /// The words as they were typed, in lower case.
    typed: String,
}

impl Row {
    /// Whether a word of a text is the one at `at` in the row.
    pub(crate) fn is_word(&self, at: usize, word: &str) -> bool {
        self.words.get(at).is_some_and(|wanted| {
            wanted == word
                || self.typos > 0 && osa_distance(wanted, word) <= usize::from(self.typos)
        })
    }

    fn in_field(&self, field: Field) -> Box<dyn Query> {
        let terms: Vec<_> =
            self.words.iter().map(|word| Term::from_field_text(field, word)).collect();
        let term = match <[Term; 1]>::try_from(terms) {
            Ok([term]) => term,
            Err(terms) => return Box::new(PhraseQuery::new(terms)),
        };
        let exact = Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs));
        if self.typos == 0 {
            return exact;
        }
        let like = Box::new(FuzzyTermQuery::new(term, self.typos, true));
        Box::new(BooleanQuery::union(vec![exact, Box::new(BoostQuery::new(like, LIKENESS_RANK))]))
    }
}

impl Phrases {
    /// Reads a search term. There may be nothing to look for in it.
    pub(crate) fn parse(term: &str, with_typos: bool) -> Self {
        let mut rows = Vec::new();
        let mut left = QUERY_WORDS_MAX;
        for (part, text) in term.split('"').enumerate() {
            let is_quoted = part % 2 == 1;
            let words: Vec<Word> = words(text).into_iter().take(left).collect();
            left -= words.len();
            let in_a_row = |one: &Word, next: &Word| is_quoted || one.end == next.start;
            for row in words.chunk_by(in_a_row) {
                let place = row.first().map_or(0, |first| first.start);
                let place = place..row.last().map_or(0, |last| last.end);
                let typed = text.get(place).unwrap_or_default().to_lowercase();
                let words: Vec<_> = row.iter().map(|word| word.text.clone()).collect();
                let may_err = with_typos && !is_quoted && rows.len() < LIKE_WORDS_MAX;
                let typos = if may_err { typos_in(&words) } else { 0 };
                rows.push(Row { words, typos, typed });
            }
        }
        Self(rows)
    }

    /// Whether there is nothing to look for.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words in rows.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.0
    }

    /// What makes a match, for clients to show.
    pub(crate) fn highlights(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|row| row.typed.clone())
    }

    /// What finds the phrases in any of the fields; everything if there are none.
    pub(crate) fn query(&self, fields: &[Field]) -> Box<dyn Query> {
        if self.is_empty() {
            return Box::new(AllQuery);
        }
        let rows = self.0.iter().map(|row| {
            let each = fields.iter().map(|field| row.in_field(*field)).collect();
            Box::new(BooleanQuery::union(each)) as Box<dyn Query>
        });
        Box::new(BooleanQuery::intersection(rows.collect()))
    }
}

/// How many letters of the words in a row may be wrong: of a single word, the longer, the more.
fn typos_in(words: &[String]) -> u8 {
    match words {
        [word] if !word.chars().any(stands_alone) => match word.chars().count() {
            0..4 => 0,
            4..8 => 1,
            _ => 2,
        },
        _ => 0,
    }
}

/// The query, of which each match has one term of each set; sets have no part in the rank.
pub(crate) fn restricted(query: Box<dyn Query>, sets: Vec<Vec<Term>>) -> Box<dyn Query> {
    let sets = sets.into_iter().map(|terms| {
        let set = Box::new(TermSetQuery::new(terms));
        (Occur::Must, Box::new(ConstScoreQuery::new(set, 0.0)) as Box<dyn Query>)
    });
    let all = std::iter::once((Occur::Must, query)).chain(sets);
    Box::new(BooleanQuery::new(all.collect()))
}

/// Takes every word for as common as any other.
pub(crate) struct EqualWords;

impl Bm25StatisticsProvider for EqualWords {
    fn total_num_tokens(&self, _: Field) -> tantivy::Result<u64> {
        Ok(WORDS)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(MESSAGES)
    }

    fn doc_freq(&self, _: &Term) -> tantivy::Result<u64> {
        Ok(MESSAGES_WITH_WORD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(term: &str) -> Vec<Vec<String>> {
        Phrases::parse(term, false).0.into_iter().map(|row| row.words).collect()
    }

    #[test]
    fn quotes_and_touching_letters_make_rows() {
        assert_eq!(rows("Message 4"), [["message"], ["4"]]);
        assert_eq!(rows("a \"b c\" d"), [vec!["a"], vec!["b", "c"], vec!["d"]]);
        assert_eq!(rows("日本 語"), [vec!["日", "本"], vec!["語"]]);
        assert_eq!(rows("東京tower"), [["東", "京", "tower"]]);
        assert_eq!(rows("it's \"open"), [["it"], ["s"], ["open"]]);
        assert!(Phrases::parse(" \"\" ?!", true).is_empty());
        assert_eq!(rows(&"w ".repeat(100)).len(), QUERY_WORDS_MAX);
    }

    #[test]
    fn only_long_words_on_their_own_may_have_typos() {
        let typos = |term| -> Vec<u8> {
            Phrases::parse(term, true).0.iter().map(|row| row.typos).collect()
        };
        assert_eq!(typos("cat lion elephant"), [0, 1, 2]);
        assert_eq!(typos("\"elephant\" 日本語日本語日本語"), [0, 0]);
        assert_eq!(typos(&"elephant ".repeat(12)).iter().filter(|typos| **typos > 0).count(), 8);
    }
}
