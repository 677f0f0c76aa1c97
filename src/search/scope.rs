//! Where somebody searches: the rooms whose history they may read some of.

use std::collections::{BTreeSet, HashMap};

use hearth_base::{RoomNid, StreamPosition};
use hearth_rooms::{Room, Snapshot};
use ruma::{
    OwnedRoomId, RoomId,
    events::{StateEventType, room::member::MembershipState},
};
use serde::Deserialize;

use crate::{Search, SearchError, SearchQuery, limits::PREDECESSORS_MAX};

/// Rooms, each with the position from which on the user may see everything in it for sure: they
/// joined there, and did not leave.
pub(crate) type Scope = HashMap<RoomNid, StreamPosition>;

#[derive(Deserialize)]
struct CreateContent {
    predecessor: Predecessor,
}

#[derive(Deserialize)]
struct Predecessor {
    room_id: OwnedRoomId,
}

/// The rooms of a search, as far as they are asked for: those in which the user was, and of those
/// that are named also the ones that everybody may read.
pub(crate) async fn scope_of(
    search: &Search,
    snapshot: &dyn Snapshot,
    query: &SearchQuery<'_>,
) -> Result<Scope, SearchError> {
    let memberships = search.0.rooms.memberships(snapshot, query.user_id).await?;
    let was_there = memberships.into_iter().filter_map(|(room, row)| {
        let joined = row.value.last_joined(row.position).filter(|_| !row.value.forgotten)?;
        let is_there = row.value.state == MembershipState::Join;
        if query.only_joined && !is_there {
            return None;
        }
        Some((room, if is_there { joined } else { StreamPosition::MAX }))
    });
    let mut scope: Scope = was_there.collect();
    if let Some(named) = query.rooms {
        let mut listed = BTreeSet::new();
        for room_id in named {
            for room in lineage(search, snapshot, room_id).await? {
                listed.insert(room.nid());
                let is_known = query.only_joined || scope.contains_key(&room.nid());
                if !is_known && is_open(search, snapshot, &room).await? {
                    scope.insert(room.nid(), StreamPosition::MAX);
                }
            }
        }
        scope.retain(|room, _| listed.contains(room));
    }
    for room_id in query.not_rooms {
        if let Some(room) = search.0.rooms.room(room_id).await? {
            scope.remove(&room.nid());
        }
    }
    Ok(scope)
}

/// Whether everybody may read a room.
async fn is_open(
    search: &Search,
    snapshot: &dyn Snapshot,
    room: &Room,
) -> Result<bool, SearchError> {
    let rooms = &search.0.rooms;
    let head = rooms.head(snapshot, room.nid()).await?;
    Ok(rooms.look(snapshot, room, &head).await?.world_readable)
}

/// A room and those that it replaced.
async fn lineage(
    search: &Search,
    snapshot: &dyn Snapshot,
    room_id: &RoomId,
) -> Result<Vec<Room>, SearchError> {
    let rooms = &search.0.rooms;
    let (mut lineage, mut next) = (Vec::<Room>::new(), Some(room_id.to_owned()));
    while let Some(room_id) = next.take().filter(|_| lineage.len() <= PREDECESSORS_MAX) {
        let Some(room) = rooms.room(&room_id).await? else { break };
        if lineage.iter().any(|known| known.nid() == room.nid()) {
            break;
        }
        let head = rooms.head(snapshot, room.nid()).await?;
        let (nid, key) = (room.nid(), StateEventType::RoomCreate);
        let create = rooms.state_event(snapshot, nid, head.state, key, "").await?;
        let content = create.and_then(|event| event.pdu().content_as::<CreateContent>());
        next = content.map(|content| content.predecessor.room_id);
        lineage.push(room);
    }
    Ok(lineage)
}
