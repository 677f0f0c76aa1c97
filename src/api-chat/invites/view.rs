//! How an invite by code is shown.

use hearth_chat::InviteCode;
use ruma::{OwnedMxcUri, OwnedRoomId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ChatApi, Problem,
    views::{Person, Timestamp, avatar_url},
};

/// An invite by code.
#[derive(Serialize, ToSchema)]
#[schema(as = InviteCode)]
pub(crate) struct Invite {
    /// The code.
    #[schema(example = "k3Fq9ZbT1x")]
    code: String,
    /// The room that it is to.
    #[schema(value_type = String)]
    room_id: OwnedRoomId,
    /// Who made it.
    creator: Person,
    /// When it was made.
    created_at: Timestamp,
    /// Until when it is good.
    expires_at: Timestamp,
    /// How many people it lets in; any number without it.
    max_uses: Option<u32>,
    /// How many came in by it.
    uses: u32,
    /// Whether an administrator took it back.
    is_revoked: bool,
    /// Whether somebody can join by it now: it is not used up, whoever made it may still invite,
    /// and the room is not archived.
    is_valid: bool,
}

/// What somebody sees of a room who could join it.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitedRoom {
    /// Its id.
    #[schema(value_type = String)]
    id: OwnedRoomId,
    /// Its name, if it has one.
    name: Option<String>,
    /// What it is about.
    description: Option<String>,
    /// Where its picture is.
    avatar_url: Option<String>,
    /// How many people are in it.
    member_count: u64,
}

/// An invite by code, and the room.
#[derive(Serialize, ToSchema)]
pub(crate) struct InviteDetails {
    /// The invite.
    #[serde(flatten)]
    invite: Invite,
    /// The room that it is to.
    room: InvitedRoom,
}

impl Invite {
    /// As administrators of the room see it.
    pub(super) async fn new(api: &ChatApi, invite: InviteCode) -> Result<Self, Problem> {
        let creator = Person::load(api, &invite.creator).await?;
        let InviteCode {
            code,
            room_id,
            created_ms,
            expires_ms,
            uses_max,
            uses,
            is_revoked,
            is_good,
            ..
        } = invite;
        Ok(Self {
            code,
            room_id,
            creator,
            created_at: Timestamp::from_ms(created_ms),
            expires_at: Timestamp::from_ms(expires_ms),
            max_uses: uses_max,
            uses,
            is_revoked,
            is_valid: is_good,
        })
    }
}

impl InviteDetails {
    /// As whoever has the code sees it.
    pub(super) async fn new(api: &ChatApi, invite: InviteCode) -> Result<Self, Problem> {
        let room = api.rooms.existing_room(&invite.room_id).await?;
        let snapshot = api.rooms.snapshot().await?;
        let head = api.rooms.head(snapshot.as_ref(), room.nid()).await?;
        let look = api.rooms.look(snapshot.as_ref(), &room, &head).await?;
        let avatar: Option<&OwnedMxcUri> = look.avatar_url.as_ref();
        let room = InvitedRoom {
            id: invite.room_id.clone(),
            name: look.name.clone(),
            description: look.topic.clone(),
            avatar_url: avatar.and_then(|avatar| avatar_url(&api.settings, avatar)),
            member_count: head.joined_members,
        };
        Ok(Self { invite: Invite::new(api, invite).await?, room })
    }
}
