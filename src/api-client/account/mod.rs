//! Users and what is theirs: registration, sessions, devices, profiles, settings.

mod account_data;
mod confirm;
mod deactivate;
mod delete_account_data;
mod departure;
mod devices;
mod email_page;
mod email_tokens;
mod filters;
mod login;
mod login_request;
mod notifications;
mod old_third_party_id;
mod openid;
mod own;
mod password;
mod phone_tokens;
mod presence;
mod profile;
mod propagate;
mod push_rules;
mod pushers;
mod register;
mod register_checks;
mod register_flows;
mod rendezvous;
mod sessions;
mod shared_secret;
mod tags;
#[cfg(test)]
mod tests;
mod third_party_ids;
mod user_directory;

pub use self::departure::resume_departures;
pub(crate) use self::{
    account_data::{
        get_global_account_data, get_room_account_data, set_global_account_data,
        set_room_account_data,
    },
    confirm::confirm,
    deactivate::deactivate,
    delete_account_data::{delete_global_account_data, delete_room_account_data},
    devices::{delete_device, delete_devices, get_device, get_devices, update_device},
    email_page::{show_email_page, submit_email_page},
    email_tokens::{
        request_password_email, request_registration_email, request_third_party_id_email,
    },
    filters::{create_filter, get_filter},
    login::{get_login_token, login, login_types},
    notifications::get_notifications,
    openid::request_openid_token,
    password::change_password,
    phone_tokens::{
        request_password_message, request_registration_message, request_third_party_id_message,
    },
    presence::{get_presence, set_presence},
    profile::{delete_profile_field, get_profile, get_profile_field, set_profile_field},
    push_rules::{
        delete_push_rule, get_all_push_rules, get_global_push_rules, get_push_rule,
        get_push_rule_actions, get_push_rule_enabled, set_push_rule, set_push_rule_actions,
        set_push_rule_enabled,
    },
    pushers::{get_pushers, set_pusher},
    register::register,
    register_checks::{is_registration_token_valid, is_username_available},
    rendezvous::{
        PATH as RENDEZVOUS_PATH, close_rendezvous, open_rendezvous, read_rendezvous,
        write_rendezvous,
    },
    sessions::{logout, logout_all, refresh, whoami},
    shared_secret::{get_nonce, register_with_shared_secret},
    tags::{create_tag, delete_tag, get_tags},
    third_party_ids::{
        add_third_party_id, bind_third_party_id, delete_third_party_id, get_third_party_ids,
        post_third_party_id, unbind_third_party_id,
    },
    user_directory::search_users,
};
