//! The headers of a download: what a browser may do with what a stranger uploaded
//! (specification, content repository, serving inline content and security considerations).

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use ruma::http_headers::{ContentDisposition, ContentDispositionType};

use crate::limits::{CONTENT_TYPE_BYTES_MAX, FILENAME_BYTES_MAX};

/// The types that cannot run scripts when a browser shows them.
const INLINE_TYPES: [&str; 26] = [
    "text/css",
    "text/plain",
    "text/csv",
    "application/json",
    "application/ld+json",
    "image/jpeg",
    "image/gif",
    "image/png",
    "image/apng",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
    "audio/mp4",
    "audio/webm",
    "audio/aac",
    "audio/mpeg",
    "audio/ogg",
    "audio/wave",
    "audio/wav",
    "audio/x-wav",
    "audio/x-pn-wav",
    "audio/flac",
    "audio/x-flac",
];

/// For content whose type nobody said.
const UNKNOWN_TYPE: &str = "application/octet-stream";

const POLICY: &str = "sandbox; default-src 'none'; script-src 'none'; \
     plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';";

/// The content of an id never changes: it may be kept for good.
pub(crate) const IMMUTABLE: HeaderValue =
    HeaderValue::from_static("private, max-age=31536000, immutable");

/// The headers of content with this type and this name, whoever said so.
pub(crate) fn content_headers(content_type: Option<&str>, filename: Option<&str>) -> HeaderMap {
    let content_type = content_type
        .and_then(|declared| clean_content_type(declared.to_owned()))
        .unwrap_or_else(|| UNKNOWN_TYPE.to_owned());
    let disposition = if may_be_inline(&content_type) {
        ContentDispositionType::Inline
    } else {
        ContentDispositionType::Attachment
    };
    let filename = filename.and_then(|name| clean_filename(name.to_owned()));
    let disposition = ContentDisposition::new(disposition).with_filename(filename).to_string();
    let value = HeaderValue::from_static;
    // What was cleaned is always valid; if it were not, it would be saved and not shown.
    let or = |text: String, other| HeaderValue::try_from(text).unwrap_or(value(other));
    HeaderMap::from_iter([
        (CONTENT_TYPE, or(content_type, UNKNOWN_TYPE)),
        (CONTENT_DISPOSITION, or(disposition, "attachment")),
        (CONTENT_SECURITY_POLICY, value(POLICY)),
        (HeaderName::from_static("cross-origin-resource-policy"), value("cross-origin")),
        (X_CONTENT_TYPE_OPTIONS, value("nosniff")),
        (CACHE_CONTROL, IMMUTABLE),
    ])
}

fn may_be_inline(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    INLINE_TYPES.iter().any(|safe| safe.eq_ignore_ascii_case(essence))
}

/// The type if it is `type/subtype`, perhaps with parameters, in printable ASCII.
pub(crate) fn clean_content_type(content_type: String) -> Option<String> {
    let printable = content_type.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let (kind, subtype) = essence.split_once('/')?;
    let token = |part: &str| !part.is_empty() && ruma::http_headers::is_token_string(part);
    let well_formed = printable && token(kind) && token(subtype);
    (well_formed && content_type.len() <= CONTENT_TYPE_BYTES_MAX).then_some(content_type)
}

/// The name without what could leave a directory, a header or the direction of reading.
pub(crate) fn clean_filename(filename: String) -> Option<String> {
    let marks = ['\u{200e}', '\u{200f}'];
    let (embeddings, isolates) = ('\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}');
    let turns = |c: char| marks.contains(&c) || embeddings.contains(&c) || isolates.contains(&c);
    let mut clean: String = filename
        .chars()
        .filter(|c| !c.is_control() && !turns(*c))
        .map(|c| if matches!(c, '/' | '\\') { '_' } else { c })
        .collect();
    clean.truncate(clean.floor_char_boundary(FILENAME_BYTES_MAX));
    (!clean.is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn disposition(content_type: &str, filename: Option<&str>) -> String {
        let headers = content_headers(Some(content_type), filename);
        headers[CONTENT_DISPOSITION].to_str().unwrap().to_owned()
    }

    #[test]
    fn only_safe_types_are_shown() {
        for safe in ["image/png", "IMAGE/PNG", "text/plain; charset=utf-8", " audio/flac ;a=b"] {
            assert_eq!(disposition(safe, None), "inline", "{safe}");
        }
        for other in ["text/html", "image/svg+xml", "application/pdf", "image/png/x", "nonsense"] {
            assert_eq!(disposition(other, None), "attachment", "{other}");
        }
        assert_eq!(content_headers(None, None)[CONTENT_TYPE], UNKNOWN_TYPE);
    }

    #[test]
    fn names_keep_their_meaning() {
        assert_eq!(disposition("image/png", Some("ascii")), "inline; filename=ascii");
        assert_eq!(
            disposition("image/png", Some("name;with \"quotes\"")),
            r#"inline; filename="name;with \"quotes\"""#
        );
        assert_eq!(disposition("image/png", Some("☕")), "inline; filename*=utf-8''%E2%98%95");
    }

    #[test]
    fn names_cannot_leave_header_or_directory() {
        let name = clean_filename("..\\../evil\r\nSet-Cookie: a\u{202e}gpj.exe".to_owned());
        assert_eq!(name.as_deref(), Some(".._.._evilSet-Cookie: agpj.exe"));
        assert_eq!(clean_filename("\0\n".to_owned()), None);
    }

    proptest! {
        #[test]
        fn type_and_name_come_back_as_far_as_they_are_harmless(
            content_type in proptest::option::of(any::<String>()),
            filename in proptest::option::of(any::<String>()),
        ) {
            let headers = content_headers(content_type.as_deref(), filename.as_deref());
            let rendered = headers[CONTENT_DISPOSITION].to_str().unwrap();
            let parsed: ContentDisposition = rendered.parse().unwrap();
            let cleaned = content_type.and_then(clean_content_type);
            prop_assert_eq!(&headers[CONTENT_TYPE], cleaned.as_deref().unwrap_or(UNKNOWN_TYPE));
            prop_assert_eq!(parsed.filename, filename.and_then(clean_filename));
        }
    }
}
