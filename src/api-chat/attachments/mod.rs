//! Attachments: files of the content repository that messages show.
//!
//! The id of an attachment is that of the file, so a file that somebody sent with Matrix is an
//! attachment here, and the other way round. Its type is what its content says.
//!
//! Invariant: a file is given to its uploader, to whoever may see an event that shows it, and, if
//! it is the uploader's avatar, to every user; to nobody else.

mod access;
mod compose;
mod download;
mod upload;

pub(crate) use access::check_avatar;
pub(crate) use compose::{Files, check_files, keep_files};
pub(crate) use download::{
    __path_get_attachment, __path_get_thumbnail, get_attachment, get_thumbnail,
};
pub(crate) use upload::{__path_upload_attachment, upload_attachment};

/// Largest attachment in bytes.
const ATTACHMENT_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Largest form in bytes that is read to its end, so that its sender learns that it is too large.
pub(crate) const FORM_BYTES_MAX: usize = 4 * ATTACHMENT_BYTES_MAX;
