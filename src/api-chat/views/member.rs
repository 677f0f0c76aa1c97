//! Members of rooms.

use hearth_rooms::{Member as MatrixMember, Room, Snapshot};
use hearth_rules::PowerLevels;
use ruma::{MxcUri, OwnedEventId, OwnedUserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Person, Role, Status, Timestamp};
use crate::{ChatApi, Problem, Settings};

/// A member of a room.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Member {
    /// Who it is.
    pub user: Person,
    /// What they may do.
    pub role: Role,
    /// When they came.
    pub joined_at: Option<Timestamp>,
    /// The last message that they have read, as far as they tell.
    #[schema(value_type = Option<String>)]
    pub last_read_message_id: Option<OwnedEventId>,
    /// Whether they are there.
    pub status: Status,
    /// When they did something last, if they were there since the server started.
    pub last_active_at: Option<Timestamp>,
}

impl Member {
    /// Members of a room with what its index says of them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn load(
        api: &ChatApi,
        snapshot: &dyn Snapshot,
        room: &Room,
        levels: &PowerLevels,
        members: Vec<(OwnedUserId, MatrixMember)>,
    ) -> Result<Vec<Self>, Problem> {
        let users: Vec<_> = members.iter().map(|(user, _)| user.clone()).collect();
        let since = api.rooms.joined_since(snapshot, room.nid(), &users).await?;
        let read = api.rooms.last_read(snapshot, room.nid(), &users).await?;
        let details = since.into_iter().zip(read);
        Ok(members
            .into_iter()
            .zip(details)
            .map(|((user, member), (since, read))| {
                let presence = api.bus.presence().get(&user);
                Self {
                    role: Role::of(levels, &user),
                    joined_at: since.map(Into::into),
                    last_read_message_id: read,
                    status: Status::of(&presence),
                    last_active_at: presence.last_active_ms.map(Timestamp::from_ms),
                    user: person(&api.settings, &user, Some(member)),
                }
            })
            .collect())
    }
}

/// How somebody looks in a room; who is not there any more has at least a name.
pub(crate) fn person(
    settings: &Settings,
    user: &OwnedUserId,
    member: Option<MatrixMember>,
) -> Person {
    let (name, avatar) =
        member.map(|member| (member.display_name, member.avatar_url)).unwrap_or_default();
    Person::new(settings, user, name, avatar.as_deref().map(<&MxcUri>::from))
}
