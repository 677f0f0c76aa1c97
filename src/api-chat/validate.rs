//! What inputs have to be like, told field by field.

use std::ops::RangeInclusive;

use crate::{Problem, problem::FieldError, views::DISPLAY_NAME_CHARACTERS};

/// An input that can say what is wrong with it beyond its shape.
pub trait Validate {
    /// Adds what is wrong.
    fn validate(&self, faults: &mut Faults);
}

/// What is wrong with an input.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// Something is wrong with a field.
    pub fn add(&mut self, field: &str, detail: impl Into<String>) {
        self.0.push(FieldError { field: field.to_owned(), detail: detail.into() });
    }

    /// A field has to hold.
    pub fn check(&mut self, field: &str, holds: bool, detail: &str) {
        if !holds {
            self.add(field, detail);
        }
    }

    /// A text has to have so many characters.
    pub fn characters(&mut self, field: &str, text: &str, allowed: RangeInclusive<usize>) {
        // No character has more than four bytes: a huge text need not be counted.
        let count = match text.len() > allowed.end().saturating_mul(4) {
            true => usize::MAX,
            false => text.chars().count(),
        };
        if !allowed.contains(&count) {
            let detail = match (allowed.start(), allowed.end()) {
                (0, most) => format!("it must have at most {most} characters"),
                (least, most) => format!("it must have {least} to {most} characters"),
            };
            self.add(field, detail);
        }
    }

    /// A text has to have something in it that is seen; an empty one is for
    /// [`Faults::characters`].
    pub fn not_blank(&mut self, field: &str, text: &str) {
        let is_blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        if !text.is_empty() && text.chars().all(is_blank) {
            self.add(field, "it must not be blank");
        }
    }

    /// As [`Faults::characters`], if there is a text.
    pub fn optional_characters(
        &mut self,
        field: &str,
        text: Option<&str>,
        allowed: RangeInclusive<usize>,
    ) {
        if let Some(text) = text {
            self.characters(field, text, allowed);
        }
    }

    /// A name that others see: not too long, one line, and something in it that is seen.
    pub fn display_name(&mut self, field: &str, name: &str) {
        self.characters(field, name, DISPLAY_NAME_CHARACTERS);
        self.not_blank(field, name);
        let is_one_line = !name.contains(char::is_control);
        self.check(field, is_one_line, "it must have no line breaks and control characters");
    }

    /// Nothing, if nothing is wrong.
    ///
    /// # Errors
    /// 400, if something is.
    pub fn into_result(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}

/// Checks an input.
///
/// # Errors
/// 400 that names the fields.
pub fn check<T: Validate>(input: &T) -> Result<(), Problem> {
    let mut faults = Faults::default();
    input.validate(&mut faults);
    faults.into_result()
}

/// For inputs whose shape says everything.
impl Validate for () {
    fn validate(&self, _: &mut Faults) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_is_seen() {
        let is_name = |name: &str| {
            let mut faults = Faults::default();
            faults.display_name("name", name);
            faults.0.is_empty()
        };
        assert!(is_name("Zoë van Dijk 👋"));
        for wrong in ["", "  ", "a\nb", "a\u{7}", "\u{85}a", &"x".repeat(51)] {
            assert!(!is_name(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        let faults = |text: &str| {
            let mut faults = Faults::default();
            faults.characters("name", text, 1..=3);
            faults.0.len()
        };
        assert_eq!(faults(""), 1);
        assert_eq!(faults("äöü"), 0);
        assert_eq!(faults("äöüß"), 1);
        assert_eq!(faults(&"x".repeat(1_000)), 1);
    }
}
