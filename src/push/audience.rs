//! Who hears what is said in a room: its local members and the levels that hold there.
//!
//! An audience belongs to one state of its room. To have that of the next event it is moved from
//! state to state by what differs between them, so it is exact at every event, and a message,
//! which changes no state, reads nothing.

use std::{collections::BTreeMap, sync::Arc};

use hearth_base::RoomNid;
use hearth_rooms::{Event, Room, Rooms};
use hearth_rules::PowerLevels;
use hearth_statemap::{Root, StateRoot};
use hearth_store::Snapshot;
use moka::sync::Cache;
use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};
use serde::Deserialize;

use crate::PushError;

/// How many local members of rooms are remembered in all.
const MEMBERS_MAX: u64 = 1_000_000;

/// Who hears what is said in one state of a room.
#[derive(Clone, Default)]
pub(crate) struct Audience {
    members: Root,
    others: Root,
    /// How many users have joined, those of other servers included.
    pub(crate) joined: u64,
    /// The local users who have joined, with what they are called in the room.
    pub(crate) local: BTreeMap<OwnedUserId, Option<String>>,
    /// The levels; without them the rules that need them do not match.
    pub(crate) levels: Option<Arc<PowerLevels>>,
}

/// The audiences that are remembered.
pub(crate) struct Audiences {
    rooms: Rooms,
    known: Cache<RoomNid, Arc<Audience>>,
}

#[derive(Deserialize)]
struct MemberContent {
    membership: MembershipState,
    displayname: Option<String>,
}

impl Audiences {
    pub(crate) fn new(rooms: Rooms) -> Self {
        let weight = |_: &RoomNid, audience: &Arc<Audience>| {
            u32::try_from(audience.local.len() + 10).unwrap_or(u32::MAX)
        };
        let known = Cache::builder().weigher(weight).max_capacity(MEMBERS_MAX).build();
        Self { rooms, known }
    }

    /// The audience of a room in a state.
    pub(crate) async fn of(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        state: StateRoot,
    ) -> Result<Arc<Audience>, PushError> {
        let known = self.known.get(&room.nid());
        if let Some(known) = &known
            && (known.members, known.others) == (state.members, state.others)
        {
            return Ok(Arc::clone(known));
        }
        let mut audience = match known {
            Some(known) => {
                // Without the other handle, the audience is changed in place.
                self.known.invalidate(&room.nid());
                Arc::unwrap_or_clone(known)
            }
            None => self.at_head(snapshot, room).await?,
        };
        self.turn_to(snapshot, room, &mut audience, state).await?;
        let audience = Arc::new(audience);
        self.known.insert(room.nid(), Arc::clone(&audience));
        Ok(audience)
    }

    /// The audience of the present state, by the room's index of members.
    async fn at_head(&self, snapshot: &dyn Snapshot, room: &Room) -> Result<Audience, PushError> {
        let head = self.rooms.head(snapshot, room.nid()).await?;
        let mut audience = Audience { members: head.state.members, ..Audience::default() };
        for (user_id, member) in self.rooms.members(snapshot, room.nid()).await? {
            if member.state == MembershipState::Join {
                self.enter(&mut audience, user_id, member.display_name);
            }
        }
        Ok(audience)
    }

    /// Moves an audience to another state.
    async fn turn_to(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        audience: &mut Audience,
        state: StateRoot,
    ) -> Result<(), PushError> {
        if audience.members != state.members {
            let before = StateRoot { members: audience.members, ..state };
            let changes = self.rooms.member_changes(snapshot, room.nid(), before, state).await?;
            for (before, after) in &changes {
                if let Some((user_id, _)) = before.as_ref().and_then(joined) {
                    audience.joined = audience.joined.saturating_sub(1);
                    audience.local.remove(&user_id);
                }
                if let Some((user_id, name)) = after.as_ref().and_then(joined) {
                    self.enter(audience, user_id, name);
                }
            }
            audience.members = state.members;
        }
        if audience.others != state.others {
            let levels = self.rooms.power_levels_in(snapshot, room, state).await;
            audience.levels = levels.ok().map(Arc::new);
            audience.others = state.others;
        }
        Ok(())
    }

    fn enter(&self, audience: &mut Audience, user_id: OwnedUserId, name: Option<String>) {
        audience.joined += 1;
        if self.is_local(&user_id) {
            audience.local.insert(user_id, name);
        }
    }

    pub(crate) fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    pub(crate) fn is_local(&self, user_id: &UserId) -> bool {
        user_id.server_name() == self.rooms.server_name()
    }
}

/// Who joined by a member event, and what they are called.
fn joined(event: &Event) -> Option<(OwnedUserId, Option<String>)> {
    let content: MemberContent = event.pdu().content_as()?;
    let user_id = OwnedUserId::try_from(event.pdu().state_key()?).ok()?;
    (content.membership == MembershipState::Join).then_some((user_id, content.displayname))
}
