//! From what a provider says about somebody to the name of a new account.

use serde_json::{Map, Value};

/// Fills a template: `{claim}` stands for the text of a claim. `None` if one is missing or is no
/// text, or if the template is broken.
pub(crate) fn fill(template: &str, claims: &Map<String, Value>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(claims.get(name)?.as_str().filter(|text| !text.is_empty())?);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// A localpart that means `name`, one for one: what is not allowed is written as `=` and two
/// hexadecimal digits a byte (appendices, mapping from other character sets).
pub(crate) fn localpart(name: &str) -> String {
    let mut localpart = String::new();
    for byte in name.to_lowercase().bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/' | b'+' => {
                localpart.push(char::from(byte));
            }
            _ => localpart.push_str(&format!("={byte:02x}")),
        }
    }
    localpart
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_needs_all_its_claims() {
        let claims = json!({ "name": "Alice", "team": "red", "age": 7, "empty": "" });
        let fill = |template| fill(template, claims.as_object().unwrap());
        assert_eq!(fill("{name}").as_deref(), Some("Alice"));
        assert_eq!(fill("{team}.{name}!").as_deref(), Some("red.Alice!"));
        assert_eq!(fill("plain").as_deref(), Some("plain"));
        for broken in ["{nobody}", "{age}", "{empty}", "{name"] {
            assert_eq!(fill(broken), None, "{broken}");
        }
    }

    #[test]
    fn other_characters_are_escaped() {
        assert_eq!(localpart("Alice.L-1_x"), "alice.l-1_x");
        assert_eq!(localpart("alice@example.org"), "alice=40example.org");
        assert_eq!(localpart("a=b"), "a=3db");
        assert_eq!(localpart("É"), "=c3=a9");
    }
}
