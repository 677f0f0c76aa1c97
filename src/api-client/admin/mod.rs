//! What administrators of this server may do with its accounts (MSC4323).

mod moderation;
mod whois;

pub(crate) use self::{
    moderation::{is_locked, is_suspended, set_locked, set_suspended},
    whois::whois,
};
