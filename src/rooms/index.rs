//! What is written with an event: its row, its place in the timeline, and the indexes over it.

use hearth_base::{RoomNid, StreamPosition};
use hearth_rules::Pdu;
use hearth_store::{Batch, Pending, Stamped, StoreError};
use ruma::{OwnedUserId, events::room::member::MembershipState};
use serde::Deserialize;

use crate::{
    Event, Member, Membership, RoomHead, RoomsError, Transaction,
    decide::Group,
    kind, recency,
    state::PendingNodes,
    sticky::index_sticky,
    tables::{EVENT_NIDS, EVENTS, MEMBERS, MEMBERSHIPS, STATE_NODES, TIMELINE},
};

/// A membership that the group changed, with the user's last join as far as it is known.
#[derive(Clone)]
pub(crate) struct TentativeMember {
    state: MembershipState,
    joined_before: Option<StreamPosition>,
}

/// What an `m.room.member` event says, read as leniently as the rules do.
#[derive(Deserialize)]
struct MemberContent {
    membership: MembershipState,
    #[serde(default)]
    displayname: Option<serde_json::Value>,
    #[serde(default)]
    avatar_url: Option<serde_json::Value>,
}

/// The user whose membership the event changes.
pub(crate) fn member_of(pdu: &Pdu) -> Option<OwnedUserId> {
    (pdu.type_name() == "m.room.member")
        .then(|| pdu.state_key().and_then(|user_id| user_id.try_into().ok()))
        .flatten()
}

/// Writes nodes of state maps under their room.
pub(crate) fn write_nodes(
    batch: &mut Batch,
    room: RoomNid,
    nodes: &PendingNodes,
) -> Result<(), StoreError> {
    for (id, node) in nodes {
        STATE_NODES.put(batch, &(room, id.0), &node.to_bytes())?;
    }
    Ok(())
}

impl Group<'_> {
    /// Writes everything that is found by an event.
    pub(crate) async fn index(
        &mut self,
        batch: &mut Batch,
        pending: Pending,
        event: &Event,
        transaction: Option<&Transaction>,
    ) -> Result<(), RoomsError> {
        let (nid, pdu) = (event.nid(), event.pdu());
        let room = self.room.nid();
        EVENTS.put(batch, &(nid,), pending, &event.to_stored())?;
        EVENT_NIDS.insert(batch, &(pdu.event_id(),), &nid)?;
        TIMELINE.put(batch, &(room, pending), &nid)?;
        if let Some(transaction) = transaction {
            transaction.insert(batch, pdu.sender(), &pdu.event_id().to_owned())?;
        }
        if let Some(user_id) = member_of(pdu) {
            self.index_member(batch, pending, event, user_id).await?;
        }
        index_sticky(batch, room, pending, event, self.rooms.clock().now_ms())?;
        self.forget_ended(batch, event).await?;
        self.cancel_delayed(batch, event).await?;
        kind::index(batch, room, pdu)?;
        recency::index(batch, room, pending, nid, pdu)?;
        self.index_relation(batch, pending, event).await
    }

    async fn index_member(
        &mut self,
        batch: &mut Batch,
        pending: Pending,
        event: &Event,
        user_id: OwnedUserId,
    ) -> Result<(), RoomsError> {
        let Some(content) = event.pdu().content_as::<MemberContent>() else {
            return Ok(());
        };
        let before = self.present_member(&user_id).await?;
        let is_join = content.membership == MembershipState::Join;
        let was_join = before.as_ref().is_some_and(|before| before.state == MembershipState::Join);
        let joined_before = before.as_ref().and_then(|before| before.joined_before);
        let row = Membership {
            state: content.membership.clone(),
            event: event.nid(),
            joined_before: if is_join && !was_join { None } else { joined_before },
            forgotten: false,
        };
        let member = Member {
            state: content.membership.clone(),
            event: event.nid(),
            display_name: text(content.displayname),
            avatar_url: text(content.avatar_url),
        };
        count(&mut self.tentative.head, before.as_ref().map(|before| &before.state), &row.state);
        MEMBERSHIPS.put(batch, &(&*user_id, self.room.nid()), pending, &row)?;
        MEMBERS.put(batch, &(self.room.nid(), &*user_id), &member)?;
        // The group's own positions are not known yet: the first of them is close enough.
        let joined = is_join.then(|| self.snapshot.position().next());
        let tentative =
            TentativeMember { state: row.state, joined_before: row.joined_before.or(joined) };
        self.tentative.members.insert(user_id, tentative);
        Ok(())
    }

    async fn present_member(
        &self,
        user_id: &OwnedUserId,
    ) -> Result<Option<TentativeMember>, RoomsError> {
        if let Some(member) = self.tentative.members.get(user_id) {
            return Ok(Some(member.clone()));
        }
        let snapshot = self.snapshot.as_ref();
        let row = self.rooms.membership(snapshot, self.room.nid(), user_id).await?;
        Ok(row.map(|Stamped { position, value }| TentativeMember {
            joined_before: value.last_joined(position),
            state: value.state,
        }))
    }
}

fn text(value: Option<serde_json::Value>) -> Option<String> {
    value.and_then(|value| value.as_str().map(str::to_owned))
}

fn count(head: &mut RoomHead, before: Option<&MembershipState>, after: &MembershipState) {
    let mut step = |membership: &MembershipState, up: bool| {
        let count = match membership {
            MembershipState::Join => &mut head.joined_members,
            MembershipState::Invite => &mut head.invited_members,
            _ => return,
        };
        *count = if up { count.saturating_add(1) } else { count.saturating_sub(1) };
    };
    if let Some(before) = before {
        step(before, false);
    }
    step(after, true);
}
