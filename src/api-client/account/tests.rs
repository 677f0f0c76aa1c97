//! Stories of accounts told to the whole router: answers, refusals and their codes.

use hearth_base::Secret;
use serde_json::{Value, json};

use crate::{
    Registration,
    testing::{PASSWORD, server, server_with},
};

fn password_auth(user: &str, session: &Value) -> Value {
    json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": user },
        "password": PASSWORD,
        "session": session,
    })
}

#[tokio::test]
async fn somebody_registers_and_logs_in_and_out() {
    let server = server();
    let stranger = server.stranger();
    let wish = json!({ "username": "Alice", "password": PASSWORD });
    let (status, challenge) = stranger.call("POST", "v3/register", wish.clone()).await;
    assert_eq!(status, 401);
    assert_eq!(challenge["flows"], json!([{ "stages": ["m.login.dummy"] }]));
    let mut complete = wish.clone();
    complete["auth"] = json!({ "type": "m.login.dummy", "session": challenge["session"] });
    let made = stranger.ok("POST", "v3/register", complete).await;
    assert_eq!(made["user_id"], "@alice:example.org");
    stranger.refused("POST", "r0/register", wish, 400, "M_USER_IN_USE").await;
    stranger
        .refused("GET", "v3/register/available?username=alice", Value::Null, 400, "M_USER_IN_USE")
        .await;

    let alice = stranger.with_token(&made["access_token"]);
    let me = alice.ok("GET", "v3/account/whoami", Value::Null).await;
    assert_eq!((&me["user_id"], &me["device_id"]), (&made["user_id"], &made["device_id"]));
    alice.ok("POST", "v3/logout", Value::Null).await;
    let gone = alice.refused("GET", "v3/account/whoami", Value::Null, 401, "M_UNKNOWN_TOKEN").await;
    assert_eq!(gone["soft_logout"], false);

    for user in ["alice", "@alice:example.org"] {
        let identifier = json!({ "type": "m.id.user", "user": user });
        let login =
            json!({ "type": "m.login.password", "identifier": identifier, "password": PASSWORD });
        stranger.ok("POST", "v3/login", login).await;
    }
    let old = json!({ "type": "m.login.password", "user": "alice", "password": PASSWORD });
    stranger.ok("POST", "r0/login", old).await;
    let wrong = json!({ "type": "m.login.password", "user": "alice", "password": "x" });
    stranger.refused("POST", "v3/login", wrong, 403, "M_FORBIDDEN").await;
}

#[tokio::test]
async fn malformed_logins_are_refused_without_harm() {
    let stranger = server().stranger();
    stranger.refused("POST", "v3/login", json!({}), 400, "M_BAD_JSON").await;
    stranger.refused("POST", "v3/login", json!({ "type": 1 }), 400, "M_BAD_JSON").await;
    stranger.refused("POST", "v3/login", json!({ "type": "x" }), 400, "M_UNKNOWN").await;
    let response = stranger.send("POST", "v3/login", "{".into()).await;
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn registration_follows_its_mode() {
    let closed = server_with(|options| options.settings.registration = Registration::Closed);
    let wish = json!({ "username": "bob", "password": PASSWORD });
    let stranger = closed.stranger();
    stranger.refused("POST", "v3/register", wish.clone(), 403, "M_FORBIDDEN").await;
    let guest = "v3/register?kind=guest";
    stranger.refused("POST", guest, json!({}), 403, "M_FORBIDDEN").await;

    let by_token = server_with(|options| {
        options.settings.registration = Registration::Token;
        options.accounts.registration_tokens = vec![Secret::new("sesame")];
    });
    let stranger = by_token.stranger();
    let validity = "v1/register/m.login.registration_token/validity?token=";
    let answer = stranger.ok("GET", &format!("{validity}sesame"), Value::Null).await;
    assert_eq!(answer["valid"], true);
    let with_token = |token: &str| {
        let mut wish = wish.clone();
        wish["auth"] = json!({ "type": "m.login.registration_token", "token": token });
        wish
    };
    stranger.refused("POST", "v3/register", with_token("x"), 401, "M_FORBIDDEN").await;
    stranger.ok("POST", "v3/register", with_token("sesame")).await;
}

#[tokio::test]
async fn guests_do_what_is_open_to_them() {
    let server = server_with(|options| options.settings.guests = true);
    let made = server.stranger().ok("POST", "v3/register?kind=guest", json!({})).await;
    let guest = server.stranger().with_token(&made["access_token"]);
    guest.ok("GET", "v3/capabilities", Value::Null).await;
    let refused = "M_GUEST_ACCESS_FORBIDDEN";
    guest.refused("POST", "v3/createRoom", json!({}), 403, refused).await;
}

#[tokio::test]
async fn locked_and_suspended_users_are_held_back() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    server.api.accounts.set_suspended(&alice.user, true).await.unwrap();
    alice.refused("POST", "v3/createRoom", json!({}), 403, "M_USER_SUSPENDED").await;
    alice.ok("GET", "v3/joined_rooms", Value::Null).await;
    server.api.accounts.set_locked(&bob.user, true).await.unwrap();
    let locked = bob.refused("GET", "v3/joined_rooms", Value::Null, 401, "M_USER_LOCKED").await;
    assert_eq!(locked["soft_logout"], true);
    bob.ok("POST", "v3/logout", json!({})).await;
}

#[tokio::test]
async fn a_device_is_deleted_with_the_password() {
    let server = server();
    let alice = server.client("alice").await;
    let devices = alice.ok("GET", "v3/devices", Value::Null).await;
    let device = devices["devices"][0]["device_id"].as_str().unwrap().to_owned();
    let path = format!("v3/devices/{device}");
    alice.ok("PUT", &path, json!({ "display_name": "Desk" })).await;
    assert_eq!(alice.ok("GET", &path, Value::Null).await["display_name"], "Desk");
    alice.refused("GET", "v3/devices/NONE", Value::Null, 404, "M_NOT_FOUND").await;

    let (status, challenge) = alice.call("DELETE", &path, json!({})).await;
    assert_eq!(status, 401);
    assert!(challenge.get("errcode").is_none());
    let mut wrong = password_auth("alice", &challenge["session"]);
    wrong["password"] = "x".into();
    let refused = json!({ "auth": wrong });
    alice.refused("DELETE", &path, refused, 401, "M_FORBIDDEN").await;
    let confirmed = json!({ "auth": password_auth("alice", &challenge["session"]) });
    alice.ok("DELETE", &path, confirmed).await;
    alice.refused("GET", "v3/devices", Value::Null, 401, "M_UNKNOWN_TOKEN").await;
}

#[tokio::test]
async fn a_completed_stage_is_good_for_its_operation_only() {
    let server = server();
    let alice = server.client("alice").await;
    let (_, challenge) = alice.call("POST", "v3/delete_devices", json!({ "devices": ["A"] })).await;
    let auth = password_auth("alice", &challenge["session"]);
    let other = json!({ "devices": ["B"], "auth": auth });
    alice.refused("POST", "v3/delete_devices", other, 403, "M_FORBIDDEN").await;
}

#[tokio::test]
async fn a_changed_password_ends_other_sessions() {
    let server = server();
    let alice = server.client("alice").await;
    let login = json!({ "type": "m.login.password", "user": "alice", "password": PASSWORD });
    let other = server.stranger().ok("POST", "v3/login", login.clone()).await;
    let other = alice.with_token(&other["access_token"]);
    let change =
        json!({ "new_password": "a new one", "auth": password_auth("alice", &Value::Null) });
    alice.ok("POST", "v3/account/password", change.clone()).await;
    alice.ok("GET", "v3/account/whoami", Value::Null).await;
    other.refused("GET", "v3/account/whoami", Value::Null, 401, "M_UNKNOWN_TOKEN").await;
    server.stranger().refused("POST", "v3/login", login, 403, "M_FORBIDDEN").await;
    let path = "v3/account/password";
    server.stranger().refused("POST", path, change, 401, "M_MISSING_TOKEN").await;
}

#[tokio::test]
async fn a_new_name_reaches_rooms_and_directory() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let room = alice.ok("POST", "v3/createRoom", json!({ "preset": "public_chat" })).await;
    let room = room["room_id"].as_str().unwrap();
    let name = format!("v3/profile/{}/displayname", alice.user);
    alice.ok("PUT", &name, json!({ "displayname": "Alice Liddell" })).await;
    bob.refused("PUT", &name, json!({ "displayname": "x" }), 403, "M_FORBIDDEN").await;
    let state = format!("v3/rooms/{room}/state/m.room.member/{}", alice.user);
    assert_eq!(alice.ok("GET", &state, Value::Null).await["displayname"], "Alice Liddell");
    let found = bob.ok("POST", "v3/user_directory/search", json!({ "search_term": "lidd" })).await;
    assert_eq!(found["results"][0]["user_id"], alice.user.as_str());

    alice.ok("PUT", &name, json!({ "displayname": "" })).await;
    bob.refused("GET", &name, Value::Null, 404, "M_NOT_FOUND").await;
    bob.refused("GET", "v3/profile/@nobody:example.org", Value::Null, 404, "M_NOT_FOUND").await;
}

#[tokio::test]
async fn settings_are_kept_for_their_user() {
    let server = server();
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let own = |rest: &str| format!("v3/user/{}/{rest}", alice.user);
    let data = own("account_data/org.example");
    alice.refused("GET", &data, Value::Null, 404, "M_NOT_FOUND").await;
    alice.ok("PUT", &data, json!({ "a": 1 })).await;
    assert_eq!(alice.ok("GET", &data, Value::Null).await, json!({ "a": 1 }));
    bob.refused("GET", &data, Value::Null, 403, "M_FORBIDDEN").await;
    let reserved = own("account_data/m.push_rules");
    alice.refused("PUT", &reserved, json!({}), 405, "M_BAD_JSON").await;

    let tag = own("rooms/!r:example.org/tags/m.favourite");
    alice.ok("PUT", &tag, json!({ "order": 0.5 })).await;
    let tags = alice.ok("GET", &own("rooms/!r:example.org/tags"), Value::Null).await;
    assert_eq!(tags["tags"]["m.favourite"]["order"], 0.5);

    let filter = alice.ok("POST", &own("filter"), json!({ "room": {} })).await;
    let path = own(&format!("filter/{}", filter["filter_id"].as_str().unwrap()));
    alice.ok("GET", &path, Value::Null).await;
    for path in ["v3/pushrules/", "v3/pushrules", "r0/pushrules/"] {
        assert!(alice.ok("GET", path, Value::Null).await["global"].is_object());
    }
    let threepids = alice.ok("GET", "v3/account/3pid", Value::Null).await;
    assert_eq!(threepids, json!({ "threepids": [] }));
}

#[tokio::test]
async fn a_deactivated_user_is_gone() {
    let server = server();
    let alice = server.client("alice").await;
    let auth = password_auth("alice", &Value::Null);
    alice.ok("POST", "v3/account/deactivate", json!({ "auth": auth })).await;
    alice.refused("GET", "v3/account/whoami", Value::Null, 401, "M_UNKNOWN_TOKEN").await;
    let login = json!({ "type": "m.login.password", "user": "alice", "password": PASSWORD });
    server.stranger().refused("POST", "v3/login", login, 403, "M_FORBIDDEN").await;
}

#[tokio::test]
async fn the_shared_secret_endpoint_is_off_without_a_secret() {
    let stranger = server().stranger();
    let path = "/_synapse/admin/v1/register";
    stranger.refused("GET", path, Value::Null, 404, "M_UNRECOGNIZED").await;
    let on = server_with(|options| {
        options.accounts.shared_secret = Some(Secret::new("complement"));
    });
    let nonce = on.stranger().ok("GET", path, Value::Null).await["nonce"].clone();
    let forged =
        json!({ "nonce": nonce, "username": "a", "password": "b", "mac": "00", "admin": true });
    on.stranger().refused("POST", path, forged, 403, "M_FORBIDDEN").await;
}

#[tokio::test]
async fn an_application_service_acts_as_its_users() {
    let server = server_with(|options| {
        let registration = json!({
            "id": "bridge",
            "url": null,
            "as_token": "as_secret",
            "hs_token": "hs_secret",
            "sender_localpart": "bridge",
            "namespaces": { "users": [{ "exclusive": true, "regex": "@_b_.*:example.org" }] },
        });
        options.accounts.application_services = vec![serde_json::from_value(registration).unwrap()];
    });
    let taken = json!({ "username": "_b_eve", "password": PASSWORD });
    server.stranger().refused("POST", "v3/register", taken, 400, "M_EXCLUSIVE").await;
    let bridge = server.stranger().with_token(&"as_secret".into());
    let me = bridge.ok("GET", "v3/account/whoami", Value::Null).await;
    assert_eq!(me["user_id"], "@bridge:example.org");
    let wish = json!({ "type": "m.login.application_service", "username": "_b_bob" });
    bridge.ok("POST", "v3/register", wish).await;
    let path = "v3/account/whoami?user_id=@_b_bob:example.org";
    assert_eq!(bridge.ok("GET", path, Value::Null).await["user_id"], "@_b_bob:example.org");
    let path = "v3/account/whoami?user_id=@alice:example.org";
    bridge.refused("GET", path, Value::Null, 403, "M_FORBIDDEN").await;
    let query = "v3/account/whoami?access_token=as_secret";
    server.stranger().ok("GET", query, Value::Null).await;
}
