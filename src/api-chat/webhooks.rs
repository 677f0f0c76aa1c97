//! Incoming webhooks: administrators of a room make them, whoever knows the address posts.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, State},
};
use hearth_base::Secret;
use hearth_bus::Bucket;
use hearth_chat::SlackMessage;
use hearth_http::read_json;
use http::{StatusCode, header::CONTENT_TYPE};
use ruma::OwnedRoomId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Anybody, Caller, ChatApi, Faults, Json, Path, Problem, Validate,
    views::{Person, Timestamp},
};

/// Longest name of a webhook, in characters.
const NAME_CHARACTERS_MAX: usize = 50;

/// What a webhook is to be.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewWebhook {
    /// What it is called.
    #[schema(min_length = 1, max_length = 50, pattern = "[^ \\t\\r\\n]")]
    name: String,
}

impl Validate for NewWebhook {
    fn validate(&self, faults: &mut Faults) {
        faults.characters("name", &self.name, 1..=NAME_CHARACTERS_MAX);
        faults.not_blank("name", &self.name);
    }
}

/// An incoming webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct Webhook {
    /// Its id.
    id: String,
    /// Where it posts.
    #[schema(value_type = String)]
    room_id: OwnedRoomId,
    /// What it is called.
    name: String,
    /// As whom it posts.
    user: Person,
    /// Who made it.
    creator: Person,
    /// When it was made.
    created_at: Timestamp,
}

/// A new webhook, with its address.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeWebhook {
    /// The webhook.
    #[serde(flatten)]
    webhook: Webhook,
    /// The path to post to. It has the secret, and is told this once.
    #[schema(example = "/api/hooks/d5k2j8h1g4f7/…")]
    path: String,
}

/// The webhooks of a room.
#[derive(Serialize, ToSchema)]
pub(crate) struct Webhooks {
    /// The webhooks.
    webhooks: Vec<Webhook>,
}

/// What is posted to a webhook, as to one of Slack; other fields are passed over.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SlackPayload {
    /// The text.
    #[serde(default)]
    text: Option<String>,
    /// The name under which it appears.
    #[serde(default)]
    username: Option<String>,
    /// The picture with which it appears.
    #[serde(default)]
    icon_url: Option<String>,
    /// More to it, each with a title, a text and fields.
    #[serde(default)]
    attachments: Option<Vec<serde_json::Value>>,
    /// Its layout; what has text in it is shown.
    #[serde(default)]
    blocks: Option<Vec<serde_json::Value>>,
}

impl From<SlackPayload> for SlackMessage {
    fn from(payload: SlackPayload) -> Self {
        let SlackPayload { text, username, icon_url, attachments, blocks } = payload;
        let (attachments, blocks) = (attachments.unwrap_or_default(), blocks.unwrap_or_default());
        Self { text, username, icon_url, attachments, blocks }
    }
}

/// A form with the JSON in it, as older senders write it.
#[derive(Deserialize)]
struct Form {
    payload: String,
}

/// What was posted, as JSON or as a form with the JSON in it.
pub(crate) struct Posted(SlackPayload);

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_form =
            kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let mut bytes: Bytes = read_json(request.into_body()).await?;
        let unreadable = |_| Problem::invalid_field("", "it is not the JSON of a message");
        if is_form {
            let form: Form = serde_html_form::from_bytes(&bytes)
                .map_err(|_| Problem::invalid_field("payload", "it is needed"))?;
            bytes = form.payload.into();
        }
        Ok(Self(serde_json::from_slice(&bytes).map_err(unreadable)?))
    }
}

impl Webhook {
    async fn new(api: &ChatApi, webhook: hearth_chat::Webhook) -> Result<Self, Problem> {
        let hearth_chat::Webhook { id, room_id, name, user_id, creator, created_ms } = webhook;
        Ok(Self {
            id,
            room_id,
            name,
            user: Person::load(api, &user_id).await?,
            creator: Person::load(api, &creator).await?,
            created_at: Timestamp::from_ms(created_ms),
        })
    }
}

/// Makes a webhook, and tells its address, this once.
#[utoipa::path(
    post, path = "/rooms/{room_id}/webhooks", tag = "webhooks", request_body = NewWebhook,
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 201, description = "The webhook", body = MadeWebhook)),
)]
pub(crate) async fn create_webhook(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Json(NewWebhook { name }): Json<NewWebhook>,
) -> Result<(StatusCode, Json<MadeWebhook>), Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let (made, secret) = api.chat.create_webhook(&room, caller.user_id(), &name).await?;
    let path = format!("{}/hooks/{}/{}", api.settings.base_path, made.id, secret.expose());
    let webhook = Webhook::new(&api, made).await?;
    Ok((StatusCode::CREATED, Json(MadeWebhook { webhook, path })))
}

/// Lists the webhooks of a room.
#[utoipa::path(
    get, path = "/rooms/{room_id}/webhooks", tag = "webhooks",
    params(("room_id" = String, Path, description = "The room")),
    responses((status = 200, description = "The webhooks", body = Webhooks)),
)]
pub(crate) async fn list_webhooks(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
) -> Result<Json<Webhooks>, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    let mut webhooks = Vec::new();
    for webhook in api.chat.webhooks(&room, caller.user_id()).await? {
        webhooks.push(Webhook::new(&api, webhook).await?);
    }
    Ok(Json(Webhooks { webhooks }))
}

/// Revokes a webhook: its address is nobody's any more.
#[utoipa::path(
    delete, path = "/rooms/{room_id}/webhooks/{id}", tag = "webhooks",
    params(
        ("room_id" = String, Path, description = "The room"),
        ("id" = String, Path, description = "The webhook"),
    ),
    responses((status = 204, description = "Revoked")),
)]
pub(crate) async fn revoke_webhook(
    State(api): State<ChatApi>,
    caller: Caller,
    Path((room_id, id)): Path<(OwnedRoomId, String)>,
) -> Result<StatusCode, Problem> {
    let room = api.rooms.existing_room(&room_id).await?;
    api.chat.revoke_webhook(&room, caller.user_id(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Posts to the room of a webhook. It answers as Slack does.
#[utoipa::path(
    post, path = "/hooks/{id}/{secret}", tag = "webhooks", security(()),
    request_body = SlackPayload,
    params(
        ("id" = String, Path, description = "The webhook"),
        ("secret" = String, Path, description = "Its secret"),
    ),
    responses((status = 200, description = "Posted", body = String, content_type = "text/plain")),
)]
pub(crate) async fn post_to_webhook(
    State(api): State<ChatApi>,
    _: Anybody,
    Path((id, secret)): Path<(String, String)>,
    Posted(payload): Posted,
) -> Result<&'static str, Problem> {
    let secret = Secret::new(secret);
    // Who only knows the id cannot use up what the webhook may post.
    api.chat.check_webhook_secret(&id, &secret).await?;
    api.bus.rate_limits().check(Bucket::Messages, &format!("webhook {id}"))?;
    api.chat.post_to_webhook(&id, &secret, &payload.into()).await?;
    Ok("ok")
}
