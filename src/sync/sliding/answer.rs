//! One answer: which rooms have to be looked at, and what the client was told then.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use hearth_base::RoomNid;
use hearth_rooms::Membership;
use ruma::{OwnedRoomId, events::room::member::MembershipState};

use super::{
    RequiredState, SlidingRequest,
    connection::{Connection, RoomTold, Shown, Told},
    extensions::Touched,
    filters::Facts,
    response::{SlidingResponse, SlidingRoom},
    room::{Visit, Visited},
    selection::{Selection, Wanted},
};
use crate::{SyncError, answer::View, sessions::Session};

/// An answer in the making.
pub(crate) struct Answer<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) request: &'a SlidingRequest,
    pub(crate) connection: &'a Connection,
    facts: Facts,
    /// The rooms in which something happened since the client's token.
    changed: HashSet<RoomNid>,
    /// What the client is told then.
    told: Arc<Told>,
    rooms: BTreeMap<OwnedRoomId, SlidingRoom>,
    /// The joined rooms that were looked at.
    touched: Vec<Touched>,
}

impl<'a> Answer<'a> {
    /// The answer, and what the client is told by it.
    pub(crate) async fn build(
        view: &'a View<'a>,
        request: &'a SlidingRequest,
        connection: &'a Connection,
        session: &Session,
    ) -> Result<(SlidingResponse, Arc<Told>), SyncError> {
        let (mut selection, facts) = view.select(request, session).await?;
        let changed = match &view.since {
            Some(since) => {
                let (snapshot, user_id) = (view.snapshot, view.user_id());
                view.sync.changed_rooms(snapshot, session, user_id, since.position).await?
            }
            None => Vec::new(),
        };
        let mut answer = Self {
            view,
            request,
            connection,
            facts,
            changed: changed.into_iter().collect(),
            told: Arc::clone(&connection.told),
            rooms: BTreeMap::new(),
            touched: Vec::new(),
        };
        answer.selected(&mut selection).await?;
        answer.others(&selection).await?;
        let extensions =
            view.extensions(request, &selection, &answer.touched, &answer.changed).await?;
        let Self { told, rooms, .. } = answer;
        let lists = selection.counts;
        let pos = String::new();
        Ok((SlidingResponse { txn_id: None, pos, lists, rooms, extensions }, told))
    }

    /// Looks at the rooms that the request is about and of which the client may lack something.
    async fn selected(&mut self, selection: &mut Selection<'_>) -> Result<(), SyncError> {
        let rooms: Vec<_> =
            selection.rooms.iter().map(|(room, rules)| (*room, rules.clone())).collect();
        for (room, rules) in rooms {
            let wanted = selection.wanted(&rules, &self.connection.told);
            let told = self.connection.told.rooms.get(&room);
            let is_dm = self.facts.direct.contains(&room);
            let is_known = told.is_some_and(|told| {
                told.upto.is_none()
                    && !self.changed.contains(&room)
                    && told.is_dm == is_dm
                    && (told.shown != Shown::Joined
                        || wanted.config.timeline_limit <= told.timeline_limit
                            && wanted.is_covered_by(told.required))
            });
            if !is_known {
                let wanted = wanted.clone();
                let by_list = rules.iter().any(|rule| selection.is_list(*rule));
                self.visit(room, wanted, by_list).await?;
            }
        }
        Ok(())
    }

    /// Tells the end of stays in rooms that the client knows, and notes which other rooms it has
    /// only up to its token from now on.
    async fn others(&mut self, selection: &Selection<'_>) -> Result<(), SyncError> {
        let Some(since) = self.view.since else {
            return Ok(());
        };
        let changed: Vec<_> = self.changed.iter().copied().collect();
        for room in changed {
            if selection.rooms.contains_key(&room) {
                continue;
            }
            let Some(told) = self.connection.told.rooms.get(&room).copied() else {
                continue;
            };
            let (rooms, user_id) = (self.view.sync.rooms(), self.view.user_id());
            let row = rooms.membership(self.view.snapshot, room, user_id).await?;
            let is_out = row.is_none_or(|row| is_out(&row.value));
            if is_out && told.shown != Shown::Left {
                let mut wanted = Wanted::default();
                wanted.config.timeline_limit = told.timeline_limit.max(1);
                self.visit(room, wanted, false).await?;
            } else if told.upto.is_none() && !is_out {
                let told = RoomTold { upto: Some(since.position), ..told };
                Arc::make_mut(&mut self.told).rooms.insert(room, told);
            }
        }
        Ok(())
    }

    async fn visit(
        &mut self,
        nid: RoomNid,
        wanted: Wanted,
        by_list: bool,
    ) -> Result<(), SyncError> {
        let (view, connection) = (self.view, self.connection);
        let rooms = view.sync.rooms();
        let Some(row) = rooms.membership(view.snapshot, nid, view.user_id()).await? else {
            return Ok(());
        };
        let told = connection.told.rooms.get(&nid).copied();
        // A subscription shows nothing to those who are out, but that they are.
        if is_out(&row.value) && told.is_none() && !by_list {
            return Ok(());
        }
        let room = rooms.room_by_nid(view.snapshot, nid).await?;
        let room_id = room.id().to_owned();
        let had = told.and_then(|told| connection.told.required.get(usize::from(told.required)));
        let visit = Visit {
            view,
            row,
            room: room.clone(),
            told,
            had: had.cloned().unwrap_or_default(),
            config: wanted.config.clone(),
            is_dm: self.facts.direct.contains(&nid),
            connection: &self.request.connection,
        };
        let visited = visit.look().await?;
        self.remember(nid, &visit, &visited, &wanted);
        if visited.shown == Some(Shown::Joined) {
            self.touched.push(Touched::new(room, &visited));
        }
        self.rooms.extend(visited.room.map(|room| (room_id, room)));
        Ok(())
    }

    /// Notes what the client is told of a room.
    fn remember(&mut self, nid: RoomNid, visit: &Visit<'_>, visited: &Visited, wanted: &Wanted) {
        let before = self.told.rooms.get(&nid).copied();
        let Some(shown) = visited.shown else {
            return;
        };
        let wants = &wanted.config.required_state;
        let keeps_state = visited.keeps_state && visit.had.covers(wants);
        let limit = match before {
            Some(before) if visited.keeps_timeline => before.timeline_limit,
            _ => 0,
        };
        let mut after = RoomTold {
            upto: None,
            shown,
            timeline_limit: limit.max(wanted.config.timeline_limit),
            required: before.map_or(0, |before| before.required),
            is_dm: visit.is_dm,
        };
        if !keeps_state || before.is_none() {
            let required: &RequiredState = wants;
            after.required = Arc::make_mut(&mut self.told).required_index(required);
        }
        if before != Some(after) {
            Arc::make_mut(&mut self.told).rooms.insert(nid, after);
        }
    }
}

fn is_out(membership: &Membership) -> bool {
    matches!(membership.state, MembershipState::Leave | MembershipState::Ban)
}
