//! What reached whom: up to which position of the stream a device of a user has everything.
//!
//! A client says so whenever it asks for what comes after a position. After a restart nothing is
//! known until it asks again, which a connected one does at once.

use dashmap::DashMap;
use hearth_base::StreamPosition;
use ruma::{OwnedUserId, UserId};

use crate::limits::DELIVERIES_USERS_MAX;

/// Up to which position a device of each user has everything.
#[derive(Default)]
pub struct Deliveries(DashMap<OwnedUserId, StreamPosition>);

impl Deliveries {
    /// A device of the user has everything up to `position`.
    pub fn delivered(&self, user: &UserId, position: StreamPosition) {
        if let Some(mut known) = self.0.get_mut(user) {
            *known = position.max(*known);
            return;
        }
        if self.0.len() < DELIVERIES_USERS_MAX {
            let mut known = self.0.entry(user.to_owned()).or_insert(position);
            *known = position.max(*known);
        }
    }

    /// Up to where a device of the user has everything, as far as it is known.
    #[must_use]
    pub fn upto(&self, user: &UserId) -> StreamPosition {
        self.0.get(user).map_or(StreamPosition::MIN, |known| *known)
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn a_delivery_is_never_taken_back() {
        let (deliveries, user) = (Deliveries::default(), user_id!("@u:hearth"));
        assert_eq!(deliveries.upto(user), StreamPosition::MIN);
        for position in [5, 9, 7] {
            deliveries.delivered(user, StreamPosition(position));
        }
        assert_eq!(deliveries.upto(user), StreamPosition(9));
    }
}
