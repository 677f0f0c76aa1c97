//! The log: to standard error, for people or for machines.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Log, LogFormat};

/// Libraries that tell of every decision as if it were news; the settings may say otherwise.
const QUIET: &str = "ruma_state_res=warn";

/// Starts logging for the whole process.
///
/// # Errors
/// When the process logs already, or the level is not one.
pub fn start(settings: &Log) -> Result<(), LogError> {
    let directives = format!("{QUIET},{}", settings.level);
    let filter = EnvFilter::try_new(directives).map_err(|error| LogError(error.to_string()))?;
    let lines = fmt::layer().with_writer(stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match settings.format {
        LogFormat::Text => registry.with(lines.with_ansi(stderr().is_terminal())).try_init(),
        LogFormat::Json => {
            let json = lines.json().flatten_event(true);
            registry.with(json.with_current_span(true).with_span_list(false)).try_init()
        }
    };
    started.map_err(|error| LogError(error.to_string()))
}

/// Logging could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the log: {0}")]
pub struct LogError(String);
