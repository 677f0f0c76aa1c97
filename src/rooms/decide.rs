//! Deciding the events of one room, one after another, against its tentative head.
//!
//! Nothing here is visible before [`Group::commit`]: until then a group is a head, some new nodes
//! and events, and a batch, all in memory.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use hearth_base::{EventNid, StreamPosition};
use hearth_rules::{
    Draft, Pdu, PowerLevels, auth_types, authorize, authorize_owned, build, has_owned_state,
};
use hearth_statemap::{StateRoot, update};
use hearth_store::{Batch, CommitError, Fact, Pending, Snapshot, StoreError};
use ruma::{
    OwnedEventId, OwnedUserId,
    events::{StateEventType, TimelineEventType},
};

use crate::{
    Event, Manner, Room, RoomHead, Rooms, RoomsError, Sent, Transaction,
    event::StoredEventHeader,
    index::TentativeMember,
    state::PendingNodes,
    tables::{HEADS, LAST_EVENTS},
    thread::ThreadOverlay,
    writer::{Decided, EventRequest},
};

/// The events of a room that will be committed together.
pub(crate) struct Group<'a> {
    pub(crate) rooms: &'a Rooms,
    pub(crate) room: &'a Room,
    pub(crate) snapshot: Arc<dyn Snapshot>,
    /// The head in the store, which the batch replaces; `None` in a room that is being created.
    stored_head: Option<RoomHead>,
    pub(crate) tentative: Tentative,
}

/// What the group would change.
#[derive(Clone, Default)]
pub(crate) struct Tentative {
    pub(crate) head: RoomHead,
    pub(crate) nodes: PendingNodes,
    pub(crate) events: HashMap<EventNid, NewEvent>,
    pub(crate) event_nids: HashMap<OwnedEventId, EventNid>,
    pub(crate) members: HashMap<OwnedUserId, TentativeMember>,
    pub(crate) threads: ThreadOverlay,
    pub(crate) redacted: HashSet<EventNid>,
    transactions: HashMap<(OwnedUserId, String, String, String), Sent>,
    pub(crate) batch: Batch,
    last: Option<(EventNid, Pending)>,
    /// Set when an event was written to the batch in part: then nothing of it may be committed.
    broken: bool,
}

/// An event of the group, and the position that it will get.
#[derive(Clone)]
pub(crate) struct NewEvent {
    pub(crate) event: Event,
    pub(crate) pending: Pending,
    fact: i64,
}

impl<'a> Group<'a> {
    /// A group on top of a room's present head.
    pub(crate) async fn open(rooms: &'a Rooms, room: &'a Room) -> Result<Self, RoomsError> {
        let snapshot = rooms.snapshot().await?;
        let head = rooms.head(snapshot.as_ref(), room.nid()).await?;
        let tentative = Tentative { head: head.clone(), ..Tentative::default() };
        Ok(Self { rooms, room, snapshot, stored_head: Some(head), tentative })
    }

    /// The first group of a room that does not exist yet.
    pub(crate) async fn create(rooms: &'a Rooms, room: &'a Room) -> Result<Self, RoomsError> {
        let snapshot = rooms.snapshot().await?;
        Ok(Self { rooms, room, snapshot, stored_head: None, tentative: Tentative::default() })
    }

    /// Decides events that are accepted together or not at all.
    pub(crate) async fn decide_all(
        &mut self,
        requests: &[EventRequest],
        manner: &Manner,
    ) -> Result<Vec<Decided>, RoomsError> {
        if let [request] = requests {
            return Ok(vec![self.decide(request, manner).await?]);
        }
        let before = self.tentative.clone();
        let mut decided = Vec::with_capacity(requests.len());
        for request in requests {
            match self.decide(request, manner).await {
                Ok(one) => decided.push(one),
                Err(error) => {
                    self.tentative = before;
                    return Err(error);
                }
            }
        }
        Ok(decided)
    }

    /// Decides one event; on an error the group is as it was.
    async fn decide(
        &mut self,
        request: &EventRequest,
        manner: &Manner,
    ) -> Result<Decided, RoomsError> {
        if let Some(sent) = self.repeated(request).await? {
            return Ok(Decided::Known(sent));
        }
        self.check_made_from(request, manner).await?;
        let delayed = self.waiting_delayed(manner).await?;
        let target = self.redaction_target(request).await?;
        let auth = self.auth_events(request).await?;
        let pdu = self.build(request, manner, &auth)?;
        self.check_form(&pdu, &auth)?;
        self.authorize(&pdu, &auth)?;
        if let Some(sent) = self.unchanged(&pdu).await? {
            return Ok(Decided::Known(sent));
        }
        if let Some(target) = &target {
            self.check_redaction(&pdu, target, &auth)?;
        }
        self.check_relation(&pdu).await?;
        if self.repeats_annotation(&pdu).await? {
            return Err(RoomsError::DuplicateAnnotation);
        }
        let nid = self.rooms.next_event_nid().await?;
        let state = self.state_with(&pdu, nid).await?;
        let decided = self.accept(nid, pdu, state, request.transaction.as_ref(), target).await?;
        if let Some((id, waiting)) = delayed {
            self.finish_delayed(&id, &waiting, &decided)?;
        }
        Ok(decided)
    }

    async fn repeated(&self, request: &EventRequest) -> Result<Option<Sent>, RoomsError> {
        let Some(transaction) = &request.transaction else {
            return Ok(None);
        };
        let key = transaction_key(&request.sender, transaction);
        if let Some(sent) = self.tentative.transactions.get(&key) {
            return Ok(Some(sent.clone()));
        }
        let snapshot = self.snapshot.as_ref();
        let Some(event_id) = transaction.result(snapshot, &request.sender).await? else {
            return Ok(None);
        };
        let event = self.rooms.event_in_room(snapshot, self.room.nid(), &event_id).await?;
        Ok(Some(Sent { event_id, nid: event.nid(), position: None }))
    }

    /// The current state that the rules look at, the create event included.
    async fn auth_events(
        &self,
        request: &EventRequest,
    ) -> Result<HashMap<(StateEventType, String), Event>, RoomsError> {
        if request.event_type == TimelineEventType::RoomCreate {
            return Ok(HashMap::new());
        }
        let mut wanted = auth_types(
            &request.event_type,
            &request.sender,
            request.state_key.as_deref(),
            &request.content,
            self.room.rules(),
        )
        .map_err(|refusal| RoomsError::BadJson(refusal.reason))?;
        wanted.push((StateEventType::RoomCreate, String::new()));
        wanted.push((StateEventType::RoomPowerLevels, String::new()));
        let events = self.current_state(&wanted).await?;
        Ok(wanted.into_iter().zip(events).filter_map(|(key, event)| Some((key, event?))).collect())
    }

    /// State events of the tentative head, in the order of `wanted`.
    pub(crate) async fn current_state(
        &self,
        wanted: &[(StateEventType, String)],
    ) -> Result<Vec<Option<Event>>, RoomsError> {
        self.state_in(self.tentative.head.state, wanted).await
    }

    /// State events of a state of the store or of the group, in the order of `wanted`.
    pub(crate) async fn state_in(
        &self,
        state: StateRoot,
        wanted: &[(StateEventType, String)],
    ) -> Result<Vec<Option<Event>>, RoomsError> {
        let (snapshot, nodes) = (self.snapshot.as_ref(), &self.tentative.nodes);
        let room = self.room.nid();
        let nids = self.rooms.state_nids(snapshot, room, state, nodes, wanted).await?;
        let mut events = Vec::with_capacity(nids.len());
        for nid in nids {
            events.push(match nid {
                Some(nid) => Some(self.event(nid).await?),
                None => None,
            });
        }
        Ok(events)
    }

    /// An event of the group or of the store.
    pub(crate) async fn event(&self, nid: EventNid) -> Result<Event, RoomsError> {
        match self.tentative.events.get(&nid) {
            Some(new) => Ok(new.event.clone()),
            None => self.rooms.event(self.snapshot.as_ref(), nid).await,
        }
    }

    fn build(
        &self,
        request: &EventRequest,
        manner: &Manner,
        auth: &HashMap<(StateEventType, String), Event>,
    ) -> Result<Pdu, RoomsError> {
        let is_create = request.event_type == TimelineEventType::RoomCreate;
        let rules = self.room.rules();
        let without_id = is_create && rules.authorization.room_create_event_id_as_room_id;
        let named = auth_types(
            &request.event_type,
            &request.sender,
            request.state_key.as_deref(),
            &request.content,
            rules,
        )?;
        let head = &self.tentative.head;
        let draft = Draft {
            room_id: (!without_id).then(|| self.room.id().to_owned()),
            sender: request.sender.clone(),
            event_type: request.event_type.clone(),
            state_key: request.state_key.clone(),
            content: request.content.clone(),
            redacts: request.redacts.clone(),
            sticky_ms: manner.sticky_ms,
            unsigned: manner.unsigned(),
            origin_server_ts: request.origin_server_ts.unwrap_or_else(|| self.rooms.clock().now()),
            prev_events: head.extremities.clone(),
            auth_events: named
                .iter()
                .filter_map(|key| auth.get(key))
                .map(|event| event.pdu().event_id().to_owned())
                .collect(),
            depth: head.depth + 1,
        };
        Ok(build(draft, rules, self.rooms.server_name(), self.rooms.signing_key())?)
    }

    /// Whether the room allows the event.
    fn authorize(
        &self,
        pdu: &Pdu,
        auth: &HashMap<(StateEventType, String), Event>,
    ) -> Result<(), RoomsError> {
        let rules = self.room.rules();
        let state = |event_type: &StateEventType, state_key: &str| {
            auth.get(&(event_type.clone(), state_key.to_owned())).map(|event| event.pdu().clone())
        };
        if !has_owned_state(self.room.version()) {
            return Ok(authorize(pdu, rules, state)?);
        }
        let create = state(&StateEventType::RoomCreate, "");
        let levels = state(&StateEventType::RoomPowerLevels, "");
        let levels = PowerLevels::new(create.as_ref(), levels.as_ref(), rules)?;
        Ok(authorize_owned(pdu, rules, &levels, state)?)
    }

    /// The present state event, if the new one says the same: it is not sent twice.
    async fn unchanged(&self, pdu: &Pdu) -> Result<Option<Sent>, RoomsError> {
        let Some(state_key) = pdu.state_key() else {
            return Ok(None);
        };
        let wanted = [(StateEventType::from(pdu.type_name()), state_key.to_owned())];
        let present = self.current_state(&wanted).await?.into_iter().next().flatten();
        Ok(present
            .filter(|present| {
                present.pdu().sender() == pdu.sender()
                    && present.pdu().content().get() == pdu.content().get()
            })
            .map(|present| Sent {
                event_id: present.pdu().event_id().to_owned(),
                nid: present.nid(),
                position: None,
            }))
    }

    /// The state after the event, if it is a state event; its new nodes join the group's.
    async fn state_with(
        &mut self,
        pdu: &Pdu,
        nid: EventNid,
    ) -> Result<Option<StateRoot>, RoomsError> {
        let Some(state_key) = pdu.state_key() else {
            return Ok(None);
        };
        let (rooms, room) = (self.rooms, self.room.nid());
        let state = self.tentative.head.state;
        let is_member = pdu.type_name() == "m.room.member";
        let root = if is_member { state.members } else { state.others };
        let change = [(rooms.hasher().key(pdu.type_name(), state_key), Some(nid))];
        let snapshot = self.snapshot.as_ref();
        let updated = rooms
            .with_nodes(snapshot, room, &self.tentative.nodes, |nodes| {
                update(rooms.hasher(), root, &change, nodes)
            })
            .await?;
        self.tentative.nodes.extend(updated.nodes);
        Ok(Some(if is_member {
            StateRoot { members: updated.root, ..state }
        } else {
            StateRoot { others: updated.root, ..state }
        }))
    }

    /// Adds an event that was decided to the group; its indexes are written first, since they
    /// may still fail.
    async fn accept(
        &mut self,
        nid: EventNid,
        pdu: Pdu,
        state_after: Option<StateRoot>,
        transaction: Option<&Transaction>,
        redaction_target: Option<Event>,
    ) -> Result<Decided, RoomsError> {
        let header = StoredEventHeader {
            room: self.room.nid(),
            state_before: self.tentative.head.state,
            state_after,
            redacted_by: None,
            origin: transaction.map(Transaction::origin),
        };
        let event = Event::new(nid, StreamPosition::ZERO, pdu, header);
        let mut batch = std::mem::take(&mut self.tentative.batch);
        let fact = i64::try_from(batch.facts().len()).unwrap_or(i64::MAX);
        let pending = batch.fact(Fact::Event {
            room: self.room.nid(),
            event: nid,
            member: crate::index::member_of(event.pdu()),
        });
        let indexed = self.index(&mut batch, pending, &event, transaction).await;
        let redacted = match (&indexed, redaction_target) {
            (Ok(()), Some(target)) => self.redact(&mut batch, &event, &target).await,
            _ => Ok(()),
        };
        self.tentative.batch = batch;
        if let Err(error) = indexed.and(redacted) {
            self.tentative.broken = true;
            return Err(error);
        }
        let new = NewEvent { event: event.clone(), pending, fact };
        self.advance(&event, transaction);
        self.tentative.events.insert(nid, new);
        self.tentative.last = Some((nid, pending));
        Ok(Decided::New { event, fact })
    }

    fn advance(&mut self, event: &Event, transaction: Option<&Transaction>) {
        let event_id = event.pdu().event_id().to_owned();
        let head = &mut self.tentative.head;
        head.extremities = vec![event_id.clone()];
        head.depth = event.pdu().depth();
        head.state = event.state_after();
        self.tentative.event_nids.insert(event_id.clone(), event.nid());
        if let Some(transaction) = transaction {
            let sent = Sent { event_id, nid: event.nid(), position: None };
            let key = transaction_key(event.pdu().sender(), transaction);
            self.tentative.transactions.insert(key, sent);
        }
    }

    /// Adds a write of the caller's to what is committed with the group's events.
    pub(crate) fn batch(&mut self) -> &mut Batch {
        &mut self.tentative.batch
    }

    /// Commits the group, and returns the position of its first fact.
    pub(crate) async fn commit(self) -> Result<StreamPosition, CommitError> {
        if self.tentative.batch.is_empty() {
            return Ok(self.snapshot.position());
        }
        if self.tentative.broken {
            let reason = "an event of the group could not be indexed".to_owned();
            return Err(StoreError::Unavailable(reason).into());
        }
        let Tentative { mut head, nodes, events, threads, redacted, mut batch, last, .. } =
            self.tentative;
        head.version += 1;
        let room = self.room.nid();
        HEADS.replace(&mut batch, &(room,), self.stored_head.as_ref(), Some(&head))?;
        if let Some((nid, pending)) = last {
            LAST_EVENTS.put(&mut batch, &(room,), pending, &nid)?;
        }
        crate::index::write_nodes(&mut batch, room, &nodes)?;
        threads.flush(&mut batch, room)?;
        let redacting = self.rooms.event_cache().redact(redacted);
        let first = self.rooms.store().commit(batch).await?;
        for (id, node) in nodes {
            self.rooms.node_cache().insert(id, node);
        }
        for new in events.into_values() {
            self.rooms.event_cache().insert(new.event.at(StreamPosition(first.0 + new.fact)));
        }
        redacting.committed(first);
        if !redacting.is_empty() {
            self.rooms.look_cache().invalidate(&room);
        }
        Ok(first)
    }
}

fn transaction_key(
    sender: &ruma::UserId,
    transaction: &Transaction,
) -> (OwnedUserId, String, String, String) {
    (
        sender.to_owned(),
        transaction.device_id.to_string(),
        transaction.scope.clone(),
        transaction.transaction_id.to_string(),
    )
}
