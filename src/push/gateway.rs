//! Pushers that tell an HTTP gateway (specification, push gateway API).

use std::time::Duration;

use bytes::Bytes;
use hearth_accounts::StoredPusher;
use hearth_outgoing::{Limits, Outgoing};
use hearth_rooms::Event;
use http::HeaderMap;
use ruma::{
    SecondsSinceUnixEpoch, UInt, UserId,
    api::push_gateway::send_event_notification::v1::{
        Device, Notification, NotificationCounts, NotificationPriority, PusherData,
    },
    push::{Action, HttpPusherData, PushFormat, Tweak},
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{PushError, naming::Naming};

/// The path that every gateway has (specification, `POST /pushers/set`).
const GATEWAY_PATH: &str = "/_matrix/push/v1/notify";
const LIMITS: Limits =
    Limits { body_bytes_max: 256 * 1024, time_max: Duration::from_secs(10), redirects_max: 0 };

/// What became of telling a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It has it.
    Delivered,
    /// It does not know the push key any more.
    Rejected,
    /// Not this time.
    Failed,
}

#[derive(Serialize)]
struct Body {
    notification: Notification,
}

#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    rejected: Vec<String>,
}

/// Refuses what cannot be the URL of a gateway.
pub(crate) fn check_url(url: &str, allow_http: bool) -> Result<(), PushError> {
    let invalid = |reason: &str| Err(PushError::Invalid(format!("data.url {reason}")));
    let Ok(url) = Url::parse(url) else {
        return invalid("is not a URL");
    };
    if url.scheme() != "https" && !(allow_http && url.scheme() == "http") {
        return invalid("has to begin with https");
    }
    if url.path() != GATEWAY_PATH {
        return invalid("has to end with /_matrix/push/v1/notify");
    }
    Ok(())
}

/// A notification of an event.
pub(crate) fn of_event(
    stored: &StoredPusher,
    data: &HttpPusherData,
    event: &Event,
    actions: &[Action],
    user_id: &UserId,
    naming: Naming,
) -> Notification {
    let pdu = event.pdu();
    let tweaks: Vec<_> = actions.iter().filter_map(tweak).collect();
    let is_urgent = pdu.type_name() == "m.room.encrypted" || !tweaks.is_empty();
    let mut notification = Notification::new(vec![device(stored, data, tweaks)]);
    notification.event_id = Some(pdu.event_id().to_owned());
    notification.room_id = Some(pdu.room_id().to_owned());
    notification.prio =
        if is_urgent { NotificationPriority::High } else { NotificationPriority::Low };
    notification.event_type = Some(pdu.event_type().clone());
    notification.sender = Some(pdu.sender().to_owned());
    notification.user_is_target =
        pdu.type_name() == "m.room.member" && pdu.state_key() == Some(user_id.as_str());
    notification.content = Some(pdu.content().to_owned());
    notification.sender_display_name = naming.sender;
    notification.room_name = naming.room;
    notification.room_alias = naming.alias;
    if data.format == Some(PushFormat::EventIdOnly) {
        return without_content(notification);
    }
    notification
}

/// The same notification for an app that fetches the event by its id.
pub(crate) fn without_content(told: Notification) -> Notification {
    let mut notification = Notification::new(told.devices);
    notification.event_id = told.event_id;
    notification.room_id = told.room_id;
    notification.prio = told.prio;
    notification
}

/// A notification of nothing but the counts.
pub(crate) fn of_counts(stored: &StoredPusher, data: &HttpPusherData) -> Notification {
    let mut notification = Notification::new(vec![device(stored, data, Vec::new())]);
    notification.prio = NotificationPriority::Low;
    notification
}

fn tweak(action: &Action) -> Option<Tweak> {
    match action {
        Action::SetTweak(tweak) => Some(tweak.clone()),
        _ => None,
    }
}

fn device(stored: &StoredPusher, data: &HttpPusherData, tweaks: Vec<Tweak>) -> Device {
    let ids = &stored.pusher.ids;
    let mut device = Device::new(ids.app_id.clone(), ids.pushkey.clone());
    let seconds = UInt::new_saturating(stored.set_ms / 1_000);
    device.pushkey_ts = Some(SecondsSinceUnixEpoch(seconds));
    device.data = PusherData::from(data.clone());
    device.tweaks = tweaks;
    device
}

/// Tells a gateway, with the number of messages that the user has not read.
pub(crate) async fn tell(
    outgoing: &Outgoing,
    data: &HttpPusherData,
    mut notification: Notification,
    unread: u64,
) -> Result<Told, PushError> {
    notification.counts = NotificationCounts::new(UInt::new_saturating(unread), UInt::MIN);
    let keys: Vec<_> = notification.devices.iter().map(|device| device.pushkey.clone()).collect();
    let body = Bytes::from(serde_json::to_vec(&Body { notification })?);
    let Ok(url) = Url::parse(&data.url) else {
        return Ok(Told::Failed);
    };
    let answer = match outgoing.post_json(&url, body, HeaderMap::new(), LIMITS).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(host = url.host_str(), %error, "a push gateway was not told");
            return Ok(Told::Failed);
        }
    };
    if !answer.status.is_success() {
        tracing::debug!(host = url.host_str(), status = %answer.status, "a push gateway refuses");
        return Ok(Told::Failed);
    }
    let answer: Answer = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_rejected = answer.rejected.iter().any(|key| keys.contains(key));
    Ok(if is_rejected { Told::Rejected } else { Told::Delivered })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_has_one_path_and_is_secure() {
        let good = "https://push.example.org/_matrix/push/v1/notify";
        check_url(good, false).unwrap();
        check_url("http://127.0.0.1:9/_matrix/push/v1/notify", true).unwrap();
        for bad in [
            "",
            "push.example.org",
            "ftp://push.example.org/_matrix/push/v1/notify",
            "http://push.example.org/_matrix/push/v1/notify",
            "https://push.example.org/",
            "https://push.example.org/_matrix/push/v1/notify/more",
        ] {
            assert!(matches!(check_url(bad, false), Err(PushError::Invalid(_))), "{bad}");
        }
    }
}
