//! Users and what is theirs: registration, sessions, devices, profiles, settings.

mod account_data;
mod application_services;
mod confirm;
mod deactivate;
mod delete_account_data;
mod devices;
mod filters;
mod login;
mod login_request;
mod openid;
mod notifications;
mod own;
mod password;
mod presence;
mod profile;
mod propagate;
mod push_rules;
mod pushers;
mod register;
mod register_checks;
mod rendezvous;
mod sessions;
mod shared_secret;
mod tags;
#[cfg(test)]
mod tests;
mod threepids;
mod user_directory;

pub(crate) use self::{
    account_data::{
        get_global_account_data, get_room_account_data, set_global_account_data,
        set_room_account_data,
    },
    application_services::ping,
    confirm::confirm,
    deactivate::deactivate,
    delete_account_data::{delete_global_account_data, delete_room_account_data},
    devices::{delete_device, delete_devices, get_device, get_devices, update_device},
    filters::{create_filter, get_filter},
    login::{get_login_token, login, login_types},
    openid::request_openid_token,
    notifications::get_notifications,
    password::change_password,
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
    threepids::get_threepids,
    user_directory::search_users,
};
