//! What decides about notifications of many users at once: for whoever evaluates an event for all
//! members of a room.

use std::collections::BTreeSet;

use hearth_store::Snapshot;
use ruma::{OwnedUserId, UserId, push::Ruleset};

use crate::{
    Accounts, AccountsError, account_data, push_rules,
    tables::{ACCOUNT_DATA, USERS},
};

/// What decides about a user's notifications.
#[derive(Clone, Debug)]
pub struct PushAccount {
    /// The push rules.
    pub rules: Ruleset,
    /// Whose events do not notify.
    pub ignored: BTreeSet<OwnedUserId>,
    /// Whether there is such a user who can be notified at all: not deactivated, and not one of
    /// an application service's own.
    pub is_reachable: bool,
}

impl Accounts {
    /// What decides about the notifications of users, in their order: three reads for all.
    ///
    /// # Errors
    /// The store failed.
    pub async fn push_accounts(
        &self,
        snapshot: &dyn Snapshot,
        users: &[&UserId],
    ) -> Result<Vec<PushAccount>, AccountsError> {
        let of_kind = |kind| users.iter().map(move |user| (*user, "", kind));
        let rules = ACCOUNT_DATA.get_many(snapshot, of_kind(push_rules::KIND)).await?;
        let ignored = ACCOUNT_DATA.get_many(snapshot, of_kind(account_data::IGNORED_USERS)).await?;
        let accounts = USERS.get_many(snapshot, users.iter().map(|user| (*user,))).await?;
        let rows = users.iter().zip(rules).zip(ignored).zip(accounts);
        Ok(rows
            .map(|(((user, rules), ignored), account)| PushAccount {
                rules: push_rules::parse(user, rules.as_ref()),
                ignored: ignored.map(|row| account_data::ignored(&row.value)).unwrap_or_default(),
                is_reachable: account.is_some_and(|account| !account.is_deactivated)
                    && self.0.application_services.exclusive_owner_of_user(user).is_none(),
            })
            .collect())
    }
}
