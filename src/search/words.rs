//! Words: what texts and searches are cut into.
//!
//! A word is a run of letters, digits and the marks on them, folded (see [`crate::fold`]). Scripts
//! that put no spaces between words, and Hangul, whose words have endings, are cut into single
//! characters; a search for several of them in a row looks for them in a row.

use tantivy::tokenizer::{
    AsciiFoldingFilter, RemoveLongFilter, TextAnalyzer, Token, TokenStream, Tokenizer,
};
use unicode_normalization::char::is_combining_mark;

use crate::{
    fold::{fold_into, is_joiner},
    limits::WORD_BYTES_MAX,
};

/// The name of the analyzer in the index.
pub(crate) const ANALYZER: &str = "words";

/// From text to words as the index has them: lower case, without accents.
pub(crate) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(WordSplitter)
        .filter(RemoveLongFilter::limit(WORD_BYTES_MAX))
        .filter(AsciiFoldingFilter)
        .build()
}

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// As the index has it.
    pub text: String,
    /// Where it begins in the text, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
}

/// The words of a text.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut analyzer = analyzer();
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    while let Some(token) = stream.next() {
        let (start, end) = (token.offset_from, token.offset_to);
        words.push(Word { text: token.text.clone(), start, end });
    }
    words
}

/// Scripts without spaces: ideographs, kana, Thai, Lao, Burmese, Khmer. And Hangul.
pub(crate) const fn stands_alone(letter: char) -> bool {
    matches!(
        letter as u32,
        0x0e00..=0x0eff
            | 0x1000..=0x109f
            | 0x1780..=0x17ff
            | 0x3005..=0x3007
            | 0x3040..=0x30ff
            | 0x31f0..=0x31ff
            | 0x3400..=0x4dbf
            | 0x4e00..=0x9fff
            | 0xac00..=0xd7a3
            | 0xf900..=0xfaff
            | 0xff66..=0xff9f
            | 0x20000..=0x323af
    )
}

/// Whether a character belongs to the letter before it. Half-width kana have their marks apart.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{ff9e}' | '\u{ff9f}') || is_combining_mark(character)
}

fn is_letter(character: char) -> bool {
    character.is_alphanumeric() && !is_mark(character)
}

/// How many bytes the first word of `text` has, which begins with a letter.
fn length_of_first(text: &str) -> usize {
    let mut letters = text.chars();
    let first = letters.next().unwrap_or_default();
    let goes_on = |next: &char| {
        is_mark(*next)
            || !stands_alone(first)
                && (is_joiner(*next) || is_letter(*next) && !stands_alone(*next))
    };
    first.len_utf8() + letters.take_while(goes_on).map(char::len_utf8).sum::<usize>()
}

/// Cuts text into words.
#[derive(Clone)]
struct WordSplitter;

struct WordStream<'a> {
    text: &'a str,
    /// Where the rest begins, in bytes.
    at: usize,
    token: Token,
}

impl Tokenizer for WordSplitter {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        WordStream { text, at: 0, token: Token::default() }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(start) = rest.find(is_letter) else {
            return false;
        };
        let rest = rest.get(start..).unwrap_or_default();
        let word = rest.get(..length_of_first(rest)).unwrap_or_default();
        self.token.offset_from = self.at + start;
        self.at += start + word.len();
        self.token.position = self.token.position.wrapping_add(1);
        self.token.offset_to = self.at;
        self.token.text.clear();
        fold_into(word, &mut self.token.text);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(texts("Hello, wörld! It's 4pm."), ["hello", "world", "it", "s", "4pm"]);
        assert_eq!(texts("日本語 text한국"), ["日", "本", "語", "text", "한", "국"]);
        assert_eq!(texts(&"x".repeat(65)), [""; 0]);
        assert!(texts(" \n…!\u{301}").is_empty());
    }

    #[test]
    fn marks_stay_with_their_letters_however_they_are_written() {
        assert_eq!(texts("cafe\u{301}s CAFÉS"), ["cafes", "cafes"]);
        assert_eq!(texts("हिन्दी में"), ["हिन्दी", "में"]);
        assert_eq!(texts("ที่นี่").len(), 2);
        assert_eq!(texts("ｶﾞｷﾞ が"), ["ガ", "ギ", "が"]);
        assert_eq!(texts("می\u{200c}خواهم"), ["میخواهم"]);
    }

    proptest! {
        #[test]
        fn words_lie_in_their_text_one_after_another(text in "\\PC{0,100}") {
            let mut end = 0;
            for word in words(&text) {
                prop_assert!(end <= word.start && word.start < word.end);
                prop_assert!(text.get(word.start..word.end).is_some());
                end = word.end;
            }
        }
    }
}
