//! `GET /keys/changes`: whose devices changed between two syncs.
//!
//! Deliberately absent: who came into rooms with the user, or left all of them, in between. A
//! client learns that from the sync itself.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::Rooms;
use hearth_sync::SyncToken;
use ruma::api::client::keys::get_key_changes::v3::{Request, Response};

use crate::error::Error;

pub(crate) async fn get_key_changes(
    State(accounts): State<Accounts>,
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let from: SyncToken = request.from.parse()?;
    let to: SyncToken = request.to.parse()?;
    let user = &caller.user;
    let snapshot = rooms.snapshot().await?;
    let mut changed = Vec::new();
    for other in accounts
        .device_list_changes(user, from.position, to.position)
        .await?
    {
        if other == *user || rooms.share_a_room(snapshot.as_ref(), user, &other).await? {
            changed.push(other);
        }
    }
    Ok(RumaResponse(Response::new(changed, Vec::new())))
}
