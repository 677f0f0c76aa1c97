//! Connections against rooms in memory: what is told, what is told once, and what is never told.

use std::{collections::BTreeMap, time::Duration};

use hearth_rooms::{Profile, Room};
use ruma::{
    UserId, api::client::sync::sync_events::v5::request::Extensions, presence::PresenceState,
};
use serde_json::{Value, json};

use super::{RequiredState, RoomConfig, RoomFilters, SlidingList, SlidingRequest, SlidingResponse};
use crate::{
    SyncError,
    testing::{Server, server},
};

fn request(user_id: &UserId, pos: Option<&str>, last: u64) -> SlidingRequest {
    let required =
        vec![("m.room.name".into(), String::new()), ("m.room.member".into(), "$LAZY".to_owned())];
    let config =
        RoomConfig { timeline_limit: 2, required_state: RequiredState::new(required, user_id) };
    let filters = RoomFilters::default();
    let list = SlidingList { ranges: Some(vec![(0, last)]), filters, config };
    SlidingRequest {
        user_id: user_id.to_owned(),
        device_id: "DEVICE".into(),
        connection: "main".to_owned(),
        pos: pos.map(str::to_owned),
        timeout: Duration::ZERO,
        set_presence: PresenceState::Offline,
        lists: BTreeMap::from([("all".to_owned(), list)]),
        subscriptions: BTreeMap::new(),
        extensions: Extensions::default(),
    }
}

impl Server {
    async fn slide(&self, user_id: &UserId, pos: Option<&str>, last: u64) -> SlidingResponse {
        self.sync.slide(&request(user_id, pos, last)).await.unwrap()
    }
}

fn json_of(response: &SlidingResponse, room: &Room) -> Value {
    serde_json::to_value(response).unwrap()["rooms"][room.id().as_str()].clone()
}

#[tokio::test]
async fn a_window_shows_the_most_recent_rooms_and_what_is_new_in_them() {
    let server = server();
    let alice = server.user("alice").await;
    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(server.room(&alice).await);
    }
    let first = server.slide(&alice, None, 1).await;
    assert_eq!(first.lists["all"].count, 5_u32.into());
    assert_eq!(first.rooms.len(), 2);
    let newest = json_of(&first, &rooms[4]);
    assert_eq!(newest["initial"], true);
    assert_eq!(newest["limited"], true);
    assert_eq!(newest["joined_count"], 1);
    assert_eq!(newest["timeline"].as_array().unwrap().len(), 2);
    assert_eq!(newest["required_state"][0]["state_key"], alice.as_str());

    let nothing = server.slide(&alice, Some(&first.pos), 1).await;
    assert!(nothing.rooms.is_empty());
    assert_eq!(nothing.lists["all"].count, 5_u32.into());
    // The oldest room comes into the window by a message, and another one goes out of it.
    server.say(&rooms[0], &alice, "up").await;
    let next = server.slide(&alice, Some(&nothing.pos), 1).await;
    assert_eq!(next.rooms.keys().collect::<Vec<_>>(), [rooms[0].id()]);
    assert_eq!(json_of(&next, &rooms[0])["num_live"], 1);
    // What is said outside the window is told when the room is back in it.
    server.say(&rooms[3], &alice, "one").await;
    let back = server.slide(&alice, Some(&next.pos), 1).await;
    let told = json_of(&back, &rooms[3]);
    assert_eq!(told["timeline"].as_array().unwrap().len(), 1);
    assert_eq!(told.get("initial"), None);
    // A wider window tells the rest.
    let rest = server.slide(&alice, Some(&back.pos), 9).await;
    assert_eq!(rest.rooms.len(), 2);
}

#[tokio::test]
async fn a_lost_answer_is_told_again() {
    let server = server();
    let alice = server.user("alice").await;
    let room = server.room(&alice).await;
    let first = server.slide(&alice, None, 9).await;
    server.say(&room, &alice, "hello").await;
    for _ in 0..3 {
        let next = server.slide(&alice, Some(&first.pos), 9).await;
        assert_eq!(json_of(&next, &room)["timeline"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_unknown_token_makes_the_client_start_afresh() {
    let server = server();
    let alice = server.user("alice").await;
    for pos in ["h1.2.3.s4", "nonsense"] {
        let answer = server.sync.slide(&request(&alice, Some(pos), 9)).await;
        assert!(matches!(answer, Err(SyncError::UnknownPos)));
    }
}

#[tokio::test]
async fn a_longer_timeline_is_told_at_once() {
    let server = server();
    let alice = server.user("alice").await;
    let room = server.room(&alice).await;
    for number in 0..4 {
        server.say(&room, &alice, &number.to_string()).await;
    }
    let first = server.slide(&alice, None, 9).await;
    let mut wider = request(&alice, Some(&first.pos), 9);
    let config = RoomConfig { timeline_limit: 4, ..RoomConfig::default() };
    wider.subscriptions.insert(room.id().to_owned(), config);
    let told = server.sync.slide(&wider).await.unwrap();
    let room = json_of(&told, &room);
    assert_eq!(room["unstable_expanded_timeline"], true);
    assert_eq!(room["timeline"].as_array().unwrap().len(), 4);
    wider.pos = Some(told.pos);
    assert!(server.sync.slide(&wider).await.unwrap().rooms.is_empty());
}

#[tokio::test]
async fn those_who_are_put_out_learn_that_and_nothing_more() {
    let server = server();
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room = server.room(&alice).await;
    server.join(&room, &bob).await;
    let first = server.slide(&bob, None, 9).await;
    server.rooms.ban(&room, &alice, &bob, None).await.unwrap();
    server.rename(&room, &alice, "secret").await;
    let banned = server.slide(&bob, Some(&first.pos), 9).await;
    let told = json_of(&banned, &room);
    assert_eq!(told["required_state"][0]["content"]["membership"], "ban");
    assert!(!told.to_string().contains("secret"), "{told:#}");
    server.rename(&room, &alice, "more secret").await;
    let mut subscribed = request(&bob, Some(&banned.pos), 9);
    let everything = vec![("*".into(), "*".to_owned())];
    let config =
        RoomConfig { timeline_limit: 20, required_state: RequiredState::new(everything, &bob) };
    subscribed.subscriptions.insert(room.id().to_owned(), config);
    let after = server.sync.slide(&subscribed).await.unwrap();
    assert_eq!(json_of(&after, &room), Value::Null);
    subscribed.pos = None;
    let afresh = server.sync.slide(&subscribed).await.unwrap();
    let told = json_of(&afresh, &room);
    assert!(!told.to_string().contains("secret"), "{told:#}");
    subscribed.lists.clear();
    let only_subscribed = server.sync.slide(&subscribed).await.unwrap();
    assert_eq!(json_of(&only_subscribed, &room), Value::Null);
}

#[tokio::test]
async fn coming_back_starts_the_room_afresh() {
    let server = server();
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room = server.room(&alice).await;
    server.join(&room, &bob).await;
    let first = server.slide(&bob, None, 9).await;
    server.rooms.leave(&room, &bob, None).await.unwrap();
    let left = server.slide(&bob, Some(&first.pos), 9).await;
    assert_eq!(json_of(&left, &room)["required_state"][0]["content"]["membership"], "leave");
    assert_eq!(left.lists["all"].count, 0_u32.into());
    server.rooms.join(&room, &bob, &Profile::default(), serde_json::Map::new()).await.unwrap();
    let back = server.slide(&bob, Some(&left.pos), 9).await;
    assert_eq!(json_of(&back, &room)["initial"], json!(true));
}
