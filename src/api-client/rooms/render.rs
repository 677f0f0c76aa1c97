//! Events as answers carry them.

use hearth_http::Caller;
use hearth_rooms::{Direction, Event, Rooms, Snapshot, Viewer};
use hearth_rules::ClientEventFormat;
use ruma::{UInt, serde::Raw};

use crate::error::Error;

/// Whoever asked, as the one who gets events now.
pub(crate) fn viewer<'a>(rooms: &Rooms, caller: &'a Caller) -> Viewer<'a> {
    Viewer { user_id: &caller.user, device_id: caller.device.as_deref(), now: rooms.clock().now() }
}

/// Events of a timeline, with `room_id` and all that `unsigned` can say.
pub(crate) async fn timeline<T>(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    events: &[Event],
    viewer: &Viewer<'_>,
) -> Result<Vec<Raw<T>>, Error> {
    let format = ClientEventFormat::Full;
    let rendered = rooms.render(snapshot, events, viewer, format, true).await?;
    Ok(rendered.into_iter().map(Raw::from_json).collect())
}

/// Events of a room's state, with `room_id`.
pub(crate) async fn state<T>(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    events: &[Event],
    viewer: &Viewer<'_>,
) -> Result<Vec<Raw<T>>, Error> {
    let format = ClientEventFormat::Full;
    let rendered = rooms.render(snapshot, events, viewer, format, false).await?;
    Ok(rendered.into_iter().map(Raw::from_json).collect())
}

/// A `dir` parameter.
pub(super) fn direction(dir: ruma::api::Direction) -> Direction {
    match dir {
        ruma::api::Direction::Forward => Direction::Forward,
        ruma::api::Direction::Backward => Direction::Backward,
    }
}

/// A `limit` parameter; whoever uses it bounds it.
pub(crate) fn limit(limit: UInt) -> usize {
    usize::try_from(u64::from(limit)).unwrap_or(usize::MAX)
}
