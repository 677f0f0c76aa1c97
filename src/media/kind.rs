//! The type of content that the chat API takes, by what it begins like.
//!
//! Deliberately absent: names and declared types. Whoever uploads chooses those.

use crate::{compound_file, zip_directory};

/// The types of the chat API's attachments that are known by their first bytes.
const ATTACHMENT_TYPES: [&str; 7] =
    ["image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf", DOCX, ZIP];
const DOC: &str = "application/msword";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const ZIP: &str = "application/zip";

/// The stream that every document of Word has, and no file of another program.
const WORD_STREAM: &str = "WordDocument";
/// The files that every newer document of Word is made of, wherever they stand in it.
const WORD_FILES: [&str; 2] = ["[Content_Types].xml", "word/document.xml"];

/// The media type of content that can be an attachment: a picture (JPEG, PNG, GIF, WebP), a
/// document (PDF, DOC, DOCX) or an archive (ZIP). `None` for all other content.
#[must_use]
pub fn attachment_type(content: &[u8]) -> Option<&'static str> {
    if content.starts_with(&compound_file::MAGIC) {
        return compound_file::has_stream(content, WORD_STREAM).then_some(DOC);
    }
    let sniffed = infer::get(content)?.mime_type();
    if sniffed == ZIP && zip_directory::has_files(content, &WORD_FILES) {
        return Some(DOCX);
    }
    ATTACHMENT_TYPES.into_iter().find(|known| *known == sniffed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_media::{compound_file, jpeg, png, zip};

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

    #[test]
    fn a_document_may_begin_with_its_properties() {
        let properties = ["[Content_Types].xml", "_rels/.rels", "docProps/app.xml"];
        let docx = [&properties[..], &["docProps/core.xml", "word/document.xml"]].concat();
        assert_eq!(attachment_type(&zip(&docx)), Some(DOCX));
        assert_eq!(attachment_type(&zip(&properties)), Some(ZIP));
    }

    #[test]
    fn of_the_old_office_documents_only_those_of_word_are_taken() {
        let word = compound_file(&["WordDocument", "1Table", "Data", "\u{5}SummaryInformation"]);
        assert_eq!(attachment_type(&word), Some("application/msword"));
        let with_table = compound_file(&["WordDocument", "ObjectPool/_1/Workbook"]);
        assert_eq!(attachment_type(&with_table), Some("application/msword"));
        for others in [
            ["Workbook", "\u{5}SummaryInformation"],
            ["Book", "\u{1}CompObj"],
            ["PowerPoint Document", "Current User"],
            ["\u{5}SummaryInformation", "\u{4840}\u{3f3f}\u{4577}"],
            ["__properties_version1.0", "__nameid_version1.0/WordDocument"],
        ] {
            assert_eq!(attachment_type(&compound_file(&others)), None, "{others:?}");
        }
        assert_eq!(attachment_type(&word[..200]), None);
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
