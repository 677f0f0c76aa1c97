//! What handlers take out of requests: who asks, and inputs that were checked.

mod caller;
mod json;
mod path;
mod query;
mod shape;

pub(crate) use caller::bearer;
pub use caller::{Anybody, Caller};
pub use json::Json;
pub use path::Path;
pub use query::Query;
