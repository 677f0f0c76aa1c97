//! `/sync` of rooms that one is invited to, knocked on or has left, and the summary of others.

use hearth_tests::{
    Server,
    rooms::{bodies, initial_state},
    sync::{events, joined, next_batch, of_state, of_type},
};
use serde_json::{Value, json};

#[tokio::test]
async fn an_invite_comes_with_a_glimpse_of_the_room() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "name": "The hearth" })).await;
    let since = bob.now().await;
    alice.invite(&room, &bob.user).await;
    let invited = |body: &Value| body["rooms"]["invite"][&room].clone();
    let body = bob.sync_until(&since, |body| invited(body).is_object()).await;
    let section = invited(&body);
    let glimpse = events(&section["invite_state"]);
    let own = of_state(glimpse, "m.room.member", &bob.user).unwrap();
    assert_eq!(own["content"]["membership"], "invite");
    assert_eq!(own["sender"], alice.user.as_str());
    assert_eq!(of_type(glimpse, "m.room.name").unwrap()["content"]["name"], "The hearth");
    assert!(of_type(glimpse, "m.room.create").is_some());
    assert!(of_type(glimpse, "m.room.join_rules").is_some());

    let initial = bob.sync(None, 0).await;
    assert!(invited(&initial).is_object(), "an open invite is in each initial sync");
    let since = next_batch(&initial);
    bob.join(&room).await;
    let body = bob.sync_until(&since, |body| joined(body, &room).is_object()).await;
    assert!(invited(&body).is_null());
}

#[tokio::test]
async fn a_knock_comes_with_a_glimpse_of_the_room() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let rule = initial_state("m.room.join_rules", json!({ "join_rule": "knock" }));
    let room = alice.create_room(json!({ "name": "A door", "initial_state": [rule] })).await;
    let since = bob.now().await;
    bob.knock(&room).await.ok();
    let body = bob.sync_until(&since, |body| body["rooms"]["knock"][&room].is_object()).await;
    let glimpse = events(&body["rooms"]["knock"][&room]["knock_state"]);
    assert_eq!(of_type(glimpse, "m.room.name").unwrap()["content"]["name"], "A door");
    let own = of_state(glimpse, "m.room.member", &bob.user).unwrap();
    assert_eq!(own["content"]["membership"], "knock");
}

#[tokio::test]
async fn a_left_room_shows_the_departure_and_no_more() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let since = bob.now().await;
    alice.say(&room, "the last he sees").await;
    bob.leave(&room).await.ok();
    alice.say(&room, "behind his back").await;
    let left = |body: &Value| body["rooms"]["leave"][&room].clone();
    let body = bob.sync_until(&since, |body| left(body).is_object()).await;
    let section = left(&body);
    let seen = events(&section["timeline"]);
    assert_eq!(bodies(seen), ["the last he sees"]);
    let own = of_state(seen, "m.room.member", &bob.user).unwrap();
    assert_eq!(own["content"]["membership"], "leave");

    let later = bob.sync(Some(&next_batch(&body)), 0).await;
    assert!(left(&later).is_null(), "a room is left once");
    let plain = bob.sync(None, 0).await;
    assert!(left(&plain).is_null(), "left rooms are wanted by filter only");
    let filter = json!({ "room": { "include_leave": true } });
    let wanted = left(&bob.sync_filtered(None, &filter).await);
    assert_eq!(bodies(events(&wanted["timeline"])), ["the last he sees"]);
}

#[tokio::test]
async fn a_kick_and_a_ban_show_as_departures() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    for (action, membership) in [("kick", "leave"), ("ban", "ban")] {
        let room = alice.create_room_with(&[&bob]).await;
        let since = bob.now().await;
        alice.moderate(action, &room, &bob.user).await.ok();
        let left = |body: &Value| body["rooms"]["leave"][&room].clone();
        let body = bob.sync_until(&since, |body| left(body).is_object()).await;
        let section = left(&body);
        let own = of_state(events(&section["timeline"]), "m.room.member", &bob.user).unwrap();
        assert_eq!(own["content"]["membership"], membership);
        assert_eq!(own["sender"], alice.user.as_str());
    }
}

#[tokio::test]
async fn a_declined_invite_leaves() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "invite": [bob.user] })).await;
    let since = bob.now().await;
    bob.leave(&room).await.ok();
    let body = bob.sync_until(&since, |body| body["rooms"]["leave"][&room].is_object()).await;
    assert!(body["rooms"]["invite"].get(&room).is_none());
}

#[tokio::test]
async fn the_summary_counts_and_names_members() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    alice.invite(&room, &carol.user).await;
    let filter = json!({ "room": { "state": { "lazy_load_members": true } } });
    let body = alice.sync_filtered(None, &filter).await;
    let summary = &joined(&body, &room)["summary"];
    assert_eq!(summary["m.joined_member_count"], json!(2), "{summary}");
    assert_eq!(summary["m.invited_member_count"], json!(1), "{summary}");
    let mut heroes: Vec<&str> =
        summary["m.heroes"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    heroes.sort_unstable();
    assert_eq!(heroes, [&bob.user, &carol.user]);

    let since = next_batch(&body);
    carol.join(&room).await;
    let body = alice.sync_filtered(Some(&since), &filter).await;
    assert_eq!(joined(&body, &room)["summary"]["m.joined_member_count"], json!(3));
}
