//! People who use the server at `HEARTH_URL` as Element X does: through the SDK's sync service,
//! which is sliding sync.

mod person;
mod wait;

pub use person::Person;
pub use wait::{DEADLINE, until};
