//! HTML that is safe to show: what others wrote is made it.

use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

use ammonia::{Builder, UrlRelative};

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

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::default();
    cleaner
        .tags(TAGS.into_iter().chain(TABLE_TAGS).collect())
        .clean_content_tags(HashSet::from(["script", "style", "mx-reply"]))
        .add_tag_attributes("code", ["class"])
        .attribute_filter(attribute)
        .url_schemes(HashSet::from(SCHEMES))
        // They would lead to wherever the client is.
        .url_relative(UrlRelative::Deny)
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

/// Cleans HTML that was made here: it is balanced, so it costs no more than its length.
pub(super) fn clean_own(html: &str) -> String {
    CLEANER.clean(html).to_string()
}

/// What stays of an attribute: of the classes of code, those that name its language.
fn attribute<'a>(element: &str, name: &str, value: &'a str) -> Option<Cow<'a, str>> {
    if (element, name) != ("code", "class") {
        return Some(value.into());
    }
    let languages = value.split_ascii_whitespace().filter(|class| class.starts_with("language-"));
    let languages = languages.collect::<Vec<_>>().join(" ");
    (!languages.is_empty()).then(|| languages.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_grow_without_end_is_left_alone() {
        let mut left_open = "<p>".to_owned();
        (0..1_000).for_each(|number| left_open += &format!("<B a={number}>"));
        left_open += &"<p>x".repeat(1_000);
        assert_eq!(clean(&left_open), None);
        assert_eq!(clean(&"<div>".repeat(10_000)), None);
        let usual = "<p><b>one</b> and <code>two</code></p>".repeat(50);
        assert_eq!(clean(&usual).as_deref(), Some(&*usual));
    }

    #[test]
    fn nothing_harmful_stays() {
        for (html, cleaned) in [
            ("<script>alert(1)</script>x", "x"),
            ("<b onclick=\"x()\">y</b>", "<b>y</b>"),
            ("<img src=\"https://x.org/\">", ""),
            ("<mx-reply>old</mx-reply>new", "new"),
            ("<a href=\"javascript:x()\">y</a>", "<a rel=\"noopener noreferrer nofollow\">y</a>"),
            ("<a href=\"/api/auth\">y</a>", "<a rel=\"noopener noreferrer nofollow\">y</a>"),
            ("<a href=\"//x.org\">y</a>", "<a rel=\"noopener noreferrer nofollow\">y</a>"),
            ("<code class=\"a language-c b\">y</code>", "<code class=\"language-c\">y</code>"),
            ("<code class=\"a\">y</code>", "<code>y</code>"),
            ("<p class=\"language-c\">y</p>", "<p>y</p>"),
            ("<iframe src=\"//x\"></iframe>", ""),
        ] {
            assert_eq!(clean(html).as_deref(), Some(cleaned));
        }
    }
}
