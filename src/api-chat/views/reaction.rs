//! Reactions, grouped by emoji.

use hearth_rooms::Reaction;
use ruma::UserId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Person, Timestamp};

/// Most people who are named in one group; the rest are counted.
const PEOPLE_MAX: usize = 50;

/// All reactions to a message with one emoji.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReactionGroup {
    /// The emoji.
    #[schema(example = "👍")]
    pub emoji: String,
    /// How many people reacted with it.
    pub count: u64,
    /// Whether the user did.
    pub reacted: bool,
    /// Who did and when, the first ones.
    pub users: Vec<Reactor>,
}

/// Somebody who reacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reactor {
    /// Who it is.
    pub user: Person,
    /// When they reacted.
    pub reacted_at: Timestamp,
}

impl ReactionGroup {
    /// Reactions as a user sees them, in the order in which their emoji came first. Each person
    /// counts once, however the emoji was spelled.
    pub(super) fn all(
        reactions: &[Reaction],
        user_id: &UserId,
        person: impl Fn(&UserId) -> Person,
    ) -> Vec<Self> {
        let mut seen = std::collections::HashSet::new();
        let mut groups: Vec<Self> = Vec::new();
        for reaction in reactions {
            let (sender, emoji) = (reaction.event.pdu().sender(), spelled(&reaction.key));
            if !seen.insert((sender, emoji)) {
                continue;
            }
            let at = groups.iter().position(|group| group.emoji == emoji);
            let at = at.unwrap_or_else(|| {
                let emoji = emoji.to_owned();
                groups.push(Self { emoji, count: 0, reacted: false, users: vec![] });
                groups.len() - 1
            });
            let Some(group) = groups.get_mut(at) else {
                continue;
            };
            group.count += 1;
            group.reacted |= sender == user_id;
            if group.users.len() < PEOPLE_MAX {
                let reacted_at = reaction.event.pdu().origin_server_ts().into();
                group.users.push(Reactor { user: person(sender), reacted_at });
            }
        }
        groups
    }
}

/// An emoji as it is usually spelled, with its variation selectors (Unicode, emoji-test.txt); other
/// keys as they are.
pub fn spelled(key: &str) -> &str {
    emojis::get(key).map_or(key, emojis::Emoji::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_the_same_without_its_variation_selector() {
        for emoji in ["\u{2764}\u{fe0f}", "\u{263a}\u{fe0f}", "\u{a9}\u{fe0f}", "\u{3297}\u{fe0f}"]
        {
            assert_eq!(spelled(&emoji.replace('\u{fe0f}', "")), emoji);
            assert_eq!(spelled(emoji), emoji);
        }
        assert_eq!(spelled("lol"), "lol");
    }
}
