//! The whole client-server API on one screen.
//!
//! Each handler names the request that it answers; method and paths follow from that. An endpoint
//! is for accounts in good standing unless its line says otherwise.

use axum::{
    Router,
    routing::{get, post},
};
use hearth_bus::Bucket::{
    AccountChanges, Ephemeral, Invites, Joins, Letters, Logins, Media, Messages, Registrations,
    Reports, Searches,
};
use hearth_http::{Access, ApiRouter};

use crate::{
    ClientApi, account, admin, application_services, discovery, encryption, media, old_sync, rooms,
    server_notices, sso, sync,
};

const EVERYONE: Access = Access::EVERYONE;
const GUESTS: Access = Access::GUESTS;
const LOCKED: Access = Access::LOCKED;
const SUSPENDED: Access = Access::SUSPENDED;

type Routes = ApiRouter<ClientApi>;

/// The client-server API.
pub fn router(api: ClientApi) -> Router {
    let routes = discovery(Routes::new());
    let routes = sessions(routes);
    let routes = third_party_ids(routes);
    let routes = admin(routes);
    let routes = users(routes);
    let routes = encryption(routes);
    let routes = entering(routes);
    let routes = conversation(routes);
    let routes = media(routes);
    routes.finish(api)
}

fn discovery(routes: Routes) -> Routes {
    routes
        .ruma(discovery::versions)
        .ruma(discovery::homeserver)
        .ruma(discovery::support)
        .route("/.well-known/matrix/server", get(discovery::server_address))
        .route("/.well-known/matrix/policy_server", get(discovery::policy_server))
        .ruma(discovery::auth_metadata)
        .ruma_for(GUESTS, discovery::capabilities)
        .ruma_for(GUESTS, discovery::turn_server)
        .ruma_for(GUESTS, application_services::protocols)
        .ruma(application_services::protocol)
        .ruma(application_services::locations_of_protocol)
        .ruma(application_services::users_of_protocol)
        .ruma(application_services::location_of_alias)
        .ruma(application_services::user_of_id)
        .ruma(application_services::ping)
}

fn sessions(routes: Routes) -> Routes {
    let rendezvous = get(account::read_rendezvous)
        .put(account::write_rendezvous)
        .delete(account::close_rendezvous);
    let by_secret = get(account::get_nonce).post(account::register_with_shared_secret);
    routes
        .ruma_for(GUESTS.limited(Registrations), account::register)
        .ruma_for(EVERYONE.limited(Logins), account::is_username_available)
        .ruma_for(EVERYONE.limited(Registrations), account::is_registration_token_valid)
        .route("/_synapse/admin/v1/register", by_secret)
        .route(account::RENDEZVOUS_PATH, post(account::open_rendezvous))
        .route(&format!("{}/{{id}}", account::RENDEZVOUS_PATH), rendezvous)
        .ruma(account::login_types)
        .ruma_for(EVERYONE.limited(Logins), sso::begin)
        .ruma_for(EVERYONE.limited(Logins), sso::begin_with)
        .route(sso::CALLBACK_PATH, get(sso::callback))
        .ruma_for(EVERYONE.limited(Logins), sso::fallback)
        .ruma_for(EVERYONE.limited(Logins), account::login)
        .ruma_for(SUSPENDED.limited(AccountChanges), account::get_login_token)
        .ruma_for(EVERYONE, account::refresh)
        .ruma_for(LOCKED, account::logout)
        .ruma_for(LOCKED, account::logout_all)
        .ruma_for(GUESTS, account::whoami)
        .ruma_for(GUESTS, account::request_openid_token)
        .ruma_for(SUSPENDED.limited(AccountChanges), account::change_password)
        .ruma_for(SUSPENDED.limited(AccountChanges), account::deactivate)
        .ruma_for(GUESTS, account::get_devices)
        .ruma_for(GUESTS, account::get_device)
        .ruma_for(EVERYONE, account::update_device)
        .ruma_for(SUSPENDED, account::delete_device)
        .ruma_for(SUSPENDED, account::delete_devices)
}

/// E-mail addresses, and why there are no phone numbers. A suspended user may add contacts.
fn third_party_ids(routes: Routes) -> Routes {
    let email_page = get(account::show_email_page).post(account::submit_email_page);
    routes
        .ruma(account::get_third_party_ids)
        .ruma(account::post_third_party_id)
        .ruma_for(SUSPENDED.limited(Logins), account::add_third_party_id)
        .ruma(account::delete_third_party_id)
        .ruma(account::bind_third_party_id)
        .ruma(account::unbind_third_party_id)
        .ruma_for(EVERYONE.limited(Letters), account::request_registration_email)
        .ruma_for(EVERYONE.limited(Letters), account::request_password_email)
        .ruma_for(EVERYONE.limited(Letters), account::request_third_party_id_email)
        .ruma_for(EVERYONE.limited(Letters), account::request_registration_message)
        .ruma_for(EVERYONE.limited(Letters), account::request_password_message)
        .ruma_for(EVERYONE.limited(Letters), account::request_third_party_id_message)
        .route("/_hearth/client/email/submit_token", email_page)
}

/// For administrators, and for whoever asks about themselves.
fn admin(routes: Routes) -> Routes {
    routes
        .ruma(admin::is_locked)
        .ruma(admin::set_locked)
        .ruma(admin::is_suspended)
        .ruma(admin::set_suspended)
        .ruma(admin::whois)
}

fn users(routes: Routes) -> Routes {
    routes
        .ruma(account::get_profile)
        .ruma(account::get_profile_field)
        .ruma_for(GUESTS.limited(AccountChanges), account::set_profile_field)
        .ruma_for(GUESTS.limited(AccountChanges), account::delete_profile_field)
        .ruma_for(SUSPENDED.limited(Searches), account::search_users)
        .ruma(account::get_presence)
        .ruma_for(SUSPENDED.limited(Ephemeral), account::set_presence)
        .ruma_for(GUESTS, account::get_global_account_data)
        .ruma_for(EVERYONE, account::set_global_account_data)
        .ruma_for(GUESTS, account::get_room_account_data)
        .ruma_for(EVERYONE, account::set_room_account_data)
        .ruma_for(EVERYONE, account::delete_global_account_data)
        .ruma_for(EVERYONE, account::delete_room_account_data)
        .ruma_for(GUESTS, account::get_tags)
        .ruma_for(EVERYONE, account::create_tag)
        .ruma_for(EVERYONE, account::delete_tag)
        .ruma_for(EVERYONE, account::create_filter)
        .ruma_for(GUESTS, account::get_filter)
        .ruma_for(GUESTS, account::get_all_push_rules)
        .ruma_for(GUESTS, account::get_global_push_rules)
        .ruma_for(GUESTS, account::get_push_rule)
        .ruma_for(SUSPENDED.limited(AccountChanges), account::set_push_rule)
        .ruma_for(SUSPENDED, account::delete_push_rule)
        .ruma_for(GUESTS, account::get_push_rule_actions)
        .ruma_for(SUSPENDED, account::set_push_rule_actions)
        .ruma_for(GUESTS, account::get_push_rule_enabled)
        .ruma_for(SUSPENDED, account::set_push_rule_enabled)
        .ruma(account::get_pushers)
        .ruma_for(SUSPENDED.limited(AccountChanges), account::set_pusher)
        .ruma_for(GUESTS, account::get_notifications)
}

fn encryption(routes: Routes) -> Routes {
    routes
        .ruma_for(EVERYONE, encryption::upload_keys)
        .ruma_for(EVERYONE, encryption::query_keys)
        .ruma_for(EVERYONE, encryption::claim_keys)
        .ruma_for(GUESTS, encryption::get_key_changes)
        .ruma_for(SUSPENDED, encryption::upload_cross_signing_keys)
        .ruma_for(SUSPENDED, encryption::upload_signatures)
        .ruma_for(EVERYONE, encryption::send_to_device)
        .ruma_for(SUSPENDED, encryption::put_dehydrated_device)
        .ruma(encryption::get_dehydrated_device)
        .ruma_for(SUSPENDED, encryption::delete_dehydrated_device)
        .ruma_for(SUSPENDED, encryption::get_dehydrated_events)
        .ruma_for(SUSPENDED, encryption::create_backup_version)
        .ruma(encryption::get_latest_backup_version)
        .ruma(encryption::get_backup_version)
        .ruma_for(SUSPENDED, encryption::update_backup_version)
        .ruma_for(SUSPENDED, encryption::delete_backup_version)
        .ruma_for(SUSPENDED, encryption::put_backup_keys)
        .ruma_for(SUSPENDED, encryption::put_backup_keys_for_room)
        .ruma_for(SUSPENDED, encryption::put_backup_keys_for_session)
        .ruma(encryption::get_backup_keys)
        .ruma(encryption::get_backup_keys_for_room)
        .ruma(encryption::get_backup_keys_for_session)
        .ruma_for(SUSPENDED, encryption::delete_backup_keys)
        .ruma_for(SUSPENDED, encryption::delete_backup_keys_for_room)
        .ruma_for(SUSPENDED, encryption::delete_backup_keys_for_session)
}

/// Making rooms, coming and going.
fn entering(routes: Routes) -> Routes {
    routes
        .ruma_for(Access::MEMBERS.limited(Joins), rooms::create_room)
        .ruma_for(GUESTS.limited(Joins), rooms::join)
        .ruma_for(GUESTS.limited(Joins), rooms::join_by_id)
        .ruma_for(Access::MEMBERS.limited(Joins), rooms::knock)
        .ruma_for(Access::MEMBERS.limited(Joins), rooms::upgrade)
        .ruma_for(Access::MEMBERS.limited(Invites), rooms::invite)
        .ruma(server_notices::send)
        .ruma(server_notices::send_once)
        .ruma_for(EVERYONE, rooms::leave)
        .ruma_for(EVERYONE, rooms::forget)
        .ruma(rooms::kick)
        .ruma(rooms::ban)
        .ruma(rooms::unban)
        .ruma_for(GUESTS, rooms::joined_rooms)
        .ruma(rooms::get_mutual_rooms)
        .ruma(rooms::get_mutual_rooms_by_old_name)
        .ruma(rooms::create_alias)
        .ruma(rooms::get_alias)
        .ruma(rooms::delete_alias)
        .ruma_for(GUESTS, rooms::list_aliases)
        .ruma(rooms::get_public_rooms)
        .ruma_for(EVERYONE.limited(Searches), rooms::search_public_rooms)
        .ruma(rooms::get_room_visibility)
        .ruma(rooms::set_room_visibility)
        .ruma(rooms::set_network_visibility)
        .ruma_for(GUESTS, rooms::get_summary)
        .ruma_at(GUESTS, rooms::OLD_SUMMARY_PATH, rooms::get_summary)
        .ruma_for(GUESTS.limited(Searches), rooms::get_hierarchy)
}

/// What is said in rooms, and reading it.
fn conversation(routes: Routes) -> Routes {
    routes
        .ruma_for(GUESTS, sync::sync)
        .ruma_for(GUESTS, sync::slide)
        .ruma(old_sync::initial_sync)
        .ruma_for(GUESTS, old_sync::room_initial_sync)
        .ruma_for(GUESTS, old_sync::get_events)
        .ruma_for(GUESTS, old_sync::get_event_of_any_room)
        .ruma_for(GUESTS.limited(Messages), rooms::send)
        .ruma_for(GUESTS.limited(Messages), rooms::send_state)
        .ruma_for(EVERYONE.limited(Messages), rooms::redact)
        .ruma_for(GUESTS.limited(Messages), rooms::send_delayed_event)
        .ruma_for(GUESTS, rooms::get_delayed_events)
        .ruma_for(GUESTS, rooms::get_delayed_event)
        .ruma_for(EVERYONE.limited(Messages), rooms::update_delayed_event)
        .ruma_for(SUSPENDED.limited(Reports), rooms::report_event)
        .ruma_for(SUSPENDED.limited(Reports), rooms::report_room)
        .ruma_for(SUSPENDED.limited(Reports), rooms::report_user)
        .ruma_for(GUESTS, rooms::retention_configuration)
        .ruma_for(GUESTS, rooms::get_state)
        .ruma_for(GUESTS, rooms::get_state_event)
        .ruma_for(GUESTS, rooms::members)
        .ruma_for(GUESTS, rooms::joined_members)
        .ruma_for(GUESTS, rooms::get_messages)
        .ruma_for(GUESTS, rooms::get_context)
        .ruma_for(GUESTS, rooms::get_event)
        .ruma_for(GUESTS, rooms::timestamp_to_event)
        .ruma_for(GUESTS, rooms::relations)
        .ruma_for(GUESTS, rooms::relations_of_type)
        .ruma_for(GUESTS, rooms::relations_of_event_type)
        .ruma_for(GUESTS, rooms::get_threads)
        .ruma(rooms::get_thread_subscription)
        .ruma(rooms::get_thread_subscription_changes)
        .ruma_for(SUSPENDED, rooms::subscribe_thread)
        .ruma_for(SUSPENDED, rooms::unsubscribe_thread)
        .ruma_for(EVERYONE.limited(Ephemeral), rooms::send_receipt)
        .ruma_for(EVERYONE.limited(Ephemeral), rooms::set_read_markers)
        .ruma_for(GUESTS.limited(Ephemeral), rooms::set_typing)
        .ruma_for(SUSPENDED.limited(Searches), rooms::search)
}

fn media(routes: Routes) -> Routes {
    routes
        .ruma_for(Access::MEMBERS.limited(Media), media::upload)
        .ruma_for(Access::MEMBERS.limited(Media), media::reserve)
        .ruma_for(Access::MEMBERS.limited(Media), media::upload_reserved)
        .ruma_for(GUESTS.limited(Media), media::download)
        .ruma_for(GUESTS.limited(Media), media::download_as)
        .ruma_for(GUESTS.limited(Media), media::thumbnail)
        .ruma_for(GUESTS, media::media_config)
        .ruma_for(GUESTS.limited(Media), media::old_download)
        .ruma_for(GUESTS.limited(Media), media::old_download_as)
        .ruma_for(GUESTS.limited(Media), media::old_thumbnail)
        .ruma_for(GUESTS, media::old_media_config)
        .ruma_for(Access::MEMBERS.limited(Media), media::preview)
        .ruma_for(Access::MEMBERS.limited(Media), media::old_preview)
}
