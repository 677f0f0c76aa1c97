//! Judges what a server answers by the OpenAPI documents of the Matrix specification, and keeps
//! account of which operations were tried.
//!
//! The documents are data that lies beside the checkout ([`find`]) and is not part of it; who finds
//! none judges nothing and says so. What an answer may be beyond the documents is listed with its
//! reasons in `allowances.yaml`. Deliberately absent: judgement of requests, because stories send
//! wrong ones on purpose.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod allowances;
mod coverage;
mod documents;
mod exchange;
mod judge;
mod operation;
mod table;

use std::{
    env,
    path::{Path, PathBuf},
};

pub use coverage::{Coverage, Recorder};
pub use documents::LoadError;
pub use exchange::Exchange;
pub use judge::{Complaint, Specification};
pub use operation::Operation;
pub use table::{render, without_statuses};

/// Names the folder of the specification's data, when it is not beside the checkout.
pub const FOLDER_VARIABLE: &str = "HEARTH_TEST_SPECIFICATION";

/// The folder of the specification's data: what [`FOLDER_VARIABLE`] names, else `../shared/spec`
/// beside the checkout. `None` when it is not there.
#[must_use]
pub fn find() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/spec");
    let folder = env::var_os(FOLDER_VARIABLE).map_or(beside, PathBuf::from);
    folder.join("api/client-server").is_dir().then_some(folder)
}
