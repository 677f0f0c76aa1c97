//! Room tags: the account data `m.tag` of a room, changed one tag at a time.

use ruma::{
    RoomId, UserId,
    events::tag::{TagEventContent, TagInfo, TagName, Tags},
};

use hearth_store::Batch;

use crate::{Accounts, AccountsError, account_data::read_account_data};

const KIND: &str = "m.tag";
/// Longest name of a tag in bytes (specification, room tagging).
const NAME_BYTES_MAX: usize = 255;

impl Accounts {
    /// The tags that a user gave a room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn tags(&self, user: &UserId, room: &RoomId) -> Result<Tags, AccountsError> {
        let content = self.account_data(user, Some(room), KIND).await?;
        Ok(content.map(|content| parse(content.get())).unwrap_or_default())
    }

    /// Gives a room a tag, or changes its information.
    ///
    /// # Errors
    /// [`AccountsError::TooLarge`] if the name of the tag is too long.
    pub async fn set_tag(
        &self,
        user: &UserId,
        room: &RoomId,
        tag: &str,
        info: &TagInfo,
    ) -> Result<(), AccountsError> {
        if tag.len() > NAME_BYTES_MAX {
            return Err(AccountsError::TooLarge("the name of the tag"));
        }
        let change = |tags: &mut Tags| {
            tags.insert(TagName::from(tag), info.clone());
            true
        };
        self.change_tags(user, room, change).await
    }

    /// Takes a tag from a room; nothing happens if it is not there.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_tag(
        &self,
        user: &UserId,
        room: &RoomId,
        tag: &str,
    ) -> Result<(), AccountsError> {
        self.change_tags(user, room, |tags| tags.remove(&TagName::from(tag)).is_some()).await
    }

    async fn change_tags(
        &self,
        user: &UserId,
        room: &RoomId,
        change: impl Fn(&mut Tags) -> bool + Sync,
    ) -> Result<(), AccountsError> {
        let change = &change;
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            let before = read_account_data(snapshot.as_ref(), user, Some(room), KIND).await?;
            let mut tags = before.as_ref().map(|row| parse(&row.value)).unwrap_or_default();
            if change(&mut tags) {
                let json = serde_json::to_string(&TagEventContent::new(tags))
                    .map_err(|error| AccountsError::invalid(error.to_string()))?;
                let room = Some(room);
                self.write_account_data(&mut batch, user, room, KIND, before.as_ref(), &json)?;
            }
            Ok((batch, ()))
        })
        .await
    }
}

/// Clients may write `m.tag` as plain account data too, so it may be anything.
fn parse(json: &str) -> Tags {
    serde_json::from_str::<TagEventContent>(json).map(|content| content.tags).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ruma::room_id;

    use super::*;
    use crate::testing::fixture;

    #[tokio::test]
    async fn concurrent_tags_are_all_kept() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let room = room_id!("!r:example.org");
        let info = TagInfo::new();
        let (a, b, c) = tokio::join!(
            accounts.set_tag(&alice, room, "u.a", &info),
            accounts.set_tag(&alice, room, "u.b", &info),
            accounts.set_tag(&alice, room, "m.favourite", &info),
        );
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        assert_eq!(accounts.tags(&alice, room).await.unwrap().len(), 3);
        accounts.delete_tag(&alice, room, "u.a").await.unwrap();
        accounts.delete_tag(&alice, room, "u.a").await.unwrap();
        assert_eq!(accounts.tags(&alice, room).await.unwrap().len(), 2);
    }
}
