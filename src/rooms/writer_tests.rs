//! What the writer promises: order, all or nothing, one event a transaction, one batch a group.

use hearth_base::StreamPosition;
use hearth_store::Direction;
use ruma::{RoomVersionId, events::room::member::MembershipState, owned_device_id};
use serde_json::json;

use crate::{
    Room, Rooms, RoomsError, Transaction,
    testing::{event, join, message, poll_once, private_room, public_room, rooms, user},
};

async fn bodies(rooms: &Rooms, room: &Room) -> Vec<String> {
    let snapshot = rooms.snapshot().await.unwrap();
    let (start, end) = (StreamPosition::MIN, snapshot.position());
    let all = rooms
        .timeline(snapshot.as_ref(), room.nid(), start, end, Direction::Forward, 1_000)
        .await
        .unwrap();
    all.iter()
        .filter_map(|event| event.pdu().content_as::<serde_json::Value>())
        .filter_map(|content| content["body"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn every_version_makes_a_room_with_its_creator_in_it() {
    for version in hearth_rules::version::SUPPORTED {
        let (rooms, alice) = (rooms(), user("alice"));
        let mut request = private_room(&alice);
        request.version = Some(version.clone());
        request.name = Some("Hearth".to_owned());
        let room = rooms.create_room(request).await.unwrap();
        let snapshot = rooms.snapshot().await.unwrap();
        let head = rooms.head(snapshot.as_ref(), room.nid()).await.unwrap();
        assert_eq!((head.joined_members, head.depth), (1, 7), "{version}");
        assert!(rooms.is_joined(snapshot.as_ref(), room.nid(), &alice).await.unwrap());
        let has_server = room.id().server_name().is_some();
        assert_eq!(has_server, version != RoomVersionId::V12, "{version}");
        rooms.send(&room, message(&alice, "hello")).await.unwrap();
        assert_eq!(bodies(&rooms, &room).await, ["hello"], "{version}");
    }
}

#[tokio::test]
async fn rooms_that_are_made_alike_in_the_same_millisecond_are_two_rooms() {
    let (rooms, alice) = (rooms(), user("alice"));
    let one = public_room(&rooms, &alice).await;
    let other = public_room(&rooms, &alice).await;
    assert_ne!(one.id(), other.id());
}

#[tokio::test]
async fn waiting_events_are_committed_in_order_as_one_group() {
    let (rooms, alice) = (rooms(), user("alice"));
    let room = public_room(&rooms, &alice).await;
    let before = rooms.snapshot().await.unwrap();
    let version = rooms.head(before.as_ref(), room.nid()).await.unwrap().version;
    let mut sends = Vec::new();
    for number in 0..20 {
        let request = message(&alice, &number.to_string());
        let (rooms, room) = (rooms.clone(), room.clone());
        let mut send = Box::pin(async move { rooms.send(&room, request).await });
        assert!(poll_once(&mut send).await.is_none());
        sends.push(send);
    }
    let mut last = StreamPosition::ZERO;
    for send in sends {
        let position = send.await.unwrap().position.unwrap();
        assert!(position > last);
        last = position;
    }
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(bodies(&rooms, &room).await, expected);
    let after = rooms.snapshot().await.unwrap();
    let groups = rooms.head(after.as_ref(), room.nid()).await.unwrap().version - version;
    assert!(groups < 20, "{groups} groups for 20 events that waited together");
}

#[tokio::test]
async fn several_events_are_accepted_together_or_not_at_all() {
    let (rooms, alice, mallory) = (rooms(), user("alice"), user("mallory"));
    let room = public_room(&rooms, &alice).await;
    let both = vec![message(&alice, "one"), message(&mallory, "two")];
    let refused = rooms.send_all(&room, both).await.unwrap_err();
    assert!(matches!(refused, RoomsError::Forbidden(_)));
    assert!(bodies(&rooms, &room).await.is_empty());
}

#[tokio::test]
async fn a_transaction_makes_one_event_for_its_device_and_scope() {
    let (rooms, alice) = (rooms(), user("alice"));
    let room = public_room(&rooms, &alice).await;
    let transaction = |device: &str, scope: &str| Transaction {
        device_id: device.into(),
        transaction_id: "1".into(),
        scope: scope.to_owned(),
    };
    let mut ids = Vec::new();
    for (device, scope) in [("A", "x"), ("A", "x"), ("B", "x"), ("A", "y")] {
        let mut request = message(&alice, "again");
        request.transaction = Some(transaction(device, scope));
        ids.push(rooms.send(&room, request).await.unwrap().event_id);
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(bodies(&rooms, &room).await.len(), 3);
    assert_ne!(owned_device_id!("A"), owned_device_id!("B"));
}

#[tokio::test]
async fn the_same_state_is_not_sent_twice() {
    let (rooms, alice) = (rooms(), user("alice"));
    let room = public_room(&rooms, &alice).await;
    let topic = || event(&alice, "m.room.topic", Some(""), json!({ "topic": "fire" }));
    let first = rooms.send(&room, topic()).await.unwrap();
    let second = rooms.send(&room, topic()).await.unwrap();
    assert_eq!(first.event_id, second.event_id);
    assert_eq!(second.position, None);
}

#[tokio::test]
async fn members_are_counted_and_indexed_through_their_whole_life() {
    let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
    let room = public_room(&rooms, &alice).await;
    join(&rooms, &room, &bob).await.unwrap();
    rooms.kick(&room, &alice, &bob, Some("rude")).await.unwrap();
    assert!(matches!(
        rooms.kick(&room, &alice, &bob, None).await.unwrap_err(),
        RoomsError::Forbidden(_)
    ));
    rooms.ban(&room, &alice, &bob, None).await.unwrap();
    assert!(matches!(join(&rooms, &room, &bob).await.unwrap_err(), RoomsError::Forbidden(_)));
    rooms.unban(&room, &alice, &bob, None).await.unwrap();
    join(&rooms, &room, &bob).await.unwrap();
    rooms.leave(&room, &bob, None).await.unwrap();
    let snapshot = rooms.snapshot().await.unwrap();
    let head = rooms.head(snapshot.as_ref(), room.nid()).await.unwrap();
    assert_eq!((head.joined_members, head.invited_members), (1, 0));
    let row = rooms.membership(snapshot.as_ref(), room.nid(), &bob).await.unwrap().unwrap();
    assert_eq!(row.value.state, MembershipState::Leave);
    let joined = row.value.last_joined(row.position).unwrap();
    assert!(joined < row.position);
}

#[tokio::test]
async fn a_forgotten_room_comes_back_with_an_invite() {
    let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
    let room = public_room(&rooms, &alice).await;
    join(&rooms, &room, &bob).await.unwrap();
    let early = rooms.forget(&room, &bob).await.unwrap_err();
    assert!(matches!(early, RoomsError::BadRequest(_)));
    rooms.leave(&room, &bob, None).await.unwrap();
    rooms.forget(&room, &bob).await.unwrap();
    let forgotten = async || {
        let snapshot = rooms.snapshot().await.unwrap();
        let rows = rooms.memberships(snapshot.as_ref(), &bob).await.unwrap();
        rows[0].1.value.forgotten
    };
    assert!(forgotten().await);
    join(&rooms, &room, &bob).await.unwrap();
    assert!(!forgotten().await);
}

#[tokio::test]
async fn a_redaction_takes_the_content_and_only_from_whom_it_may() {
    let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
    let room = public_room(&rooms, &alice).await;
    join(&rooms, &room, &bob).await.unwrap();
    let sent = rooms.send(&room, message(&alice, "secret")).await.unwrap();
    let redaction = |sender| {
        let mut request = event(sender, "m.room.redaction", None, json!({}));
        request.redacts = Some(sent.event_id.clone());
        request
    };
    let refused = rooms.send(&room, redaction(&bob)).await.unwrap_err();
    assert!(matches!(refused, RoomsError::Forbidden(_)));
    let redacted_by = rooms.send(&room, redaction(&alice)).await.unwrap();
    let snapshot = rooms.snapshot().await.unwrap();
    let event = rooms.event(snapshot.as_ref(), sent.nid).await.unwrap();
    assert_eq!(event.pdu().content().get(), "{}");
    assert_eq!(event.redacted_by(), Some(redacted_by.nid));
    assert_eq!(Some(event.position()), sent.position);
}
