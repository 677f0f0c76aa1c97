//! Push rules: the account data `m.push_rules`, so that `/sync` delivers it, changed rule by rule.
//!
//! A user has the server's default rules from the beginning. New defaults of a later version of
//! the server appear when the rules are read.

use hearth_base::limits::PUSH_RULES_MAX;
use hearth_store::{Batch, Snapshot, Stamped};
use ruma::{
    UserId,
    push::{
        Action, AnyPushRule, InsertPushRuleError, NewPushRule, RemovePushRuleError, RuleKind,
        Ruleset,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    Accounts, AccountsError, account_data::read_account_data,
    default_push_rules::default_push_rules,
};

pub(crate) const KIND: &str = "m.push_rules";

#[derive(Serialize, Deserialize)]
struct Content {
    global: Ruleset,
}

impl Accounts {
    /// All push rules of a user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn push_rules(&self, user: &UserId) -> Result<Ruleset, AccountsError> {
        let snapshot = self.snapshot().await?;
        let row = read_account_data(snapshot.as_ref(), user, None, KIND).await?;
        Ok(parse(user, row.as_ref()))
    }

    /// One push rule of a user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn push_rule(
        &self,
        user: &UserId,
        kind: RuleKind,
        rule_id: &str,
    ) -> Result<Option<AnyPushRule>, AccountsError> {
        Ok(self.push_rules(user).await?.get(kind, rule_id).map(|rule| rule.to_owned()))
    }

    /// Adds a rule, or replaces the user's own rule of the same kind and id. `after` and `before`
    /// name rules of the same kind next to which it goes.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if `after` or `before` does not exist,
    /// [`AccountsError::Invalid`] if the id or the place is not allowed,
    /// [`AccountsError::TooLarge`] if there are too many rules.
    pub async fn put_push_rule(
        &self,
        user: &UserId,
        rule: &NewPushRule,
        after: Option<&str>,
        before: Option<&str>,
    ) -> Result<(), AccountsError> {
        self.change_push_rules(user, |rules| insert(rules, rule.clone(), after, before)).await
    }

    /// Removes one of the user's own rules.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`], or [`AccountsError::Invalid`] for a default rule.
    pub async fn delete_push_rule(
        &self,
        user: &UserId,
        kind: &RuleKind,
        rule_id: &str,
    ) -> Result<(), AccountsError> {
        self.change_push_rules(user, |rules| {
            rules.remove(kind.clone(), rule_id).map_err(|error| match error {
                RemovePushRuleError::NotFound => AccountsError::NotFound("push rule"),
                other => AccountsError::invalid(other.to_string()),
            })
        })
        .await
    }

    /// Switches a rule on or off.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such rule.
    pub async fn set_push_rule_enabled(
        &self,
        user: &UserId,
        kind: &RuleKind,
        rule_id: &str,
        enabled: bool,
    ) -> Result<(), AccountsError> {
        self.change_push_rules(user, |rules| {
            let done = rules.set_enabled(kind.clone(), rule_id, enabled);
            done.map_err(|_| AccountsError::NotFound("push rule"))
        })
        .await
    }

    /// Changes what a rule does.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such rule.
    pub async fn set_push_rule_actions(
        &self,
        user: &UserId,
        kind: &RuleKind,
        rule_id: &str,
        actions: &[Action],
    ) -> Result<(), AccountsError> {
        self.change_push_rules(user, |rules| {
            let done = rules.set_actions(kind.clone(), rule_id, actions.to_vec());
            done.map_err(|_| AccountsError::NotFound("push rule"))
        })
        .await
    }

    pub(crate) async fn change_push_rules(
        &self,
        user: &UserId,
        change: impl Fn(&mut Ruleset) -> Result<(), AccountsError> + Sync,
    ) -> Result<(), AccountsError> {
        let change = &change;
        self.decide(|snapshot| async move {
            let before = read_account_data(snapshot.as_ref(), user, None, KIND).await?;
            let mut rules = parse(user, before.as_ref());
            change(&mut rules)?;
            let mut batch = Batch::new();
            let json = content(&rules)?;
            if before.as_ref().is_none_or(|row| row.value != json) {
                self.write_account_data(&mut batch, user, None, KIND, before.as_ref(), &json)?;
            }
            Ok((batch, ()))
        })
        .await
    }

    pub(crate) async fn write_push_rules(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user: &UserId,
        rules: &Ruleset,
    ) -> Result<(), AccountsError> {
        let before = read_account_data(snapshot, user, None, KIND).await?;
        self.write_account_data(batch, user, None, KIND, before.as_ref(), &content(rules)?)
    }
}

fn content(rules: &Ruleset) -> Result<String, AccountsError> {
    serde_json::to_string(&Content { global: rules.clone() })
        .map_err(|error| AccountsError::invalid(error.to_string()))
}

pub(crate) fn parse(user: &UserId, row: Option<&Stamped<String>>) -> Ruleset {
    let stored = row.and_then(|row| serde_json::from_str::<Content>(&row.value).ok());
    let defaults = default_push_rules(user);
    match stored {
        Some(Content { mut global }) => {
            global.update_with_server_default(defaults);
            global
        }
        None => defaults,
    }
}

fn insert(
    rules: &mut Ruleset,
    rule: NewPushRule,
    after: Option<&str>,
    before: Option<&str>,
) -> Result<(), AccountsError> {
    let (kind, rule_id) = (rule.kind(), rule.rule_id().to_owned());
    if rules.iter().count() >= PUSH_RULES_MAX {
        return Err(AccountsError::TooLarge("the set of push rules"));
    }
    let mut enabled = true;
    if after.is_some() || before.is_some() {
        // A rule that moves is taken out first: the neighbours' places are meant without it.
        enabled = rules.get(kind.clone(), &rule_id).is_none_or(|rule| rule.enabled());
        // Not being there is fine; a default rule is refused by the insertion.
        let _ = rules.remove(kind.clone(), &rule_id);
    }
    rules.insert(rule, after, before).map_err(|error| match error {
        InsertPushRuleError::UnknownRuleId => AccountsError::NotFound("push rule"),
        other => AccountsError::invalid(other.to_string()),
    })?;
    if !enabled {
        let done = rules.set_enabled(kind, &rule_id, false);
        done.map_err(|_| AccountsError::NotFound("push rule"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ruma::push::NewPatternedPushRule;

    use super::*;
    use crate::testing::{Fixture, fixture};

    fn rule(id: &str) -> NewPushRule {
        NewPushRule::Content(NewPatternedPushRule::new(id.to_owned(), id.to_owned(), vec![]))
    }

    async fn own_rules(fixture: &Fixture, user: &UserId) -> Vec<String> {
        let rules = fixture.accounts.push_rules(user).await.unwrap();
        let own = rules.content.iter().filter(|rule| !rule.default);
        own.map(|rule| rule.rule_id.clone()).collect()
    }

    #[tokio::test]
    async fn rules_keep_their_places() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        for id in ["c", "b", "a"] {
            accounts.put_push_rule(&alice, &rule(id), None, None).await.unwrap();
        }
        assert_eq!(own_rules(&fixture, &alice).await, ["a", "b", "c"]);
        accounts.put_push_rule(&alice, &rule("d"), Some("a"), None).await.unwrap();
        assert_eq!(own_rules(&fixture, &alice).await, ["a", "d", "b", "c"]);
        accounts.put_push_rule(&alice, &rule("a"), Some("c"), None).await.unwrap();
        assert_eq!(own_rules(&fixture, &alice).await, ["d", "b", "c", "a"]);
        accounts.put_push_rule(&alice, &rule("a"), None, Some("d")).await.unwrap();
        assert_eq!(own_rules(&fixture, &alice).await, ["a", "d", "b", "c"]);
        accounts.put_push_rule(&alice, &rule("b"), None, None).await.unwrap();
        assert_eq!(own_rules(&fixture, &alice).await, ["a", "d", "b", "c"]);
        let refused = accounts.put_push_rule(&alice, &rule("x"), Some("nowhere"), None).await;
        assert!(matches!(refused, Err(AccountsError::NotFound(_))));
        for id in [".m.rule.mine", "a/b", "a\\b"] {
            let refused = accounts.put_push_rule(&alice, &rule(id), None, None).await;
            assert!(matches!(refused, Err(AccountsError::Invalid(_))), "{id}");
        }
        accounts.delete_push_rule(&alice, &RuleKind::Content, "d").await.unwrap();
        assert_eq!(own_rules(&fixture, &alice).await, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn a_moved_rule_stays_switched_off() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let kind = RuleKind::Content;
        for id in ["b", "a"] {
            accounts.put_push_rule(&alice, &rule(id), None, None).await.unwrap();
        }
        accounts.set_push_rule_enabled(&alice, &kind, "a", false).await.unwrap();
        accounts.put_push_rule(&alice, &rule("a"), Some("b"), None).await.unwrap();
        let moved = accounts.push_rule(&alice, kind.clone(), "a").await.unwrap().unwrap();
        assert!(!moved.enabled());
        accounts.set_push_rule_actions(&alice, &kind, "a", &[Action::Notify]).await.unwrap();
        let changed = accounts.push_rule(&alice, kind, "a").await.unwrap().unwrap();
        assert!(changed.triggers_notification());
    }

    #[tokio::test]
    async fn default_rules_are_there_and_stay() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let kind = RuleKind::Override;
        let refused = accounts.delete_push_rule(&alice, &kind, ".m.rule.master").await;
        assert!(matches!(refused, Err(AccountsError::Invalid(_))));
        accounts.set_push_rule_enabled(&alice, &kind, ".m.rule.master", true).await.unwrap();
        let master = accounts.push_rule(&alice, kind.clone(), ".m.rule.master").await.unwrap();
        assert!(master.unwrap().enabled());
        let unknown = accounts.set_push_rule_enabled(&alice, &kind, "nothing", true).await;
        assert!(matches!(unknown, Err(AccountsError::NotFound(_))));
    }
}
