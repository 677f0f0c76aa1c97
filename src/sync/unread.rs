//! Unread counts: push rules evaluated over the events after the user's receipts.
//!
//! A count is remembered together with the receipts it started from, so that a new event costs
//! one evaluation and a new receipt one recount. Nothing is written: counts follow from the log.

use std::{collections::BTreeMap, sync::Arc};

use hearth_base::{RoomNid, StreamPosition};
use hearth_rooms::{Event, ReadPositions, Room, RoomHead};
use hearth_store::Direction;
use moka::sync::Cache;
use ruma::{
    OwnedEventId, OwnedUserId, UInt,
    api::client::sync::sync_events::{UnreadNotificationsCount, v3::JoinedRoom},
    push::{Action, PushConditionRoomCtx, Ruleset},
    serde::Raw,
};
use serde::Deserialize;

use crate::{SyncError, answer::View};

/// How many pairs of user and room are remembered.
const REMEMBERED_MAX: u64 = 50_000;
/// How many events after a receipt are counted at most; a client shows no larger number.
const COUNTED_EVENTS_MAX: usize = 1_000;

/// The counts that are remembered.
pub(crate) struct UnreadCounts(Cache<(OwnedUserId, RoomNid), Arc<Counted>>);

impl Default for UnreadCounts {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED_MAX))
    }
}

/// A user's counts in a room.
#[derive(Clone, Default)]
struct Counted {
    /// The events up to here are counted.
    upto: StreamPosition,
    /// The receipts from which the counts started.
    read: ReadPositions,
    /// The events that are in no thread.
    main: Counts,
    /// The events of each thread, by its root.
    threads: BTreeMap<OwnedEventId, Counts>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    notifications: u64,
    highlights: u64,
}

#[derive(Deserialize)]
struct Related {
    #[serde(rename = "m.relates_to")]
    relates_to: Option<Relation>,
}

#[derive(Deserialize)]
struct Relation {
    rel_type: Option<String>,
    event_id: Option<OwnedEventId>,
}

impl View<'_> {
    /// Puts the unread counts of a room into its part of the answer.
    pub(crate) async fn count_unread(
        &self,
        room: &Room,
        head: &RoomHead,
        joined: &mut JoinedRoom,
    ) -> Result<(), SyncError> {
        let counted = self.counted(room, head).await?;
        let by_thread = self.filter().room.timeline.unread_thread_notifications;
        let mut main = counted.main;
        for (root, counts) in &counted.threads {
            if by_thread {
                let unread = counts.to_unread();
                joined.unread_thread_notifications.insert(root.clone(), unread);
            } else {
                main.notifications += counts.notifications;
                main.highlights += counts.highlights;
            }
        }
        joined.unread_notifications = main.to_unread();
        Ok(())
    }

    async fn counted(&self, room: &Room, head: &RoomHead) -> Result<Arc<Counted>, SyncError> {
        let (rooms, key) = (self.sync.rooms(), (self.user_id().to_owned(), room.nid()));
        let cache = &self.sync.unread().0;
        let mut read = rooms.receipt_positions(self.snapshot, room.nid(), self.user_id()).await?;
        let membership = rooms.membership(self.snapshot, room.nid(), self.user_id()).await?;
        let joined = membership.and_then(|row| row.value.last_joined(row.position));
        read.unthreaded = read.unthreaded.max(joined.unwrap_or_default());
        let known =
            cache.get(&key).filter(|known| known.read == read && known.upto <= self.position);
        let mut counted = match known {
            Some(known) if known.upto == self.position => return Ok(known),
            Some(known) => (*known).clone(),
            // A thread without a receipt of its own is read as far as the unthreaded one goes.
            None => Counted { upto: read.unthreaded, read, ..Counted::default() },
        };
        let events = rooms
            .timeline(
                self.snapshot,
                room.nid(),
                counted.upto,
                self.position,
                Direction::Backward,
                COUNTED_EVENTS_MAX,
            )
            .await?;
        if !events.is_empty() {
            let rules = self.sync.accounts().push_rules(self.user_id()).await?;
            let context = self.push_context(room, head).await?;
            for event in events.iter().rev().filter(|event| event.redacted_by().is_none()) {
                counted.add(event, &rules, &context).await?;
            }
        }
        counted.upto = self.position;
        let counted = Arc::new(counted);
        cache.insert(key, Arc::clone(&counted));
        Ok(counted)
    }

    async fn push_context(
        &self,
        room: &Room,
        head: &RoomHead,
    ) -> Result<PushConditionRoomCtx, SyncError> {
        let rooms = self.sync.rooms();
        let user_id = self.user_id();
        let member = rooms.member(self.snapshot, room.nid(), user_id).await?;
        let name = member.and_then(|member| member.display_name);
        let mut context = PushConditionRoomCtx::new(
            room.id().to_owned(),
            UInt::new_saturating(head.joined_members),
            user_id.to_owned(),
            name.unwrap_or_else(|| user_id.localpart().to_owned()),
        );
        // Without levels the rules that need them do not match, and the others still do.
        let levels = rooms.power_levels(self.snapshot, room, head).await.ok();
        context.power_levels = levels.map(|levels| levels.push_context());
        Ok(context)
    }
}

impl Counted {
    async fn add(
        &mut self,
        event: &Event,
        rules: &Ruleset,
        context: &PushConditionRoomCtx,
    ) -> Result<(), SyncError> {
        let pdu = event.pdu();
        let root = thread_of(event);
        if pdu.sender() == context.user_id {
            if pdu.state_key().is_none() {
                self.forget(root.as_ref());
            }
            return Ok(());
        }
        if event.position() <= self.read.of_thread(root.as_deref()) {
            return Ok(());
        }
        let json = serde_json::value::RawValue::from_string(pdu.json().to_owned())?;
        let raw = Raw::<ruma::events::AnySyncTimelineEvent>::from_json(json);
        let actions = rules.get_actions(&raw, context).await;
        if actions.iter().any(Action::should_notify) {
            let counts = match root {
                Some(root) => self.threads.entry(root).or_default(),
                None => &mut self.main,
            };
            counts.notifications += 1;
            counts.highlights += u64::from(actions.iter().any(Action::is_highlight));
        }
        Ok(())
    }

    /// Who speaks has read what was said before.
    fn forget(&mut self, thread: Option<&OwnedEventId>) {
        match thread {
            Some(root) => drop(self.threads.remove(root)),
            None => self.main = Counts::default(),
        }
    }
}

impl Counts {
    fn to_unread(self) -> UnreadNotificationsCount {
        let mut unread = UnreadNotificationsCount::new();
        unread.notification_count = Some(UInt::new_saturating(self.notifications));
        unread.highlight_count = Some(UInt::new_saturating(self.highlights));
        unread
    }
}

/// The root of the thread that an event is in.
fn thread_of(event: &Event) -> Option<OwnedEventId> {
    let relation = event.pdu().content_as::<Related>()?.relates_to?;
    (relation.rel_type.as_deref() == Some("m.thread")).then_some(relation.event_id).flatten()
}
