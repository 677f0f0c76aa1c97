//! `PATCH /users/me`.

use axum::extract::State;
use hearth_bus::Availability;
use ruma::{OwnedRoomId, UserId};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    Caller, ChatApi, Faults, Json, Problem, Validate,
    attachments::check_avatar,
    invitees::profile_of,
    place::Place,
    views::{OwnUser, STATUS_MESSAGE, Status},
};

/// Longest status message, in characters.
const STATUS_MESSAGE_CHARACTERS_MAX: usize = 100;
/// Longest id of an attachment, in characters.
const ATTACHMENT_CHARACTERS_MAX: usize = 255;

/// What changes about the user; what is left out stays.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct UserUpdate {
    /// What others see.
    #[serde(default)]
    #[schema(
        min_length = 1,
        max_length = 50,
        pattern = "^ *[^ \\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    display_name: Option<String>,
    /// The id of a picture that the user uploaded. It becomes the avatar, which everybody may see;
    /// `null` for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[A-Za-z0-9_-]+$")]
    avatar: Option<Option<String>>,
    /// Whether the user is there. Who is `offline` is shown so even while connected.
    #[serde(default)]
    status: Option<Status>,
    /// What the user says about it; `null` for nothing.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 100)]
    status_message: Option<Option<String>>,
    /// The room that the user looks at; `null` for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, pattern = "^![A-Za-z0-9._~-]{1,64}(:[a-z0-9.-]{1,64})?$")]
    current_room_id: Option<Option<OwnedRoomId>>,
    /// Whether nobody may send the user invites and direct messages.
    #[serde(default)]
    do_not_disturb: Option<bool>,
}

/// Tells `null` from nothing.
fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl Validate for UserUpdate {
    fn validate(&self, faults: &mut Faults) {
        if let Some(name) = &self.display_name {
            faults.display_name("display_name", name);
        }
        let message = self.status_message.as_ref().and_then(Option::as_deref);
        let allowed = 0..=STATUS_MESSAGE_CHARACTERS_MAX;
        faults.optional_characters("status_message", message, allowed);
        if let Some(Some(avatar)) = &self.avatar {
            faults.characters("avatar", avatar, 1..=ATTACHMENT_CHARACTERS_MAX);
            let is_id = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            faults.check("avatar", avatar.bytes().all(is_id), "it is not the id of an attachment");
        }
    }
}

/// Changes the user whose token goes with the request.
#[utoipa::path(
    patch, path = "/users/me", tag = "users", request_body = UserUpdate,
    responses((status = 200, description = "The user", body = OwnUser)),
)]
pub(crate) async fn update_me(
    State(api): State<ChatApi>,
    caller: Caller,
    Json(update): Json<UserUpdate>,
) -> Result<Json<OwnUser>, Problem> {
    let user_id = caller.user_id();
    if let Some(Some(room_id)) = &update.current_room_id {
        Place::joined(&api, room_id, user_id).await?;
    }
    if let Some(Some(avatar)) = &update.avatar {
        check_avatar(&api, user_id, avatar).await?;
    }
    change_profile(&api, &caller, &update).await?;
    let presence = api.bus.presence();
    if let Some(message) = update.status_message {
        let message = message.filter(|message| !message.is_empty());
        let stored = message.as_ref().map(|message| json!(message));
        api.accounts.set_profile_field(user_id, STATUS_MESSAGE, stored.as_ref()).await?;
        presence.say(user_id, message);
    }
    if let Some(room_id) = update.current_room_id {
        presence.look_at(user_id, room_id);
    }
    if let Some(status) = update.status {
        presence.choose(
            user_id,
            match status {
                Status::Online => Availability::Online,
                Status::Away => Availability::Away,
                Status::Busy => Availability::Busy,
                Status::Offline => Availability::Offline,
            },
        );
    }
    if let Some(wanted) = update.do_not_disturb {
        api.accounts.set_do_not_disturb(user_id, wanted).await?;
    }
    Ok(Json(OwnUser::load(&api, user_id).await?))
}

async fn change_profile(
    api: &ChatApi,
    caller: &Caller,
    update: &UserUpdate,
) -> Result<(), Problem> {
    let user_id = caller.user_id();
    let mut is_changed = false;
    if let Some(name) = &update.display_name {
        let name = json!(name);
        is_changed |= api.accounts.set_profile_field(user_id, "displayname", Some(&name)).await?;
    }
    if let Some(avatar) = &update.avatar {
        let server = &api.settings.server_name;
        let avatar: Option<Value> =
            avatar.as_ref().map(|media| json!(format!("mxc://{server}/{media}")));
        let field = "avatar_url";
        is_changed |= api.accounts.set_profile_field(user_id, field, avatar.as_ref()).await?;
    }
    if is_changed {
        propagate(api, user_id.to_owned()).await;
    }
    Ok(())
}

/// Changes the display name of a user, and brings it into their rooms.
///
/// # Errors
/// The name is refused, or the store failed.
pub(crate) async fn rename(api: &ChatApi, user_id: &UserId, name: &str) -> Result<(), Problem> {
    let name = json!(name);
    if api.accounts.set_profile_field(user_id, "displayname", Some(&name)).await? {
        propagate(api, user_id.to_owned()).await;
    }
    Ok(())
}

/// Brings a changed profile into the rooms of the user, whether the client waits or not.
async fn propagate(api: &ChatApi, user: ruma::OwnedUserId) {
    let owned = api.clone();
    let work = api.tasks.spawn(async move {
        let profile = || async {
            profile_of(&owned, &user).await.map_err(|problem| problem.detail().to_owned())
        };
        if let Err(error) = owned.rooms.update_profile_everywhere(&user, profile).await {
            tracing::warn!(%user, %error, "a changed profile did not reach all rooms");
        }
    });
    // It fails only when the runtime ends.
    let _ = work.await;
}
