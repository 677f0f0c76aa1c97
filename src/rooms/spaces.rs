//! Walking through a space (specification, "Spaces"): depth first, the children of each space in
//! their order.
//!
//! A page ends at a room: a token names the last one, and the next page walks again up to it.
//! Rooms that this server does not know are left out: asking other servers is deliberately absent.

use std::{collections::HashSet, fmt};

use hearth_store::Snapshot;
use ruma::{
    OwnedRoomId, RoomId, UserId,
    room::{RoomSummary, RoomType},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{Event, Room, Rooms, RoomsError};

/// Most rooms of one page.
const PAGE_ROOMS_MAX: usize = 100;
/// Most rooms that are walked through, pages that were answered before included.
const WALKED_ROOMS_MAX: usize = 5_000;
/// Deepest level that is walked to.
const DEPTH_MAX: usize = 50;
/// Longest `order` that counts (specification, `m.space.child`).
const ORDER_BYTES_MAX: usize = 50;

/// Which part of a space somebody wants to see.
#[derive(Clone, Copy, Debug)]
pub struct SpaceQuery<'a> {
    /// Who.
    pub user_id: &'a UserId,
    /// Whether only suggested rooms count.
    pub suggested_only: bool,
    /// How far to go: 0 is the space itself.
    pub max_depth: Option<usize>,
    /// Most rooms of the page; not 0.
    pub limit: usize,
    /// The token of the page before.
    pub from: Option<&'a str>,
}

/// A room of a space.
#[derive(Clone)]
pub struct SpaceRoom {
    /// The room.
    pub summary: RoomSummary,
    /// Its `m.space.child` events in their order, if it is a space.
    pub children: Vec<Event>,
}

/// Some rooms of a space.
#[derive(Clone)]
pub struct SpacePage {
    /// The rooms.
    pub rooms: Vec<SpaceRoom>,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
}

/// Where a page ended, and what it was a page of.
struct Token {
    max_depth: Option<usize>,
    suggested_only: bool,
    last: OwnedRoomId,
}

impl Token {
    /// The room after which the page begins.
    fn parse(token: &str, query: &SpaceQuery<'_>) -> Result<OwnedRoomId, RoomsError> {
        let parts = || {
            let (max_depth, rest) = token.split_once('.')?;
            let (suggested_only, last) = rest.split_once('.')?;
            let max_depth = match max_depth {
                "" => None,
                number => Some(number.parse().ok()?),
            };
            let last = RoomId::parse(last).ok()?;
            Some(Self { max_depth, suggested_only: suggested_only == "s", last })
        };
        let token = parts().ok_or_else(|| invalid("from is not a token of ours"))?;
        if token.max_depth != query.max_depth || token.suggested_only != query.suggested_only {
            return Err(invalid("suggested_only and max_depth cannot change between pages"));
        }
        Ok(token.last)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depth = self.max_depth.map(|depth| depth.to_string()).unwrap_or_default();
        let suggested = if self.suggested_only { "s" } else { "" };
        write!(f, "{depth}.{suggested}.{}", self.last)
    }
}

fn invalid(reason: &str) -> RoomsError {
    RoomsError::InvalidParam(reason.to_owned())
}

impl Rooms {
    /// A page of the rooms of a space that the user may know about, the space itself first.
    ///
    /// # Errors
    /// [`RoomsError::InvalidParam`] if the limit is 0 or the token is not one of this query, or
    /// the store failed.
    pub async fn space_hierarchy(
        &self,
        snapshot: &dyn Snapshot,
        root: &Room,
        query: SpaceQuery<'_>,
    ) -> Result<SpacePage, RoomsError> {
        if query.limit == 0 {
            return Err(invalid("limit must be greater than 0"));
        }
        let limit = query.limit.min(PAGE_ROOMS_MAX);
        let mut skip_to = query.from.map(|token| Token::parse(token, &query)).transpose()?;
        let mut walk = Walk::new(root, &query);
        let mut page = SpacePage { rooms: Vec::new(), next: None };
        while let Some((room, children)) = walk.next(self, snapshot).await? {
            if let Some(last) = &skip_to {
                if room.id() == *last {
                    skip_to = None;
                }
                continue;
            }
            if page.rooms.len() == limit {
                page.next = page.rooms.last().map(|room| {
                    let last = room.summary.room_id.clone();
                    let SpaceQuery { max_depth, suggested_only, .. } = query;
                    Token { max_depth, suggested_only, last }.to_string()
                });
                return Ok(page);
            }
            page.rooms.push(SpaceRoom { summary: self.summary(snapshot, &room).await?, children });
        }
        match skip_to {
            Some(_) => Err(invalid("from is not in this space any more")),
            None => Ok(page),
        }
    }

    /// The children of a room in their order; none unless it is a space.
    async fn space_children(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        suggested_only: bool,
    ) -> Result<Vec<Event>, RoomsError> {
        let head = self.head(snapshot, room.nid()).await?;
        if self.look(snapshot, room, &head).await?.room_type != Some(RoomType::Space) {
            return Ok(Vec::new());
        }
        let state = self.state_without_members(snapshot, room.nid(), head.state).await?;
        let mut children: Vec<_> = state
            .into_iter()
            .filter_map(|event| Some((Child::new(&event)?, event)))
            .filter(|(child, _)| child.suggested || !suggested_only)
            .collect();
        children.sort_by(|(one, _), (other, _)| one.place().cmp(&other.place()));
        Ok(children.into_iter().map(|(_, event)| event).collect())
    }
}

/// A walk through a space.
struct Walk<'a> {
    query: &'a SpaceQuery<'a>,
    max_depth: usize,
    /// What comes next is last.
    stack: Vec<(OwnedRoomId, usize)>,
    seen: HashSet<OwnedRoomId>,
}

impl<'a> Walk<'a> {
    fn new(root: &Room, query: &'a SpaceQuery<'a>) -> Self {
        let max_depth = query.max_depth.unwrap_or(DEPTH_MAX).min(DEPTH_MAX);
        Self { query, max_depth, stack: vec![(root.id().to_owned(), 0)], seen: HashSet::new() }
    }

    /// The next room that the user may know about, with its children.
    async fn next(
        &mut self,
        rooms: &Rooms,
        snapshot: &dyn Snapshot,
    ) -> Result<Option<(Room, Vec<Event>)>, RoomsError> {
        while let Some((room_id, depth)) = self.stack.pop() {
            if self.seen.len() >= WALKED_ROOMS_MAX || !self.seen.insert(room_id.clone()) {
                continue;
            }
            let Some(room) = rooms.room(&room_id).await? else {
                continue;
            };
            if !rooms.may_know(snapshot, &room, Some(self.query.user_id)).await? {
                continue;
            }
            let children = rooms.space_children(snapshot, &room, self.query.suggested_only).await?;
            if depth < self.max_depth {
                let below = children.iter().rev().filter_map(|event| {
                    Some((RoomId::parse(event.pdu().state_key()?).ok()?, depth + 1))
                });
                self.stack.extend(below);
            }
            return Ok(Some((room, children)));
        }
        Ok(None)
    }
}

/// What an `m.space.child` event says.
struct Child {
    order: Option<String>,
    origin_server_ts: u64,
    room_id: OwnedRoomId,
    suggested: bool,
}

#[derive(Deserialize)]
struct ChildContent {
    #[serde(default)]
    via: Value,
    #[serde(default)]
    order: Value,
    #[serde(default)]
    suggested: Value,
}

impl Child {
    /// `None` if the event is of another type, or names no room or no server to enter it by.
    fn new(event: &Event) -> Option<Self> {
        let pdu = event.pdu();
        let room_id = match pdu.type_name() {
            "m.space.child" => RoomId::parse(pdu.state_key()?).ok()?,
            _ => return None,
        };
        let content: ChildContent = pdu.content_as()?;
        content.via.as_array()?.first()?;
        Some(Self {
            order: content.order.as_str().filter(|order| is_order(order)).map(str::to_owned),
            origin_server_ts: pdu.origin_server_ts().get().into(),
            room_id,
            suggested: content.suggested == true,
        })
    }

    /// Ordered children come before others, which come by age (specification, "Ordering of
    /// children within a space").
    fn place(&self) -> (bool, Option<&str>, u64, &RoomId) {
        let order = self.order.as_deref();
        (order.is_none(), order, self.origin_server_ts, &self.room_id)
    }
}

fn is_order(order: &str) -> bool {
    order.len() <= ORDER_BYTES_MAX && order.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use ruma::{room_id, user_id};

    use super::*;

    #[test]
    fn a_token_is_of_one_query() {
        let user_id = user_id!("@a:example.org");
        let query =
            SpaceQuery { user_id, suggested_only: true, max_depth: Some(3), limit: 1, from: None };
        let last = room_id!("!a.b:example.org").to_owned();
        let token = Token { max_depth: Some(3), suggested_only: true, last: last.clone() };
        let token = token.to_string();
        assert_eq!(Token::parse(&token, &query).unwrap(), last);
        assert!(Token::parse(&token, &SpaceQuery { max_depth: None, ..query }).is_err());
        assert!(Token::parse(&token, &SpaceQuery { suggested_only: false, ..query }).is_err());
        assert!(Token::parse("nonsense", &query).is_err());
    }

    #[test]
    fn orders_are_short_and_printable() {
        assert!(is_order("abc ~") && is_order(""));
        assert!(!is_order(&"a".repeat(51)) && !is_order("ü") && !is_order("\n"));
    }
}
