//! What a page says of itself: Open Graph, the properties of Twitter cards, title, text.
//!
//! Only the tokenizer of the HTML parser runs, never the tree builder: no page can make a large
//! tree of a few tags, and what it costs is bounded by its bytes and by a deadline.

use std::cell::RefCell;

use hearth_base::Clock;
use html5ever::{
    buffer_queue::BufferQueue,
    tendril::StrTendril,
    tokenizer::{
        Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts, states::RawKind,
    },
};

use crate::{
    charset::decode,
    limits::{PREVIEW_PROPERTIES_MAX, PREVIEW_READ_MS_MAX, PREVIEW_TEXT_CHARS_MAX},
};

/// How much of a page is read between two looks at the clock, in bytes.
const STEP_BYTES: usize = 8 * 1024;
/// How many characters of its text describe a page that does not describe itself.
const DESCRIPTION_CHARS: usize = 300;

/// What a page says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Its `og:` properties but those of pictures, each once.
    pub properties: Vec<(String, String)>,
    pub title: Option<String>,
    pub description: Option<String>,
    /// Where its picture is, as the page says it.
    pub picture: Option<String>,
}

/// Reads a page: its bytes and its declared type.
pub(crate) fn read_page(bytes: &[u8], content_type: &str, clock: &Clock) -> Page {
    let text = decode(bytes, content_type);
    let deadline_ms = clock.now_ms().saturating_add(PREVIEW_READ_MS_MAX);
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    let mut rest = &*text;
    while !rest.is_empty() && clock.now_ms() <= deadline_ms {
        let (step, later) = rest.split_at(rest.floor_char_boundary(STEP_BYTES));
        let input = BufferQueue::default();
        input.push_back(StrTendril::from_slice(step));
        // Scripts do not run, so the tokenizer never stops for one.
        while !input.is_empty() {
            let _ = tokenizer.feed(&input);
        }
        rest = later;
    }
    tokenizer.end();
    tokenizer.sink.0.into_inner().finish()
}

/// Takes in tokens.
#[derive(Default)]
struct Reader(RefCell<Found>);

/// What was found so far.
#[derive(Default)]
struct Found {
    /// `og:`, `twitter:` and others, lower case, the first of each name.
    named: Vec<(String, String)>,
    title: String,
    heading: String,
    text: String,
    picture: Option<String>,
    place: Place,
}

/// Which text comes next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Elsewhere,
    Title,
    Heading,
    Paragraph,
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut found = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => return found.tag(&tag),
            Token::CharacterTokens(text) => found.characters(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Found {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        if tag.kind == TagKind::EndTag {
            if matches!(name, "title" | "h1" | "p") {
                self.place = Place::Elsewhere;
            }
            return TokenSinkResult::Continue;
        }
        match name {
            "meta" => self.meta(tag),
            "link" => self.link(tag),
            "img" if self.picture.is_none() => self.picture = attribute(tag, "src"),
            "h1" if self.heading.is_empty() => self.place = Place::Heading,
            "p" => {
                self.place = Place::Paragraph;
                self.text.push(' ');
            }
            "title" => {
                // The titles within pictures do not count.
                let is_first = self.title.is_empty();
                self.place = if is_first { Place::Title } else { Place::Elsewhere };
                return TokenSinkResult::RawData(RawKind::Rcdata);
            }
            "textarea" => return TokenSinkResult::RawData(RawKind::Rcdata),
            "script" => return TokenSinkResult::RawData(RawKind::ScriptData),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" | "noscript" => {
                return TokenSinkResult::RawData(RawKind::Rawtext);
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn meta(&mut self, tag: &Tag) {
        let name = attribute(tag, "property").or_else(|| attribute(tag, "name"));
        let (Some(name), Some(content)) = (name, attribute(tag, "content")) else {
            return;
        };
        self.note(&name.to_ascii_lowercase(), &content);
    }

    fn link(&mut self, tag: &Tag) {
        let is_picture = attribute(tag, "rel").is_some_and(|rel| rel == "image_src");
        if let Some(href) = attribute(tag, "href").filter(|_| is_picture) {
            self.note("image_src", &href);
        }
    }

    fn note(&mut self, name: &str, content: &str) {
        let known = name.starts_with("og:")
            || name.starts_with("twitter:")
            || matches!(name, "description" | "image_src");
        let is_new = !self.named.iter().any(|(known, _)| known == name);
        let content = tidy(content, PREVIEW_TEXT_CHARS_MAX);
        if known && is_new && !content.is_empty() && self.named.len() < PREVIEW_PROPERTIES_MAX {
            self.named.push((name.chars().take(PREVIEW_TEXT_CHARS_MAX).collect(), content));
        }
    }

    fn characters(&mut self, text: &str) {
        let (into, most) = match self.place {
            Place::Elsewhere => return,
            Place::Title => (&mut self.title, PREVIEW_TEXT_CHARS_MAX),
            Place::Heading => (&mut self.heading, PREVIEW_TEXT_CHARS_MAX),
            Place::Paragraph => (&mut self.text, DESCRIPTION_CHARS),
        };
        // In bytes, which are never fewer than characters: `tidy` does it exactly.
        if into.len() < 4 * most {
            into.push_str(text);
        }
    }

    fn finish(self) -> Page {
        let of = |names: &[&str]| {
            let first = names.iter().find_map(|name| {
                self.named.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone())
            });
            first.filter(|text| !text.is_empty())
        };
        let some = |text: &str, most| Some(tidy(text, most)).filter(|text| !text.is_empty());
        let title = of(&["og:title", "twitter:title"])
            .or_else(|| some(&self.title, PREVIEW_TEXT_CHARS_MAX))
            .or_else(|| some(&self.heading, PREVIEW_TEXT_CHARS_MAX));
        let description = of(&["og:description", "twitter:description", "description"])
            .or_else(|| some(&self.text, DESCRIPTION_CHARS));
        let pictures =
            ["og:image:secure_url", "og:image", "og:image:url", "twitter:image", "image_src"];
        let picture = of(&pictures).or_else(|| self.picture.clone());
        let is_text = |name: &str| name.starts_with("og:") && !name.starts_with("og:image");
        let mut properties = self.named;
        properties.retain(|(name, _)| is_text(name));
        Page { properties, title, description, picture }
    }
}

fn attribute(tag: &Tag, name: &str) -> Option<String> {
    let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
    found.map(|attribute| attribute.value.to_string()).filter(|value| !value.is_empty())
}

/// Text on one line, at most so many characters.
fn tidy(text: &str, most_chars: usize) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(most_chars).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(html: &str) -> Page {
        read_page(html.as_bytes(), "text/html", &Clock::manual(0))
    }

    #[test]
    fn open_graph_comes_first() {
        let page = read(
            r#"<html><head><title>Plain &amp; simple</title>
            <meta property="og:title" content="The &quot;Rock&quot;">
            <meta property="og:type" content="video.movie" />
            <meta property='og:image' content='test.png'>
            <meta property=og:image:width content=5>
            <meta name="description" content=" one
              line "></head><body><p>text</p></body></html>"#,
        );
        let properties = [("og:title", "The \"Rock\""), ("og:type", "video.movie")];
        let properties = properties.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(page.properties, properties);
        assert_eq!(page.title.as_deref(), Some("The \"Rock\""));
        assert_eq!(page.description.as_deref(), Some("one line"));
        assert_eq!(page.picture.as_deref(), Some("test.png"));
    }

    #[test]
    fn a_page_without_it_is_described_by_what_it_shows() {
        let page = read(
            "<title>Plain &amp; simple</title><script>'<title>no</title><p>no'</script>\
             <style><p>no</style><!-- <p>no</p> --><h1>Heading</h1><p>First <b>words</b>.</p>\
             <div>no</div><p>More.</p><svg><title>no</title></svg><img src=a.png><img src=b.png>",
        );
        assert_eq!(page.title.as_deref(), Some("Plain & simple"));
        assert_eq!(page.description.as_deref(), Some("First words. More."));
        assert_eq!(page.picture.as_deref(), Some("a.png"));
        assert!(page.properties.is_empty());
        assert_eq!(read("<h1>Only</h1>").title.as_deref(), Some("Only"));
        assert_eq!(read("<meta name=twitter:title content=T>").title.as_deref(), Some("T"));
        assert_eq!(read(""), Page::default());
    }

    #[test]
    fn what_a_page_says_is_bounded() {
        let long = "x".repeat(100_000);
        let many: String =
            (0..1_000).map(|n| format!("<meta property=og:p{n} content={n}>")).collect();
        let page = read(&format!("<title>{long}</title>{many}<p>{long}"));
        assert_eq!(page.title.unwrap().len(), PREVIEW_TEXT_CHARS_MAX);
        assert_eq!(page.description.unwrap().len(), DESCRIPTION_CHARS);
        assert_eq!(page.properties.len(), PREVIEW_PROPERTIES_MAX);
    }

    #[test]
    fn deep_and_unclosed_pages_are_read_to_their_end() {
        let deep = "<b a=1><p>".repeat(20_000);
        let page = read(&format!("{deep}<meta property=og:title content=end>"));
        assert_eq!(page.title.as_deref(), Some("end"));
        assert_eq!(read("<title>open").title.as_deref(), Some("open"));
    }

    proptest! {
        #[test]
        fn no_page_makes_it_panic(
            html in "(<[a-z]{1,6}( [a-z]=['\"]?[a-z&;]*['\"]?)?>|\\PC|</p>){0,60}"
        ) {
            read(&html);
        }
    }
}
