//! How much of a file a request gets (RFC 9110, sections 13 and 14).
//!
//! Deliberately absent: several ranges at once. Whoever asks for them gets the whole, as does
//! whoever asks for what is not understood; both are allowed.

use std::ops::Range;

use headers::{ETag, HeaderMapExt, IfNoneMatch, IfRange};
use http::{HeaderMap, Method, header::RANGE};
use http_range_header::{EndPosition, StartPosition, SyntacticallyCorrectRange};

/// What a request gets of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Portion {
    /// All of it.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Nothing: the range begins behind the end.
    Beyond,
    /// Nothing: the client has it.
    Unchanged,
}

impl Portion {
    /// What a request gets of `size_bytes` bytes that `tag` stands for.
    pub fn wanted(
        method: &Method,
        headers: &HeaderMap,
        tag: Option<&ETag>,
        size_bytes: u64,
    ) -> Self {
        let known = headers.typed_get::<IfNoneMatch>().zip(tag);
        if known.is_some_and(|(known, tag)| !known.precondition_passes(tag)) {
            return Self::Unchanged;
        }
        // Ranges are defined for GET alone (14.2).
        match range_of(headers) {
            Some(range) if method == Method::GET && has_begun(headers, tag) => {
                Self::of_range(&range, size_bytes)
            }
            _ => Self::Whole,
        }
    }

    fn of_range(range: &SyntacticallyCorrectRange, size_bytes: u64) -> Self {
        let (start, end) = match (range.start, range.end) {
            (StartPosition::FromLast(length), _) => (size_bytes.saturating_sub(length), size_bytes),
            (StartPosition::Index(start), EndPosition::LastByte) => (start, size_bytes),
            (StartPosition::Index(start), EndPosition::Index(last)) if start <= last => {
                (start, size_bytes.min(last.saturating_add(1)))
            }
            // Backwards: as if it were not there (14.1.1).
            (StartPosition::Index(_), EndPosition::Index(_)) => return Self::Whole,
        };
        match range.start {
            _ if start < size_bytes => Self::Part(start..end),
            // The end of nothing is nothing, which no `Content-Range` can say.
            StartPosition::FromLast(_) => Self::Whole,
            StartPosition::Index(_) => Self::Beyond,
        }
    }
}

/// The only range that a request names, if it is understood.
fn range_of(headers: &HeaderMap) -> Option<SyntacticallyCorrectRange> {
    let mut values = headers.get_all(RANGE).into_iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let parsed = http_range_header::parse_range_header(value.to_str().ok()?).ok()?;
    match *parsed.ranges.as_slice() {
        [range] => Some(range),
        _ => None,
    }
}

/// Whether what the client has the beginning of is this file, as far as it says so (13.1.5).
fn has_begun(headers: &HeaderMap, tag: Option<&ETag>) -> bool {
    match headers.typed_try_get::<IfRange>() {
        Ok(None) => true,
        Ok(Some(begun)) => !begun.is_modified(tag, None),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use http::header::{IF_NONE_MATCH, IF_RANGE};
    use proptest::prelude::*;

    use super::*;

    const SIZE_BYTES: u64 = 1_000;

    fn wanted_by(method: &Method, fields: &[(http::HeaderName, &str)], size_bytes: u64) -> Portion {
        let tag = "\"tag\"".parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, value.parse().unwrap());
        }
        Portion::wanted(method, &headers, Some(&tag), size_bytes)
    }

    fn wanted(fields: &[(http::HeaderName, &str)]) -> Portion {
        wanted_by(&Method::GET, fields, SIZE_BYTES)
    }

    fn of_range(range: &str) -> Portion {
        wanted(&[(RANGE, range)])
    }

    #[test]
    fn a_range_is_a_part() {
        for (range, part) in [
            ("bytes=0-99", 0..100),
            ("bytes=0-0", 0..1),
            ("bytes=100-", 100..1_000),
            ("bytes=-50", 950..1_000),
            ("bytes=999-", 999..1_000),
            ("bytes=900-5000", 900..1_000),
            ("bytes=0-18446744073709551615", 0..1_000),
            ("bytes=-5000", 0..1_000),
        ] {
            assert_eq!(of_range(range), Portion::Part(part), "{range}");
        }
    }

    #[test]
    fn what_begins_behind_the_end_is_nothing() {
        for range in ["bytes=1000-", "bytes=1000-1001", "bytes=18446744073709551615-"] {
            assert_eq!(of_range(range), Portion::Beyond, "{range}");
        }
        let of_nothing = |range| wanted_by(&Method::GET, &[(RANGE, range)], 0);
        assert_eq!(of_nothing("bytes=0-"), Portion::Beyond);
        assert_eq!(of_nothing("bytes=-1"), Portion::Whole);
    }

    #[test]
    fn several_ranges_and_nonsense_are_passed_over() {
        for range in [
            "bytes=0-1,3-4",
            "bytes=0-1, 1-4",
            "bytes=5-2",
            "bytes=-",
            "bytes=-0",
            "bytes=",
            "bytes=a-b",
            "bytes=1",
            "bytes=99999999999999999999-",
            "lines=0-1",
            "0-1",
            "",
        ] {
            assert_eq!(of_range(range), Portion::Whole, "{range}");
        }
        assert_eq!(wanted(&[(RANGE, "bytes=0-1"), (RANGE, "bytes=3-4")]), Portion::Whole);
        assert_eq!(wanted(&[]), Portion::Whole);
        let head = wanted_by(&Method::HEAD, &[(RANGE, "bytes=0-1")], SIZE_BYTES);
        assert_eq!(head, Portion::Whole);
    }

    #[test]
    fn a_range_of_something_else_is_passed_over() {
        let range = (RANGE, "bytes=0-1");
        let if_range = |validator| wanted(&[range.clone(), (IF_RANGE, validator)]);
        assert_eq!(if_range("\"tag\""), Portion::Part(0..2));
        for other in ["\"other\"", "W/\"tag\"", "Sat, 29 Oct 1994 19:43:31 GMT", "tag", ""] {
            assert_eq!(if_range(other), Portion::Whole, "{other}");
        }
        let beyond = wanted(&[(RANGE, "bytes=1000-"), (IF_RANGE, "\"other\"")]);
        assert_eq!(beyond, Portion::Whole);
    }

    #[test]
    fn what_the_client_has_is_not_sent() {
        let known = |tags| wanted(&[(IF_NONE_MATCH, tags), (RANGE, "bytes=0-1")]);
        for tags in ["\"tag\"", "W/\"tag\"", "\"a\", \"tag\"", "*"] {
            assert_eq!(known(tags), Portion::Unchanged, "{tags}");
        }
        assert_eq!(known("\"other\""), Portion::Part(0..2));
        let head = wanted_by(&Method::HEAD, &[(IF_NONE_MATCH, "\"tag\"")], SIZE_BYTES);
        assert_eq!(head, Portion::Unchanged);
    }

    proptest! {
        #[test]
        fn a_part_is_within_the_file(range in "(bytes=)?[0-9]{0,21}-?[0-9]{0,21}(,-1)?",
                                     size_bytes in 0u64..3_000) {
            let wanted = wanted_by(&Method::GET, &[(RANGE, &range)], size_bytes);
            if let Portion::Part(part) = wanted {
                prop_assert!(part.start < part.end && part.end <= size_bytes, "{part:?}");
            }
        }
    }
}
