//! Which rooms are in a list: what is needed to decide it is read once for a request, and only if
//! a list asks for it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use hearth_base::RoomNid;
use ruma::{OwnedRoomId, OwnedUserId, events::room::member::MembershipState};
use serde::{Deserialize, de::IgnoredAny};

use super::{RoomFilters, SlidingRequest, room_list::Listed};
use crate::{SyncError, answer::View};

/// Most spaces whose children are read for one request.
const SPACES_MAX: usize = 100;

/// What filters look at besides the list itself.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The user's direct rooms.
    pub(crate) direct: HashSet<RoomNid>,
    tags: HashMap<RoomNid, BTreeSet<String>>,
    /// The children of the spaces that filters name.
    children: HashMap<OwnedRoomId, HashSet<RoomNid>>,
    /// The names of rooms in lower case.
    names: HashMap<RoomNid, String>,
    ignored: BTreeSet<OwnedUserId>,
}

#[derive(Deserialize)]
struct Tags {
    tags: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct Child {
    via: Vec<IgnoredAny>,
}

impl Facts {
    /// Whether a room passes.
    pub(crate) fn pass(&self, filters: &RoomFilters, room: RoomNid, listed: &Listed) -> bool {
        let is = |wanted: Option<bool>, fact: bool| wanted.is_none_or(|wanted| wanted == fact);
        let room_type = listed.kind.room_type.as_ref().map(|kind| kind.to_string());
        let tagged = |tags: &[String]| {
            let present = self.tags.get(&room);
            present.is_some_and(|present| tags.iter().any(|tag| present.contains(tag)))
        };
        let in_space = |space: &OwnedRoomId| {
            self.children.get(space).is_some_and(|children| children.contains(&room))
        };
        let named = |part: &String| {
            self.names.get(&room).is_some_and(|name| name.contains(&part.to_lowercase()))
        };
        !listed.inviter.as_ref().is_some_and(|inviter| self.ignored.contains(inviter))
            && is(filters.is_dm, self.direct.contains(&room))
            && is(filters.is_encrypted, listed.kind.encrypted)
            && is(filters.is_invite, listed.membership == MembershipState::Invite)
            && (filters.room_types.is_empty() || filters.room_types.contains(&room_type))
            && !filters.not_room_types.contains(&room_type)
            && (filters.tags.is_empty() || tagged(&filters.tags))
            && !tagged(&filters.not_tags)
            && (filters.spaces.is_empty() || filters.spaces.iter().any(in_space))
            && filters.room_name_like.as_ref().is_none_or(named)
    }
}

impl View<'_> {
    /// What the filters of a request look at.
    pub(crate) async fn facts(
        &self,
        request: &SlidingRequest,
        rooms: &[RoomNid],
    ) -> Result<Facts, SyncError> {
        let filters: Vec<_> = request.lists.values().map(|list| &list.filters).collect();
        let mut facts = Facts {
            direct: self.direct_rooms().await?,
            ignored: self.ignored.clone(),
            ..Facts::default()
        };
        if filters.iter().any(|filters| !filters.tags.is_empty() || !filters.not_tags.is_empty()) {
            facts.tags = self.tags().await?;
        }
        let spaces: BTreeSet<_> = filters.iter().flat_map(|filters| &filters.spaces).collect();
        for space in spaces.into_iter().take(SPACES_MAX) {
            facts.children.insert(space.clone(), self.children(space).await?);
        }
        if filters.iter().any(|filters| filters.room_name_like.is_some()) {
            facts.names = self.names(rooms).await?;
        }
        Ok(facts)
    }

    async fn direct_rooms(&self) -> Result<HashSet<RoomNid>, SyncError> {
        let accounts = self.sync.accounts();
        let content = accounts.account_data(self.user_id(), None, "m.direct").await?;
        // What a client wrote there may be anything.
        let content: BTreeMap<String, Vec<OwnedRoomId>> = content
            .and_then(|content| serde_json::from_str(content.get()).ok())
            .unwrap_or_default();
        let mut direct = HashSet::new();
        for room_id in content.values().flatten() {
            direct.extend(self.sync.rooms().room(room_id).await?.map(|room| room.nid()));
        }
        Ok(direct)
    }

    async fn tags(&self) -> Result<HashMap<RoomNid, BTreeSet<String>>, SyncError> {
        let all = self.sync.accounts().all_account_data(self.user_id()).await?;
        let mut tags = HashMap::new();
        for (room_id, data) in all.rooms {
            let content = data.get("m.tag").map(|content| content.json().get());
            let Some(Ok(content)) = content.map(serde_json::from_str::<Tags>) else {
                continue;
            };
            if let Some(room) = self.sync.rooms().room(&room_id).await? {
                tags.insert(room.nid(), content.tags.into_keys().collect());
            }
        }
        Ok(tags)
    }

    /// The rooms that a space of the user names as its children.
    async fn children(&self, space: &OwnedRoomId) -> Result<HashSet<RoomNid>, SyncError> {
        let (rooms, mut children) = (self.sync.rooms(), HashSet::new());
        let Some(room) = rooms.room(space).await? else {
            return Ok(children);
        };
        if !rooms.is_joined(self.snapshot, room.nid(), self.user_id()).await? {
            return Ok(children);
        }
        let head = rooms.head(self.snapshot, room.nid()).await?;
        for event in rooms.state_without_members(self.snapshot, room.nid(), head.state).await? {
            let pdu = event.pdu();
            let is_child = pdu.type_name() == "m.space.child"
                && pdu.content_as::<Child>().is_some_and(|child| !child.via.is_empty());
            let child = pdu.state_key().and_then(|key| OwnedRoomId::try_from(key).ok());
            if let Some(child) = child.filter(|_| is_child) {
                children.extend(rooms.room(&child).await?.map(|room| room.nid()));
            }
        }
        Ok(children)
    }

    async fn names(&self, listed: &[RoomNid]) -> Result<HashMap<RoomNid, String>, SyncError> {
        let (rooms, mut names) = (self.sync.rooms(), HashMap::new());
        for nid in listed {
            let room = rooms.room_by_nid(self.snapshot, *nid).await?;
            let head = rooms.head(self.snapshot, *nid).await?;
            let look = rooms.look(self.snapshot, &room, &head).await?;
            names.extend(look.name.as_ref().map(|name| (*nid, name.to_lowercase())));
        }
        Ok(names)
    }
}
