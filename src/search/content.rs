//! What a message is found by: its text, and whether it has links or files.
//!
//! Pure. The quotation that old clients put before a reply is not part of what was said.

use hearth_rooms::Event;
use linkify::{LinkFinder, LinkKind};
use ruma::events::room::message::sanitize::remove_plain_reply_fallback;
use serde_json::{Map, Value};
use url::Url;

use crate::limits::{FILES_MAX, LINK_BYTES_MAX, LINKS_MAX, TEXT_BYTES_MAX};

/// Where a message with several files, which Matrix does not have, says what they are.
const ALL_FILES: &str = "org.hearth.attachments";

/// What messages can be asked to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Has {
    /// A file of any kind.
    Attachment,
    /// A web address.
    Link,
    /// A picture.
    Image,
    /// A film.
    Video,
    /// Sound.
    Audio,
    /// A file that is none of these.
    File,
}

impl Has {
    /// Its number in the index.
    pub(crate) const fn number(self) -> u64 {
        match self {
            Self::Attachment => 1,
            Self::Link => 2,
            Self::Image => 3,
            Self::Video => 4,
            Self::Audio => 5,
            Self::File => 6,
        }
    }

    /// The kind of file that messages of a type are.
    fn of_type(msgtype: &str) -> Option<Self> {
        Some(match msgtype {
            "m.image" => Self::Image,
            "m.video" => Self::Video,
            "m.audio" => Self::Audio,
            "m.file" => Self::File,
            _ => return None,
        })
    }
}

/// The text of a content at `field`, as far as it is searched.
pub(crate) fn text_of<'a>(content: &'a Map<String, Value>, field: &str) -> &'a str {
    let text = content.get(field).and_then(Value::as_str).unwrap_or_default();
    let text = if is_reply(content) { remove_plain_reply_fallback(text) } else { text };
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text)
}

fn is_reply(content: &Map<String, Value>) -> bool {
    content.get("m.relates_to").and_then(|relates| relates.get("m.in_reply_to")).is_some()
}

/// What the content of a message has.
pub(crate) fn has(content: &Map<String, Value>) -> Vec<Has> {
    let further = content.get(ALL_FILES).and_then(Value::as_array);
    let types = further.into_iter().flatten().map(|file| file.get("msgtype"));
    let types = types.chain([content.get("msgtype")]).flatten().filter_map(Value::as_str);
    let mut has: Vec<_> = types.take(FILES_MAX).filter_map(Has::of_type).collect();
    has.sort_unstable();
    has.dedup();
    if !has.is_empty() {
        has.insert(0, Has::Attachment);
    }
    if !links(content).is_empty() {
        has.push(Has::Link);
    }
    has
}

/// The web addresses in a message, each once, in their order. Mentions are none.
pub(crate) fn links(content: &Map<String, Value>) -> Vec<String> {
    let mut links = Vec::new();
    collect_links(text_of(content, "body"), &mut links);
    if let Some(html) = content.get("formatted_body").and_then(Value::as_str) {
        let html = html.split_once("</mx-reply>").map_or(html, |(_, said)| said);
        let html = html.get(..html.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(html);
        collect_links(&html.replace("&amp;", "&"), &mut links);
    }
    links
}

fn collect_links(text: &str, links: &mut Vec<String>) {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    for link in finder.links(text) {
        let link = link.as_str();
        let is_new = link.len() <= LINK_BYTES_MAX && !links.iter().any(|known| known == link);
        if links.len() < LINKS_MAX && is_new && is_web_address(link) {
            links.push(link.to_owned());
        }
    }
}

/// Links to `matrix.to` lead to people and rooms.
fn is_web_address(link: &str) -> bool {
    let Ok(url) = Url::parse(link) else {
        return false;
    };
    matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| host != "matrix.to")
}

/// The present content of an event: what its edit, if it has one, puts in place of its own. Empty
/// if that is malformed.
pub(crate) fn present_content(event: &Event, edit: Option<&Event>) -> Map<String, Value> {
    let Some(edit) = edit else {
        return event.pdu().content_as().unwrap_or_default();
    };
    let content: Option<Map<String, Value>> = edit.pdu().content_as();
    match content.and_then(|mut content| content.remove("m.new_content")) {
        Some(Value::Object(new)) => new,
        _ => Map::new(),
    }
}

/// Whether an event is a message of its own: no edit of another, and not redacted.
pub(crate) fn is_message(event: &Event) -> bool {
    let is_edit = || {
        let content: Option<Map<String, Value>> = event.pdu().content_as();
        let relates = content.as_ref().and_then(|content| content.get("m.relates_to"));
        relates.and_then(|relates| relates.get("rel_type")).is_some_and(|kind| kind == "m.replace")
    };
    event.pdu().type_name() == "m.room.message" && event.redacted_by().is_none() && !is_edit()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn links_are_found_in_both_forms_of_a_text_once() {
        let said = content(json!({
            "body": "see https://example.org/a?b=1&c=2, (http://example.com/x_(y)) or ftp://no.no",
            "formatted_body": "<a href=\"https://example.org/a?b=1&amp;c=2\">see</a> \
                <a href='https://hidden.example/'>this</a> \
                <a href=\"https://matrix.to/#/@bob:example.org\">Bob</a>",
        }));
        let expected = [
            "https://example.org/a?b=1&c=2",
            "http://example.com/x_(y)",
            "https://hidden.example/",
        ];
        assert_eq!(links(&said), expected);
        assert_eq!(has(&said), [Has::Link]);
        assert!(links(&content(json!({ "body": "example.org, a@b.c, http://" }))).is_empty());
    }

    #[test]
    fn what_a_reply_quotes_was_not_said() {
        let reply = content(json!({
            "body": "> <@bob:example.org> see https://example.org\n\nindeed",
            "formatted_body": "<mx-reply>https://example.org</mx-reply>indeed",
            "m.relates_to": { "m.in_reply_to": { "event_id": "$1" } },
        }));
        assert_eq!(text_of(&reply, "body"), "indeed");
        assert!(has(&reply).is_empty());
    }

    #[test]
    fn files_are_attachments_and_their_kind() {
        let file = |msgtype| has(&content(json!({ "msgtype": msgtype, "body": "a" })));
        assert_eq!(file("m.image"), [Has::Attachment, Has::Image]);
        assert_eq!(file("m.file"), [Has::Attachment, Has::File]);
        assert!(file("m.text").is_empty());
        let several = content(json!({
            "msgtype": "m.image",
            "org.hearth.attachments": [{ "msgtype": "m.image" }, { "msgtype": "m.file" }],
        }));
        assert_eq!(has(&several), [Has::Attachment, Has::Image, Has::File]);
    }
}
