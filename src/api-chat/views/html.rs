//! HTML that is safe to show: markdown becomes it, and what others wrote is made it.

use std::{collections::HashSet, sync::LazyLock};

use ammonia::Builder;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html::push_html};

/// What may stay (specification, "m.room.message msgtypes"), pictures excepted: they would be
/// loaded from elsewhere.
const TAGS: [&str; 32] = [
    "a",
    "b",
    "blockquote",
    "br",
    "caption",
    "code",
    "del",
    "details",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "td",
    "u",
    "ul",
];
/// The rest of tables.
const TABLE_TAGS: [&str; 4] = ["thead", "tbody", "th", "tr"];
/// Where links may lead.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "matrix"];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::default();
    cleaner
        .tags(TAGS.into_iter().chain(TABLE_TAGS).collect())
        .clean_content_tags(HashSet::from(["script", "style", "mx-reply"]))
        .url_schemes(HashSet::from(SCHEMES))
        .link_rel(Some("noopener noreferrer nofollow"));
    cleaner
});

/// HTML without anything that could do harm.
#[must_use]
pub fn clean(html: &str) -> String {
    CLEANER.clean(html).to_string()
}

/// Markdown as safe HTML; `None` if that says no more than the text itself.
#[must_use]
pub fn from_markdown(text: &str) -> Option<String> {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
    let mut is_plain = true;
    let events = Parser::new_ext(text, options).map(|event| match event {
        // A new line is one, as in every chat.
        Event::SoftBreak => Event::HardBreak,
        // Tags that somebody types are text.
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        event => event,
    });
    let events: Vec<_> = events.collect();
    for event in &events {
        is_plain &= matches!(
            event,
            Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) | Event::Text(_)
        ) || matches!(event, Event::HardBreak);
    }
    let paragraphs = events.iter().filter(|event| matches!(event, Event::Start(Tag::Paragraph)));
    if is_plain && paragraphs.count() <= 1 {
        return None;
    }
    let mut html = String::new();
    push_html(&mut html, events.into_iter());
    Some(clean(html.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html_where_it_says_more() {
        for plain in ["hello", "1 < 2 & 3", "two\nlines", "<b>typed</b>", "👍"] {
            assert_eq!(from_markdown(plain), None, "{plain}");
        }
        let bold = from_markdown("**bold** and ~~gone~~").unwrap();
        assert_eq!(bold, "<p><strong>bold</strong> and <del>gone</del></p>");
        let table = from_markdown("|a|\n|-|\n|1|").unwrap();
        assert!(table.contains("<th>a</th>") && table.contains("<td>1</td>"), "{table}");
        let typed = from_markdown("*x* <script>alert(1)</script>").unwrap();
        assert!(!typed.contains("<script") && typed.contains("&lt;script&gt;"), "{typed}");
        let link = from_markdown("[x](javascript:alert(1)) **y**").unwrap();
        assert!(!link.contains("javascript"), "{link}");
    }

    #[test]
    fn nothing_harmful_stays() {
        for (html, cleaned) in [
            ("<script>alert(1)</script>x", "x"),
            ("<b onclick=\"x()\">y</b>", "<b>y</b>"),
            ("<img src=\"https://x.org/\">", ""),
            ("<mx-reply>old</mx-reply>new", "new"),
            ("<a href=\"javascript:x()\">y</a>", "<a rel=\"noopener noreferrer nofollow\">y</a>"),
            ("<iframe src=\"//x\"></iframe>", ""),
        ] {
            assert_eq!(clean(html), cleaned);
        }
    }
}
