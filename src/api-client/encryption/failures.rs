//! Servers that could not be asked.

use std::collections::BTreeMap;

use hearth_accounts::Accounts;
use ruma::OwnedUserId;
use serde_json::{Value, json};

/// The `failures` of an answer about these users: one for each other server.
pub(super) fn of_other_servers<'a>(
    accounts: &Accounts,
    users: impl Iterator<Item = &'a OwnedUserId>,
) -> BTreeMap<String, Value> {
    let failure = || json!({ "status": 503, "message": "this server cannot reach other servers" });
    users
        .filter(|user| !accounts.is_local(user))
        .map(|user| (user.server_name().to_string(), failure()))
        .collect()
}
