//! Profiles: display name, avatar and any other field (specification, profiles; MSC4133).
//!
//! Memberships carry copies of display name and avatar; keeping them equal is the caller's part.

use std::collections::BTreeMap;

use hearth_base::limits::{DISPLAY_NAME_BYTES_MAX, PROFILE_BYTES_MAX, PROFILE_KEY_BYTES_MAX};
use hearth_store::{Batch, Keyspace, Snapshot, StoreError};
use ruma::{OwnedMxcUri, UserId};
use serde_json::Value;

use crate::{
    Accounts, AccountsError,
    tables::{PROFILES, USERS},
};

const DISPLAY_NAME: &str = "displayname";
const AVATAR_URL: &str = "avatar_url";

/// All fields of a profile by their names.
pub type Profile = BTreeMap<String, Value>;

/// The part of a profile that memberships carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberProfile {
    /// The display name.
    pub displayname: Option<String>,
    /// The avatar.
    pub avatar_url: Option<OwnedMxcUri>,
}

impl Accounts {
    /// The profile of a local user; `None` if there is no such (active) user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn profile(&self, user: &UserId) -> Result<Option<Profile>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let account = USERS.get(snapshot.as_ref(), &(user,)).await?;
        if account.is_none_or(|account| account.is_deactivated) {
            return Ok(None);
        }
        Ok(Some(read_profile(snapshot.as_ref(), user).await?))
    }

    /// Display name and avatar of a user; empty if there is no such user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn member_profile(&self, user: &UserId) -> Result<MemberProfile, AccountsError> {
        let snapshot = self.snapshot().await?;
        let keys = [(user, DISPLAY_NAME), (user, AVATAR_URL)];
        let rows = PROFILES.get_many(snapshot.as_ref(), keys).await?;
        let text = |row: &Option<String>| serde_json::from_str::<String>(row.as_deref()?).ok();
        Ok(MemberProfile {
            displayname: rows.first().and_then(text),
            avatar_url: rows.get(1).and_then(text).map(Into::into),
        })
    }

    /// Sets a field of the profile, or removes it, and returns whether that changed anything.
    ///
    /// # Errors
    /// [`AccountsError::ProfileKeyTooLarge`], [`AccountsError::ProfileTooLarge`], also for a long
    /// display name, [`AccountsError::Invalid`] if the field cannot have this name, or if display
    /// name or avatar is not a string.
    pub async fn set_profile_field(
        &self,
        user: &UserId,
        field: &str,
        value: Option<&Value>,
    ) -> Result<bool, AccountsError> {
        check_field(field, value)?;
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            let before = read_profile(snapshot.as_ref(), user).await?;
            if before.get(field) == value {
                return Ok((batch, false));
            }
            let mut after = before.clone();
            match value {
                Some(value) => after.insert(field.to_owned(), value.clone()),
                None => after.remove(field),
            };
            if value.is_some() && size(&after) > PROFILE_BYTES_MAX {
                return Err(AccountsError::ProfileTooLarge);
            }
            let key = (user, field);
            let text = |profile: &Profile| profile.get(field).map(Value::to_string);
            let (old, new) = (text(&before), text(&after));
            PROFILES.replace(&mut batch, &key, old.as_ref(), new.as_ref())?;
            if field == DISPLAY_NAME {
                let name = |profile: &Profile| display_name(profile).map(str::to_owned);
                let (old, new) = (name(&before), name(&after));
                self.write_directory(&mut batch, user, old.as_deref(), new.as_deref())?;
            }
            Ok((batch, true))
        })
        .await
    }

    /// A new user is called by the localpart.
    pub(crate) fn write_first_display_name(
        &self,
        batch: &mut Batch,
        user: &UserId,
    ) -> Result<(), AccountsError> {
        let name = user.localpart();
        PROFILES.put(batch, &(user, DISPLAY_NAME), &Value::from(name).to_string())?;
        self.write_directory(batch, user, None, Some(name))
    }

    pub(crate) async fn delete_profile(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user: &UserId,
    ) -> Result<(), AccountsError> {
        let profile = read_profile(snapshot, user).await?;
        for field in profile.keys() {
            PROFILES.delete(batch, &(user, field.as_str()));
        }
        self.delete_from_directory(batch, user, display_name(&profile));
        Ok(())
    }
}

pub(crate) async fn read_profile(
    snapshot: &dyn Snapshot,
    user: &UserId,
) -> Result<Profile, AccountsError> {
    let rows = PROFILES.scan_all(snapshot, &PROFILES.prefix(&(user,))).await?;
    rows.into_iter()
        .map(|((_, field), json)| {
            let value = serde_json::from_str(&json)
                .map_err(|error| StoreError::corrupt(Keyspace::Accounts, error))?;
            Ok((field, value))
        })
        .collect()
}

pub(crate) fn display_name(profile: &Profile) -> Option<&str> {
    profile.get(DISPLAY_NAME).and_then(Value::as_str)
}

fn check_field(field: &str, value: Option<&Value>) -> Result<(), AccountsError> {
    if field.is_empty() {
        return Err(AccountsError::invalid("the profile field has no name"));
    }
    if field.len() > PROFILE_KEY_BYTES_MAX {
        return Err(AccountsError::ProfileKeyTooLarge);
    }
    if !is_name(field) {
        return Err(AccountsError::invalid("not a valid name of a profile field"));
    }
    let (DISPLAY_NAME | AVATAR_URL, Some(value)) = (field, value) else {
        return Ok(());
    };
    let text = value.as_str();
    let text = text.ok_or_else(|| AccountsError::invalid(format!("{field} must be a string")))?;
    if field == DISPLAY_NAME && text.len() > DISPLAY_NAME_BYTES_MAX {
        return Err(AccountsError::ProfileTooLarge);
    }
    Ok(())
}

/// Whether a field can have this name: one that the specification names, or one with a namespace
/// (appendices, common namespaced identifier grammar).
fn is_name(field: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let mut parts = field.split('.');
    let first = parts.next().is_some_and(|part| part.starts_with(|c: char| c.is_ascii_lowercase()));
    let all = field.split('.').all(|part| !part.is_empty() && part.bytes().all(allowed));
    matches!(field, DISPLAY_NAME | AVATAR_URL) || (first && all && parts.next().is_some())
}

/// Bytes of the profile as one JSON object.
fn size(profile: &Profile) -> usize {
    serde_json::to_string(profile).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::fixture;

    #[tokio::test]
    async fn fields_are_set_read_and_removed() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let accounts = &fixture.accounts;
        let name = json!("Alice Liddell");
        assert!(accounts.set_profile_field(&alice, "displayname", Some(&name)).await.unwrap());
        assert!(!accounts.set_profile_field(&alice, "displayname", Some(&name)).await.unwrap());
        let avatar = json!("mxc://example.org/a");
        accounts.set_profile_field(&alice, "avatar_url", Some(&avatar)).await.unwrap();
        let zone = json!("Europe/London");
        accounts.set_profile_field(&alice, "m.tz", Some(&zone)).await.unwrap();
        let member = accounts.member_profile(&alice).await.unwrap();
        assert_eq!(member.displayname.as_deref(), Some("Alice Liddell"));
        assert_eq!(member.avatar_url.unwrap(), "mxc://example.org/a");
        assert!(accounts.set_profile_field(&alice, "avatar_url", None).await.unwrap());
        let profile = accounts.profile(&alice).await.unwrap().unwrap();
        assert_eq!(json!(profile), json!({ "displayname": name, "m.tz": zone }));
        let nobody = accounts.new_user_id("nobody").unwrap();
        assert!(accounts.profile(&nobody).await.unwrap().is_none());
    }

    #[test]
    fn names_follow_the_grammar() {
        for name in ["displayname", "avatar_url", "m.tz", "org.example.job_title", "us.x-y.z1"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "tz", "m.", ".m", "m..tz", "M.tz", "1.tz", "m.tz ", "m.t/z", "displayName"]
        {
            assert!(!is_name(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_profile_is_bounded() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let set = async |field: &str, value: Value| {
            fixture.accounts.set_profile_field(&alice, field, Some(&value)).await
        };
        let half = "x".repeat(PROFILE_BYTES_MAX / 2);
        set("org.example.a", json!(half)).await.unwrap();
        assert!(matches!(
            set("org.example.b", json!(half)).await,
            Err(AccountsError::ProfileTooLarge)
        ));
        let refused = set(&"k".repeat(256), json!(1)).await;
        assert!(matches!(refused, Err(AccountsError::ProfileKeyTooLarge)));
        assert!(matches!(set("displayname", json!(1)).await, Err(AccountsError::Invalid(_))));
        let long = json!("x".repeat(DISPLAY_NAME_BYTES_MAX + 1));
        assert!(matches!(set("displayname", long).await, Err(AccountsError::ProfileTooLarge)));
    }
}
