//! Making rooms, coming and going, and finding rooms.

use ruma::api::appservice::{Namespaces, RegistrationInit};
use serde_json::{Value, json};

use super::new_room;
use crate::testing::{server, server_with};

#[tokio::test]
async fn people_come_and_go() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let room = new_room(&alice, json!({ "preset": "private_chat" })).await;
    let at = |action: &str| format!("v3/rooms/{room}/{action}");
    let bob_id = json!({ "user_id": bob.user, "reason": "so" });

    bob.refused("POST", &at("join"), json!({}), 403, "M_FORBIDDEN").await;
    alice.ok("POST", &at("invite"), bob_id.clone()).await;
    bob.ok("POST", &format!("v3/join/{room}"), json!({ "reason": "why not" })).await;
    alice.refused("POST", &at("invite"), bob_id.clone(), 403, "M_FORBIDDEN").await;
    assert_eq!(bob.ok("GET", "v3/joined_rooms", Value::Null).await["joined_rooms"], json!([room]));
    bob.refused("POST", &at("forget"), json!({}), 400, "M_UNKNOWN").await;
    bob.refused("POST", &at("kick"), json!({ "user_id": alice.user }), 403, "M_FORBIDDEN").await;

    alice.ok("POST", &at("kick"), bob_id.clone()).await;
    alice.ok("POST", &at("ban"), bob_id.clone()).await;
    bob.refused("POST", &at("join"), json!({}), 403, "M_FORBIDDEN").await;
    alice.refused("POST", &at("invite"), bob_id.clone(), 403, "M_FORBIDDEN").await;
    alice.ok("POST", &at("unban"), bob_id.clone()).await;
    alice.refused("POST", &at("unban"), bob_id, 403, "M_FORBIDDEN").await;
    bob.ok("GET", &at("messages?dir=b"), Value::Null).await;
    bob.ok("POST", &at("forget"), json!({})).await;
    bob.refused("GET", &at("messages?dir=b"), Value::Null, 403, "M_FORBIDDEN").await;
}

#[tokio::test]
async fn joining_adds_to_the_member_event() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let room = new_room(&alice, json!({ "preset": "public_chat" })).await;
    let body = json!({ "foo": "bar", "membership": "ban", "reason": null });
    bob.ok("POST", &format!("v3/join/{room}"), body).await;
    let state = format!("v3/rooms/{room}/state/m.room.member/{}", bob.user);
    let member = bob.ok("GET", &state, Value::Null).await;
    assert_eq!(member["membership"], "join");
    assert_eq!(member["foo"], "bar");
    assert_eq!(member.get("reason"), None);
}

#[tokio::test]
async fn members_are_shown_with_both_keys_and_from_the_beginning() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let room = new_room(&alice, json!({ "preset": "public_chat" })).await;
    let synced = alice.ok("GET", "v3/sync", Value::Null).await;
    let timeline = &synced["rooms"]["join"][&room]["timeline"];
    let at = timeline["prev_batch"].as_str().unwrap().to_owned();
    bob.ok("POST", &format!("v3/join/{room}"), json!({})).await;
    let path = format!("v3/rooms/{room}/members?at={at}");
    let members = alice.ok("GET", &path, Value::Null).await;
    let names: Vec<_> = members["chunk"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0]["state_key"], alice.user.as_str());

    let path = format!("v3/rooms/{room}/joined_members");
    let joined = alice.ok("GET", &path, Value::Null).await;
    for user in [&alice.user, &bob.user] {
        let member = joined["joined"][user.as_str()].as_object().unwrap();
        assert!(member.contains_key("display_name") && member.contains_key("avatar_url"));
    }
}

#[tokio::test]
async fn who_is_not_known_is_not_invited() {
    let server = server();
    let alice = server.client("alice").await;
    let room = new_room(&alice, json!({})).await;
    let path = format!("v3/rooms/{room}/invite");
    let nobody = json!({ "user_id": "@nobody:example.org" });
    alice.refused("POST", &path, nobody, 404, "M_NOT_FOUND").await;
    let remote = json!({ "user_id": "@bob:elsewhere.org" });
    alice.refused("POST", &path, remote, 400, "M_UNKNOWN").await;
    let address = json!({
        "id_server": "id.example.org",
        "id_access_token": "x",
        "medium": "email",
        "address": "bob@example.org",
    });
    alice.refused("POST", &path, address, 403, "M_SERVER_NOT_TRUSTED").await;
    alice.refused("POST", "v3/join/!unknown:example.org", json!({}), 404, "M_NOT_FOUND").await;
    alice.refused("POST", "v3/join/%23none:example.org", json!({}), 404, "M_NOT_FOUND").await;
}

#[tokio::test]
async fn rooms_are_made_to_order_or_refused() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let room = new_room(
        &alice,
        json!({
            "room_alias_name": "hall",
            "name": "Hall",
            "topic": "All",
            "visibility": "public",
            "invite": [bob.user],
            "initial_state": [{ "type": "x.y", "state_key": "k", "content": { "a": 1 } }],
        }),
    )
    .await;
    let at = |rest: &str| format!("v3/rooms/{room}/state/{rest}");
    assert_eq!(alice.ok("GET", &at("m.room.name"), Value::Null).await, json!({ "name": "Hall" }));
    assert_eq!(alice.ok("GET", &at("m.room.name/"), Value::Null).await, json!({ "name": "Hall" }));
    assert_eq!(alice.ok("GET", &at("x.y/k"), Value::Null).await, json!({ "a": 1 }));
    let event = alice.ok("GET", &at("x.y/k?format=event"), Value::Null).await;
    assert_eq!((&event["state_key"], &event["room_id"]), (&json!("k"), &json!(room)));
    let found = bob.ok("GET", "v3/directory/room/%23hall:example.org", Value::Null).await;
    assert_eq!(found, json!({ "room_id": room, "servers": ["example.org"] }));
    let public = bob.ok("POST", "v3/publicRooms", json!({ "filter": {} })).await;
    assert_eq!(public["chunk"][0]["name"], "Hall");
    for (request, code) in [
        (json!({ "room_alias_name": "hall" }), "M_ROOM_IN_USE"),
        (json!({ "room_alias_name": "a:b" }), "M_INVALID_PARAM"),
        (json!({ "room_version": "77" }), "M_UNSUPPORTED_ROOM_VERSION"),
        (json!({ "preset": "party" }), "M_INVALID_PARAM"),
        (json!({ "name": 5 }), "M_BAD_JSON"),
        (json!({ "initial_state": [{ "type": "x" }] }), "M_BAD_JSON"),
        (json!({ "creation_content": { "additional_creators": ["x"] } }), "M_INVALID_PARAM"),
        (json!({ "power_level_content_override": { "ban": {} } }), "M_BAD_JSON"),
    ] {
        alice.refused("POST", "v3/createRoom", request, 400, code).await;
    }
}

#[tokio::test]
async fn aliases_lead_somewhere() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let room = new_room(&alice, json!({ "preset": "public_chat" })).await;
    let (path, body) = ("v3/directory/room/%23a:example.org", json!({ "room_id": room }));
    bob.refused("PUT", path, body.clone(), 403, "M_FORBIDDEN").await;
    let canonical = format!("v3/rooms/{room}/state/m.room.canonical_alias");
    let named = json!({ "alias": "#a:example.org" });
    alice.refused("PUT", &canonical, named.clone(), 400, "M_BAD_ALIAS").await;
    alice.refused("PUT", &canonical, json!({ "alias": "a" }), 400, "M_INVALID_PARAM").await;
    alice.ok("PUT", path, body.clone()).await;
    alice.refused("PUT", path, body, 409, "M_UNKNOWN").await;
    alice.ok("PUT", &canonical, named).await;
    let listed = alice.ok("GET", &format!("v3/rooms/{room}/aliases"), Value::Null).await;
    assert_eq!(listed, json!({ "aliases": ["#a:example.org"] }));
    bob.refused("DELETE", path, json!({}), 403, "M_FORBIDDEN").await;
    alice.ok("DELETE", path, json!({})).await;
    alice.refused("GET", path, Value::Null, 404, "M_NOT_FOUND").await;

    let list = format!("v3/directory/list/room/{room}");
    bob.refused("PUT", &list, json!({ "visibility": "public" }), 403, "M_FORBIDDEN").await;
    alice.ok("PUT", &list, json!({ "visibility": "public" })).await;
    let visibility = bob.ok("GET", &list, Value::Null).await;
    assert_eq!(visibility, json!({ "visibility": "public" }));
    let summary = bob.ok("GET", &format!("v1/room_summary/{room}"), Value::Null).await;
    assert_eq!((&summary["membership"], &summary["room_id"]), (&json!("leave"), &json!(room)));
}

#[tokio::test]
async fn a_bridge_lists_rooms_of_its_networks() {
    let registration = RegistrationInit {
        id: "bridge".to_owned(),
        url: None,
        as_token: "bridges-token".to_owned(),
        hs_token: "servers-token".to_owned(),
        sender_localpart: "bridge".to_owned(),
        namespaces: Namespaces::new(),
        rate_limited: None,
        protocols: Some(vec!["irc".to_owned()]),
    };
    let server = server_with(|options| {
        options.accounts.application_services = vec![registration.into()];
    });
    let alice = server.client("alice").await;
    let room = new_room(&alice, json!({ "name": "Portal" })).await;
    let path = format!("v3/directory/list/appservice/freenode/{room}");
    let public = json!({ "visibility": "public" });
    alice.refused("PUT", &path, public.clone(), 403, "M_FORBIDDEN").await;
    let bridge = server.stranger().with_token(&json!("bridges-token"));
    bridge.ok("PUT", &path, public.clone()).await;
    let nowhere = "v3/directory/list/appservice/freenode/!nowhere:example.org";
    bridge.refused("PUT", nowhere, public, 404, "M_NOT_FOUND").await;

    let on = json!({ "third_party_instance_id": "bridge|freenode" });
    let listed = alice.ok("POST", "v3/publicRooms", on.clone()).await;
    assert_eq!(listed["chunk"][0]["room_id"], room.as_str());
    for (search, count) in [
        (json!({}), 0),
        (json!({ "third_party_instance_id": "bridge|other" }), 0),
        (json!({ "include_all_networks": true }), 1),
    ] {
        let listed = alice.ok("POST", "v3/publicRooms", search).await;
        assert_eq!(listed["chunk"].as_array().unwrap().len(), count);
    }
    bridge.ok("PUT", &path, json!({ "visibility": "private" })).await;
    assert_eq!(alice.ok("POST", "v3/publicRooms", on).await["chunk"], json!([]));
}
