//! Searching messages, and the lists of what a room has: links and media.

mod answer;
mod find;
mod lists;
mod params;

pub(crate) use self::{
    find::{__path_search, __path_search_by_room, search, search_by_room},
    lists::{__path_list_links, __path_list_media, list_links, list_media},
};
