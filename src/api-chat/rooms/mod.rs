//! Rooms: finding, making, changing, coming and going.

mod create;
mod delete;
mod direct;
mod join;
mod list;
mod new_room;
mod public;
mod settings;
mod update;

pub use self::direct::DirectRooms;
pub(crate) use self::{
    create::{__path_create_room, create_room},
    delete::{__path_delete_room, delete_room},
    join::{__path_join_room, __path_leave_room, join_room, leave_room},
    list::{__path_get_room, __path_list_rooms, check_limit, get_room, list_rooms},
    public::{__path_list_public_rooms, list_public_rooms},
    update::{__path_update_room, update_room},
};
