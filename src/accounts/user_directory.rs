//! The user directory: finding local users by the beginnings of words.
//!
//! Whom a searcher may see depends on rooms and is decided by the caller.

use std::collections::BTreeSet;

use hearth_base::limits::USER_DIRECTORY_ROWS_MAX;
use hearth_store::{Batch, Direction, Snapshot};
use ruma::{OwnedMxcUri, OwnedUserId, UserId};

use crate::{
    Accounts, AccountsError,
    profiles::{display_name, read_profile},
    tables::DIRECTORY,
};

/// Longest indexed word in bytes; more does not tell people apart.
const WORD_BYTES_MAX: usize = 64;
/// Most words of a name or a search.
const WORDS_MAX: usize = 16;

/// A user as the directory shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The user.
    pub user: OwnedUserId,
    /// The display name.
    pub displayname: Option<String>,
    /// The avatar.
    pub avatar_url: Option<OwnedMxcUri>,
}

impl Accounts {
    /// Local users of whom every word of `term` begins a word of display name or localpart, at
    /// most `limit`, in the order of their ids.
    ///
    /// # Errors
    /// The store failed.
    pub async fn search_users(
        &self,
        term: &str,
        limit: usize,
    ) -> Result<Vec<DirectoryEntry>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let mut found: Option<BTreeSet<OwnedUserId>> = None;
        for word in search_words(term) {
            let users = users_with_word(snapshot.as_ref(), &word).await?;
            found = Some(match found {
                Some(before) => before.intersection(&users).cloned().collect(),
                None => users,
            });
        }
        let mut entries = Vec::new();
        for user in found.unwrap_or_default().into_iter().take(limit) {
            let profile = read_profile(snapshot.as_ref(), &user).await?;
            let avatar = profile.get("avatar_url").and_then(|url| url.as_str());
            entries.push(DirectoryEntry {
                displayname: display_name(&profile).map(str::to_owned),
                avatar_url: avatar.map(Into::into),
                user,
            });
        }
        Ok(entries)
    }

    /// Moves a user in the index from one display name to another.
    pub(crate) fn write_directory(
        &self,
        batch: &mut Batch,
        user: &UserId,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<(), AccountsError> {
        let (before, after) = (indexed_words(user, before), indexed_words(user, after));
        for word in before.difference(&after) {
            DIRECTORY.delete(batch, &(word.as_str(), user));
        }
        for word in &after {
            DIRECTORY.put(batch, &(word.as_str(), user), &())?;
        }
        Ok(())
    }

    pub(crate) fn delete_from_directory(
        &self,
        batch: &mut Batch,
        user: &UserId,
        display_name: Option<&str>,
    ) {
        for word in indexed_words(user, display_name) {
            DIRECTORY.delete(batch, &(word.as_str(), user));
        }
    }
}

async fn users_with_word(
    snapshot: &dyn Snapshot,
    beginning: &str,
) -> Result<BTreeSet<OwnedUserId>, AccountsError> {
    // All words that begin so lie between the beginning and the beginning with the largest
    // character at its end.
    let end = format!("{beginning}{}", char::MAX);
    let range = DIRECTORY.between(&(beginning,), &(end.as_str(),));
    let rows =
        DIRECTORY.scan(snapshot, &range, Direction::Forward, USER_DIRECTORY_ROWS_MAX).await?;
    Ok(rows.into_iter().map(|((_, user), ())| user).collect())
}

fn indexed_words(user: &UserId, display_name: Option<&str>) -> BTreeSet<String> {
    let mut all: BTreeSet<_> = words(user.localpart()).collect();
    all.extend(words(display_name.unwrap_or_default()));
    all.insert(shortened(user.localpart().to_lowercase()));
    all
}

fn search_words(term: &str) -> Vec<String> {
    // Of a user id only the localpart tells users of one server apart.
    match term.trim().strip_prefix('@') {
        Some(id) => {
            let localpart = id.split(':').next().unwrap_or_default();
            if localpart.is_empty() {
                Vec::new()
            } else {
                vec![shortened(localpart.to_lowercase())]
            }
        }
        None => words(term).collect(),
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .map(|word| shortened(word.to_lowercase()))
}

fn shortened(mut word: String) -> String {
    word.truncate(word.floor_char_boundary(WORD_BYTES_MAX));
    word
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Fixture, fixture};

    async fn search(fixture: &Fixture, term: &str) -> Vec<String> {
        let found = fixture.accounts.search_users(term, 10).await.unwrap();
        found.into_iter().map(|entry| entry.user.localpart().to_owned()).collect()
    }

    #[tokio::test]
    async fn words_are_found_by_their_beginnings() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        fixture.user("al.bert").await;
        let name = json!("Älice Liddell");
        fixture.accounts.set_profile_field(&alice, "displayname", Some(&name)).await.unwrap();
        assert_eq!(search(&fixture, "al").await, ["al.bert", "alice"]);
        assert_eq!(search(&fixture, "älice lid").await, ["alice"]);
        assert_eq!(search(&fixture, "ÄL").await, ["alice"]);
        assert_eq!(search(&fixture, "bert").await, ["al.bert"]);
        assert_eq!(search(&fixture, "@al.bert:example.org").await, ["al.bert"]);
        for term in ["", " ", "@", "lice", "alice bob", "%"] {
            assert!(search(&fixture, term).await.is_empty(), "{term}");
        }
        let name = json!("Someone");
        fixture.accounts.set_profile_field(&alice, "displayname", Some(&name)).await.unwrap();
        assert!(search(&fixture, "liddell").await.is_empty());
        assert_eq!(search(&fixture, "alice").await, ["alice"]);
        fixture.accounts.deactivate(&alice, false).await.unwrap();
        assert!(search(&fixture, "someone").await.is_empty());
    }
}
