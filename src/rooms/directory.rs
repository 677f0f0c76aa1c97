//! The public room directory (specification, "Listing rooms").
//!
//! A page ends at a room, not at a number: a token names the last room with its size, so that
//! rooms that come, grow or go in the meantime neither repeat others nor hide them.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use hearth_base::RoomNid;
use hearth_store::{Batch, CommitError, Snapshot};
use ruma::{
    OwnedRoomId, UInt,
    directory::{Filter, PublicRoomsChunk, PublicRoomsChunkInit, RoomNetwork, RoomTypeFilter},
    room::JoinRuleKind,
};

use crate::{
    Room, RoomHead, RoomLook, Rooms, RoomsError,
    tables::{HEADS, NETWORK_ROOMS, PUBLISHED},
};

/// Most rooms of one page.
const PUBLIC_ROOMS_MAX: usize = 500;

/// How a room looks to somebody who is not in it.
#[derive(Clone, Debug)]
pub struct PublicRoom {
    /// Its id.
    pub room_id: OwnedRoomId,
    /// How many users have joined.
    pub joined_members: u64,
    /// What its state says.
    pub look: Arc<RoomLook>,
}

/// Some rooms of the directory.
#[derive(Clone, Debug)]
pub struct DirectoryPage {
    /// The rooms, the largest first.
    pub chunk: Vec<PublicRoom>,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
    /// The token of the page before, if there is one.
    pub prev: Option<String>,
    /// How many rooms there are on all pages.
    pub total: usize,
}

impl PublicRoom {
    /// The room as an entry of the directory.
    #[must_use]
    pub fn to_chunk(&self) -> PublicRoomsChunk {
        let look = &*self.look;
        let mut chunk = PublicRoomsChunk::from(PublicRoomsChunkInit {
            num_joined_members: UInt::new_saturating(self.joined_members),
            room_id: self.room_id.clone(),
            world_readable: look.world_readable,
            guest_can_join: look.guest_can_join,
        });
        chunk.name = look.name.clone();
        chunk.topic = look.topic.clone();
        chunk.canonical_alias = look.canonical_alias.clone();
        chunk.avatar_url = look.avatar_url.clone();
        chunk.join_rule = look.join_rule.clone().unwrap_or(JoinRuleKind::Invite);
        chunk.room_type = look.room_type.clone();
        chunk
    }

    fn place(&self) -> Place {
        Place { joined_members: Reverse(self.joined_members), room_id: self.room_id.clone() }
    }

    fn passes(&self, filter: &Filter) -> bool {
        let look = &*self.look;
        let is_wanted = |wanted: &RoomTypeFilter| match &look.room_type {
            Some(room_type) => wanted.as_str() == Some(room_type.as_str()),
            None => *wanted == RoomTypeFilter::Default,
        };
        if !filter.room_types.is_empty() && !filter.room_types.iter().any(is_wanted) {
            return false;
        }
        let Some(term) = &filter.generic_search_term else {
            return true;
        };
        let term = term.to_lowercase();
        let alias = look.canonical_alias.as_ref().map(|alias| alias.as_str());
        [look.name.as_deref(), look.topic.as_deref(), alias]
            .into_iter()
            .flatten()
            .any(|text| text.to_lowercase().contains(&term))
    }
}

/// Where a room stands in the directory: large rooms first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    joined_members: Reverse<u64>,
    room_id: OwnedRoomId,
}

/// Where a page begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Right after a room.
    After(Place),
    /// Right before a room.
    Before(Place),
}

impl Token {
    fn parse(token: &str) -> Result<Self, RoomsError> {
        let parts = || {
            let (side, rest) = token.split_at_checked(1)?;
            let (joined_members, room_id) = rest.split_once('.')?;
            let joined_members = Reverse(joined_members.parse().ok()?);
            let place = Place { joined_members, room_id: room_id.try_into().ok()? };
            match side {
                "n" => Some(Self::After(place)),
                "p" => Some(Self::Before(place)),
                _ => None,
            }
        };
        parts().ok_or_else(|| RoomsError::InvalidParam(format!("{token:?} is not a token of ours")))
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (side, place) = match self {
            Self::After(place) => ('n', place),
            Self::Before(place) => ('p', place),
        };
        write!(f, "{side}{}.{}", place.joined_members.0, place.room_id)
    }
}

impl Rooms {
    /// Lists a room in the directory, or takes it out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn set_published(&self, room: &Room, published: bool) -> Result<(), RoomsError> {
        let mut batch = Batch::new();
        if published {
            PUBLISHED.put(&mut batch, &(room.nid(),), &())?;
        } else {
            PUBLISHED.delete(&mut batch, &(room.nid(),));
        }
        match self.store().commit(batch).await {
            Ok(_) => Ok(()),
            Err(CommitError::Conflict { .. }) => Err(RoomsError::Busy),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Lists a room in the directory of another network, or takes it out. `instance` names the
    /// network as `third_party_instance_id` does.
    ///
    /// # Errors
    /// The store failed.
    pub async fn set_published_on(
        &self,
        instance: &str,
        room: &Room,
        published: bool,
    ) -> Result<(), RoomsError> {
        let (mut batch, key) = (Batch::new(), (instance, room.nid()));
        if published {
            NETWORK_ROOMS.put(&mut batch, &key, &())?;
        } else {
            NETWORK_ROOMS.delete(&mut batch, &key);
        }
        match self.store().commit(batch).await {
            Ok(_) => Ok(()),
            Err(CommitError::Conflict { .. }) => Err(RoomsError::Busy),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// The rooms that are published on these networks, by number.
    async fn published_on(
        &self,
        snapshot: &dyn Snapshot,
        network: &RoomNetwork,
    ) -> Result<BTreeSet<RoomNid>, RoomsError> {
        let mut rooms = BTreeSet::new();
        if matches!(network, RoomNetwork::Matrix | RoomNetwork::All) {
            let rows = PUBLISHED.scan_all(snapshot, &PUBLISHED.all()).await?;
            rooms.extend(rows.into_iter().map(|((room,), ())| room));
        }
        let others = match network {
            RoomNetwork::ThirdParty(instance) => NETWORK_ROOMS.prefix(&(instance.as_str(),)),
            RoomNetwork::All => NETWORK_ROOMS.all(),
            _ => return Ok(rooms),
        };
        let rows = NETWORK_ROOMS.scan_all(snapshot, &others).await?;
        rooms.extend(rows.into_iter().map(|((_, room), ())| room));
        Ok(rooms)
    }

    /// Whether the directory lists a room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn is_published(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
    ) -> Result<bool, RoomsError> {
        Ok(PUBLISHED.get(snapshot, &(room,)).await?.is_some())
    }

    /// A page of the directory: rooms that somebody is in and that pass the filter.
    ///
    /// # Errors
    /// [`RoomsError::InvalidParam`] if `since` is not the token of a page, or the store failed.
    pub async fn public_rooms(
        &self,
        snapshot: &dyn Snapshot,
        network: &RoomNetwork,
        filter: &Filter,
        since: Option<&str>,
        limit: usize,
    ) -> Result<DirectoryPage, RoomsError> {
        let since = since.map(Token::parse).transpose()?;
        let nids = self.published_on(snapshot, network).await?;
        let heads = HEADS.get_many(snapshot, nids.iter().map(|room| (*room,))).await?;
        let mut rooms = Vec::with_capacity(nids.len());
        for (nid, head) in nids.into_iter().zip(heads) {
            let Some(head) = head.filter(|head| head.joined_members > 0) else {
                continue;
            };
            let room = self.room_by_nid(snapshot, nid).await?;
            let room = self.public_room(snapshot, &room, &head).await?;
            if room.passes(filter) {
                rooms.push(room);
            }
        }
        rooms.sort_by_cached_key(PublicRoom::place);
        Ok(page(&rooms, since.as_ref(), limit.clamp(1, PUBLIC_ROOMS_MAX)))
    }

    /// How a room looks to somebody who is not in it. Whether they may know that it exists is for
    /// the caller.
    ///
    /// # Errors
    /// The store failed.
    pub async fn public_room(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        head: &RoomHead,
    ) -> Result<PublicRoom, RoomsError> {
        let look = self.look(snapshot, room, head).await?;
        let (room_id, joined_members) = (room.id().to_owned(), head.joined_members);
        Ok(PublicRoom { room_id, joined_members, look })
    }
}

/// A page of the rooms in their order.
fn page(rooms: &[PublicRoom], since: Option<&Token>, limit: usize) -> DirectoryPage {
    let (start, end) = match since {
        None => (0, limit.min(rooms.len())),
        Some(Token::After(place)) => {
            let start = rooms.partition_point(|room| room.place() <= *place);
            (start, (start + limit).min(rooms.len()))
        }
        Some(Token::Before(place)) => {
            let end = rooms.partition_point(|room| room.place() < *place);
            (end.saturating_sub(limit), end)
        }
    };
    let chunk = rooms.get(start..end).unwrap_or_default().to_vec();
    let prev = chunk.first().filter(|_| start > 0).map(|room| Token::Before(room.place()));
    let next = chunk.last().filter(|_| end < rooms.len()).map(|room| Token::After(room.place()));
    DirectoryPage {
        prev: prev.map(|token| token.to_string()),
        next: next.map(|token| token.to_string()),
        total: rooms.len(),
        chunk,
    }
}

#[cfg(test)]
mod tests {
    use ruma::room::RoomType;

    use super::*;
    use crate::testing::{event, private_room, public_room, redaction, rooms, user};

    #[tokio::test]
    async fn published_rooms_are_listed_as_they_look_now() {
        let (rooms, alice) = (rooms(), user("alice"));
        let public = public_room(&rooms, &alice).await;
        let private = rooms.create_room(private_room(&user("bob"))).await.unwrap();
        let list = async || {
            let snapshot = rooms.snapshot().await.unwrap();
            rooms
                .public_rooms(snapshot.as_ref(), &RoomNetwork::Matrix, &Filter::new(), None, 10)
                .await
                .unwrap()
                .chunk
        };
        let listed = list().await;
        assert_eq!(listed.iter().map(|room| &*room.room_id).collect::<Vec<_>>(), [public.id()]);
        assert_eq!(listed[0].joined_members, 1);
        assert_eq!(listed[0].to_chunk().join_rule, JoinRuleKind::Public);

        let name = event(&alice, "m.room.name", Some(""), serde_json::json!({ "name": "News" }));
        let name = rooms.send(&public, name).await.unwrap().event_id;
        assert_eq!(list().await[0].look.name.as_deref(), Some("News"));
        let redaction = redaction(&alice, &name);
        rooms.send(&public, redaction).await.unwrap();
        assert_eq!(list().await[0].look.name, None);

        rooms.set_published(&private, true).await.unwrap();
        rooms.set_published(&public, false).await.unwrap();
        let listed = list().await;
        assert_eq!(listed.iter().map(|room| &*room.room_id).collect::<Vec<_>>(), [private.id()]);
        let snapshot = rooms.snapshot().await.unwrap();
        assert!(!rooms.is_published(snapshot.as_ref(), public.nid()).await.unwrap());
    }

    fn room(name: &str, joined_members: u64) -> PublicRoom {
        let look = RoomLook { name: Some(name.to_owned()), ..RoomLook::default() };
        let room_id = OwnedRoomId::try_from(format!("!{name}:example.org")).unwrap();
        PublicRoom { room_id, joined_members, look: Arc::new(look) }
    }

    fn directory(mut rooms: Vec<PublicRoom>) -> Vec<PublicRoom> {
        rooms.sort_by_cached_key(PublicRoom::place);
        rooms
    }

    fn names(page: &DirectoryPage) -> Vec<&str> {
        page.chunk.iter().filter_map(|room| room.look.name.as_deref()).collect()
    }

    #[test]
    fn pages_go_from_large_to_small_and_back() {
        let rooms = directory(vec![room("b", 1), room("a", 1), room("c", 10), room("d", 2)]);
        let first = page(&rooms, None, 2);
        assert_eq!(names(&first), ["c", "d"]);
        assert_eq!((first.prev.as_ref(), first.total), (None, 4));
        let token = Token::parse(&first.next.unwrap()).unwrap();
        let second = page(&rooms, Some(&token), 2);
        assert_eq!(names(&second), ["a", "b"]);
        assert_eq!(second.next, None);
        let token = Token::parse(&second.prev.unwrap()).unwrap();
        assert_eq!(names(&page(&rooms, Some(&token), 2)), ["c", "d"]);
    }

    #[test]
    fn a_room_that_goes_hides_no_other() {
        let rooms = directory(vec![room("a", 3), room("b", 2), room("c", 1)]);
        let token = Token::parse(&page(&rooms, None, 2).next.unwrap()).unwrap();
        let fewer = directory(vec![room("a", 3), room("c", 1)]);
        assert_eq!(names(&page(&fewer, Some(&token), 2)), ["c"]);
    }

    #[test]
    fn a_foreign_token_is_refused() {
        for bad in ["", "n", "n1", "n1.x", "x1.!a:b", "nx.!a:b", "ü"] {
            assert!(Token::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_filter_looks_at_names_and_types() {
        let mut space = room("Space", 1);
        let look = RoomLook { room_type: Some(RoomType::Space), ..(*space.look).clone() };
        space.look = Arc::new(look);
        let plain = room("Plain", 1);
        let mut filter = Filter::new();
        assert!(space.passes(&filter) && plain.passes(&filter));
        filter.generic_search_term = Some("PLA".to_owned());
        assert!(!space.passes(&filter) && plain.passes(&filter));
        filter.generic_search_term = None;
        filter.room_types = vec![RoomTypeFilter::Space];
        assert!(space.passes(&filter) && !plain.passes(&filter));
        filter.room_types = vec![RoomTypeFilter::Default];
        assert!(!space.passes(&filter) && plain.passes(&filter));
    }
}
