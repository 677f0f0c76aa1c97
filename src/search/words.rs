//! Words: what texts and searches are cut into.
//!
//! A word is a run of letters and digits. Scripts that put no spaces between words are cut into
//! single characters; a search for several of them in a row looks for them in a row.

use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RemoveLongFilter, TextAnalyzer, Token, TokenStream, Tokenizer,
};

use crate::limits::WORD_BYTES_MAX;

/// The name of the analyzer in the index.
pub(crate) const ANALYZER: &str = "words";

/// From text to words as the index has them: lower case, without accents.
pub(crate) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(WordSplitter)
        .filter(RemoveLongFilter::limit(WORD_BYTES_MAX))
        .filter(LowerCaser)
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

/// Scripts without spaces: ideographs, kana, Thai, Lao, Burmese, Khmer.
const fn stands_alone(letter: char) -> bool {
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
            | 0xf900..=0xfaff
            | 0x20000..=0x323af
    )
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
        let Some(start) = rest.find(char::is_alphanumeric) else {
            return false;
        };
        let mut letters = rest.get(start..).unwrap_or_default().chars();
        let first = letters.next().unwrap_or_default();
        let mut length = first.len_utf8();
        if !stands_alone(first) {
            let same = |letter: &char| letter.is_alphanumeric() && !stands_alone(*letter);
            length += letters.take_while(same).map(char::len_utf8).sum::<usize>();
        }
        let start = self.at + start;
        self.at = start + length;
        self.token.position = self.token.position.wrapping_add(1);
        self.token.offset_from = start;
        self.token.offset_to = self.at;
        self.token.text.clear();
        self.token.text.push_str(self.text.get(start..self.at).unwrap_or_default());
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
        assert_eq!(texts("日本語 text한국어"), ["日", "本", "語", "text한국어"]);
        assert_eq!(texts(&"x".repeat(65)), [""; 0]);
        assert!(texts(" \n…!").is_empty());
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
