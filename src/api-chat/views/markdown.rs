//! Markdown, which becomes HTML that is safe to show.
//!
//! Pictures become links, as they would be loaded from elsewhere.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html::push_html};

use super::html::clean_own;

/// How many elements are in one another at most; the text of deeper ones stays.
const DEPTH_MAX: usize = 32;
/// What emphasises.
const EMPHASIS: [char; 3] = ['*', '_', '~'];
/// What web addresses begin with.
const ADDRESSES: [&str; 2] = ["https://", "http://"];

const fn options() -> Options {
    Options::ENABLE_STRIKETHROUGH.union(Options::ENABLE_TABLES)
}

/// Markdown as safe HTML; `None` if that says no more than the text itself, or nothing.
#[must_use]
pub fn from_markdown(text: &str) -> Option<String> {
    let escaped = with_plain_addresses(text);
    let events = Parser::new_ext(&escaped, options()).map(|event| match event {
        // A new line is one, as in every chat.
        Event::SoftBreak => Event::HardBreak,
        // Tags that somebody types are text.
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        event => event,
    });
    let events: Vec<_> = events.filter(shallow()).collect();
    if says_nothing(&events) || says_the_same(&events, text) {
        return None;
    }
    let mut html = String::new();
    push_html(&mut html, events.into_iter());
    Some(clean_own(html.trim_end()))
}

/// Whether there is no text to see, as in a list of nothing, which somebody meant as a plus.
fn says_nothing(events: &[Event<'_>]) -> bool {
    !events.iter().any(
        |event| matches!(event, Event::Text(text) | Event::Code(text) if !text.trim().is_empty()),
    )
}

/// Whether it is one paragraph of nothing but the text, letter for letter.
fn says_the_same(events: &[Event<'_>], text: &str) -> bool {
    let mut paragraphs = 0_usize;
    let mut shown = String::new();
    for event in events {
        match event {
            Event::Start(Tag::Paragraph) => paragraphs += 1,
            Event::End(TagEnd::Paragraph) | Event::HardBreak => {}
            Event::Text(part) => shown += part,
            _ => return false,
        }
    }
    let letters = |text: &str| text.split_whitespace().collect::<String>();
    paragraphs <= 1 && letters(&shown) == letters(text)
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

/// A text without the code in it.
#[must_use]
pub fn without_code(text: &str) -> String {
    let is_code =
        |event: &Event<'_>| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_)));
    let mut rest = String::with_capacity(text.len());
    let mut end = 0;
    for range in places(text, is_code) {
        rest += text.get(end..range.start).unwrap_or_default();
        // What stands before and after it does not become one word.
        rest += if text.get(range.clone()).is_some_and(|code| code.contains('\n')) {
            "\n"
        } else {
            "``"
        };
        end = range.end;
    }
    rest += text.get(end..).unwrap_or_default();
    rest
}

/// A text in which nothing in a web address emphasises.
fn with_plain_addresses(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let is_exact = |event: &Event<'_>| match event {
        Event::Code(_) | Event::Html(_) | Event::InlineHtml(_) => true,
        Event::Start(tag) => {
            matches!(tag, Tag::CodeBlock(_) | Tag::Link { .. } | Tag::Image { .. })
        }
        _ => false,
    };
    let exact = if text.contains("://") { places(text, is_exact) } else { Vec::new() };
    let mut end = 0;
    for range in exact {
        escape_addresses(text.get(end..range.start).unwrap_or_default(), &mut escaped);
        escaped += text.get(range.clone()).unwrap_or_default();
        end = range.end;
    }
    escape_addresses(text.get(end..).unwrap_or_default(), &mut escaped);
    escaped
}

/// Appends a text, with backslashes before what would emphasise in its web addresses.
fn escape_addresses(mut text: &str, escaped: &mut String) {
    while let Some(start) = ADDRESSES.iter().filter_map(|begin| text.find(begin)).min() {
        let (before, rest) = text.split_at(start);
        *escaped += before;
        let end = rest.find(|c: char| c.is_whitespace() || "<>()[]`\"|\\".contains(c));
        let address = rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest);
        // What closes an emphasis around the address.
        let address = address.trim_end_matches(EMPHASIS);
        for letter in address.chars() {
            if EMPHASIS.contains(&letter) {
                escaped.push('\\');
            }
            escaped.push(letter);
        }
        text = rest.get(address.len()..).unwrap_or_default();
    }
    *escaped += text;
}

/// Where in a text something is, in order and none of it in another.
fn places(text: &str, is_wanted: impl Fn(&Event<'_>) -> bool) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        let end = found.last().map_or(0, |last| last.end);
        if is_wanted(&event) && range.start >= end {
            found.push(range);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html_where_it_says_more() {
        for plain in ["hello", "1 < 2 & 3", "two\nlines", "<b>typed</b>", "👍", "a_b * c", ":)"] {
            assert_eq!(from_markdown(plain), None, "{plain}");
        }
        let bold = from_markdown("**bold** and ~~gone~~").unwrap();
        assert_eq!(bold, "<p><strong>bold</strong> and <del>gone</del></p>");
        assert_eq!(from_markdown("\\*x\\*").unwrap(), "<p>*x*</p>");
        let table = from_markdown("|a|\n|-|\n|1|").unwrap();
        assert!(table.contains("<th>a</th>") && table.contains("<td>1</td>"), "{table}");
        let typed = from_markdown("*x* <script>alert(1)</script>").unwrap();
        assert!(!typed.contains("<script") && typed.contains("&lt;script&gt;"), "{typed}");
        let link = from_markdown("[x](javascript:alert(1)) **y**").unwrap();
        assert!(!link.contains("javascript"), "{link}");
        let relative = from_markdown("[x](/api/auth/logout) [y](//evil.example)").unwrap();
        assert!(!relative.contains("href"), "{relative}");
        let deep = from_markdown(&format!("{}deep", "> ".repeat(4_000))).unwrap();
        assert!(deep.contains("deep") && deep.len() < 2_000, "{}", deep.len());
    }

    #[test]
    fn html_without_text_is_none() {
        for nothing in ["+", "-", "*", "1.", "#", ">", "***", "```\n```", "![](https://x.org/)"] {
            assert_eq!(from_markdown(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_picture_is_a_link_and_code_keeps_its_language() {
        let picture = from_markdown("![a cat](https://x.org/c.png)").unwrap();
        assert!(picture.contains("href=\"https://x.org/c.png\""), "{picture}");
        assert!(picture.contains(">a cat</a>"), "{picture}");
        let code = from_markdown("```rust\nfn f() {}\n```").unwrap();
        assert_eq!(code, "<pre><code class=\"language-rust\">fn f() {}\n</code></pre>");
    }

    #[test]
    fn nothing_in_an_address_emphasises() {
        assert_eq!(from_markdown("https://x.org/_under_score_/x"), None);
        assert_eq!(from_markdown("see https://x.org/*a*/~~b~~/x\nok"), None);
        let bold = from_markdown("**https://x.org/_a_/b** `https://x.org/_a_/b`").unwrap();
        let (address, code) = ("https://x.org/_a_/b", "<code>https://x.org/_a_/b</code>");
        assert_eq!(bold, format!("<p><strong>{address}</strong> {code}</p>"));
        let link = from_markdown("<https://x.org/_a_/b>").unwrap();
        assert!(link.contains("href=\"https://x.org/_a_/b\""), "{link}");
    }

    #[test]
    fn code_is_left_out() {
        assert_eq!(without_code("a `b` c"), "a `` c");
        assert_eq!(without_code("a\n```\n@b\n```\nc").replace('\n', ""), "ac");
        assert_eq!(without_code("none"), "none");
    }
}
