//! What Element X does, done through the SDK that it is made of. `tests/run-clients` starts the
//! server and names it in `HEARTH_URL`.

mod chat;
mod recovery;
mod room_list;
mod verification;

/// A name that no other run has used, so that a server may be used twice.
fn unique(name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("{name}{}", now.map(|now| now.as_micros()).unwrap_or_default())
}
