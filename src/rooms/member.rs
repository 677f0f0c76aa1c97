//! Who is in a room, and which rooms a user is in: indexes over `m.room.member` events.

use std::collections::HashMap;

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_statemap::{StateRoot, diff};
use hearth_store::{Direction, Snapshot, Stamped};
use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};
use serde::{Deserialize, Serialize};

use crate::{
    Event, Rooms, RoomsError,
    state::PendingNodes,
    tables::{FORGOTTEN, MEMBERS, MEMBERSHIPS},
};

/// How many members are looked at to find heroes.
const HERO_CANDIDATES_MAX: usize = 50;

/// A user's present membership of a room, as the user's index has it. The position of the row is
/// that of the membership event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The membership.
    pub state: MembershipState,
    /// The event that says so.
    pub event: EventNid,
    /// The position of the user's last change to joined, if this row is not that change itself.
    pub joined_before: Option<StreamPosition>,
    /// Whether the user does not want to see the room any more; kept in a table of its own.
    #[serde(skip)]
    pub forgotten: bool,
}

impl Membership {
    /// The position of the user's last change to joined, in a row at `position`.
    #[must_use]
    pub fn last_joined(&self, position: StreamPosition) -> Option<StreamPosition> {
        self.joined_before.or((self.state == MembershipState::Join).then_some(position))
    }
}

/// A member of a room as the room's index has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The membership.
    pub state: MembershipState,
    /// The event that says so.
    pub event: EventNid,
    /// The display name in this room.
    pub display_name: Option<String>,
    /// The avatar in this room, an `mxc:` URI.
    pub avatar_url: Option<String>,
}

impl Rooms {
    /// The rooms of a user with the present membership of each, forgotten ones included.
    ///
    /// # Errors
    /// The store failed.
    pub async fn memberships(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
    ) -> Result<Vec<(RoomNid, Stamped<Membership>)>, RoomsError> {
        let rows = MEMBERSHIPS.scan_all(snapshot, &MEMBERSHIPS.prefix(&(user_id,))).await?;
        let forgotten = FORGOTTEN.scan_all(snapshot, &FORGOTTEN.prefix(&(user_id,))).await?;
        let forgotten: HashMap<_, _> =
            forgotten.into_iter().map(|((_, room), position)| (room, position)).collect();
        Ok(rows
            .into_iter()
            .map(|((_, room), mut row)| {
                row.value.forgotten = forgotten.get(&room) == Some(&row.position);
                (room, row)
            })
            .collect())
    }

    /// A user's present membership of a room; `None` if there never was one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn membership(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        user_id: &UserId,
    ) -> Result<Option<Stamped<Membership>>, RoomsError> {
        let Some(mut row) = MEMBERSHIPS.get(snapshot, &(user_id, room)).await? else {
            return Ok(None);
        };
        if row.value.state != MembershipState::Join {
            let forgotten = FORGOTTEN.get(snapshot, &(user_id, room)).await?;
            row.value.forgotten = forgotten == Some(row.position);
        }
        Ok(Some(row))
    }

    /// Whether a user has joined a room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn is_joined(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        user_id: &UserId,
    ) -> Result<bool, RoomsError> {
        let row = self.membership(snapshot, room, user_id).await?;
        Ok(row.is_some_and(|row| row.value.state == MembershipState::Join))
    }

    /// All members of a room, whatever their membership, by user id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn members(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
    ) -> Result<Vec<(OwnedUserId, Member)>, RoomsError> {
        let rows = MEMBERS.scan_all(snapshot, &MEMBERS.prefix(&(room,))).await?;
        Ok(rows.into_iter().map(|((_, user), member)| (user, member)).collect())
    }

    /// A user as a member of a room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn member(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        user_id: &UserId,
    ) -> Result<Option<Member>, RoomsError> {
        Ok(MEMBERS.get(snapshot, &(room, user_id)).await?)
    }

    /// Whether two users have joined the same room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn share_a_room(
        &self,
        snapshot: &dyn Snapshot,
        one: &UserId,
        other: &UserId,
    ) -> Result<bool, RoomsError> {
        Ok(!self.mutual_rooms(snapshot, one, other).await?.is_empty())
    }

    /// The rooms that two users have both joined, by number.
    ///
    /// # Errors
    /// The store failed.
    pub async fn mutual_rooms(
        &self,
        snapshot: &dyn Snapshot,
        one: &UserId,
        other: &UserId,
    ) -> Result<Vec<RoomNid>, RoomsError> {
        let theirs = self.memberships(snapshot, other).await?;
        let joined = |row: &Stamped<Membership>| row.value.state == MembershipState::Join;
        let theirs: Vec<_> =
            theirs.iter().filter(|(_, row)| joined(row)).map(|(room, _)| *room).collect();
        let keys = theirs.iter().map(|room| (one, *room));
        let ours = MEMBERSHIPS.get_many(snapshot, keys).await?;
        let both = theirs.iter().zip(ours).filter(|(_, row)| row.as_ref().is_some_and(joined));
        Ok(both.map(|(room, _)| *room).collect())
    }

    /// Up to `count` other members of a room to name it by: those who joined or are invited, or
    /// if there is nobody, those who were there (specification, "Calculating the display name").
    ///
    /// # Errors
    /// The store failed.
    pub async fn heroes(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        user_id: &UserId,
        count: usize,
    ) -> Result<Vec<OwnedUserId>, RoomsError> {
        let (all, forward) = (MEMBERS.prefix(&(room,)), Direction::Forward);
        let rows = MEMBERS.scan(snapshot, &all, forward, HERO_CANDIDATES_MAX).await?;
        let others = rows.iter().filter(|((_, other), _)| *other != *user_id);
        let (here, gone): (Vec<_>, Vec<_>) = others.partition(|(_, member)| {
            matches!(member.state, MembershipState::Join | MembershipState::Invite)
        });
        let heroes = if here.is_empty() { gone } else { here };
        Ok(heroes.into_iter().take(count).map(|((_, user), _)| user.clone()).collect())
    }

    /// The member events that differ between two states of a room: before and after.
    ///
    /// # Errors
    /// The store failed, or a state is damaged.
    pub async fn member_changes(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        before: StateRoot,
        after: StateRoot,
    ) -> Result<Vec<(Option<Event>, Option<Event>)>, RoomsError> {
        let pending = PendingNodes::new();
        let changes = self
            .with_nodes(snapshot, room, &pending, |nodes| {
                diff(before.members, after.members, nodes)
            })
            .await?;
        let mut events = Vec::with_capacity(changes.len());
        for change in changes {
            let mut both = [None, None];
            for (event, nid) in both.iter_mut().zip([change.before, change.after]) {
                if let Some(nid) = nid {
                    *event = Some(self.event(snapshot, nid).await?);
                }
            }
            let [before, after] = both;
            events.push((before, after));
        }
        Ok(events)
    }
}
