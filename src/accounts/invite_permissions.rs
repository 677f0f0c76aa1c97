//! From whom a user wants invites (specification, "Invite permission"; MSC4155 for users and
//! servers one by one).
//!
//! The settings are account data, which clients write as they like: what makes no sense there
//! keeps nobody out.

use ruma::UserId;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Accounts, AccountsError};

/// Blocks everybody or nobody: the name in the specification, and before (MSC4380).
const PERMISSION: [&str; 2] =
    ["m.invite_permission_config", "org.matrix.msc4380.invite_permission_config"];
/// Lists users and servers (MSC4155).
const LISTS: &str = "org.matrix.msc4155.invite_permission_config";
/// Most patterns of a list that count.
const PATTERNS_MAX: usize = 1_000;

/// What a user wants to happen to an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitePermission {
    /// They want to get it.
    Allow,
    /// They do not want to see it, and nobody is to know.
    Ignore,
    /// It is to be refused.
    Block,
}

#[derive(Default, Deserialize)]
struct Permission {
    #[serde(default)]
    default_action: Value,
}

/// Users and servers as patterns with `*` and `?`.
#[derive(Default, Deserialize)]
struct Lists {
    #[serde(default)]
    enabled: Value,
    #[serde(default)]
    allowed_users: Value,
    #[serde(default)]
    ignored_users: Value,
    #[serde(default)]
    blocked_users: Value,
    #[serde(default)]
    allowed_servers: Value,
    #[serde(default)]
    ignored_servers: Value,
    #[serde(default)]
    blocked_servers: Value,
}

impl Lists {
    /// The first list that has the inviter counts: users before servers, allowed before others.
    fn permission(&self, inviter: &UserId) -> Option<InvitePermission> {
        use InvitePermission::{Allow, Block, Ignore};
        if self.enabled == false {
            return None;
        }
        let (user, server) = (inviter.as_str(), inviter.server_name().as_str());
        let lists = [
            (&self.allowed_users, user, Allow),
            (&self.ignored_users, user, Ignore),
            (&self.blocked_users, user, Block),
            (&self.allowed_servers, server, Allow),
            (&self.ignored_servers, server, Ignore),
            (&self.blocked_servers, server, Block),
        ];
        lists.into_iter().find(|(list, text, _)| has(list, text)).map(|(.., permission)| permission)
    }
}

fn has(list: &Value, text: &str) -> bool {
    let patterns = list.as_array().into_iter().flatten().take(PATTERNS_MAX);
    patterns.filter_map(Value::as_str).any(|pattern| matches(pattern, text))
}

/// Whether all of `text` matches a pattern, in which `*` is any text and `?` any character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut here) = (0, 0);
    // Where to go on if it fails: after the last star, one character further into the text.
    let mut again = None;
    while here < text.len() {
        match pattern.get(at) {
            Some('*') => {
                again = Some((at, here));
                at += 1;
            }
            Some(one) if *one == '?' || text.get(here) == Some(one) => {
                at += 1;
                here += 1;
            }
            _ => match again {
                Some((star, from)) => {
                    again = Some((star, from + 1));
                    (at, here) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

impl Accounts {
    /// What a user wants to happen to the invites of another.
    ///
    /// # Errors
    /// The store failed.
    pub async fn invite_permission(
        &self,
        user: &UserId,
        inviter: &UserId,
    ) -> Result<InvitePermission, AccountsError> {
        let lists: Lists = self.read_leniently(user, LISTS).await?;
        if let Some(permission) = lists.permission(inviter) {
            return Ok(permission);
        }
        for kind in PERMISSION {
            let permission: Permission = self.read_leniently(user, kind).await?;
            if permission.default_action == "block" {
                return Ok(InvitePermission::Block);
            }
        }
        Ok(InvitePermission::Allow)
    }

    async fn read_leniently<T: Default + DeserializeOwned>(
        &self,
        user: &UserId,
        kind: &str,
    ) -> Result<T, AccountsError> {
        let content = self.account_data(user, None, kind).await?;
        let parsed = content.and_then(|content| serde_json::from_str(content.get()).ok());
        Ok(parsed.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use InvitePermission::{Allow, Block, Ignore};
    use ruma::user_id;
    use serde_json::{json, value::to_raw_value};

    use super::*;
    use crate::testing::fixture;

    #[test]
    fn patterns_match_the_whole_text() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "aab", true),
            ("a?c*", "abcd", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "ba", false),
            ("@bad-?*", "@bad-", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(200), &"a".repeat(150)));
    }

    #[tokio::test]
    async fn lists_go_before_the_general_setting() {
        let fixture = fixture();
        let (accounts, alice) = (&fixture.accounts, fixture.user("alice").await);
        let set = async |kind: &str, content: Value| {
            let content = to_raw_value(&content).unwrap();
            accounts.set_account_data(&alice, None, kind, &content).await.unwrap();
        };
        let of = async |user| accounts.invite_permission(&alice, user).await.unwrap();
        let (bob, eve) = (user_id!("@bob:b.org"), user_id!("@eve:e.org"));
        assert_eq!(of(bob).await, Allow);
        set(PERMISSION[0], json!({ "default_action": "block" })).await;
        assert_eq!(of(bob).await, Block);
        let mut lists = json!({
            "allowed_users": ["@bob:*"],
            "blocked_users": ["@bob:b.org"],
            "ignored_servers": ["e.???"],
            "blocked_servers": null,
        });
        set(LISTS, lists.clone()).await;
        assert_eq!((of(bob).await, of(eve).await), (Allow, Ignore));
        lists["enabled"] = json!(false);
        set(LISTS, lists).await;
        assert_eq!(of(bob).await, Block);
        set(PERMISSION[0], json!({ "default_action": 5 })).await;
        assert_eq!(of(bob).await, Allow);
    }
}
