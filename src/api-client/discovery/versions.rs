//! `GET /versions`.

use std::sync::Arc;

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use ruma::api::client::discovery::get_supported_versions::{Request, Response};

use crate::Settings;

/// Versions of the specification whose endpoints clients can rely on here.
const VERSIONS: &[&str] = &[
    "r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10",
    "v1.11", "v1.12", "v1.13", "v1.14", "v1.15", "v1.16", "v1.17", "v1.18", "v1.19",
];

/// Features from later versions of the specification, and old names that clients still look for.
const FEATURES: &[&str] = &[
    "fi.mau.msc2659.stable",
    "org.matrix.e2e_cross_signing",
    "org.matrix.msc3814",
    "org.matrix.msc3814.v1",
    "org.matrix.msc3882",
    "org.matrix.msc3967",
    "org.matrix.msc4222",
    "org.matrix.simplified_msc3575",
    "org.matrix.msc3827.stable",
    "org.matrix.msc4155",
    "org.matrix.msc4380",
    "uk.half-shot.msc2666.query_mutual_rooms",
    "uk.half-shot.msc2666.query_mutual_rooms.stable",
    "uk.tcpip.msc4133",
    "uk.tcpip.msc4133.stable",
    "org.matrix.msc4306",
    "org.matrix.msc4308",
    "org.matrix.msc3391",
    "org.matrix.msc3874",
    "org.matrix.msc4140",
    "org.matrix.msc4354",
    "org.matrix.msc1763",
    "org.matrix.msc3890",
    "org.matrix.msc3930",
];

pub(crate) async fn versions(
    State(settings): State<Arc<Settings>>,
    _: Ruma<Request>,
) -> RumaResponse<Response> {
    let versions = VERSIONS.iter().map(|version| (*version).to_owned());
    let mut response = Response::new(versions.collect());
    response.unstable_features =
        FEATURES.iter().map(|feature| ((*feature).to_owned(), true)).collect();
    // A rendezvous session has an absolute address.
    let has_rendezvous = settings.client_base_url.is_some();
    response.unstable_features.insert("org.matrix.msc4108".to_owned(), has_rendezvous);
    RumaResponse(response)
}
