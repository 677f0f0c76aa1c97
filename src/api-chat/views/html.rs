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

/// Elements that HTML opens again where they were not closed.
const FORMATTING: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];
/// Most tags of what others wrote.
const TAGS_MAX: usize = 4_000;
/// Most elements that could be opened again.
const REOPENED_MAX: usize = 60_000;
/// How many times longer safe HTML may be, and how many bytes beyond that.
const GROWTH_MAX: usize = 4;
const GROWTH_BYTES: usize = 1_024;
/// How many elements of markdown are in one another at most; the text of deeper ones stays.
const DEPTH_MAX: usize = 32;

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::default();
    cleaner
        .tags(TAGS.into_iter().chain(TABLE_TAGS).collect())
        .clean_content_tags(HashSet::from(["script", "style", "mx-reply"]))
        .url_schemes(HashSet::from(SCHEMES))
        .link_rel(Some("noopener noreferrer nofollow"));
    cleaner
});

/// HTML without anything that could do harm; `None` if making it so could cost too much.
#[must_use]
pub fn clean(html: &str) -> Option<String> {
    if is_costly(html) {
        return None;
    }
    let clean = CLEANER.clean(html).to_string();
    (clean.len() <= html.len() * GROWTH_MAX + GROWTH_BYTES).then_some(clean)
}

/// Whether a parser could make very much of it: it opens formatting elements that were left open
/// anew in every paragraph, and looks through all that is open at every tag.
fn is_costly(html: &str) -> bool {
    let tags = html.split('<').skip(1);
    let is_formatting = |tag: &&str| {
        let name = tag.split(|letter: char| !letter.is_ascii_alphanumeric()).next();
        name.is_some_and(|name| FORMATTING.iter().any(|known| name.eq_ignore_ascii_case(known)))
    };
    let (all, formatting) = (tags.clone().count(), tags.filter(is_formatting).count());
    all > TAGS_MAX || all * formatting > REOPENED_MAX
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
    let events: Vec<_> = events.filter(shallow()).collect();
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
    // What was made here is balanced, so it costs no more than its length.
    Some(CLEANER.clean(html.trim_end()).to_string())
}

/// Which of the elements of a text are not in too many others.
fn shallow() -> impl FnMut(&Event<'_>) -> bool {
    let mut depth = 0_usize;
    move |event| match event {
        Event::Start(_) => {
            depth += 1;
            depth <= DEPTH_MAX
        }
        Event::End(_) => {
            depth -= 1;
            depth < DEPTH_MAX
        }
        _ => true,
    }
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
    fn what_could_grow_without_end_is_left_alone() {
        let mut left_open = "<p>".to_owned();
        (0..1_000).for_each(|number| left_open += &format!("<B a={number}>"));
        left_open += &"<p>x".repeat(1_000);
        assert_eq!(clean(&left_open), None);
        assert_eq!(clean(&"<div>".repeat(10_000)), None);
        let usual = "<p><b>one</b> and <code>two</code></p>".repeat(50);
        assert_eq!(clean(&usual).as_deref(), Some(&*usual));
        let deep = from_markdown(&format!("{}deep", "> ".repeat(4_000))).unwrap();
        assert!(deep.contains("deep") && deep.len() < 2_000, "{}", deep.len());
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
            assert_eq!(clean(html).as_deref(), Some(cleaned));
        }
    }
}
