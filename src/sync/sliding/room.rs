//! One room in one answer.

use hearth_base::StreamPosition;
use hearth_rooms::{Membership, Room};
use hearth_rules::ClientEventFormat;
use hearth_statemap::StateRoot;
use hearth_store::Stamped;
use ruma::{
    OwnedMxcUri, UInt,
    api::client::sync::sync_events::{
        v3::JoinedRoom,
        v5::response::{self, Hero},
    },
    events::{StateEventType, room::member::MembershipState},
    serde::Raw,
};
use serde::Deserialize;

use super::{
    RequiredState, RoomConfig,
    connection::{RoomTold, Shown},
    response::SlidingRoom,
    state::{Span, StateNews},
    timeline::Ending,
};
use crate::{SyncError, answer::View};

/// How many heroes a room has.
const HEROES_MAX: usize = 5;

/// A room that has to be looked at.
pub(crate) struct Visit<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) room: Room,
    pub(crate) row: Stamped<Membership>,
    /// What the client was told of it.
    pub(crate) told: Option<RoomTold>,
    /// Which state the client was told of it.
    pub(crate) had: RequiredState,
    pub(crate) config: RoomConfig,
    pub(crate) is_dm: bool,
    pub(crate) connection: &'a str,
}

/// What came of a look at a room.
#[derive(Default)]
pub(crate) struct Visited {
    /// What there is to say.
    pub(crate) room: Option<SlidingRoom>,
    /// What it looks like now; `None` for a room that is not shown.
    pub(crate) shown: Option<Shown>,
    /// Up to where the client had it; `None` if it starts afresh.
    pub(crate) from: Option<StreamPosition>,
    /// The timeline's events, if there is a timeline.
    pub(crate) ending: Option<Ending>,
    /// Whether the client still has all the state that it had.
    pub(crate) keeps_state: bool,
    /// Whether the client still has as many events of the end as it had.
    pub(crate) keeps_timeline: bool,
}

#[derive(Deserialize)]
struct NameContent {
    name: Option<String>,
}

#[derive(Deserialize)]
struct AvatarContent {
    url: Option<OwnedMxcUri>,
}

/// What a room is called and looks like.
struct Face {
    name: Option<String>,
    avatar: Option<OwnedMxcUri>,
}

impl Visit<'_> {
    /// Looks at the room.
    pub(crate) async fn look(&self) -> Result<Visited, SyncError> {
        match self.row.value.state {
            MembershipState::Join => self.joined().await,
            MembershipState::Invite | MembershipState::Knock => self.stripped().await,
            _ => self.left().await,
        }
    }

    /// Up to where the client has what it was told.
    fn told_upto(&self) -> Option<StreamPosition> {
        self.told.map(|told| told.upto.unwrap_or(self.view.since_position()))
    }

    /// Up to where the client has the present stay of the user in the room.
    fn from(&self) -> Option<StreamPosition> {
        let joined = self.row.value.last_joined(self.row.position);
        self.told_upto()
            .filter(|_| self.told.is_some_and(|told| told.shown == Shown::Joined))
            .filter(|upto| joined.is_none_or(|joined| joined <= *upto))
    }

    async fn joined(&self) -> Result<Visited, SyncError> {
        let (view, nid) = (self.view, self.room.nid());
        let rooms = view.sync.rooms();
        let from = self.from();
        let grows = self.told.is_some_and(|told| told.timeline_limit < self.config.timeline_limit);
        let after = from.filter(|_| !grows).unwrap_or(StreamPosition::MIN);
        let ending =
            view.ending(&self.room, after, view.position, self.config.timeline_limit).await?;
        let head = rooms.head(view.snapshot, nid).await?;
        let (known, news) = self.news(from, head.state, &ending).await?;
        let is_initial = from.is_none();
        let dm_changed = self.told.is_some_and(|told| told.is_dm != self.is_dm);
        let says_something = is_initial
            || dm_changed
            || !ending.events.is_empty()
            || ending.limited
            || !news.events.is_empty()
            || self.has_read_more(from).await?;
        let mut visited = self.visited(from, Shown::Joined, &news, &ending);
        if !says_something {
            return Ok(visited);
        }
        let mut room = self.shell(from, &ending, &news).await?;
        room.is_dm = (self.is_dm || dm_changed && !is_initial).then_some(self.is_dm);
        room.bump_stamp = Some(stamp(view.bumped(nid).await?));
        let members_changed = known.is_none_or(|known| known.members != head.state.members);
        let face = self.face(head.state).await?;
        if members_changed {
            room.joined_count = Some(UInt::new_saturating(head.joined_members));
            room.invited_count = Some(UInt::new_saturating(head.invited_members));
        }
        if face.name.is_none() && (members_changed || news.name_changed) {
            room.heroes = Some(self.heroes().await?);
        }
        put_face(&mut room, face, is_initial, &news);
        let mut counted = JoinedRoom::new();
        view.count_unread(&self.room, &mut counted).await?;
        room.unread_notifications = counted.unread_notifications;
        let expanded_timeline =
            grows && from.is_some_and(|from| ending.after(from) < ending.events.len());
        visited.room = Some(SlidingRoom { room, expanded_timeline });
        visited.ending = Some(ending);
        Ok(visited)
    }

    /// The end of a stay: nothing that came later, and of what came before only what is known to
    /// those who were there.
    async fn left(&self) -> Result<Visited, SyncError> {
        let (view, row) = (self.view, &self.row);
        let told_already = self.told_upto().is_some_and(|upto| row.position <= upto);
        let was_in = row.value.last_joined(row.position).is_some();
        if told_already || (self.told.is_none() && !was_in) {
            let shown = self.told.map(|told| told.shown);
            return Ok(Visited {
                shown,
                keeps_state: true,
                keeps_timeline: true,
                ..Visited::default()
            });
        }
        let rooms = view.sync.rooms();
        let leaving = rooms.event(view.snapshot, row.value.event).await?;
        let end = leaving.state_after();
        let from = self.from();
        let after = from.unwrap_or(StreamPosition::MIN);
        let ending =
            view.ending(&self.room, after, row.position, self.config.timeline_limit).await?;
        let mut news = StateNews::default();
        if was_in {
            (_, news) = self.news(from, end, &ending).await?;
        }
        // Clients learn of the end by their own member event.
        if !news.events.iter().any(|event| event.nid() == leaving.nid()) {
            news.events.push(leaving);
        }
        let mut room = self.shell(from, &ending, &news).await?;
        room.bump_stamp = Some(stamp(row.position));
        if was_in {
            put_face(&mut room, self.face(end).await?, from.is_none(), &news);
        }
        let mut visited = self.visited(from, Shown::Left, &news, &ending);
        visited.room = Some(SlidingRoom { room, expanded_timeline: false });
        Ok(visited)
    }

    /// An invite or a knock.
    async fn stripped(&self) -> Result<Visited, SyncError> {
        let (view, row) = (self.view, &self.row);
        let mut visited = Visited {
            shown: Some(Shown::Stripped),
            keeps_state: true,
            keeps_timeline: true,
            ..Visited::default()
        };
        let is_told = self.told.is_some_and(|told| told.shown == Shown::Stripped);
        if is_told && self.told_upto().is_some_and(|upto| row.position <= upto) {
            return Ok(visited);
        }
        let events = match row.value.state {
            MembershipState::Invite => {
                let Some(invited) = view.invited(&self.room, row).await? else {
                    return Ok(Visited::default());
                };
                invited.invite_state.events
            }
            _ => view.knocked(&self.room, row).await?.knock_state.events,
        };
        let mut room = response::Room::new();
        room.initial = Some(true);
        room.is_dm = self.is_dm.then_some(true);
        room.bump_stamp = Some(stamp(row.position));
        room.invite_state = Some(events);
        visited.room = Some(SlidingRoom { room, expanded_timeline: false });
        Ok(visited)
    }

    async fn news(
        &self,
        from: Option<StreamPosition>,
        end: StateRoot,
        ending: &Ending,
    ) -> Result<(Option<StateRoot>, StateNews), SyncError> {
        let (view, room) = (self.view, &self.room);
        let known = match from {
            Some(from) => {
                Some((from, view.sync.rooms().state_at(view.snapshot, room.nid(), from).await?))
            }
            None => None,
        };
        let (had, wants) = (&self.had, &self.config.required_state);
        let span = Span { room, known, end, had, wants, connection: self.connection };
        let news = view.state_news(&span, ending).await?;
        Ok((known.map(|(_, state)| state), news))
    }

    fn visited(
        &self,
        from: Option<StreamPosition>,
        shown: Shown,
        news: &StateNews,
        ending: &Ending,
    ) -> Visited {
        Visited {
            shown: Some(shown),
            from,
            keeps_state: from.is_some() && !news.missed,
            keeps_timeline: from.is_some_and(|from| !ending.has_gap_after(from)),
            ..Visited::default()
        }
    }

    /// What rooms that the user is in and rooms that the user left have in common.
    async fn shell(
        &self,
        from: Option<StreamPosition>,
        ending: &Ending,
        news: &StateNews,
    ) -> Result<response::Room, SyncError> {
        let view = self.view;
        let (rooms, viewer, format) = (view.sync.rooms(), view.viewer(), ClientEventFormat::Sync);
        let timeline = rooms.render(view.snapshot, &ending.events, &viewer, format, true).await?;
        let state = rooms.render(view.snapshot, &news.events, &viewer, format, false).await?;
        let mut room = response::Room::new();
        room.initial = from.is_none().then_some(true);
        room.timeline = timeline.into_iter().map(Raw::from_json).collect();
        room.required_state = state.into_iter().map(Raw::from_json).collect();
        room.limited = ending.limited;
        if from.is_none() || !ending.events.is_empty() || ending.limited {
            room.prev_batch = Some(ending.prev_batch.to_string());
        }
        let live = view.since.map_or(0, |since| ending.after(since.position));
        room.num_live = Some(UInt::new_saturating(live as u64));
        Ok(room)
    }

    /// Whether the user read more since then, which changes what is unread.
    async fn has_read_more(&self, from: Option<StreamPosition>) -> Result<bool, SyncError> {
        let (view, since) = (self.view, from.unwrap_or_default());
        let receipts = view
            .sync
            .rooms()
            .receipts_since(view.snapshot, self.room.nid(), since, view.position, view.user_id())
            .await?;
        Ok(receipts.iter().any(|receipt| receipt.user == *view.user_id()))
    }

    async fn face(&self, state: StateRoot) -> Result<Face, SyncError> {
        let wanted = [StateEventType::RoomName, StateEventType::RoomAvatar]
            .map(|event_type| (event_type, String::new()));
        let rooms = self.view.sync.rooms();
        let found = rooms.state_events(self.view.snapshot, self.room.nid(), state, &wanted).await?;
        let event = |at: usize| found.get(at).and_then(Option::as_ref).map(|event| event.pdu());
        let name = event(0).and_then(|pdu| pdu.content_as::<NameContent>()?.name);
        let avatar = event(1).and_then(|pdu| pdu.content_as::<AvatarContent>()?.url);
        Ok(Face {
            name: name.filter(|name| !name.is_empty()),
            avatar: avatar.filter(|url| !url.as_str().is_empty()),
        })
    }

    async fn heroes(&self) -> Result<Vec<Hero>, SyncError> {
        let (rooms, snapshot, nid) = (self.view.sync.rooms(), self.view.snapshot, self.room.nid());
        let mut heroes = Vec::new();
        for user_id in rooms.heroes(snapshot, nid, self.view.user_id(), HEROES_MAX).await? {
            let member = rooms.member(snapshot, nid, &user_id).await?;
            let mut hero = Hero::new(user_id);
            if let Some(member) = member {
                hero.name = member.display_name;
                hero.avatar = member.avatar_url.map(OwnedMxcUri::from);
            }
            heroes.push(hero);
        }
        Ok(heroes)
    }
}

/// Says what the room is called and looks like, as far as the client does not know.
fn put_face(room: &mut response::Room, face: Face, is_initial: bool, news: &StateNews) {
    if is_initial || news.name_changed {
        room.name = face.name;
    }
    if let Some(avatar) = face.avatar {
        if is_initial || news.avatar_changed {
            room.avatar = ruma::JsOption::Some(avatar);
        }
    } else if news.avatar_changed {
        room.avatar = ruma::JsOption::Null;
    }
}

/// A position as clients compare it.
fn stamp(position: StreamPosition) -> UInt {
    UInt::new_saturating(u64::try_from(position.0).unwrap_or_default())
}
