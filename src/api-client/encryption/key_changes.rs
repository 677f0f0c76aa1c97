//! `GET /keys/changes`: whose devices changed between two syncs.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_sync::{Sync, SyncToken};
use ruma::api::client::keys::get_key_changes::v3::{Request, Response};

use crate::error::Error;

pub(crate) async fn get_key_changes(
    State(sync): State<Sync>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let from: SyncToken = request.from.parse()?;
    let to: SyncToken = request.to.parse()?;
    let lists = sync.device_changes(&caller.user, from, to).await?;
    Ok(RumaResponse(Response::new(lists.changed, lists.left)))
}
