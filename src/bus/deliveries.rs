//! What reached whom: up to which position of the stream a device of a user has everything, or
//! everything of a room.
//!
//! A client says so whenever it asks for what comes after a position. Whoever keeps it beyond the
//! process asks now and then for what is new.

use dashmap::DashMap;
use hearth_base::{RoomNid, StreamPosition};
use ruma::{OwnedUserId, UserId};

use crate::limits::DELIVERIES_MAX;

/// Up to which position a device of each user has everything.
#[derive(Default)]
pub struct Deliveries(DashMap<Scope, Known>);

/// Whom something reached, and in which room, if not in all.
type Scope = (OwnedUserId, Option<RoomNid>);

#[derive(Clone, Copy)]
struct Known {
    upto: StreamPosition,
    is_kept: bool,
}

/// What reached a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Whom.
    pub user: OwnedUserId,
    /// In which room, if not in all.
    pub room: Option<RoomNid>,
    /// Up to where.
    pub upto: StreamPosition,
}

impl Deliveries {
    /// A device of the user has everything up to `position`.
    pub fn delivered(&self, user: &UserId, position: StreamPosition) {
        self.note((user.to_owned(), None), position);
    }

    /// A device of the user has everything of a room up to `position`.
    pub fn delivered_in(&self, room: RoomNid, user: &UserId, position: StreamPosition) {
        self.note((user.to_owned(), Some(room)), position);
    }

    fn note(&self, scope: Scope, position: StreamPosition) {
        let new = Known { upto: position, is_kept: false };
        if let Some(mut known) = self.0.get_mut(&scope) {
            if known.upto < position {
                *known = new;
            }
            return;
        }
        if self.0.len() >= DELIVERIES_MAX {
            self.0.retain(|_, known| !known.is_kept);
        }
        if self.0.len() < DELIVERIES_MAX {
            let mut known = self.0.entry(scope).or_insert(new);
            if known.upto < position {
                *known = new;
            }
        }
    }

    /// Up to where a device of the user has everything of a room, if that is known here.
    #[must_use]
    pub fn upto(&self, user: &UserId, room: RoomNid) -> Option<StreamPosition> {
        let known = |scope: Scope| self.0.get(&scope).map(|known| known.upto);
        known((user.to_owned(), None)).max(known((user.to_owned(), Some(room))))
    }

    /// What nobody has kept yet.
    #[must_use]
    pub fn to_keep(&self) -> Vec<Delivery> {
        let new = self.0.iter().filter(|known| !known.is_kept);
        new.map(|known| {
            let (user, room) = known.key().clone();
            Delivery { user, room, upto: known.upto }
        })
        .collect()
    }

    /// This is kept.
    pub fn kept(&self, kept: &[Delivery]) {
        for Delivery { user, room, upto } in kept {
            if let Some(mut known) = self.0.get_mut(&(user.clone(), *room)) {
                known.is_kept = known.upto == *upto;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    const ROOM: RoomNid = RoomNid(1);

    #[test]
    fn a_delivery_is_never_taken_back() {
        let (deliveries, user) = (Deliveries::default(), user_id!("@u:hearth"));
        assert_eq!(deliveries.upto(user, ROOM), None);
        for position in [5, 9, 7] {
            deliveries.delivered(user, StreamPosition(position));
        }
        assert_eq!(deliveries.upto(user, ROOM), Some(StreamPosition(9)));
    }

    #[test]
    fn what_reached_somebody_in_a_room_says_nothing_of_others() {
        let (deliveries, user) = (Deliveries::default(), user_id!("@u:hearth"));
        deliveries.delivered_in(ROOM, user, StreamPosition(5));
        assert_eq!(deliveries.upto(user, ROOM), Some(StreamPosition(5)));
        assert_eq!(deliveries.upto(user, RoomNid(2)), None);
        deliveries.delivered(user, StreamPosition(3));
        assert_eq!(deliveries.upto(user, ROOM), Some(StreamPosition(5)));
        assert_eq!(deliveries.upto(user, RoomNid(2)), Some(StreamPosition(3)));
    }

    #[test]
    fn what_moved_since_it_was_kept_is_to_be_kept_again() {
        let (deliveries, user) = (Deliveries::default(), user_id!("@u:hearth"));
        let delivery = |upto| Delivery { user: user.to_owned(), room: None, upto };
        deliveries.delivered(user, StreamPosition(5));
        let kept = deliveries.to_keep();
        assert_eq!(kept, [delivery(StreamPosition(5))]);
        deliveries.delivered(user, StreamPosition(6));
        deliveries.kept(&kept);
        let kept = deliveries.to_keep();
        assert_eq!(kept, [delivery(StreamPosition(6))]);
        deliveries.kept(&kept);
        deliveries.delivered(user, StreamPosition(6));
        assert_eq!(deliveries.to_keep(), []);
    }
}
