//! `POST …/report`: users tell the administrator of events, rooms and other users.
//!
//! What does not exist looks like what does: a report of a room or a user is a success whatever it
//! names, and an event that the caller cannot see is not found.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Reported, Rooms, RoomsError};
use ruma::api::client::{
    reporting::report_user as of_user,
    room::{report_content, report_room as of_room},
};

use crate::error::Error;

pub(crate) async fn report_event(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<report_content::v3::Request>,
) -> Result<RumaResponse<report_content::v3::Response>, Error> {
    let report_content::v3::Request { room_id, event_id, reason, .. } = request;
    let room = rooms.room(&room_id).await?.ok_or(RoomsError::NotFound("event"))?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    if !rooms.is_joined(snapshot, room.nid(), &caller.user).await? {
        return Err(RoomsError::NotFound("event").into());
    }
    let event = rooms.visible_event(snapshot, &room, &event_id, &caller.user).await?;
    let sender = event.pdu().sender().to_owned();
    let reported = Reported::Event { room_id, event_id, sender };
    rooms.report(caller.user.clone(), reported, &reason.unwrap_or_default()).await?;
    Ok(RumaResponse(report_content::v3::Response::new()))
}

pub(crate) async fn report_room(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<of_room::v3::Request>,
) -> Result<RumaResponse<of_room::v3::Response>, Error> {
    if rooms.room(&request.room_id).await?.is_some() {
        let reported = Reported::Room(request.room_id);
        rooms.report(caller.user.clone(), reported, &request.reason).await?;
    }
    Ok(RumaResponse(of_room::v3::Response::new()))
}

pub(crate) async fn report_user(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<of_user::v3::Request>,
) -> Result<RumaResponse<of_user::v3::Response>, Error> {
    let is_elsewhere = !accounts.is_local(&request.user_id);
    if is_elsewhere || accounts.user(&request.user_id).await?.is_some() {
        let reported = Reported::User(request.user_id);
        rooms.report(caller.user.clone(), reported, &request.reason).await?;
    }
    Ok(RumaResponse(of_user::v3::Response::new()))
}
