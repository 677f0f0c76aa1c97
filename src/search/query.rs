//! From what somebody typed to what the index looks for.
//!
//! All words have to be there, each in any of the searched keys. Words in quotes, and letters of
//! scripts without spaces that touch each other, have to be there in a row.

use tantivy::{
    Term,
    query::{BooleanQuery, ConstScoreQuery, Occur, PhraseQuery, Query, TermQuery, TermSetQuery},
    schema::{Field, IndexRecordOption},
};

use crate::{
    limits::QUERY_WORDS_MAX,
    words::{Word, words},
};

/// What somebody typed: words in a row, all of which have to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phrases(Vec<Vec<String>>);

impl Phrases {
    /// Reads a search term. There may be nothing to look for in it.
    pub(crate) fn parse(term: &str) -> Self {
        let mut phrases = Vec::new();
        let mut left = QUERY_WORDS_MAX;
        for (part, text) in term.split('"').enumerate() {
            let is_quoted = part % 2 == 1;
            let words: Vec<Word> = words(text).into_iter().take(left).collect();
            left -= words.len();
            let in_a_row = |one: &Word, next: &Word| is_quoted || one.end == next.start;
            let rows = words.chunk_by(in_a_row);
            phrases.extend(rows.map(|row| row.iter().map(|word| word.text.clone()).collect()));
        }
        Self(phrases)
    }

    /// Whether there is nothing to look for.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words that make a match, for clients to show.
    pub(crate) fn highlights(&self) -> Vec<String> {
        let words = self.0.iter().flatten().cloned();
        words.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// What finds the phrases in any of the fields.
    pub(crate) fn query(&self, fields: &[Field]) -> Box<dyn Query> {
        let phrases = self.0.iter().map(|row| {
            let each = fields.iter().map(|field| row_query(*field, row)).collect();
            Box::new(BooleanQuery::union(each)) as Box<dyn Query>
        });
        Box::new(BooleanQuery::intersection(phrases.collect()))
    }
}

fn row_query(field: Field, row: &[String]) -> Box<dyn Query> {
    let terms: Vec<_> = row.iter().map(|word| Term::from_field_text(field, word)).collect();
    match <[Term; 1]>::try_from(terms) {
        Ok([term]) => Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)),
        Err(terms) => Box::new(PhraseQuery::new(terms)),
    }
}

/// A query of which each match is, or is not, one of these; it has no part in the rank.
pub(crate) struct Restriction {
    pub occur: Occur,
    pub terms: Vec<Term>,
}

/// The query within its restrictions.
pub(crate) fn restricted(query: Box<dyn Query>, restrictions: Vec<Restriction>) -> Box<dyn Query> {
    let restrictions = restrictions.into_iter().map(|Restriction { occur, terms }| {
        let set = Box::new(TermSetQuery::new(terms));
        (occur, Box::new(ConstScoreQuery::new(set, 0.0)) as Box<dyn Query>)
    });
    let all = std::iter::once((Occur::Must, query)).chain(restrictions);
    Box::new(BooleanQuery::new(all.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(term: &str) -> Vec<Vec<String>> {
        Phrases::parse(term).0
    }

    #[test]
    fn quotes_and_touching_letters_make_rows() {
        assert_eq!(rows("Message 4"), [["message"], ["4"]]);
        assert_eq!(rows("a \"b c\" d"), [vec!["a"], vec!["b", "c"], vec!["d"]]);
        assert_eq!(rows("日本 語"), [vec!["日", "本"], vec!["語"]]);
        assert_eq!(rows("it's \"open"), [["it"], ["s"], ["open"]]);
        assert!(Phrases::parse(" \"\" ?!").is_empty());
        assert_eq!(rows(&"w ".repeat(100)).len(), QUERY_WORDS_MAX);
    }
}
