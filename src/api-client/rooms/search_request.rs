//! What a search asks for, checked.

use hearth_http::ApiError;
use hearth_search::{Cursor, Order, SearchKey};
use ruma::{
    OwnedRoomId, OwnedUserId,
    api::client::search::search_events::v3::{
        Criteria, EventContext, GroupingKey, OrderBy, SearchKeys,
    },
};

use crate::error::Error;

/// How many results a page has unless the filter says otherwise.
const LIMIT_DEFAULT: usize = 10;

/// What a search asks for.
pub(super) struct Asked {
    pub keys: Vec<SearchKey>,
    pub order: Order,
    pub limit: usize,
    /// The context of results, if it is wanted.
    pub context: Option<EventContext>,
    pub groups: Vec<Group>,
    pub include_state: bool,
}

/// What results can be grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Room,
    Sender,
}

impl Group {
    /// Its name in the API.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Room => "room_id",
            Self::Sender => "sender",
        }
    }
}

impl Asked {
    /// Reads the criteria. ruma does not tell a context that is not wanted from the default one.
    pub(super) fn new(criteria: &Criteria, wants_context: bool) -> Result<Self, Error> {
        let key = |key: &SearchKeys| match key {
            SearchKeys::ContentBody => Ok(SearchKey::Body),
            SearchKeys::ContentName => Ok(SearchKey::Name),
            SearchKeys::ContentTopic => Ok(SearchKey::Topic),
            other => Err(unknown("key", other.as_str())),
        };
        let group = |key: &GroupingKey| match key {
            GroupingKey::RoomId => Ok(Group::Room),
            GroupingKey::Sender => Ok(Group::Sender),
            other => Err(unknown("group", other.as_str())),
        };
        let keys = match &criteria.keys {
            Some(keys) => keys.iter().map(key).collect::<Result<_, _>>()?,
            None => SearchKey::ALL.to_vec(),
        };
        let order = match &criteria.order_by {
            None | Some(OrderBy::Rank) => Order::Rank,
            Some(OrderBy::Recent) => Order::Recent,
            Some(other) => return Err(unknown("order", other.as_str())),
        };
        let groups = criteria.groupings.group_by.iter().filter_map(|group| group.key.as_ref());
        Ok(Self {
            keys,
            order,
            limit: criteria.filter.limit.map_or(LIMIT_DEFAULT, super::render::limit),
            context: wants_context.then(|| criteria.event_context.clone()),
            groups: groups.map(group).collect::<Result<_, _>>()?,
            include_state: criteria.include_state.unwrap_or(false),
        })
    }
}

fn unknown(what: &str, name: &str) -> Error {
    ApiError::invalid_param(format!("there is no {what} {name:?} to search by")).into()
}

/// Where a search goes on: a place among its results, or among those of one group.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub after: Option<Cursor>,
    pub room: Option<OwnedRoomId>,
    pub sender: Option<OwnedUserId>,
}

impl Batch {
    /// Reads a `next_batch`: the place, and `~` and what the group is of, if it is one.
    pub(super) fn parse(token: Option<&str>) -> Result<Self, Error> {
        let Some(token) = token else {
            return Ok(Self::default());
        };
        let (after, group) = token.split_once('~').unwrap_or((token, ""));
        let bad = || ApiError::invalid_param("next_batch is not a token of ours");
        let after = Some(after.parse().map_err(|_| bad())?);
        Ok(match group.chars().next() {
            None => Self { after, room: None, sender: None },
            Some('!') => {
                let room = Some(group.try_into().map_err(|_| bad())?);
                Self { after, room, sender: None }
            }
            Some(_) => {
                let sender = Some(group.try_into().map_err(|_| bad())?);
                Self { after, room: None, sender }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_may_be_of_a_group() {
        let batch = Batch::parse(Some("t1.2~!room:example.org")).unwrap();
        assert_eq!(batch.room.unwrap(), "!room:example.org");
        let batch = Batch::parse(Some("t1.2~@user:example.org")).unwrap();
        assert_eq!(batch.sender.unwrap(), "@user:example.org");
        assert!(Batch::parse(None).unwrap().after.is_none());
        for bad in ["", "x", "t1.2~nobody"] {
            assert!(Batch::parse(Some(bad)).is_err(), "{bad}");
        }
    }
}
