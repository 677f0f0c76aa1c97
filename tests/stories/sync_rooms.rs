//! `/sync` of joined rooms: initial and incremental, limited and lazy, state before and after.

use hearth_tests::{
    Server,
    rooms::{bodies, event_id, ids},
    sync::{events, has_event, joined, next_batch, of_state, of_type, state, timeline},
};
use serde_json::{Value, json};

#[tokio::test]
async fn an_initial_sync_holds_timeline_and_state() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "public_chat", "name": "The hearth" })).await;
    bob.join(&room).await;
    for number in 0..20 {
        alice.say(&room, &number.to_string()).await;
    }
    let body = bob.sync(None, 0).await;
    let recent = timeline(&body, &room);
    assert_eq!(recent.last().unwrap()["content"]["body"], "19");
    let name = of_type(state(&body, &room), "m.room.name").unwrap();
    assert_eq!(name["content"]["name"], "The hearth");
    assert!(of_state(state(&body, &room), "m.room.member", &alice.user).is_some());
    assert!(recent.iter().all(|event| event.get("room_id").is_none()), "room_id is left out");
    let both: Vec<&Value> = state(&body, &room).iter().chain(recent).collect();
    let mut seen: Vec<&str> =
        both.iter().map(|event| event["event_id"].as_str().unwrap()).collect();
    let whole = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), whole, "state repeats the timeline");
}

#[tokio::test]
async fn an_incremental_sync_holds_only_what_is_new() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let busy = alice.create_room(json!({})).await;
    let quiet = alice.create_room(json!({})).await;
    let first = alice.sync(None, 0).await;
    assert!(joined(&first, &quiet).is_object());
    let since = next_batch(&first);
    let unchanged = alice.sync(Some(&since), 0).await;
    assert!(unchanged["rooms"]["join"].as_object().is_none_or(|rooms| rooms.is_empty()));

    let sent = alice.say(&busy, "news").await;
    let body = alice.sync_event(&since, &busy, &sent).await;
    assert_eq!(ids(timeline(&body, &busy)), [sent]);
    assert_ne!(joined(&body, &busy)["timeline"]["limited"], json!(true));
    assert!(state(&body, &busy).is_empty());
    assert!(joined(&body, &quiet).is_null());
    // The same token gives the same again.
    let again = alice.sync(Some(&since), 0).await;
    assert_eq!(ids(timeline(&again, &busy)), ids(timeline(&body, &busy)));
}

#[tokio::test]
async fn a_long_poll_wakes_for_an_event() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let since = bob.now().await;
    let (body, sent) = tokio::join!(bob.sync(Some(&since), 15_000), alice.say(&room, "wake up"));
    let body = match has_event(timeline(&body, &room), &sent) {
        true => body,
        false => bob.sync_event(&next_batch(&body), &room, &sent).await,
    };
    assert_eq!(bodies(timeline(&body, &room)), ["wake up"]);
}

#[tokio::test]
async fn a_long_poll_ends_empty_at_its_timeout() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let since = alice.now().await;
    let started = std::time::Instant::now();
    let body = alice.sync(Some(&since), 300).await;
    assert!(started.elapsed().as_millis() >= 290, "answered after {:?}", started.elapsed());
    assert!(body["rooms"]["join"].as_object().is_none_or(|rooms| rooms.is_empty()), "{body}");
}

#[tokio::test]
async fn a_gap_brings_the_state_that_changed_in_it() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({ "name": "old" })).await;
    let since = alice.now().await;
    let renamed =
        event_id(&alice.put_state(&room, "m.room.name", "", json!({ "name": "new" })).await);
    for number in 0..5 {
        alice.say(&room, &number.to_string()).await;
    }
    let filter = json!({ "room": { "timeline": { "limit": 3 } } });
    let body = alice.sync_filtered(Some(&since), &filter).await;
    assert_eq!(joined(&body, &room)["timeline"]["limited"], json!(true));
    assert_eq!(bodies(timeline(&body, &room)), ["2", "3", "4"]);
    assert_eq!(ids(state(&body, &room)), [renamed]);
}

#[tokio::test]
async fn full_state_brings_everything() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({ "name": "The hearth" })).await;
    let since = alice.now().await;
    let query = [("since", since.as_str()), ("full_state", "true"), ("timeout", "10000")];
    let body = alice.sync_query(&query).await.ok();
    let whole = state(&body, &room);
    assert!(timeline(&body, &room).is_empty());
    for kind in ["m.room.create", "m.room.power_levels", "m.room.name", "m.room.member"] {
        assert!(of_type(whole, kind).is_some(), "no {kind}");
    }
}

#[tokio::test]
async fn state_after_is_the_state_at_the_end() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({ "name": "old" })).await;
    let since = alice.now().await;
    let renamed =
        event_id(&alice.put_state(&room, "m.room.name", "", json!({ "name": "new" })).await);
    let query = [("since", since.as_str()), ("use_state_after", "true"), ("timeout", "10000")];
    let body = alice.sync_query(&query).await.ok();
    assert!(joined(&body, &room).get("state").is_none(), "{body:#}");
    assert_eq!(ids(events(&joined(&body, &room)["state_after"])), [&*renamed]);
    assert!(has_event(timeline(&body, &room), &renamed));

    let old_name = [("org.matrix.msc4222.use_state_after", "true")];
    let old = alice.sync_query(&old_name).await.ok();
    let (old, new) = (&joined(&old, &room)["org.matrix.msc4222.state_after"], joined(&old, &room));
    assert_eq!(old, &new["state_after"]);
    assert_eq!(new["timeline"]["limited"], new["timeline"]["limited"].as_bool().unwrap());
    let initial = alice.sync_query(&[("use_state_after", "true")]).await.ok();
    let after = events(&joined(&initial, &room)["state_after"]);
    assert_eq!(of_type(after, "m.room.name").unwrap()["content"]["name"], "new");
}

#[tokio::test]
async fn lazy_members_are_those_who_speak() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    // A room with a name has no heroes, who would come, too.
    let room = alice.create_room(json!({ "preset": "public_chat", "name": "Talk" })).await;
    bob.join(&room).await;
    carol.join(&room).await;
    for number in 0..4 {
        bob.say(&room, &number.to_string()).await;
    }
    let filter = json!({
        "room": { "state": { "lazy_load_members": true }, "timeline": { "limit": 2 } },
    });
    let body = alice.sync_filtered(None, &filter).await;
    let has =
        |body: &Value, user: &str| of_state(state(body, &room), "m.room.member", user).is_some();
    assert!(has(&body, &bob.user), "a sender in the timeline");
    assert!(has(&body, &alice.user), "the user");
    assert!(!has(&body, &carol.user), "a silent member");
    assert!(of_type(state(&body, &room), "m.room.create").is_some());

    let since = next_batch(&body);
    carol.say(&room, "me too").await;
    let body = alice.sync_filtered(Some(&since), &filter).await;
    assert!(has(&body, &carol.user), "a new sender: {body:#}");
}

#[tokio::test]
async fn a_room_joined_since_then_comes_whole() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "public_chat", "name": "The hearth" })).await;
    alice.say(&room, "before bob").await;
    let since = bob.now().await;
    bob.join(&room).await;
    let body = bob.sync_until(&since, |body| joined(body, &room).is_object()).await;
    let both: Vec<Value> =
        state(&body, &room).iter().chain(timeline(&body, &room)).cloned().collect();
    assert!(of_type(&both, "m.room.create").is_some());
    assert_eq!(of_type(&both, "m.room.name").unwrap()["content"]["name"], "The hearth");
    assert!(of_state(&both, "m.room.member", &bob.user).is_some());
    assert!(bodies(&both).contains(&"before bob"));
}

#[tokio::test]
async fn bad_tokens_are_refused() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let reply = alice.sync_query(&[("since", "nonsense")]).await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert!(reply.json()["errcode"].is_string());
    server.anonymous().get("/sync").await.assert_matrix_error(401, "M_MISSING_TOKEN");
}
