//! What tests of this crate share.

use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::Value;

/// The JSON body of a response.
pub(crate) async fn body_of(response: Response) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}
