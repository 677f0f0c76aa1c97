//! The private room of a room's moderators, which follows the list of them.
//!
//! Whoever becomes an administrator of the room is let in, whoever is none any more leaves. What
//! has to change follows from who is where, so looking again does no harm.

use std::collections::BTreeSet;

use hearth_base::RoomNid;
use hearth_rooms::{CreateRoom, Event, Profile, Room, Snapshot};
use hearth_store::{Batch, CommitError};
use ruma::{
    OwnedUserId, RoomVersionId, UserId, api::client::room::create_room::v3::RoomPreset,
    events::room::member::MembershipState,
};

use crate::{
    Chat, ChatError,
    authority::admin_level,
    tables::{MODERATED, MODERATORS_ROOMS},
};

/// What changes who moderates a room.
const CAUSES: [&str; 2] = ["m.room.member", "m.room.power_levels"];

impl Chat {
    /// The room of the moderators of a room; made if there is none yet.
    ///
    /// # Errors
    /// The user is no administrator of the room, or the store failed.
    pub async fn moderators_room(&self, room: &Room, user_id: &UserId) -> Result<Room, ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_admin(snapshot, room, user_id).await?;
        if let Some(nid) = MODERATORS_ROOMS.get(snapshot, &(room.nid(),)).await? {
            return Ok(self.rooms().room_by_nid(snapshot, nid).await?);
        }
        let head = self.rooms().head(snapshot, room.nid()).await?;
        let name = self.rooms().look(snapshot, room, &head).await?.name.clone();
        let profile = self.accounts().member_profile(user_id).await?;
        let made = CreateRoom {
            profile: Profile {
                display_name: profile.displayname,
                avatar_url: profile.avatar_url.map(|url| url.to_string()),
            },
            version: Some(RoomVersionId::V11),
            preset: Some(RoomPreset::PrivateChat),
            name: Some(format!("Moderators of {}", name.as_deref().unwrap_or("a room"))),
            ..CreateRoom::new(user_id.to_owned())
        };
        let made = self.rooms().create_room(made).await?;
        let mut batch = Batch::new();
        MODERATORS_ROOMS.insert(&mut batch, &(room.nid(),), &made.nid())?;
        MODERATED.put(&mut batch, &(made.nid(),), &room.nid())?;
        match self.store().commit(batch).await {
            Ok(_) => {}
            Err(CommitError::Conflict { .. }) => {
                // Somebody else was faster: there is one such room.
                self.rooms().leave(&made, user_id, None).await?;
                return Err(ChatError::Busy);
            }
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        self.follow_moderators(room.nid(), made.nid()).await?;
        Ok(made)
    }

    /// Somebody may have become or ceased to be a moderator by an event.
    pub(crate) async fn moderators_changed(
        &self,
        snapshot: &dyn Snapshot,
        event: &Event,
    ) -> Result<(), ChatError> {
        if !CAUSES.contains(&event.pdu().type_name()) {
            return Ok(());
        }
        match MODERATORS_ROOMS.get(snapshot, &(event.room(),)).await? {
            Some(theirs) => self.follow_moderators(event.room(), theirs).await,
            None => Ok(()),
        }
    }

    /// Marks those rooms of moderators that were made before they were marked.
    pub(crate) async fn index_moderators_rooms(&self) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let mut batch = Batch::new();
        let all = MODERATORS_ROOMS.scan_all(snapshot, &MODERATORS_ROOMS.all()).await?;
        for ((of,), theirs) in all {
            if MODERATED.get(snapshot, &(theirs,)).await?.is_none() {
                MODERATED.put(&mut batch, &(theirs,), &of)?;
            }
        }
        if !batch.is_empty() {
            self.store().commit(batch).await?;
        }
        Ok(())
    }

    async fn follow_moderators(&self, of: RoomNid, theirs: RoomNid) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let (of, theirs) = (self.room(of).await?, self.room(theirs).await?);
        let moderators = self.local_moderators(snapshot, &of).await?;
        let members = self.rooms().members(snapshot, theirs.nid()).await?;
        let joined = members.into_iter().filter(|(_, one)| one.state == MembershipState::Join);
        let here: BTreeSet<_> = joined.map(|(user_id, _)| user_id).collect();
        // First those who come: somebody has to be there who lets them in.
        for user_id in moderators.difference(&here) {
            let inviter = here.iter().next().map_or(&**user_id, |inviter| &**inviter);
            if let Err(error) = self.let_in(&theirs, inviter, user_id).await {
                tracing::warn!(%user_id, %error, "a moderator is not in the moderators' room");
            }
        }
        for user_id in here.difference(&moderators) {
            self.rooms().leave(&theirs, user_id, None).await?;
        }
        Ok(())
    }

    /// The users of this server who moderate a room.
    async fn local_moderators(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<BTreeSet<OwnedUserId>, ChatError> {
        let levels = self.levels(snapshot, room).await?;
        let named = levels.as_ruma().users.keys().chain(levels.creators());
        let mut moderators = BTreeSet::new();
        for user_id in named {
            if self.accounts().is_local(user_id)
                && levels.user(user_id) >= admin_level()
                && self.rooms().is_joined(snapshot, room.nid(), user_id).await?
            {
                moderators.insert(user_id.clone());
            }
        }
        Ok(moderators)
    }
}
