//! The type of content that the chat API takes, by what it begins like.
//!
//! Deliberately absent: names and declared types. Whoever uploads chooses those.

/// The types of the chat API's attachments.
const ATTACHMENT_TYPES: [&str; 8] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "application/pdf",
    "application/msword",
    DOCX,
    "application/zip",
];
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

/// The media type of content that can be an attachment: a picture (JPEG, PNG, GIF, WebP), a
/// document (PDF, DOC, DOCX) or an archive (ZIP). `None` for all other content.
#[must_use]
pub fn attachment_type(content: &[u8]) -> Option<&'static str> {
    let sniffed = infer::get(content)?.mime_type();
    ATTACHMENT_TYPES.into_iter().find(|known| *known == sniffed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_media::{jpeg, png};

    #[test]
    fn content_says_what_it_is() {
        let table: [(&[u8], Option<&str>); 9] = [
            (&png(4, 4), Some("image/png")),
            (&jpeg(4, 4), Some("image/jpeg")),
            (b"GIF89a\x01\0\x01\0", Some("image/gif")),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"%PDF-1.7\n", Some("application/pdf")),
            (b"PK\x03\x04\x14\0\0\0\0\0", Some("application/zip")),
            (b"<html><script>", None),
            (b"MZ\x90\0", None),
            (b"", None),
        ];
        for (content, expected) in table {
            assert_eq!(attachment_type(content), expected, "{content:?}");
        }
    }

    #[test]
    fn a_zip_with_a_text_in_it_is_a_document() {
        let mut docx = b"PK\x03\x04".to_vec();
        docx.resize(30, 0);
        docx.extend(b"word/document.xml");
        assert_eq!(attachment_type(&docx), Some(DOCX));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_to_no_harm(
            start in prop::sample::select(vec![
                vec![],
                b"PK\x03\x04".to_vec(),
                vec![0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1],
            ]),
            rest in prop::collection::vec(any::<u8>(), 0..2_000),
        ) {
            let content = [start, rest].concat();
            prop_assert!(attachment_type(&content).is_none_or(|kind| kind.contains('/')));
        }
    }
}
