//! What a user keeps for a room, copied to the room that replaces it: push rules, tags, and that
//! it is a direct chat.
//!
//! What the user has set for the new room already stays.

use hearth_base::limits::PUSH_RULES_MAX;
use ruma::{
    RoomId, UserId,
    push::{NewPushRule, NewSimplePushRule, PushCondition, RuleKind, Ruleset},
};
use serde_json::{Map, Value, value::to_raw_value};

use crate::{Accounts, AccountsError};

const DIRECT: &str = "m.direct";
const TAGS: &str = "m.tag";

impl Accounts {
    /// Copies what a user keeps for a room to its replacement.
    ///
    /// # Errors
    /// [`AccountsError::TooLarge`] if the user's account data would be, or the store failed.
    pub async fn follow_upgrade(
        &self,
        user: &UserId,
        old: &RoomId,
        new: &RoomId,
    ) -> Result<(), AccountsError> {
        self.change_push_rules(user, |rules| {
            copy_rules(rules, old, new);
            Ok(())
        })
        .await?;
        let tags = self.account_data(user, Some(old), TAGS).await?;
        if let Some(tags) = tags
            && self.account_data(user, Some(new), TAGS).await?.is_none()
        {
            self.set_account_data(user, Some(new), TAGS, &tags).await?;
        }
        let Some(direct) = self.account_data(user, None, DIRECT).await? else {
            return Ok(());
        };
        match with_replacement(direct.get(), old, new) {
            Some(direct) => {
                let direct = to_raw_value(&direct)
                    .map_err(|error| AccountsError::invalid(error.to_string()))?;
                self.set_account_data(user, None, DIRECT, &direct).await
            }
            None => Ok(()),
        }
    }
}

/// Copies the rule that is named after the room, and the overriding ones that look for its id.
fn copy_rules(rules: &mut Ruleset, old: &RoomId, new: &RoomId) {
    if rules.iter().count() >= PUSH_RULES_MAX {
        return;
    }
    let (kind, id) = (RuleKind::Room, new.as_str());
    let of_room = rules.room.iter().find(|rule| rule.rule_id == old).cloned();
    if let Some(rule) = of_room
        && rules.get(kind.clone(), id).is_none()
    {
        let copy = NewSimplePushRule::new(new.to_owned(), rule.actions);
        // The id of a room is a valid id of a rule.
        let _ = rules.insert(NewPushRule::Room(copy), None, None);
        let _ = rules.set_enabled(kind, id, rule.enabled);
    }
    let overriding: Vec<_> = rules
        .override_
        .iter()
        .filter(|rule| !rule.default && rule.rule_id.contains(old.as_str()))
        .cloned()
        .collect();
    for mut rule in overriding {
        rule.rule_id = rule.rule_id.replace(old.as_str(), new.as_str());
        for condition in &mut rule.conditions {
            if let PushCondition::EventMatch(condition) = condition
                && condition.key == "room_id"
                && condition.pattern == old.as_str()
            {
                condition.pattern = new.to_string();
            }
        }
        if rules.get(RuleKind::Override, &rule.rule_id).is_none() {
            rules.override_.insert(rule);
        }
    }
}

/// The direct chats with the new room beside the old one; `None` if the old one is none.
fn with_replacement(direct: &str, old: &RoomId, new: &RoomId) -> Option<Map<String, Value>> {
    let mut direct: Map<String, Value> = serde_json::from_str(direct).ok()?;
    let mut changed = false;
    for rooms in direct.values_mut().filter_map(Value::as_array_mut) {
        let has = |room: &RoomId| rooms.iter().any(|known| known.as_str() == Some(room.as_str()));
        if has(old) && !has(new) {
            rooms.push(new.as_str().into());
            changed = true;
        }
    }
    changed.then_some(direct)
}

#[cfg(test)]
mod tests {
    use ruma::{push::Action, room_id};
    use serde_json::json;

    use super::*;
    use crate::testing::fixture;

    #[tokio::test]
    async fn rules_tags_and_direct_chats_follow() {
        let fixture = fixture();
        let (accounts, alice) = (&fixture.accounts, fixture.user("alice").await);
        let (old, new) = (room_id!("!old:example.org"), room_id!("!new:example.org"));
        let rule = NewPushRule::Room(NewSimplePushRule::new(old.to_owned(), vec![Action::Notify]));
        accounts.put_push_rule(&alice, &rule, None, None).await.unwrap();
        let set = async |room: Option<&RoomId>, kind: &str, content: Value| {
            let content = to_raw_value(&content).unwrap();
            accounts.set_account_data(&alice, room, kind, &content).await.unwrap();
        };
        set(Some(old), TAGS, json!({ "tags": { "m.favourite": { "order": 0.5 } } })).await;
        set(None, DIRECT, json!({ "@bob:example.org": [old], "@eve:example.org": [] })).await;
        for _ in 0..2 {
            accounts.follow_upgrade(&alice, old, new).await.unwrap();
        }
        let rule = accounts.push_rule(&alice, RuleKind::Room, new.as_str()).await.unwrap().unwrap();
        assert!(rule.triggers_notification());
        let tags = accounts.tags(&alice, new).await.unwrap();
        assert_eq!(tags.len(), 1);
        let direct = accounts.account_data(&alice, None, DIRECT).await.unwrap().unwrap();
        let direct: Value = serde_json::from_str(direct.get()).unwrap();
        assert_eq!(direct, json!({ "@bob:example.org": [old, new], "@eve:example.org": [] }));
    }
}
