//! Messages in the format of Slack's incoming webhooks, as text.
//!
//! What has text is kept in its order: the text, the blocks, the attachments. What is only look,
//! such as colours and buttons, is left out. A message that nests its blocks deeper than anybody
//! would read is cut off there.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    ChatError,
    limits::{BLOCK_DEPTH_MAX, MESSAGE_CHARACTERS_MAX},
};

/// Longest name under which a webhook speaks, in characters.
const USERNAME_CHARACTERS_MAX: usize = 80;
/// Longest address of a picture, in bytes.
const ICON_URL_BYTES_MAX: usize = 2_048;

/// What is sent to an incoming webhook; fields that are not named here do not matter.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SlackMessage {
    /// The text.
    #[serde(default)]
    pub text: Option<String>,
    /// The name under which it appears.
    #[serde(default)]
    pub username: Option<String>,
    /// The picture with which it appears.
    #[serde(default)]
    pub icon_url: Option<String>,
    /// More to it, each with a title, a text and fields.
    #[serde(default)]
    pub attachments: Vec<Value>,
    /// Its layout.
    #[serde(default)]
    pub blocks: Vec<Value>,
}

impl SlackMessage {
    /// Everything that it says.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] if that is nothing, or too long.
    pub fn to_text(&self) -> Result<String, ChatError> {
        let mut lines = Lines::default();
        lines.add(self.text.as_deref());
        lines.blocks(&self.blocks, 0);
        self.attachments.iter().for_each(|one| lines.attachment(one));
        let text = lines.0.join("\n");
        let characters = text.chars().count();
        match characters {
            0 => Err(ChatError::invalid("text", "the message says nothing")),
            1..=MESSAGE_CHARACTERS_MAX => Ok(text),
            _ => {
                let most = format!("at most {MESSAGE_CHARACTERS_MAX} characters in all");
                Err(ChatError::invalid("text", most))
            }
        }
    }

    /// The name and picture, where they can be used.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] names the one that cannot.
    pub(crate) fn sender(&self) -> Result<(Option<&str>, Option<&str>), ChatError> {
        let name = self.username.as_deref().map(str::trim).filter(|name| !name.is_empty());
        if name.is_some_and(|name| name.chars().count() > USERNAME_CHARACTERS_MAX) {
            let most = format!("at most {USERNAME_CHARACTERS_MAX} characters");
            return Err(ChatError::invalid("username", most));
        }
        let icon = self.icon_url.as_deref().filter(|url| !url.is_empty());
        let is_usable = |url: &str| url.starts_with("https://") && url.len() <= ICON_URL_BYTES_MAX;
        match icon {
            Some(url) if !is_usable(url) => {
                Err(ChatError::invalid("icon_url", "not an https address"))
            }
            icon => Ok((name, icon)),
        }
    }
}

/// The lines of a message.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, text: Option<&str>) {
        let text = unescaped(text.unwrap_or_default());
        if !text.trim().is_empty() {
            self.0.push(text.trim_end().to_owned());
        }
    }

    fn attachment(&mut self, attachment: &Value) {
        let text = |field: &str| attachment.get(field).and_then(Value::as_str);
        let before = self.0.len();
        self.add(text("pretext"));
        match (text("title"), text("title_link")) {
            (Some(title), Some(link)) => self.add(Some(&format!("{title} ({link})"))),
            (title, _) => self.add(title),
        }
        self.add(text("text"));
        for field in list(attachment, "fields") {
            let part = |name: &str| field.get(name).and_then(Value::as_str).unwrap_or_default();
            self.add(Some(
                format!("{}: {}", part("title"), part("value")).trim_matches([':', ' ']),
            ));
        }
        self.blocks(list(attachment, "blocks"), 1);
        if self.0.len() == before {
            self.add(text("fallback"));
        }
        self.add(text("footer"));
    }

    fn blocks(&mut self, blocks: &[Value], depth: usize) {
        if depth > BLOCK_DEPTH_MAX {
            return;
        }
        for block in blocks {
            match block.get("type").and_then(Value::as_str) {
                Some("divider") => self.0.push("---".to_owned()),
                Some("header" | "section") => {
                    self.add(Some(&inline(block.get("text"))));
                    for field in list(block, "fields") {
                        self.add(Some(&inline(Some(field))));
                    }
                }
                Some("context") => {
                    let parts = list(block, "elements").iter().map(|one| inline(Some(one)));
                    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
                    self.add(Some(&parts.join(" ")));
                }
                Some("image") => {
                    let text = |field: &str| block.get(field).and_then(Value::as_str);
                    self.add(text("alt_text"));
                    self.add(text("image_url"));
                }
                Some("rich_text" | "rich_text_list") => {
                    self.blocks(list(block, "elements"), depth + 1);
                }
                Some("rich_text_section" | "rich_text_quote" | "rich_text_preformatted") => {
                    let parts = list(block, "elements").iter();
                    self.add(Some(&parts.map(rich).collect::<String>()));
                }
                _ => {}
            }
        }
    }
}

/// The text of a text object, or of an image among texts.
fn inline(object: Option<&Value>) -> String {
    let text = |field: &str| object?.get(field)?.as_str().map(str::to_owned);
    text("text").or_else(|| text("alt_text")).unwrap_or_default()
}

/// One piece of rich text.
fn rich(element: &Value) -> String {
    let text = |field: &str| element.get(field).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "link" if text("text").is_empty() => text("url").to_owned(),
        "link" => format!("{} ({})", text("text"), text("url")),
        "emoji" => format!(":{}:", text("name")),
        "user" => format!("@{}", text("user_id")),
        "broadcast" => format!("@{}", text("range")),
        _ => text("text").to_owned(),
    }
}

fn list<'a>(object: &'a Value, field: &str) -> &'a [Value] {
    let list = object.as_object().and_then(|object: &Map<_, _>| object.get(field)?.as_array());
    list.map(Vec::as_slice).unwrap_or_default()
}

/// Text without Slack's escapes: `<https://a.b|here>` is `here (https://a.b)`, `&lt;` is `<`.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((inner, after)) = from.split_once('>') else {
            // Nothing is escaped any more.
            plain.push('<');
            rest = from;
            break;
        };
        let (target, label) = inner.split_once('|').unwrap_or((inner, ""));
        match (target.chars().next(), label) {
            (Some('!' | '@' | '#'), "") => {
                plain.push('@');
                plain.push_str(&target[1..]);
            }
            (Some('!' | '@' | '#'), label) => plain.push_str(label),
            (_, "") => plain.push_str(target),
            (_, label) => plain.push_str(&format!("{label} ({target})")),
        }
        rest = after;
    }
    plain.push_str(rest);
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(message: Value) -> Result<String, String> {
        let message: SlackMessage = serde_json::from_value(message).unwrap();
        message.to_text().map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_never_closed_is_read_once() {
        let open = "<".repeat(2_000_000);
        assert!(text(json!({ "text": open })).unwrap_err().contains("characters"));
        assert_eq!(text(json!({ "text": "<!here> 1 < 2" })).unwrap(), "@here 1 < 2");
    }

    #[test]
    fn everything_that_is_said_is_kept_in_its_order() {
        let message = json!({
            "text": "Build <https://ci.test/7|#7> failed, <!here> &amp; now",
            "channel": "#ignored",
            "blocks": [
                { "type": "header", "text": { "type": "plain_text", "text": "Deploy" } },
                { "type": "divider" },
                { "type": "section", "fields": [{ "type": "mrkdwn", "text": "*who:* bob" }] },
                { "type": "actions", "elements": [{ "type": "button" }] },
                { "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": [
                    { "type": "text", "text": "see " },
                    { "type": "link", "url": "https://a.test", "text": "this" },
                ] }] },
                { "type": "context", "elements": [{ "type": "mrkdwn", "text": "now" }] },
            ],
            "attachments": [
                { "title": "Log", "title_link": "https://ci.test/log", "text": "exit 1",
                  "fields": [{ "title": "branch", "value": "main", "short": true }] },
                { "fallback": "nothing else" },
            ],
        });
        let expected = "Build #7 (https://ci.test/7) failed, @here & now\nDeploy\n---\n*who:* bob\n\
             see this (https://a.test)\nnow\nLog (https://ci.test/log)\nexit 1\nbranch: main\n\
             nothing else";
        assert_eq!(text(message).unwrap(), expected);
    }

    #[test]
    fn nothing_too_much_and_too_deep_are_bounded() {
        for message in [
            json!({}),
            json!({ "text": " ", "attachments": [5, {}], "blocks": ["x", {}] }),
            json!({ "text": "x".repeat(10_001) }),
        ] {
            text(message).unwrap_err();
        }
        let mut block = json!({ "type": "rich_text_section", "elements": [
            { "type": "text", "text": "deep" } ] });
        for _ in 0..50 {
            block = json!({ "type": "rich_text", "elements": [block] });
        }
        assert_eq!(text(json!({ "text": "top", "blocks": [block] })).unwrap(), "top");
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert_eq!(unescaped("1 < 2 <"), "1 < 2 <");
        assert_eq!(unescaped("<>"), "");
        assert_eq!(unescaped("<@U1|bob> &lt;b&gt;"), "bob <b>");
    }
}
