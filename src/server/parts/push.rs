//! Telling people what concerns them, as the settings want it.

use std::time::Duration;

use hearth_push::Push;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::config::Settings;

/// Starts telling people.
pub(super) fn open_push(
    settings: &Settings,
    lower: hearth_push::Lower,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Push {
    let push = hearth_push::Settings {
        include_content: settings.push.include_content,
        email_delay: Duration::from_secs(settings.push.email_delay_seconds),
        allow_http: settings.testing.allow_private_addresses,
    };
    Push::new(lower, push, tasks, shutdown.clone())
}
