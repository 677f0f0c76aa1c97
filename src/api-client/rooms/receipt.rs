//! `POST /rooms/{roomId}/receipt/{receiptType}/{eventId}`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_bus::Bus;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{ReceiptKind, ReceiptThread, Rooms, RoomsError};
use ruma::api::client::receipt::create_receipt::v3::{ReceiptType, Request, Response};

use super::{access::known_room, read_markers::set_fully_read};
use crate::error::Error;

pub(crate) async fn send_receipt(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(bus): State<Bus>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let (event_id, user_id) = (&request.event_id, &caller.user);
    let thread = match request.thread.as_str() {
        Some(thread) => thread.parse()?,
        None => ReceiptThread::Unthreaded,
    };
    let room = known_room(&rooms, &request.room_id).await?;
    match request.receipt_type {
        ReceiptType::Read => {
            rooms.set_receipt(&room, user_id, ReceiptKind::Read, &thread, event_id).await?;
        }
        ReceiptType::ReadPrivate => {
            rooms.set_receipt(&room, user_id, ReceiptKind::ReadPrivate, &thread, event_id).await?;
        }
        ReceiptType::FullyRead if thread == ReceiptThread::Unthreaded => {
            set_fully_read(&rooms, &accounts, &room, user_id, event_id).await?;
        }
        ReceiptType::FullyRead => {
            let reason = "m.fully_read speaks for the whole room, never for a thread";
            return Err(RoomsError::InvalidParam(reason.to_owned()).into());
        }
        other => {
            let reason = format!("there is no receipt type {other}");
            return Err(RoomsError::InvalidParam(reason).into());
        }
    }
    bus.presence().active(user_id);
    Ok(RumaResponse(Response::new()))
}
