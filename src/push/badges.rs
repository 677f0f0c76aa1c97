//! How many messages a user has not read in all rooms together: the badge on an app.
//!
//! The counts of a user's rooms are kept from push to push; what happens in a room makes its
//! count stale, and only stale ones are taken again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use hearth_accounts::Accounts;
use hearth_base::{RoomNid, StreamPosition};
use hearth_rooms::{Reader, Rooms};
use hearth_rules::PushRules;
use hearth_store::Snapshot;
use moka::sync::Cache;
use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};

use crate::PushError;

/// How many users' counts are remembered.
const BADGES_MAX: u64 = 10_000;

#[derive(Default)]
struct Badge {
    counts: HashMap<RoomNid, u64>,
    /// The rooms where something happened, and when.
    stale: HashMap<RoomNid, StreamPosition>,
    is_complete: bool,
}

pub(crate) struct Badges {
    accounts: Accounts,
    rooms: Rooms,
    known: Cache<OwnedUserId, Arc<Mutex<Badge>>>,
}

impl Badges {
    pub(crate) fn new(accounts: Accounts, rooms: Rooms) -> Self {
        Self { accounts, rooms, known: Cache::new(BADGES_MAX) }
    }

    /// Something happened in a room that may change what the user has not read.
    pub(crate) fn touch(&self, user_id: &UserId, room: RoomNid, position: StreamPosition) {
        if let Some(badge) = self.known.get(user_id) {
            badge.lock().stale.insert(room, position);
        }
    }

    /// How many messages the user has not read.
    pub(crate) async fn count(&self, user_id: &UserId) -> Result<u64, PushError> {
        let badge = self.known.get_with(user_id.to_owned(), Arc::default);
        // Taken when there is a badge to touch: what is not in it makes a room stale.
        let snapshot = self.rooms.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let stale = {
            let badge = badge.lock();
            badge.is_complete.then(|| badge.stale.keys().copied().collect())
        };
        let stale: Vec<RoomNid> = match stale {
            Some(stale) => stale,
            None => self.joined(snapshot, user_id).await?,
        };
        let counts = self.counts(snapshot, user_id, &stale).await?;
        let mut badge = badge.lock();
        badge.counts.extend(counts);
        // What happened after the snapshot stays stale.
        badge.stale.retain(|_, position| *position > snapshot.position());
        badge.is_complete = true;
        Ok(badge.counts.values().sum())
    }

    async fn joined(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
    ) -> Result<Vec<RoomNid>, PushError> {
        let memberships = self.rooms.memberships(snapshot, user_id).await?;
        let joined = |(_, row): &(_, hearth_store::Stamped<hearth_rooms::Membership>)| {
            row.value.state == MembershipState::Join
        };
        Ok(memberships.into_iter().filter(joined).map(|(room, _)| room).collect())
    }

    async fn counts(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
        rooms: &[RoomNid],
    ) -> Result<Vec<(RoomNid, u64)>, PushError> {
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let rules = PushRules::new(user_id, &self.accounts.push_rules(user_id).await?);
        let ignored: BTreeSet<_> = self.accounts.ignored_users(user_id).await?;
        let reader = Reader { user_id, rules: &rules, ignored: &ignored };
        let mut counts = Vec::with_capacity(rooms.len());
        for nid in rooms {
            let room = self.rooms.room_by_nid(snapshot, *nid).await?;
            let count = if self.rooms.is_joined(snapshot, *nid, user_id).await? {
                let upto = snapshot.position();
                self.rooms.unread(snapshot, &room, upto, reader).await?.total().notifications
            } else {
                0
            };
            counts.push((*nid, count));
        }
        Ok(counts)
    }
}
