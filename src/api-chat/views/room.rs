//! Rooms, as their members and as strangers see them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hearth_accounts::Accounts;
use hearth_base::StreamPosition;
use hearth_rooms::{Reader, Room as MatrixRoom, RoomHead, RoomLook, Snapshot};
use hearth_rules::PushRules;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedRoomId, OwnedUserId, UserId, events::StateEventType,
    push::Ruleset, room::JoinRuleKind,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{NotificationLevel, Person, Role, Timestamp, avatar_url};
use crate::{ChatApi, Problem};

/// How many people a room without a name is named by.
const HEROES_MAX: usize = 3;

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomType {
    /// Everybody.
    Public,
    /// Who is invited.
    Private,
    /// Two people, or one with themselves.
    Direct,
}

/// A room.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Room {
    /// The id.
    #[schema(value_type = String, example = "!abc:example.org")]
    pub id: OwnedRoomId,
    /// The name; for who sees a room without one, the names of others in it.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Who may come in.
    #[serde(rename = "type")]
    pub room_type: RoomType,
    /// Where the picture of the room is.
    pub avatar_url: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    #[schema(value_type = String)]
    pub created_by: OwnedUserId,
    /// How many people are in it.
    pub member_count: u64,
    /// Whether its messages are encrypted: then this API cannot read them.
    pub is_encrypted: bool,
    /// Whether it can be read, and nothing else: nobody joins or writes any more.
    pub is_archived: bool,
    /// Its rules, if it has any.
    pub rules: Option<ShownRules>,
    /// When something was said last; only members are told.
    pub last_message_at: Option<Timestamp>,
    /// What it is for the user, if they are a member.
    pub membership: Option<OwnMembership>,
}

/// The rules of a room, as whoever may join it sees them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShownRules {
    /// What they say.
    pub text: String,
    /// Whether members have to accept them before they post.
    pub is_required: bool,
}

/// What a room is for one of its members.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnMembership {
    /// What the member may do.
    pub role: Role,
    /// With whom a direct room is.
    pub direct_user: Option<Person>,
    /// How many messages the member has not read and wants to hear of.
    pub unread_count: u64,
    /// How many of them mention the member.
    pub mention_count: u64,
    /// What the member wants to hear of it.
    pub notifications: NotificationLevel,
}

/// What makes views of rooms for one user; what they have in common is read once.
pub struct RoomViews<'a> {
    api: &'a ChatApi,
    snapshot: &'a dyn Snapshot,
    user_id: &'a UserId,
    direct: BTreeMap<OwnedRoomId, OwnedUserId>,
    ruleset: Ruleset,
    rules: PushRules,
    ignored: BTreeSet<OwnedUserId>,
}

impl<'a> RoomViews<'a> {
    /// Views for a user as of a snapshot.
    ///
    /// # Errors
    /// The store failed.
    pub async fn new(
        api: &'a ChatApi,
        snapshot: &'a dyn Snapshot,
        user_id: &'a UserId,
    ) -> Result<Self, Problem> {
        let accounts: &Accounts = &api.accounts;
        let ruleset = accounts.push_rules(user_id).await?;
        Ok(Self {
            api,
            snapshot,
            user_id,
            direct: accounts.direct_rooms(user_id).await?,
            rules: PushRules::new(user_id, &ruleset),
            ruleset,
            ignored: accounts.ignored_users(user_id).await?,
        })
    }

    /// With whom the room is, if it is direct.
    #[must_use]
    pub fn direct_with(&self, room: &MatrixRoom) -> Option<&UserId> {
        self.direct.get(room.id()).map(|user| &**user)
    }

    /// A room as a stranger sees it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn from_outside(&self, room: &MatrixRoom, head: &RoomHead) -> Result<Room, Problem> {
        let rooms = &self.api.rooms;
        let look = rooms.look(self.snapshot, room, head).await?;
        let create = StateEventType::RoomCreate;
        let create = rooms.state_event(self.snapshot, room.nid(), head.state, create, "").await?;
        let create = create.ok_or_else(|| Problem::internal("a room without a beginning"))?;
        let avatar = look.avatar_url.as_deref();
        let rules = self.api.chat.shown_rules(self.snapshot, room).await?;
        Ok(Room {
            id: room.id().to_owned(),
            name: self.name(room, &look).await?,
            description: look.topic.clone(),
            room_type: self.room_type(room, &look),
            avatar_url: avatar.and_then(|avatar| avatar_url(&self.api.settings, avatar)),
            created_at: create.pdu().origin_server_ts().into(),
            created_by: create.pdu().sender().to_owned(),
            member_count: head.joined_members,
            is_encrypted: look.encrypted,
            is_archived: self.api.chat.is_archived(self.snapshot, room).await?,
            rules: rules.map(|(text, is_required)| ShownRules { text, is_required }),
            last_message_at: None,
            membership: None,
        })
    }

    /// A room as a member sees it, in which something was said last at some time.
    ///
    /// # Errors
    /// The store failed.
    pub async fn from_inside(
        &self,
        room: &MatrixRoom,
        head: &RoomHead,
        last_said: Option<MilliSecondsSinceUnixEpoch>,
    ) -> Result<Room, Problem> {
        let rooms = &self.api.rooms;
        let levels = rooms.power_levels(self.snapshot, room, head).await?;
        let (user_id, rules, ignored) = (self.user_id, &self.rules, &self.ignored);
        let reader = Reader { user_id, rules, ignored };
        let upto: StreamPosition = self.snapshot.position();
        let unread = rooms.unread(self.snapshot, room, upto, reader).await?.total();
        let direct_user = match self.direct_with(room) {
            Some(user) => Some(Person::load(self.api, user).await?),
            None => None,
        };
        let membership = OwnMembership {
            role: Role::of(&levels, self.user_id),
            direct_user,
            unread_count: unread.notifications,
            mention_count: unread.highlights,
            notifications: NotificationLevel::of(&self.ruleset, room.id()),
        };
        let outside = self.from_outside(room, head).await?;
        let last_message_at = last_said.map(Into::into);
        Ok(Room { last_message_at, membership: Some(membership), ..outside })
    }

    /// One room as a member sees it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn one(&self, room: &MatrixRoom, head: &RoomHead) -> Result<Room, Problem> {
        let said = self.api.rooms.last_said(self.snapshot, &[room.nid()]).await?;
        let said = match said.first().and_then(|said| said.message) {
            Some(nid) => Some(self.api.rooms.event(self.snapshot, nid).await?),
            None => None,
        };
        let said = said.map(|event| event.pdu().origin_server_ts());
        self.from_inside(room, head, said).await
    }

    fn room_type(&self, room: &MatrixRoom, look: &RoomLook) -> RoomType {
        match look.join_rule {
            _ if self.direct.contains_key(room.id()) => RoomType::Direct,
            Some(JoinRuleKind::Public) => RoomType::Public,
            _ => RoomType::Private,
        }
    }

    async fn name(&self, room: &MatrixRoom, look: &Arc<RoomLook>) -> Result<String, Problem> {
        if let Some(name) = &look.name {
            return Ok(name.clone());
        }
        let rooms = &self.api.rooms;
        let heroes = match self.direct_with(room) {
            Some(other) => vec![other.to_owned()],
            None => rooms.heroes(self.snapshot, room.nid(), self.user_id, HEROES_MAX).await?,
        };
        let members = rooms.members_among(self.snapshot, room.nid(), &heroes).await?;
        let names = heroes.iter().zip(members).map(|(hero, member)| {
            let named = member.and_then(|member| member.display_name);
            named.unwrap_or_else(|| hero.localpart().to_owned())
        });
        let names: Vec<_> = names.collect();
        let alias = look.canonical_alias.as_ref().map(ToString::to_string);
        Ok(alias.unwrap_or_else(|| match names.is_empty() {
            true => "Empty room".to_owned(),
            false => names.join(", "),
        }))
    }
}
