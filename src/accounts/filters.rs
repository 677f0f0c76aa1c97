//! Filters that clients stored for `/sync`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hearth_base::limits::FILTER_BYTES_MAX;
use hearth_store::{Batch, Keyspace, StoreError};
use ruma::{UserId, api::client::filter::FilterDefinition};
use sha2::{Digest, Sha256};

use crate::{Accounts, AccountsError, tables::FILTERS};

/// Bytes of the content's hash that make the id.
const ID_BYTES: usize = 12;

impl Accounts {
    /// Stores a filter and returns its id. Equal filters of a user have one id.
    ///
    /// # Errors
    /// [`AccountsError::TooLarge`].
    pub async fn create_filter(
        &self,
        user: &UserId,
        filter: &FilterDefinition,
    ) -> Result<String, AccountsError> {
        let json = serde_json::to_string(filter)
            .map_err(|error| AccountsError::invalid(error.to_string()))?;
        if json.len() > FILTER_BYTES_MAX {
            return Err(AccountsError::TooLarge("the filter"));
        }
        let hash: [u8; 32] = Sha256::digest(json.as_bytes()).into();
        let id = URL_SAFE_NO_PAD.encode(&hash[..ID_BYTES]);
        let (id, json) = (&id, &json);
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            if FILTERS.get(snapshot.as_ref(), &(user, id.as_str())).await?.is_none() {
                FILTERS.put(&mut batch, &(user, id.as_str()), json)?;
            }
            Ok((batch, ()))
        })
        .await?;
        Ok(id.clone())
    }

    /// A stored filter.
    ///
    /// # Errors
    /// The store failed.
    pub async fn filter(
        &self,
        user: &UserId,
        id: &str,
    ) -> Result<Option<FilterDefinition>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let Some(json) = FILTERS.get(snapshot.as_ref(), &(user, id)).await? else {
            return Ok(None);
        };
        let filter = serde_json::from_str(&json)
            .map_err(|error| StoreError::corrupt(Keyspace::Accounts, error))?;
        Ok(Some(filter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixture;

    #[tokio::test]
    async fn equal_filters_are_one() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let bob = fixture.user("bob").await;
        let filter = FilterDefinition::with_lazy_loading();
        let id = accounts.create_filter(&alice, &filter).await.unwrap();
        assert_eq!(accounts.create_filter(&alice, &filter).await.unwrap(), id);
        let other = FilterDefinition::default();
        assert_ne!(accounts.create_filter(&alice, &other).await.unwrap(), id);
        let found = accounts.filter(&alice, &id).await.unwrap().unwrap();
        assert!(!found.room.state.lazy_load_options.is_disabled());
        assert!(accounts.filter(&bob, &id).await.unwrap().is_none());
    }
}
