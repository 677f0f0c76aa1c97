//! Users who asked at their end that what they wrote be forgotten (specification, deactivation
//! with `erase`).
//!
//! Whoever was in the room at an event keeps seeing it; everybody else gets a redacted copy.
//! Nothing is redacted in the store, and other servers are not told.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use hearth_rules::{Pdu, redact};
use hearth_store::{Batch, CommitError, Fact, Snapshot};
use parking_lot::RwLock;
use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};
use tokio::sync::OnceCell;

use crate::{Event, Rooms, RoomsError, tables::ERASED};

/// All erased users, read once.
pub(crate) type ErasedUsers = OnceCell<RwLock<Arc<HashSet<OwnedUserId>>>>;

impl Rooms {
    /// From now on shows what the user wrote only to those who were there.
    ///
    /// # Errors
    /// The store failed.
    pub async fn erase_user(&self, user_id: &UserId) -> Result<(), RoomsError> {
        let mut batch = Batch::new();
        ERASED.put(&mut batch, &(user_id,), &())?;
        batch.fact(Fact::Erased { user: user_id.to_owned() });
        match self.store().commit(batch).await {
            Ok(_) | Err(CommitError::Conflict { .. }) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        let snapshot = self.snapshot().await?;
        let known = self.known_erased(snapshot.as_ref()).await?;
        let mut known = known.write();
        Arc::make_mut(&mut known).insert(user_id.to_owned());
        Ok(())
    }

    /// Those of the users who want to be forgotten.
    ///
    /// # Errors
    /// The store failed.
    pub async fn erased_among<'a>(
        &self,
        snapshot: &dyn Snapshot,
        users: &BTreeSet<&'a UserId>,
    ) -> Result<BTreeSet<&'a UserId>, RoomsError> {
        let rows = ERASED.get_many(snapshot, users.iter().map(|user_id| (*user_id,))).await?;
        let erased = users.iter().zip(rows).filter(|(_, row)| row.is_some());
        Ok(erased.map(|(user_id, _)| *user_id).collect())
    }

    /// The users whose events only those see whole who were there.
    pub(crate) async fn erased_users(
        &self,
        snapshot: &dyn Snapshot,
    ) -> Result<Arc<HashSet<OwnedUserId>>, RoomsError> {
        Ok(Arc::clone(&self.known_erased(snapshot).await?.read()))
    }

    /// What somebody gets of an event of an erased user: all of it if they were in the room, else
    /// `Some` redacted copy.
    pub(crate) async fn erased_copy(
        &self,
        snapshot: &dyn Snapshot,
        event: &Event,
        membership: &MembershipState,
    ) -> Result<Option<Pdu>, RoomsError> {
        if *membership == MembershipState::Join || event.redacted_by().is_some() {
            return Ok(None);
        }
        let room = self.room_by_nid(snapshot, event.room()).await?;
        Ok(Some(redact(event.pdu(), room.rules(), None)?))
    }

    async fn known_erased(
        &self,
        snapshot: &dyn Snapshot,
    ) -> Result<&RwLock<Arc<HashSet<OwnedUserId>>>, RoomsError> {
        let load = || async {
            let rows = ERASED.scan_all(snapshot, &ERASED.all()).await?;
            let users = rows.into_iter().map(|((user_id,), ())| user_id).collect();
            Ok::<_, RoomsError>(RwLock::new(Arc::new(users)))
        };
        self.erased_cell().get_or_try_init(load).await
    }
}
