//! What a user wants to hear of a room, as push rules: the same that Matrix clients make.

use axum::extract::State;
use hearth_accounts::AccountsError;
use ruma::{
    OwnedRoomId, RoomId,
    push::{
        Action, EventMatchConditionData, NewConditionalPushRule, NewPushRule, NewSimplePushRule,
        PushCondition, RuleKind, SoundTweakValue, Tweak,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Validate, place::Place, views::NotificationLevel,
};

/// What the user wants to hear.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct NotificationSettings {
    /// How much.
    level: NotificationLevel,
}

impl Validate for NotificationSettings {
    fn validate(&self, _: &mut Faults) {}
}

/// Says what the user wants to hear of a room.
#[utoipa::path(
    put, path = "/rooms/{room_id}/notifications", tag = "rooms",
    request_body = NotificationSettings,
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "What the user hears now", body = NotificationSettings)),
)]
pub(crate) async fn set_notifications(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(settings): Json<NotificationSettings>,
) -> Result<Json<NotificationSettings>, Problem> {
    let user_id = caller.user_id();
    Place::joined(&api, &room_id, user_id).await?;
    let accounts = &api.accounts;
    let silent = Vec::new();
    let aloud = vec![Action::Notify, Action::SetTweak(Tweak::Sound(SoundTweakValue::Default))];
    let of_room = |actions| NewPushRule::Room(NewSimplePushRule::new(room_id.clone(), actions));
    match settings.level {
        NotificationLevel::All => {
            remove(&api, &caller, RuleKind::Override, &room_id).await?;
            accounts.put_push_rule(user_id, &of_room(aloud), None, None).await?;
        }
        NotificationLevel::Mentions => {
            remove(&api, &caller, RuleKind::Override, &room_id).await?;
            accounts.put_push_rule(user_id, &of_room(silent), None, None).await?;
        }
        NotificationLevel::Muted => {
            let here = EventMatchConditionData::new("room_id".to_owned(), room_id.to_string());
            let here = vec![PushCondition::EventMatch(here)];
            let mute = NewConditionalPushRule::new(room_id.to_string(), here, silent);
            accounts.put_push_rule(user_id, &NewPushRule::Override(mute), None, None).await?;
            remove(&api, &caller, RuleKind::Room, &room_id).await?;
        }
    }
    Ok(Json(settings))
}

async fn remove(
    api: &ChatApi,
    caller: &Caller,
    kind: RuleKind,
    room_id: &RoomId,
) -> Result<(), Problem> {
    match api.accounts.delete_push_rule(caller.user_id(), &kind, room_id.as_str()).await {
        Ok(()) | Err(AccountsError::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
