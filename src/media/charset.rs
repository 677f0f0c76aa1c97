//! From the bytes of a page to text (HTML standard, determining the character encoding): a byte
//! order mark, the declared type, a `meta` near the beginning, else UTF-8 if it is, else Windows.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How much of a page is searched for a declaration, in bytes.
const DECLARATION_BYTES_MAX: usize = 4 * 1024;

/// The text of a page. What cannot be decoded becomes U+FFFD.
pub(crate) fn decode<'a>(bytes: &'a [u8], content_type: &str) -> Cow<'a, str> {
    let declared = label_in(content_type).or_else(|| {
        let start = bytes.get(..DECLARATION_BYTES_MAX).unwrap_or(bytes);
        label_in(&String::from_utf8_lossy(start).to_ascii_lowercase())
    });
    let encoding = declared.unwrap_or_else(|| guess(bytes));
    // A byte order mark wins over all of it.
    encoding.decode(bytes).0
}

/// The encoding after the first `charset=`, if there is one that is known.
fn label_in(text: &str) -> Option<&'static Encoding> {
    let (_, rest) = text.split_once("charset=")?;
    let rest = rest.trim_start_matches(['"', '\'', ' ']);
    let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_:".contains(letter));
    Encoding::for_label(rest.get(..end.unwrap_or(rest.len()))?.as_bytes())
}

/// UTF-8 if it is that, but for a character that was cut off at the end.
fn guess(bytes: &[u8]) -> &'static Encoding {
    match str::from_utf8(bytes) {
        Ok(_) => UTF_8,
        Err(error) if error.error_len().is_none() => UTF_8,
        Err(_) => WINDOWS_1252,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_believed_in_their_order() {
        let latin = b"<meta charset=\"iso-8859-1\">caf\xe9";
        assert!(decode(latin, "text/html").ends_with("café"));
        let mut other_way = b"<meta charset=utf-16>".to_vec();
        other_way.extend("é".as_bytes());
        assert!(decode(&other_way, "text/html; charset=utf-8").ends_with('é'));
        let equivalent =
            b"<meta http-equiv=content-type content='text/html; charset=shift_jis'>\x83n";
        assert!(decode(equivalent, "").ends_with('ハ'));
        assert_eq!(decode(b"\xef\xbb\xbfx", "text/html; charset=iso-8859-1"), "x");
    }

    #[test]
    fn without_a_declaration_it_is_guessed() {
        assert_eq!(decode("größe".as_bytes(), "text/html"), "größe");
        assert_eq!(decode(b"gr\xf6\xdfe", "text/html"), "größe");
        assert!(decode(&"größe".as_bytes()[..3], "").starts_with("gr"));
        assert_eq!(decode(b"x", "text/html; charset=nonsense"), "x");
    }
}
