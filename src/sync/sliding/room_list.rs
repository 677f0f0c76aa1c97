//! The rooms of a user by recency, with what lists filter them by.
//!
//! It is built once for a session and then follows it: an update looks at the rooms that changed
//! since the last one and at no others. MSC4186 says which rooms are in it: those that the user is
//! in, is invited to or knocks at, and those that somebody else put the user out of.

use std::collections::{BTreeSet, HashMap};

use hearth_base::{RoomNid, StreamPosition};
use hearth_rooms::{Membership, RoomKind, Rooms, Snapshot};
use hearth_store::Stamped;
use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};

use crate::{Sync, SyncError, sessions::Session};

/// A room in a list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// When something last happened there.
    pub(crate) recency: StreamPosition,
    /// The user's membership.
    pub(crate) membership: MembershipState,
    /// Who invited the user.
    pub(crate) inviter: Option<OwnedUserId>,
    /// What kind of room it is.
    pub(crate) kind: RoomKind,
}

/// The rooms of a user by recency.
#[derive(Debug, Default)]
pub(crate) struct RoomList {
    /// Everything up to here is considered.
    upto: StreamPosition,
    rooms: HashMap<RoomNid, Listed>,
    order: BTreeSet<(StreamPosition, RoomNid)>,
}

impl RoomList {
    /// The rooms, the most recent first.
    pub(crate) fn by_recency(&self) -> impl Iterator<Item = (RoomNid, &Listed)> {
        let rooms = self.order.iter().rev();
        rooms.filter_map(|(_, room)| Some((*room, self.rooms.get(room)?)))
    }

    fn set(&mut self, room: RoomNid, listed: Option<Listed>) {
        if let Some(before) = self.rooms.remove(&room) {
            self.order.remove(&(before.recency, room));
        }
        if let Some(listed) = listed {
            self.order.insert((listed.recency, room));
            self.rooms.insert(room, listed);
        }
    }
}

impl Sync {
    /// Brings the list of a session up to date with a snapshot.
    pub(crate) async fn update_list(
        &self,
        snapshot: &dyn Snapshot,
        session: &Session,
        user_id: &UserId,
    ) -> Result<(), SyncError> {
        let upto = session.list().lock().upto;
        if upto >= snapshot.position() {
            return Ok(());
        }
        let rooms = self.rooms();
        let rows = if upto == StreamPosition::ZERO {
            rooms.memberships(snapshot, user_id).await?
        } else {
            let changed = self.changed_rooms(snapshot, session, user_id, upto).await?;
            let mut rows = Vec::with_capacity(changed.len());
            for room in changed {
                let row = rooms.membership(snapshot, room, user_id).await?;
                rows.extend(row.map(|row| (room, row)));
            }
            rows
        };
        let listed = listed(rooms, snapshot, user_id, rows).await?;
        let mut list = session.list().lock();
        // A request that read later was faster: what it wrote is newer.
        if list.upto < snapshot.position() {
            listed.into_iter().for_each(|(room, listed)| list.set(room, listed));
            list.upto = snapshot.position();
        }
        Ok(())
    }
}

/// The rooms of these memberships as they are listed; `None` for those that are not.
async fn listed(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    user_id: &UserId,
    rows: Vec<(RoomNid, Stamped<Membership>)>,
) -> Result<Vec<(RoomNid, Option<Listed>)>, SyncError> {
    let nids: Vec<_> = rows.iter().map(|(room, _)| *room).collect();
    let last = rooms.last_positions(snapshot, &nids).await?;
    let kinds = rooms.kinds(snapshot, &nids).await?;
    let by_others: Vec<_> = rows
        .iter()
        .filter(|(_, row)| depends_on_sender(row))
        .map(|(_, row)| row.value.event)
        .collect();
    let mut senders = rooms.events(snapshot, &by_others).await?.into_iter();
    let facts = rows.into_iter().zip(last.into_iter().zip(kinds));
    Ok(facts
        .map(|((room, row), (last, kind))| {
            let sender = depends_on_sender(&row)
                .then(|| senders.next())
                .flatten()
                .map(|event| event.pdu().sender().to_owned());
            let Stamped { position, value: Membership { state, forgotten, .. } } = &row;
            let was_in = row.value.last_joined(*position).is_some();
            let is_listed = match state {
                MembershipState::Join | MembershipState::Invite | MembershipState::Knock => true,
                MembershipState::Ban => was_in && !forgotten,
                MembershipState::Leave => {
                    was_in
                        && !forgotten
                        && sender.as_deref().is_some_and(|sender| sender != user_id)
                }
                _ => false,
            };
            let listed = is_listed.then(|| Listed {
                recency: if *state == MembershipState::Join { last } else { *position },
                membership: state.clone(),
                inviter: sender.filter(|_| *state == MembershipState::Invite),
                kind,
            });
            (room, listed)
        })
        .collect())
}

/// Whether it matters who sent the membership event.
fn depends_on_sender(row: &Stamped<Membership>) -> bool {
    matches!(row.value.state, MembershipState::Invite | MembershipState::Leave)
}
