//! The members of a room, some at a time: who they are, since when, and what they have read.

use hearth_base::{RoomNid, StreamPosition, limits::STORE_PAGE_ROWS_MAX};
use hearth_store::{Direction, Snapshot};
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedUserId, UserId,
    events::room::member::MembershipState,
};

use crate::{
    Member, ReceiptKind, Rooms, RoomsError,
    tables::{MEMBERS, MEMBERSHIPS, RECEIPTS, TIMELINE},
};

/// What a receipt speaks for as part of its key: the whole room, and its main timeline.
const WHOLE_AND_MAIN: [&str; 2] = ["", "main"];

impl Rooms {
    /// Up to `limit` joined members of a room after another one, by user id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn joined_members(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<(OwnedUserId, Member)>, RoomsError> {
        let mut range = MEMBERS.prefix(&(room,));
        if let Some(after) = after {
            range = MEMBERS.after(&(room,), &(room, after));
        }
        let mut joined = Vec::new();
        loop {
            let page = STORE_PAGE_ROWS_MAX;
            let rows = MEMBERS.scan(snapshot, &range, Direction::Forward, page).await?;
            let is_last = rows.len() < page;
            if let Some(((_, last), _)) = rows.last() {
                range = MEMBERS.after(&(room,), &(room, &**last));
            }
            for ((_, user), member) in rows {
                if member.state == MembershipState::Join {
                    joined.push((user, member));
                }
                if joined.len() >= limit {
                    return Ok(joined);
                }
            }
            if is_last {
                return Ok(joined);
            }
        }
    }

    /// Users as members of a room, in the order of the users.
    ///
    /// # Errors
    /// The store failed.
    pub async fn members_among(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        users: &[OwnedUserId],
    ) -> Result<Vec<Option<Member>>, RoomsError> {
        Ok(MEMBERS.get_many(snapshot, users.iter().map(|user| (room, &**user))).await?)
    }

    /// When members of a room joined it last, in the order of the users.
    ///
    /// # Errors
    /// The store failed.
    pub async fn joined_since(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        users: &[OwnedUserId],
    ) -> Result<Vec<Option<MilliSecondsSinceUnixEpoch>>, RoomsError> {
        let keys = users.iter().map(|user| (&**user, room));
        let rows = MEMBERSHIPS.get_many(snapshot, keys).await?;
        let places = rows.iter().map(|row| {
            let joined = row.as_ref().and_then(|row| row.value.last_joined(row.position));
            (room, joined.unwrap_or(StreamPosition::MIN))
        });
        let joins = TIMELINE.get_many(snapshot, places).await?;
        // Where the join is not at that place, the present membership is near enough.
        let nids: Vec<_> = rows
            .iter()
            .zip(joins)
            .map(|(row, join)| join.or(row.as_ref().map(|row| row.value.event)))
            .collect();
        let present: Vec<_> = nids.iter().flatten().copied().collect();
        let mut events = self.events(snapshot, &present).await?.into_iter();
        let mut time = || Some(events.next()?.pdu().origin_server_ts());
        Ok(nids.into_iter().map(|nid| nid.and_then(|_| time())).collect())
    }

    /// The last events of a room that users have read, by their public receipts, in the order of
    /// the users.
    ///
    /// # Errors
    /// The store failed.
    pub async fn last_read(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        users: &[OwnedUserId],
    ) -> Result<Vec<Option<OwnedEventId>>, RoomsError> {
        let kind = ReceiptKind::Read.as_str();
        let keys = users
            .iter()
            .flat_map(|user| WHOLE_AND_MAIN.map(|thread| (room, &**user, kind, thread)));
        let rows = RECEIPTS.get_many(snapshot, keys).await?;
        let of_users = rows.chunks(WHOLE_AND_MAIN.len());
        let latest = of_users.map(|rows| {
            let receipts = rows.iter().flatten().map(|row| &row.value);
            receipts.max_by_key(|receipt| receipt.event_position)
        });
        Ok(latest.map(|receipt| receipt.map(|receipt| receipt.event_id.clone())).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Profile, ReceiptThread,
        testing::{join, message, public_room, rooms, user},
    };

    #[tokio::test]
    async fn members_come_in_pages_with_their_join_and_what_they_read() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let [bob, carol] = ["bob", "carol"].map(user);
        rooms.clock().advance(Duration::from_secs(5));
        for user in [&bob, &carol] {
            join(&rooms, &room, user).await.unwrap();
        }
        let joined_ms = rooms.clock().now();
        rooms.clock().advance(Duration::from_secs(5));
        rooms.update_profile(&room, &bob, &Profile::default()).await.unwrap();
        rooms.leave(&room, &carol, None).await.unwrap();
        let sent = rooms.send(&room, message(&alice, "1")).await.unwrap().event_id;
        let (read, main) = (ReceiptKind::Read, ReceiptThread::Main);
        rooms.set_receipt(&room, &bob, read, &main, &sent).await.unwrap();

        let snapshot = rooms.snapshot().await.unwrap();
        let snapshot = snapshot.as_ref();
        let page = async |after: Option<&UserId>| {
            let found = rooms.joined_members(snapshot, room.nid(), after, 1).await.unwrap();
            found.into_iter().map(|(user, _)| user).collect::<Vec<_>>()
        };
        assert_eq!(page(None).await, std::slice::from_ref(&alice));
        assert_eq!(page(Some(&alice)).await, std::slice::from_ref(&bob));
        assert!(page(Some(&bob)).await.is_empty());
        let users = [bob.clone(), user("nobody")];
        let since = rooms.joined_since(snapshot, room.nid(), &users).await.unwrap();
        assert_eq!(since, [Some(joined_ms), None]);
        let read = rooms.last_read(snapshot, room.nid(), &users).await.unwrap();
        assert_eq!(read, [Some(sent), None]);
        let members = rooms.members_among(snapshot, room.nid(), &users).await.unwrap();
        assert!(members[0].is_some() && members[1].is_none());
    }
}
