//! Figures about the running server, for Prometheus, on a listener of their own.
//!
//! Every crate counts with the `metrics` macros, which cost next to nothing while nobody
//! collects. Names are documented where they are counted.

use std::net::SocketAddr;

use metrics_exporter_prometheus::{BuildError, ExporterFuture, Matcher, PrometheusBuilder};

/// Upper edges of the buckets of every duration, in seconds: half a millisecond to a long poll.
const DURATION_BUCKETS_SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Collects from now on; the future answers `/metrics` on `address` for as long as it is polled.
///
/// # Errors
/// When the address cannot be bound, or the process collects already.
pub fn start(address: SocketAddr) -> Result<ExporterFuture, MetricsError> {
    let builder = PrometheusBuilder::new()
        .with_http_listener(address)
        .set_buckets_for_metric(
            Matcher::Suffix("_duration_seconds".to_owned()),
            &DURATION_BUCKETS_SECONDS,
        )
        .map_err(|source| MetricsError { address, source })?;
    let (recorder, exporter) =
        builder.build().map_err(|source| MetricsError { address, source })?;
    ::metrics::set_global_recorder(recorder)
        .map_err(|error| MetricsError { address, source: error.into() })?;
    Ok(exporter)
}

/// Collecting could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics on {address}: {source}")]
pub struct MetricsError {
    address: SocketAddr,
    source: BuildError,
}
