//! From whom a user wants invites, and what an invite tells.

use hearth_tests::{Client, Server, sync::of_type};
use serde_json::{Value, json};

const GENERAL: &str = "m.invite_permission_config";
const LISTS: &str = "org.matrix.msc4155.invite_permission_config";

async fn set(client: &Client, kind: &str, content: Value) {
    let path = format!("/user/{}/account_data/{kind}", client.user);
    client.put(&path, content).await.ok();
}

async fn invites(client: &Client) -> usize {
    let body = client.sync(None, 0).await;
    body["rooms"]["invite"].as_object().map_or(0, serde_json::Map::len)
}

#[tokio::test]
async fn blocked_invites_are_refused_wherever_they_are_made() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = bob.create_room(json!({})).await;
    for (kind, content) in [
        (GENERAL, json!({ "default_action": "block" })),
        (LISTS, json!({ "blocked_users": ["@b?b:*"] })),
        (LISTS, json!({ "blocked_servers": ["hearth.*"] })),
    ] {
        set(&alice, kind, content).await;
        let refused = bob.moderate("invite", &room, &alice.user).await;
        refused.assert_matrix_error(403, "M_INVITE_BLOCKED");
        let options = json!({ "invite": [alice.user] });
        let refused = bob.post("/createRoom", options).await;
        refused.assert_matrix_error(403, "M_INVITE_BLOCKED");
        let content = json!({ "membership": "invite" });
        let refused = bob.put_state(&room, "m.room.member", &alice.user, content).await;
        refused.assert_matrix_error(403, "M_INVITE_BLOCKED");
        set(&alice, kind, json!({})).await;
    }
    assert_eq!(invites(&alice).await, 0);
    set(&alice, GENERAL, json!({ "default_action": "block" })).await;
    set(&alice, LISTS, json!({ "allowed_users": [bob.user] })).await;
    bob.invite(&room, &alice.user).await;
    assert_eq!(invites(&alice).await, 1);
}

#[tokio::test]
async fn ignored_invites_are_not_noticed_on_either_side() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    set(&alice, LISTS, json!({ "ignored_users": [bob.user] })).await;
    let room = bob.create_room(json!({})).await;
    bob.invite(&room, &alice.user).await;
    assert_eq!(invites(&alice).await, 0);
    let room = carol.create_room(json!({})).await;
    carol.invite(&room, &alice.user).await;
    assert_eq!(invites(&alice).await, 1);
}

#[tokio::test]
async fn an_invite_shows_the_whole_create_event() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let options = json!({ "name": "Hall", "is_direct": true, "invite": [bob.user] });
    let room = alice.create_room(options).await;
    let body = bob.sync(None, 0).await;
    let state = body["rooms"]["invite"][&room]["invite_state"]["events"].as_array().unwrap();
    let create = of_type(state, "m.room.create").unwrap();
    assert!(create["origin_server_ts"].is_u64(), "{create}");
    assert_eq!(create["room_id"], room.as_str());
    let name = of_type(state, "m.room.name").unwrap();
    assert!(name.get("origin_server_ts").is_none(), "{name}");
    let own = alice.state(&room, "m.room.member", &alice.user).await.ok();
    assert!(own.get("is_direct").is_none(), "only invites say so: {own}");
}

#[tokio::test]
async fn mutual_rooms_are_those_that_both_have_joined() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let mut expected = vec![alice.create_room_with(&[&bob]).await];
    expected.push(bob.create_room_with(&[&alice]).await);
    let invited = alice.create_room(json!({ "invite": [bob.user] })).await;
    assert!(!invited.is_empty());
    let path = |user: &str| format!("/_matrix/client/v1/mutual_rooms?user_id={user}");
    let body = alice.get(&path(&bob.user)).await.ok();
    assert_eq!((&body["joined"], &body["count"]), (&json!(expected), &json!(2)));
    let old = "/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms";
    let body = alice.get(&format!("{old}?user_id={}", bob.user)).await.ok();
    assert_eq!(body, json!({ "joined": expected }));
    let nobody = alice.get(&path("@nobody:elsewhere.test")).await.ok();
    assert_eq!(nobody, json!({ "joined": [], "count": 0 }));
    for bad in [path(&alice.user), path("nonsense"), format!("{}&from=x", path(&bob.user))] {
        alice.get(&bad).await.assert_matrix_error(400, "M_INVALID_PARAM");
    }
    let missing = alice.get("/_matrix/client/v1/mutual_rooms").await;
    missing.assert_matrix_error(400, "M_MISSING_PARAM");
}
