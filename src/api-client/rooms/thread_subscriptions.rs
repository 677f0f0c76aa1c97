//! `/rooms/{roomId}/thread/{threadRoot}/subscription` (MSC4306), and what changed of a user's
//! subscriptions (MSC4308).

use axum::extract::State;
use hearth_base::StreamPosition;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Rooms, RoomsError, Side, ThreadSubscription};
use ruma::{
    UInt,
    api::client::threads::{
        get_thread_subscription, get_thread_subscriptions_changes,
        get_thread_subscriptions_changes::unstable::{
            ThreadSubscription as Subscribed, ThreadUnsubscription as Unsubscribed,
        },
        subscribe_thread as subscribe, unsubscribe_thread as unsubscribe,
    },
};

use super::render;
use crate::error::Error;

/// How many changes a client gets that does not say.
const CHANGES_DEFAULT: usize = 100;

pub(crate) async fn get_thread_subscription(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<get_thread_subscription::unstable::Request>,
) -> Result<RumaResponse<get_thread_subscription::unstable::Response>, Error> {
    let room = rooms.existing_room(&request.room_id).await?;
    let (snapshot, root) = (rooms.snapshot().await?, &request.thread_root);
    let (snapshot, user_id) = (snapshot.as_ref(), &caller.user);
    rooms.visible_event(snapshot, &room, root, user_id).await?;
    let automatic = match rooms.thread_subscription(snapshot, room.nid(), user_id, root).await? {
        Some(ThreadSubscription::Manual) => false,
        Some(ThreadSubscription::Automatic) => true,
        Some(ThreadSubscription::Unsubscribed) | None => {
            return Err(RoomsError::NotFound("thread subscription").into());
        }
    };
    Ok(RumaResponse(get_thread_subscription::unstable::Response::new(automatic)))
}

pub(crate) async fn subscribe_thread(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<subscribe::unstable::Request>,
) -> Result<RumaResponse<subscribe::unstable::Response>, Error> {
    let room = rooms.existing_room(&request.room_id).await?;
    let (root, cause) = (&request.thread_root, request.automatic.as_deref());
    rooms.subscribe_thread(&room, &caller.user, root, cause).await?;
    Ok(RumaResponse(subscribe::unstable::Response::new()))
}

pub(crate) async fn unsubscribe_thread(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<unsubscribe::unstable::Request>,
) -> Result<RumaResponse<unsubscribe::unstable::Response>, Error> {
    let room = rooms.existing_room(&request.room_id).await?;
    rooms.unsubscribe_thread(&room, &caller.user, &request.thread_root).await?;
    Ok(RumaResponse(unsubscribe::unstable::Response::new()))
}

pub(crate) async fn get_thread_subscription_changes(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<get_thread_subscriptions_changes::unstable::Request>,
) -> Result<RumaResponse<get_thread_subscriptions_changes::unstable::Response>, Error> {
    let snapshot = rooms.snapshot().await?;
    let place = |token: Option<&str>| token.map(str::parse::<Side>).transpose();
    let upto = place(request.from.as_deref())?.map_or(snapshot.position(), |side| side.0);
    let after = place(request.to.as_deref())?.map_or(StreamPosition::ZERO, |side| side.0);
    let limit = request.limit.map_or(CHANGES_DEFAULT, render::limit);
    let page = rooms
        .thread_subscription_changes(snapshot.as_ref(), &caller.user, after, upto, limit)
        .await?;
    let mut response = get_thread_subscriptions_changes::unstable::Response::new();
    for change in page.changes {
        let bump_stamp = UInt::new_saturating(change.position.0.unsigned_abs());
        let automatic = change.subscription == ThreadSubscription::Automatic;
        if change.subscription == ThreadSubscription::Unsubscribed {
            let of_room = response.unsubscribed.entry(change.room_id).or_default();
            of_room.insert(change.root, Unsubscribed::new(bump_stamp));
        } else {
            let of_room = response.subscribed.entry(change.room_id).or_default();
            of_room.insert(change.root, Subscribed::new(automatic, bump_stamp));
        }
    }
    response.end = page.next.map(|side| side.to_string());
    Ok(RumaResponse(response))
}
