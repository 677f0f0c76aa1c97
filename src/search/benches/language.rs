//! Made-up languages: their words are as long, and as common, as those of real ones.

use rand::{Rng, RngExt, rngs::StdRng};

/// Words of a language that is written with spaces, and of one that is not.
const WORDS: usize = 40_000;
const WORDS_WITHOUT_SPACES: usize = 20_000;
/// How long messages are, in words.
const MESSAGE_WORDS: std::ops::RangeInclusive<usize> = 2..=24;

/// A language.
pub struct Language {
    words: Vec<String>,
    /// How probable the words up to each are.
    probability: Vec<f64>,
    separator: &'static str,
}

impl Language {
    /// Makes up words of 1 to `length_max` of the syllables.
    fn new(
        random: &mut impl Rng,
        syllables: &[String],
        length_max: usize,
        count: usize,
        separator: &'static str,
    ) -> Self {
        let word = |random: &mut _| -> String {
            let length = RngExt::random_range(random, 1..=length_max);
            (0..length)
                .map(|_| &*syllables[RngExt::random_range(random, 0..syllables.len())])
                .collect()
        };
        let mut words: Vec<String> = (0..count).map(|_| word(random)).collect();
        // Common words are short.
        words[..count / 100].sort_by_key(String::len);
        let mut sum = 0.0;
        let probability = (1..=count)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        Self { words, probability, separator }
    }

    fn word(&self, random: &mut impl Rng) -> &str {
        let all = self.probability.last().copied().unwrap_or_default();
        let point = random.random_range(0.0..all);
        &self.words[self.probability.partition_point(|sum| *sum < point)]
    }

    /// A message.
    pub fn message(&self, random: &mut StdRng) -> String {
        let length = random.random_range(MESSAGE_WORDS);
        let words: Vec<_> = (0..length).map(|_| self.word(random)).collect();
        words.join(self.separator)
    }

    /// Two words to look for, with a space between them.
    pub fn query(&self, random: &mut StdRng) -> String {
        format!("{} {}", self.word(random), self.word(random))
    }
}

/// Pairs of a consonant and a vowel.
fn syllables(consonants: &str, vowels: &str) -> Vec<String> {
    let pair = |consonant: char| vowels.chars().map(move |vowel| format!("{consonant}{vowel}"));
    consonants.chars().flat_map(pair).collect()
}

fn characters(range: std::ops::Range<u32>) -> Vec<String> {
    range.filter_map(char::from_u32).map(String::from).collect()
}

/// Four alphabets with spaces, and three languages of single characters, two of them without.
pub fn languages(random: &mut StdRng) -> Vec<Language> {
    let spaced = [
        syllables("bcdfghjklmnprstvwz", "aeiou"),
        syllables("bdfghklmnprstwzß", "aeiouäöü"),
        syllables("bcdfglmnpqrstvç", "aeiouéèêà"),
        syllables("бвгджзклмнпрстфхцчш", "аеёиоуыя"),
        characters(0xac00..0xb000),
    ];
    let mut languages: Vec<_> =
        spaced.iter().map(|of| Language::new(random, of, 4, WORDS, " ")).collect();
    let mut kana = characters(0x3042..0x3093);
    kana.extend(characters(0x30a2..0x30f3));
    kana.extend(characters(0x4e00..0x5200));
    for of in [characters(0x4e00..0x5c00), kana] {
        languages.push(Language::new(random, &of, 3, WORDS_WITHOUT_SPACES, ""));
    }
    languages
}
