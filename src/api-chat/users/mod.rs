//! Users: profiles, finding them, and what one wants of others.

mod block;
mod notifications;
mod profile;
mod search;
mod update;

pub(crate) use self::{
    block::{
        __path_block_user, __path_list_blocked, __path_unblock_user, block_user, list_blocked,
        unblock_user,
    },
    notifications::{__path_set_notifications, set_notifications},
    profile::{__path_get_user, get_user},
    search::{__path_search_users, search_users},
    update::{__path_update_me, rename, update_me},
};
