//! Members of rooms: who is there, inviting, removing, roles.

mod invite;
mod list;
mod remove;
mod role;

pub(crate) use self::{
    invite::{__path_invite_member, invite_member},
    list::{__path_list_members, list_members},
    remove::{__path_remove_member, remove_member},
    role::{__path_change_role, change_role},
};
