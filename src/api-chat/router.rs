//! The whole chat API on one screen.
//!
//! Method and path stand with each handler, where the OpenAPI document has them from. An endpoint
//! is for accounts in good standing unless its line says otherwise.

use std::any::Any;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    response::{IntoResponse, Response},
    routing::get,
};
use hearth_bus::Bucket::{
    AccountChanges, Ephemeral, Invites, Joins, Logins, Media, Messages, Registrations, Reports,
    Requests, Searches,
};
use hearth_http::Access;
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ACCEPT_RANGES, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
        RANGE, RETRY_AFTER,
    },
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter},
    routes,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    ChatApi, Problem, Settings, attachments, auth, document, invites, members, messages,
    moderation, notifications, reviews, rooms, search, socket, users, webhooks,
};

const EVERYONE: Access = Access::EVERYONE;
const GUESTS: Access = Access::GUESTS;
const MEMBERS: Access = Access::MEMBERS;
const SUSPENDED: Access = Access::SUSPENDED;
const LOCKED: Access = Access::LOCKED;

type Routes = OpenApiRouter<ChatApi>;

/// All endpoints, without what their paths begin with.
pub(crate) fn routes() -> Routes {
    let routes = Routes::with_openapi(document::frame());
    let routes = sessions(routes);
    let routes = users(routes);
    let routes = rooms(routes);
    let routes = messages(routes);
    let routes = invites(routes);
    let routes = notifications(routes);
    let routes = moderation(routes);
    let routes = administration(routes);
    let routes = webhooks(routes);
    let routes = files(routes);
    let routes = live(routes);
    searches(routes)
}

fn sessions(routes: Routes) -> Routes {
    routes
        .routes(open_to(EVERYONE.limited(Registrations), routes!(auth::register)))
        .routes(open_to(EVERYONE.limited(Registrations), routes!(auth::enter_as_guest)))
        .routes(open_to(EVERYONE.limited(Logins), routes!(auth::login)))
        .routes(open_to(EVERYONE, routes!(auth::refresh)))
        .routes(open_to(LOCKED, routes!(auth::logout)))
        .routes(open_to(GUESTS, routes!(auth::get_me)))
        .routes(open_to(EVERYONE, routes!(auth::get_public_keys)))
}

fn users(routes: Routes) -> Routes {
    routes
        .routes(open_to(MEMBERS.limited(AccountChanges), routes!(users::update_me)))
        .routes(routes!(users::list_blocked))
        .routes(open_to(MEMBERS.limited(Searches), routes!(users::search_users)))
        .routes(open_to(GUESTS, routes!(users::get_user)))
        .routes(open_to(SUSPENDED, routes!(users::block_user, users::unblock_user)))
        .routes(open_to(SUSPENDED, routes!(users::set_notifications)))
}

fn rooms(routes: Routes) -> Routes {
    routes
        .routes(routes!(rooms::list_rooms))
        .routes(open_to(MEMBERS.limited(Joins), routes!(rooms::create_room)))
        .routes(open_to(MEMBERS.limited(Searches), routes!(rooms::list_public_rooms)))
        .routes(routes!(rooms::get_room, rooms::update_room, rooms::delete_room))
        .routes(open_to(MEMBERS.limited(Joins), routes!(rooms::join_room)))
        .routes(open_to(EVERYONE, routes!(rooms::leave_room)))
        .routes(routes!(members::list_members))
        .routes(open_to(MEMBERS.limited(Invites), routes!(members::invite_member)))
        .routes(routes!(members::remove_member))
        .routes(routes!(members::change_role))
}

fn messages(routes: Routes) -> Routes {
    routes
        .routes(open_to(GUESTS, routes!(messages::list_messages)))
        .routes(open_to(GUESTS.limited(Messages), routes!(messages::send_message)))
        .routes(open_to(GUESTS, routes!(messages::get_message)))
        .routes(open_to(GUESTS.limited(Messages), routes!(messages::edit_message)))
        .routes(open_to(EVERYONE.limited(Messages), routes!(messages::delete_message)))
        .routes(open_to(GUESTS, routes!(messages::list_thread)))
        .routes(open_to(GUESTS, routes!(messages::list_reactions)))
        .routes(open_to(GUESTS.limited(Messages), routes!(messages::add_reaction)))
        .routes(open_to(EVERYONE.limited(Messages), routes!(messages::remove_reaction)))
        .routes(open_to(
            GUESTS.limited(Messages),
            routes!(messages::mark_not_safe_for_work, messages::unmark),
        ))
        .routes(open_to(EVERYONE.limited(Ephemeral), routes!(messages::mark_read)))
        .routes(open_to(GUESTS, routes!(messages::list_receipts)))
}

fn invites(routes: Routes) -> Routes {
    routes
        .routes(open_to(MEMBERS.limited(Invites), routes!(invites::create_invite)))
        .routes(routes!(invites::list_invites))
        .routes(open_to(GUESTS.limited(Requests), routes!(invites::get_invite)))
        .routes(routes!(invites::revoke_invite))
        .routes(open_to(MEMBERS.limited(Joins), routes!(invites::accept_invite)))
}

fn notifications(routes: Routes) -> Routes {
    routes
        .routes(open_to(GUESTS, routes!(notifications::list_notifications)))
        .routes(open_to(GUESTS, routes!(notifications::count_notifications)))
        .routes(open_to(EVERYONE, routes!(notifications::read_notification)))
        .routes(open_to(EVERYONE, routes!(notifications::read_all_notifications)))
}

fn moderation(routes: Routes) -> Routes {
    routes
        .routes(routes!(moderation::mute, moderation::list_mutes))
        .routes(routes!(moderation::unmute))
        .routes(routes!(moderation::time_out))
        .routes(routes!(moderation::get_standing))
        .routes(routes!(moderation::open_moderators_room))
        .routes(routes!(moderation::ban, moderation::list_bans))
        .routes(routes!(moderation::unban))
        .routes(routes!(moderation::list_pins))
        .routes(routes!(moderation::pin, moderation::unpin))
        .routes(routes!(moderation::archive, moderation::unarchive))
        .routes(routes!(moderation::get_rules, moderation::set_rules))
        .routes(open_to(GUESTS, routes!(moderation::accept_rules)))
        .routes(open_to(GUESTS.limited(Reports), routes!(moderation::report_message)))
        .routes(open_to(GUESTS.limited(Reports), routes!(moderation::report_room)))
        .routes(open_to(GUESTS.limited(Reports), routes!(moderation::report_user)))
}

fn administration(routes: Routes) -> Routes {
    routes
        .routes(routes!(reviews::list_reports))
        .routes(routes!(reviews::get_report))
        .routes(routes!(reviews::resolve_report))
        .routes(routes!(reviews::get_audit_log))
        .routes(routes!(reviews::read_room))
}

fn webhooks(routes: Routes) -> Routes {
    routes
        .routes(routes!(webhooks::create_webhook, webhooks::list_webhooks))
        .routes(routes!(webhooks::revoke_webhook))
        .routes(open_to(EVERYONE.limited(Requests), routes!(webhooks::post_to_webhook)))
}

fn files(routes: Routes) -> Routes {
    let form = DefaultBodyLimit::max(attachments::FORM_BYTES_MAX);
    let (schemas, paths, methods) =
        open_to(MEMBERS.limited(Media), routes!(attachments::upload_attachment));
    routes
        .routes((schemas, paths, methods.layer(form)))
        .routes(open_to(GUESTS.limited(Media), routes!(attachments::get_attachment)))
        .routes(open_to(GUESTS.limited(Media), routes!(attachments::get_thumbnail)))
}

fn live(routes: Routes) -> Routes {
    routes
        .routes(open_to(GUESTS, routes!(socket::open_socket)))
        .routes(open_to(GUESTS, routes!(socket::stream_events)))
}

fn searches(routes: Routes) -> Routes {
    routes
        .routes(open_to(MEMBERS.limited(Searches), routes!(search::search)))
        .routes(open_to(MEMBERS.limited(Searches), routes!(search::search_by_room)))
        .routes(open_to(GUESTS.limited(Searches), routes!(search::list_links)))
        .routes(open_to(GUESTS.limited(Searches), routes!(search::list_media)))
}

/// Endpoints for whomever `access` says.
fn open_to(
    access: Access,
    (schemas, paths, methods): UtoipaMethodRouter<ChatApi>,
) -> UtoipaMethodRouter<ChatApi> {
    (schemas, paths, methods.layer(Extension(access)))
}

/// The chat API, below its base path, with its document and a page to browse it.
pub fn router(api: ChatApi) -> Router {
    let (base, cors) = (api.settings.base_path.clone(), cors(&api.settings));
    api.tasks.spawn(socket::follow(api.clone()));
    let (endpoints, mut document) = routes().split_for_parts();
    document::finish(&mut document, &base);
    let document = axum::Json(document);
    let endpoints = endpoints
        .route("/openapi.json", get(async move || document))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(api);
    let page = SwaggerUi::new(format!("{base}/docs"))
        .config(Config::new([format!("{base}/openapi.json")]));
    let router = match base.is_empty() {
        true => endpoints,
        false => Router::new().nest(&base, endpoints.fallback(unknown_path)),
    };
    router.merge(page).layer(CatchPanicLayer::custom(panicked)).layer(cors)
}

async fn unknown_path() -> Problem {
    Problem::not_found("there is no such endpoint")
}

async fn method_not_allowed() -> Problem {
    let detail = "this endpoint does not know this method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}

fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    Problem::internal(format!("panic: {}", text.unwrap_or_default())).into_response()
}

/// Where a stream of events goes on (HTML, "Server-sent events").
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Pages of the allowed origins may use the API. Tokens do not come by themselves as cookies do, so
/// nothing is lost where every page may.
fn cors(settings: &Settings) -> CorsLayer {
    let origins = settings.allowed_origins.iter();
    let origins: Vec<HeaderValue> =
        origins.filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let origins = match origins.is_empty() {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(origins),
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([CONTENT_TYPE, AUTHORIZATION, RANGE, IF_RANGE, IF_NONE_MATCH, LAST_EVENT_ID])
        .expose_headers([RETRY_AFTER, ACCEPT_RANGES, CONTENT_RANGE, ETAG])
}
