//! `GET /notifications`.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_push::{NotificationsQuery, Push};
use ruma::{
    MilliSecondsSinceUnixEpoch, UInt,
    api::client::push::get_notifications::v3::{Notification, Request, Response},
    serde::Raw,
};

use crate::error::Error;

/// How many notifications a client gets that does not say.
const LIMIT_DEFAULT: usize = 20;

pub(crate) async fn get_notifications(
    State(push): State<Push>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let limit = request
        .limit
        .map_or(LIMIT_DEFAULT, |limit| usize::try_from(u64::from(limit)).unwrap_or(usize::MAX));
    let query = NotificationsQuery {
        user_id: &caller.user,
        device_id: caller.device.as_deref(),
        from: request.from.as_deref(),
        limit,
        only_highlights: request.only.as_deref() == Some("highlight"),
    };
    let page = push.notifications(query).await?;
    let notifications = page.notifications.into_iter().map(|found| {
        let ts = MilliSecondsSinceUnixEpoch(UInt::new_saturating(found.ts_ms));
        let event = Raw::from_json(found.event);
        Notification::new(found.actions, event, found.is_read, found.room_id, ts)
    });
    let mut response = Response::new(notifications.collect());
    response.next_token = page.next;
    Ok(RumaResponse(response))
}
