//! What else clients want: to-device messages, keys, account data, receipts, typing and thread
//! subscriptions (MSC3884, MSC3885, MSC3959, MSC3960, MSC3961, MSC4308).

use std::{collections::HashSet, str::FromStr};

use hearth_base::{RoomNid, StreamPosition, limits::TO_DEVICE_MESSAGES_MAX};
use hearth_rooms::{ReceiptChange, Room, ThreadSubscription as Wish};
use ruma::UInt;
use ruma::{
    OwnedEventId, RoomId,
    api::client::{
        sync::sync_events::{
            v3::Response,
            v5::{
                request::{self, ExtensionRoomConfig},
                response::{
                    AccountData, E2EE, Extensions, Receipts, ThreadSubscriptions, ToDevice, Typing,
                },
            },
        },
        threads::get_thread_subscriptions_changes::unstable::{
            ThreadSubscription, ThreadUnsubscription,
        },
    },
};

use super::{SlidingRequest, room::Visited, selection::Selection};
use crate::{Sync, SyncError, account_data::basic_event, answer::View};

/// How many changes of thread subscriptions a client gets that does not say.
const THREADS_DEFAULT: usize = 100;

/// A joined room that was looked at for this answer.
pub(crate) struct Touched {
    room: Room,
    /// Up to where the client had it; `None` if it starts afresh.
    from: Option<StreamPosition>,
    /// The events of its timeline.
    events: HashSet<OwnedEventId>,
    /// Where that begins.
    oldest: Option<StreamPosition>,
}

impl Touched {
    pub(crate) fn new(room: Room, visited: &Visited) -> Self {
        let events = visited.ending.as_ref().map(|ending| ending.events.as_slice());
        let events = events.unwrap_or_default();
        Self {
            room,
            from: visited.from,
            oldest: events.first().map(|event| event.position().previous()),
            events: events.iter().map(|event| event.pdu().event_id().to_owned()).collect(),
        }
    }
}

/// Which rooms an extension is about.
struct Scope<'a> {
    lists: Option<&'a [String]>,
    rooms: Option<&'a [ExtensionRoomConfig]>,
}

impl Scope<'_> {
    fn has(&self, selection: &Selection<'_>, room: &Room) -> bool {
        let list = |name: &str| {
            self.lists.is_none_or(|lists| lists.iter().any(|list| list == name || list == "*"))
        };
        let subscription = |id: &RoomId| {
            self.rooms.is_none_or(|rooms| {
                rooms.iter().any(|room| match room {
                    ExtensionRoomConfig::AllSubscribed => true,
                    ExtensionRoomConfig::Room(room) => room == id,
                    _ => false,
                })
            })
        };
        selection.matches(room.nid(), list, subscription)
    }
}

macro_rules! scope {
    ($extension:expr) => {
        Scope { lists: $extension.lists.as_deref(), rooms: $extension.rooms.as_deref() }
    };
}

impl View<'_> {
    /// What else is new, as far as the client wants it.
    pub(crate) async fn extensions(
        &self,
        request: &SlidingRequest,
        selection: &Selection<'_>,
        touched: &[Touched],
        changed: &HashSet<RoomNid>,
    ) -> Result<Extensions, SyncError> {
        let wanted = &request.extensions;
        let mut extensions = Extensions::default();
        if wanted.to_device.enabled == Some(true) {
            extensions.to_device = Some(self.waiting_messages(&wanted.to_device).await?);
        }
        if wanted.e2ee.enabled == Some(true) {
            extensions.e2ee = self.keys(changed).await?;
        }
        if wanted.account_data.enabled == Some(true) {
            let scope = scope!(wanted.account_data);
            extensions.account_data = self.own_data(&scope, selection, touched).await?;
        }
        if wanted.receipts.enabled == Some(true) {
            let scope = scope!(wanted.receipts);
            extensions.receipts = self.read_by(&scope, selection, touched).await?;
        }
        if wanted.typing.enabled == Some(true) {
            let scope = scope!(wanted.typing);
            extensions.typing = self.typing_in(&scope, selection, touched).await?;
        }
        if wanted.thread_subscriptions.enabled == Some(true) {
            let limit = wanted.thread_subscriptions.limit;
            extensions.thread_subscriptions = self.threads(limit).await?;
        }
        Ok(extensions)
    }

    async fn waiting_messages(&self, wanted: &request::ToDevice) -> Result<ToDevice, SyncError> {
        let since = to_device_since(wanted)?;
        let limit = wanted.limit.map_or(TO_DEVICE_MESSAGES_MAX, |limit| {
            usize::try_from(u64::from(limit)).unwrap_or(usize::MAX)
        });
        let limit = limit.clamp(1, TO_DEVICE_MESSAGES_MAX);
        let (user_id, device_id) = (self.user_id(), &self.request.device_id);
        let messages = self
            .sync
            .accounts()
            .to_device_since(user_id, device_id, since, self.position, limit)
            .await?;
        let last = messages.last().filter(|_| messages.len() >= limit);
        let next = last.map_or(self.position, |message| message.position);
        let mut to_device = ToDevice::default();
        to_device.next_batch = next.0.to_string();
        to_device.events = messages.into_iter().map(|message| message.event).collect();
        Ok(to_device)
    }

    async fn keys(&self, changed: &HashSet<RoomNid>) -> Result<E2EE, SyncError> {
        let mut e2ee = self.sync.own_keys(self.request).await?;
        if self.since.is_some() {
            e2ee.device_lists = self.device_changes_in(changed.iter().copied()).await?;
        }
        Ok(e2ee)
    }

    async fn own_data(
        &self,
        scope: &Scope<'_>,
        selection: &Selection<'_>,
        touched: &[Touched],
    ) -> Result<AccountData, SyncError> {
        let mut changes = Response::new(String::new());
        let mut of_rooms = self.account_data(&mut changes).await?;
        let mut data = AccountData::default();
        data.global = changes.account_data.events;
        for Touched { room, from, .. } in touched {
            if !scope.has(selection, room) {
                continue;
            }
            let events = if from.is_some_and(|from| from >= self.since_position()) {
                of_rooms.remove(&room.nid()).unwrap_or_default().events
            } else {
                let accounts = self.sync.accounts();
                let all = accounts.room_account_data(self.user_id(), room.id()).await?;
                all.iter().map(|(kind, data)| basic_event(kind, data)).collect::<Result<_, _>>()?
            };
            if !events.is_empty() {
                data.rooms.insert(room.id().to_owned(), events);
            }
        }
        Ok(data)
    }

    /// Receipts. A room that the client starts with gets those of its timeline, and the user's.
    async fn read_by(
        &self,
        scope: &Scope<'_>,
        selection: &Selection<'_>,
        touched: &[Touched],
    ) -> Result<Receipts, SyncError> {
        let (rooms, user_id, mut receipts) =
            (self.sync.rooms(), self.user_id(), Receipts::default());
        for Touched { room, from, events, oldest } in touched {
            if !scope.has(selection, room) {
                continue;
            }
            let (nid, upto) = (room.nid(), self.position);
            let changes = if let Some(from) = from {
                rooms.receipts_since(self.snapshot, nid, *from, upto, user_id).await?
            } else {
                let oldest = oldest.unwrap_or(upto);
                let mut changes =
                    rooms.receipts_since(self.snapshot, nid, oldest, upto, user_id).await?;
                changes.retain(|change: &ReceiptChange| {
                    events.contains(&change.receipt.event_id) && change.user != *user_id
                });
                changes.extend(rooms.receipts_of(self.snapshot, nid, user_id).await?);
                changes
            };
            if let Some(event) = crate::ephemeral::receipt_event(changes)? {
                receipts.rooms.insert(room.id().to_owned(), event.cast_unchecked());
            }
        }
        Ok(receipts)
    }

    async fn typing_in(
        &self,
        scope: &Scope<'_>,
        selection: &Selection<'_>,
        touched: &[Touched],
    ) -> Result<Typing, SyncError> {
        let (rooms, mut typing) = (self.sync.rooms(), Typing::default());
        let mut candidates: Vec<(Room, bool)> = Vec::new();
        for room_id in self.sync.bus().typing().changed_since(self.since_version) {
            candidates.extend(rooms.room(&room_id).await?.map(|room| (room, false)));
        }
        let fresh = touched.iter().filter(|touched| touched.from.is_none());
        candidates.extend(fresh.map(|touched| (touched.room.clone(), true)));
        for (room, is_new) in candidates {
            if !scope.has(selection, &room)
                || !rooms.is_joined(self.snapshot, room.nid(), self.user_id()).await?
            {
                continue;
            }
            if let Some(event) = self.typing(&room, is_new)? {
                typing.rooms.insert(room.id().to_owned(), event.cast_unchecked());
            }
        }
        Ok(typing)
    }

    async fn threads(&self, limit: Option<UInt>) -> Result<ThreadSubscriptions, SyncError> {
        let limit = limit.map_or(THREADS_DEFAULT, |limit| {
            usize::try_from(u64::from(limit)).unwrap_or(usize::MAX)
        });
        let (rooms, after, upto) = (self.sync.rooms(), self.since_position(), self.position);
        let page = rooms
            .thread_subscription_changes(self.snapshot, self.user_id(), after, upto, limit)
            .await?;
        let mut threads = ThreadSubscriptions::default();
        for change in page.changes {
            let stamp = u64::try_from(change.position.0).unwrap_or_default();
            let stamp = UInt::new_saturating(stamp);
            if change.subscription == Wish::Unsubscribed {
                let room = threads.unsubscribed.entry(change.room_id).or_default();
                room.insert(change.root, ThreadUnsubscription::new(stamp));
            } else {
                let automatic = change.subscription == Wish::Automatic;
                let room = threads.subscribed.entry(change.room_id).or_default();
                room.insert(change.root, ThreadSubscription::new(automatic, stamp));
            }
        }
        threads.prev_batch = page.next.map(|next| next.to_string());
        Ok(threads)
    }
}

/// Up to where the client has to-device messages.
pub(crate) fn to_device_since(wanted: &request::ToDevice) -> Result<StreamPosition, SyncError> {
    let Some(since) = &wanted.since else {
        return Ok(StreamPosition::ZERO);
    };
    let position = i64::from_str(since).ok().filter(|position| *position >= 0);
    position.map(StreamPosition).ok_or_else(|| SyncError::BadToken(since.clone()))
}

impl Sync {
    /// The keys that a device has left.
    pub(crate) async fn own_keys(&self, request: &crate::Request) -> Result<E2EE, SyncError> {
        let mut counts = Response::new(String::new());
        self.key_counts(request, &mut counts).await?;
        let mut e2ee = E2EE::default();
        e2ee.device_one_time_keys_count = counts.device_one_time_keys_count;
        e2ee.device_unused_fallback_key_types = counts.device_unused_fallback_key_types;
        Ok(e2ee)
    }
}
