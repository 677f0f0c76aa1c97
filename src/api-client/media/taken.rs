//! Taking an upload in: piece by piece, in time, and to its end.

use std::{pin::Pin, time::Duration};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use hearth_http::ApiError;
use hearth_media::{Media, MediaError};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::error::Error;

/// Longest time between two pieces of an upload.
const PIECE_TIME_MAX: Duration = Duration::from_secs(60);

/// The pieces of an upload.
pub(super) type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>;

/// The body of an upload, unless it announces that it is too large. One that stalls is interrupted.
pub(super) fn body_of(media: &Media, body: Body) -> Result<Pieces, Error> {
    let max_bytes = media.settings().max_upload_bytes;
    if body.size_hint().lower() > max_bytes {
        return Err(MediaError::TooLarge { max_bytes }.into());
    }
    let pieces = stream::unfold(body.into_data_stream(), |mut pieces| async move {
        let piece = match timeout(PIECE_TIME_MAX, pieces.next()).await {
            Ok(piece) => piece?.map_err(|error| error.to_string()),
            Err(_) => Err("nothing came for too long".to_owned()),
        };
        Some((piece, pieces))
    });
    Ok(pieces.boxed())
}

/// Goes on even if the client goes away, so that an upload is either kept or cleaned up.
pub(super) async fn to_the_end<T: Send + 'static>(
    tasks: &TaskTracker,
    work: impl Future<Output = Result<T, MediaError>> + Send + 'static,
) -> Result<T, Error> {
    match tasks.spawn(work).await {
        Ok(outcome) => Ok(outcome?),
        Err(error) => Err(ApiError::internal(error).into()),
    }
}
