//! Login through another provider (`m.login.sso`): the way out, the way back, and the pages that
//! people see in between.
//!
//! Everything here is opened by a browser, so failures are pages too.

mod begin;
mod browser;
mod callback;
mod fallback;
mod pages;

pub(crate) use self::{
    begin::{begin, begin_with},
    callback::{PATH as CALLBACK_PATH, callback},
    fallback::fallback,
};
