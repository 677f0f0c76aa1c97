//! Messages: reading, writing, changing, and what belongs to them.

mod compose;
mod content_warning;
mod delete;
mod edit;
mod mentions;
mod pace;
mod page;
mod reactions;
mod receipts;
mod send;
mod thread;

pub(crate) use self::{
    content_warning::{
        __path_mark_not_safe_for_work, __path_unmark, mark_not_safe_for_work, unmark,
    },
    delete::{__path_delete_message, delete_message, is_deletion_of_edit},
    edit::{__path_edit_message, edit_message},
    page::{__path_get_message, __path_list_messages, get_message, list_messages},
    reactions::{
        __path_add_reaction, __path_list_reactions, __path_remove_reaction, add_reaction,
        list_reactions, remove_reaction,
    },
    receipts::{__path_list_receipts, __path_mark_read, list_receipts, mark_read},
    send::{__path_send_message, send_message},
    thread::{__path_list_thread, list_thread},
};
pub use pace::Pace;
pub use receipts::read;
pub use send::{NewMessage, send};
