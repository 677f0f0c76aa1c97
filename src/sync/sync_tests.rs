//! The life of a sync against rooms in memory: what is told, what wakes, what is not told twice.

use hearth_rooms::{Invitation, Profile, Room};
use ruma::api::client::sync::sync_events::v3::Response;
use serde_json::Value;

use crate::testing::server;

fn bodies(response: &Response, room: &Room) -> Vec<String> {
    let joined = response.rooms.join.get(room.id());
    let events = joined.map(|joined| joined.timeline.events.as_slice()).unwrap_or_default();
    let body = |event: &Value| event["content"]["body"].as_str().map(str::to_owned);
    events.iter().filter_map(|event| body(&event.deserialize_as_unchecked().unwrap())).collect()
}

#[tokio::test]
async fn an_incremental_sync_tells_each_event_once() {
    let server = server();
    let alice = server.user("alice").await;
    let (quiet, busy) = (server.room(&alice).await, server.room(&alice).await);
    let first = server.sync(&alice, None, 0).await;
    assert_eq!(first.rooms.join.len(), 2);
    let mut since = first.next_batch;
    for number in 0..3 {
        server.say(&busy, &alice, &number.to_string()).await;
        let next = server.sync(&alice, Some(&since), 10_000).await;
        assert_eq!(bodies(&next, &busy), [number.to_string()]);
        assert!(!next.rooms.join.contains_key(quiet.id()));
        since = next.next_batch;
    }
    let nothing = server.sync(&alice, Some(&since), 0).await;
    assert!(nothing.rooms.is_empty());
}

#[tokio::test]
async fn a_waiting_sync_is_woken_by_an_event_and_by_typing() {
    let server = server();
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room = server.room(&alice).await;
    server.join(&room, &bob).await;
    let since = server.sync(&bob, None, 0).await.next_batch;
    let (woken, ()) =
        tokio::join!(server.sync(&bob, Some(&since), 60_000), server.say(&room, &alice, "hi"));
    assert_eq!(bodies(&woken, &room), ["hi"]);
    let typing = async { server.bus.typing().start(room.id(), &alice, 30_000) };
    let since = woken.next_batch;
    let (woken, ()) = tokio::join!(server.sync(&bob, Some(&since), 60_000), typing);
    assert_eq!(woken.rooms.join[room.id()].ephemeral.events.len(), 1);
}

#[tokio::test]
async fn an_old_token_of_another_process_gets_everything_since() {
    let server = server();
    let alice = server.user("alice").await;
    let room = server.room(&alice).await;
    let token: crate::SyncToken = server.sync(&alice, None, 0).await.next_batch.parse().unwrap();
    server.say(&room, &alice, "one").await;
    server.say(&room, &alice, "two").await;
    let old = crate::SyncToken { epoch: token.epoch.wrapping_add(1), ..token };
    let next = server.sync(&alice, Some(&old.to_string()), 0).await;
    assert_eq!(bodies(&next, &room), ["one", "two"]);
}

#[tokio::test]
async fn a_gap_is_limited_and_its_state_is_told() {
    let server = server();
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room = server.room(&alice).await;
    let since = server.sync(&alice, None, 0).await.next_batch;
    server.join(&room, &bob).await;
    for number in 0..30 {
        server.say(&room, &bob, &number.to_string()).await;
    }
    let next = server.sync(&alice, Some(&since), 0).await;
    let joined = &next.rooms.join[room.id()];
    assert!(joined.timeline.limited);
    assert_eq!(joined.timeline.events.len(), 10);
    let ruma::api::client::sync::sync_events::v3::State::Before(state) = &joined.state else {
        panic!("state_after was not asked for");
    };
    assert_eq!(state.events.len(), 1, "bob's join is in the gap");
    assert_eq!(next.device_lists.changed, [bob]);
    assert_eq!(joined.summary.joined_member_count, Some(2_u32.into()));
}

#[tokio::test]
async fn invites_and_leaving_have_sections_of_their_own() {
    let server = server();
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room = server.room(&alice).await;
    let since = server.sync(&bob, None, 0).await.next_batch;
    let invitation = Invitation {
        sender: alice.clone(),
        user_id: bob.clone(),
        profile: Profile::default(),
        reason: None,
        is_direct: false,
    };
    server.rooms.invite(&room, invitation).await.unwrap();
    let invited = server.sync(&bob, Some(&since), 10_000).await;
    assert!(invited.rooms.invite[room.id()].invite_state.events.len() >= 4);
    server.join(&room, &bob).await;
    let joined = server.sync(&bob, Some(&invited.next_batch), 10_000).await;
    assert!(joined.rooms.join.contains_key(room.id()));
    server.rooms.leave(&room, &bob, None).await.unwrap();
    server.say(&room, &alice, "after").await;
    let left = server.sync(&bob, Some(&joined.next_batch), 10_000).await;
    assert!(!left.rooms.join.contains_key(room.id()));
    assert_eq!(left.rooms.leave[room.id()].timeline.events.len(), 1);

    server.rooms.forget(&room, &bob).await.unwrap();
    let other_client = server.sync(&bob, Some(&joined.next_batch), 0).await;
    assert!(other_client.rooms.leave.contains_key(room.id()));
    let after = server.sync(&bob, Some(&other_client.next_batch), 0).await;
    assert!(after.rooms.leave.is_empty());
}

#[tokio::test]
async fn unread_messages_are_counted_until_they_are_read() {
    let server = server();
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room = server.room(&alice).await;
    server.join(&room, &bob).await;
    let since = server.sync(&bob, None, 0).await.next_batch;
    server.say(&room, &alice, "one").await;
    server.say(&room, &alice, "two").await;
    let next = server.sync(&bob, Some(&since), 0).await;
    let unread = &next.rooms.join[room.id()].unread_notifications;
    assert_eq!(unread.notification_count, Some(2_u32.into()));
    assert_eq!(unread.highlight_count, Some(0_u32.into()));
    let own = server.sync(&alice, None, 0).await;
    let unread = &own.rooms.join[room.id()].unread_notifications;
    assert_eq!(unread.notification_count, Some(0_u32.into()));
}
