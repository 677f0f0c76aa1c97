//! What reached whom: up to which position of the stream a device of a user has everything.
//!
//! A client says so whenever it asks for what comes after a position. Whoever keeps it beyond the
//! process asks now and then for what is new.

use dashmap::DashMap;
use hearth_base::StreamPosition;
use ruma::{OwnedUserId, UserId};

use crate::limits::DELIVERIES_USERS_MAX;

/// Up to which position a device of each user has everything.
#[derive(Default)]
pub struct Deliveries(DashMap<OwnedUserId, Delivery>);

#[derive(Clone, Copy)]
struct Delivery {
    upto: StreamPosition,
    is_kept: bool,
}

impl Deliveries {
    /// A device of the user has everything up to `position`.
    pub fn delivered(&self, user: &UserId, position: StreamPosition) {
        let new = Delivery { upto: position, is_kept: false };
        if let Some(mut known) = self.0.get_mut(user) {
            if known.upto < position {
                *known = new;
            }
            return;
        }
        if self.0.len() >= DELIVERIES_USERS_MAX {
            self.0.retain(|_, known| !known.is_kept);
        }
        if self.0.len() < DELIVERIES_USERS_MAX {
            let mut known = self.0.entry(user.to_owned()).or_insert(new);
            if known.upto < position {
                *known = new;
            }
        }
    }

    /// Up to where a device of the user has everything, if that is known here.
    #[must_use]
    pub fn upto(&self, user: &UserId) -> Option<StreamPosition> {
        self.0.get(user).map(|known| known.upto)
    }

    /// What nobody has kept yet.
    #[must_use]
    pub fn to_keep(&self) -> Vec<(OwnedUserId, StreamPosition)> {
        let new = self.0.iter().filter(|known| !known.is_kept);
        new.map(|known| (known.key().clone(), known.upto)).collect()
    }

    /// This is kept.
    pub fn kept(&self, kept: &[(OwnedUserId, StreamPosition)]) {
        for (user, upto) in kept {
            if let Some(mut known) = self.0.get_mut(user) {
                known.is_kept = known.upto == *upto;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn a_delivery_is_never_taken_back() {
        let (deliveries, user) = (Deliveries::default(), user_id!("@u:hearth"));
        assert_eq!(deliveries.upto(user), None);
        for position in [5, 9, 7] {
            deliveries.delivered(user, StreamPosition(position));
        }
        assert_eq!(deliveries.upto(user), Some(StreamPosition(9)));
    }

    #[test]
    fn what_moved_since_it_was_kept_is_to_be_kept_again() {
        let (deliveries, user) = (Deliveries::default(), user_id!("@u:hearth"));
        deliveries.delivered(user, StreamPosition(5));
        let kept = deliveries.to_keep();
        assert_eq!(kept, [(user.to_owned(), StreamPosition(5))]);
        deliveries.delivered(user, StreamPosition(6));
        deliveries.kept(&kept);
        let kept = deliveries.to_keep();
        assert_eq!(kept, [(user.to_owned(), StreamPosition(6))]);
        deliveries.kept(&kept);
        deliveries.delivered(user, StreamPosition(6));
        assert_eq!(deliveries.to_keep(), []);
        assert_eq!(deliveries.upto(user), Some(StreamPosition(6)));
    }
}
