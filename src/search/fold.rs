//! Folding: what different ways to write a word have in common.
//!
//! Case, accents and width do not matter, and neither does whether an accent is part of its letter.
//! The vowels of Indic and Southeast Asian scripts are marks too, and stay, as do the two marks
//! that make other sounds of kana. Letters like ø, which no rule of Unicode takes apart, are left
//! to tantivy's table.

use unicode_normalization::UnicodeNormalization;

/// Appends the folded form of a word.
pub(crate) fn fold_into(word: &str, folded: &mut String) {
    if word.is_ascii() {
        folded.extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
        return;
    }
    let letters = word.nfkd().flat_map(char::to_lowercase);
    let letters = letters.filter(|letter| !is_accent(*letter) && !is_joiner(*letter));
    folded.extend(letters.map(without_position).nfc());
}

/// Accents of alphabets; the points of Hebrew and Arabic, which are mostly not written.
const fn is_accent(mark: char) -> bool {
    matches!(
        mark as u32,
        0x0300..=0x036f
            | 0x0591..=0x05bd
            | 0x05bf
            | 0x05c1..=0x05c2
            | 0x05c4..=0x05c5
            | 0x05c7
            | 0x064b..=0x065f
            | 0x0670
            | 0x1ab0..=0x1aff
            | 0x1dc0..=0x1dff
            | 0x20d0..=0x20ff
            | 0xfe20..=0xfe2f
    )
}

/// What may stand within a word and is not seen: joiners, soft hyphens, the Arabic tatweel.
pub(crate) const fn is_joiner(character: char) -> bool {
    matches!(character, '\u{00ad}' | '\u{0640}' | '\u{200c}' | '\u{200d}' | '\u{2060}')
}

/// The Greek sigma has another form at the end of a word.
const fn without_position(letter: char) -> char {
    if letter == 'ς' { 'σ' } else { letter }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fold(word: &str) -> String {
        let mut folded = String::new();
        fold_into(word, &mut folded);
        folded
    }

    #[test]
    fn case_accents_and_width_do_not_matter() {
        for (one, other) in [
            ("Ünïcödé", "unicode"),
            ("İstanbul", "istanbul"),
            ("ΟΔΟΣ", "οδοσ"),
            ("ΌΔΌς", "οδοσ"),
            ("Ёлка", "елка"),
            ("Ｈｅｌｌｏ", "hello"),
            ("Việt", "viet"),
            ("ﬁn", "fin"),
            ("שָׁלוֹם", "שלום"),
        ] {
            assert_eq!(fold(one), other);
        }
        assert_ne!(fold("が"), fold("か"));
        assert_eq!(fold("か\u{3099}"), fold("が"));
        assert_ne!(fold("की"), fold("क"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_more(word in "[\\p{L}\\p{M}]{0,12}") {
            let once = fold(&word);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
