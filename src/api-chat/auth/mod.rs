//! Logging in, and what proves it: signed tokens (JWT, RFC 7519), bound to a Matrix device.

mod guest;
mod login;
mod public_keys;
mod register;
mod session;
mod signatures;
mod tokens;

pub(crate) use self::{
    guest::{__path_enter_as_guest, enter_as_guest},
    login::{__path_login, login},
    public_keys::{__path_get_public_keys, get_public_keys},
    register::{__path_register, register},
    session::{__path_get_me, __path_logout, __path_refresh, get_me, logout, refresh},
};
pub use tokens::Tokens;
