//! Whom a text mentions: `@` and the user name or the whole id of somebody in the room. What stands
//! in code mentions nobody.

use std::collections::BTreeSet;

use hearth_rooms::{Room, Snapshot};
use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};

use crate::{ChatApi, Problem, views::without_code};

/// Most people whom one message mentions.
const MENTIONS_MAX: usize = 50;
/// What mentions everybody, for those who may.
const EVERYBODY: &str = "room";

/// Whom a text mentions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    /// Members of the room.
    pub(super) users: BTreeSet<OwnedUserId>,
    /// Whether it mentions everybody.
    pub(super) room: bool,
}

impl Mentions {
    /// Finds them in a text.
    pub(super) async fn find(
        api: &ChatApi,
        snapshot: &dyn Snapshot,
        room: &Room,
        text: &str,
    ) -> Result<Self, Problem> {
        let mut mentions = Self::default();
        let mut named = Vec::new();
        for name in names(&without_code(text)).take(MENTIONS_MAX) {
            if name == EVERYBODY {
                mentions.room = true;
                continue;
            }
            let id = UserId::parse(format!("@{name}"));
            let id = id.or_else(|_| {
                let name = name.to_ascii_lowercase();
                UserId::parse_with_server_name(name, &api.settings.server_name)
            });
            named.extend(id);
        }
        let members = api.rooms.members_among(snapshot, room.nid(), &named).await?;
        let found = named.into_iter().zip(members);
        let here = found.filter(|(_, member)| {
            member.as_ref().is_some_and(|member| member.state == MembershipState::Join)
        });
        mentions.users = here.map(|(user, _)| user).collect();
        Ok(mentions)
    }
}

/// The words of a text that begin with `@`, without it.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._=-/+:".contains(c);
    text.split(char::is_whitespace).filter_map(move |word| {
        let rest = word.trim_start_matches(['(', '"', '\'', '*', '_']).strip_prefix('@')?;
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let name = rest.get(..end)?.trim_end_matches(['.', ':', '-', '_', '/']);
        (!name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_between_other_words() {
        let found: Vec<_> = names("hi @bob, (@Carol) a@b.org @ @dave: @eve:x.org!").collect();
        assert_eq!(found, ["bob", "Carol", "dave", "eve:x.org"]);
    }

    #[test]
    fn what_stands_in_code_is_no_name() {
        let text = without_code("@bob `@carol` and `x @dave`\n```\n@eve\n```\n@frank");
        assert_eq!(names(&text).collect::<Vec<_>>(), ["bob", "frank"]);
    }
}
