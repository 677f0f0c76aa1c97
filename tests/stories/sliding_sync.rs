//! Simplified sliding sync (MSC4186): windows, what wakes them, and what they keep to themselves.

use hearth_tests::{
    Client, Reply, Server,
    client::encode,
    sync::{of_state, of_type},
    wait,
};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

/// What a client like Element X asks for: a window of 20 rooms.
fn window() -> Value {
    json!({
        "conn_id": "room-list",
        "lists": {
            "all_rooms": {
                "ranges": [[0, 19]],
                "timeline_limit": 5,
                "required_state": [
                    ["m.room.name", ""],
                    ["m.room.encryption", ""],
                    ["m.room.member", "$ME"],
                    ["m.room.member", "$LAZY"],
                ],
            }
        },
        "extensions": {
            "to_device": { "enabled": true },
            "e2ee": { "enabled": true },
            "account_data": { "enabled": true },
            "receipts": { "enabled": true },
            "typing": { "enabled": true },
        },
    })
}

async fn ask(client: &Client, body: &Value, pos: Option<&str>, timeout_ms: u64) -> Reply {
    let pos = pos.map_or(String::new(), |pos| format!("&pos={}", encode(pos)));
    client.post(&format!("{PATH}?timeout={timeout_ms}{pos}"), body.clone()).await
}

async fn slide(client: &Client, body: &Value, pos: Option<&str>) -> Value {
    ask(client, body, pos, 0).await.ok()
}

/// Goes on until an answer satisfies `wanted`, and returns that answer.
async fn until(client: &Client, body: &Value, pos: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut pos = pos.to_owned();
    let deadline = std::time::Instant::now() + wait::PATIENCE;
    loop {
        let answer = ask(client, body, Some(&pos), 2_000).await.ok();
        if wanted(&answer) {
            return answer;
        }
        assert!(std::time::Instant::now() < deadline, "the last answer was {answer:#}");
        pos = pos_of(&answer);
    }
}

fn pos_of(body: &Value) -> String {
    body["pos"].as_str().expect("a pos").to_owned()
}

fn list(body: &Value, of: &str) -> Vec<Value> {
    body[of].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn the_first_answer_shows_the_room_as_a_list_needs_it() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bob = server.register("bob").await;
    let room = alice.create_room(json!({ "preset": "public_chat", "name": "Hearth" })).await;
    bob.join(&room).await;
    let said = alice.say(&room, "welcome").await;
    let body = slide(&bob, &window(), None).await;
    assert_eq!(body["lists"]["all_rooms"]["count"], 1);
    let shown = &body["rooms"][&room];
    assert_eq!(shown["name"], "Hearth");
    assert_eq!(shown["initial"], true);
    assert_eq!(shown["joined_count"], 2);
    assert_eq!(shown["invited_count"], 0);
    assert_eq!(shown["notification_count"], 1);
    assert_eq!(shown["heroes"], Value::Null, "there is a name");
    assert!(shown["bump_stamp"].is_u64());
    let timeline = list(shown, "timeline");
    assert_eq!(timeline.last().unwrap()["event_id"], said.as_str());
    assert_eq!(timeline.len(), 5);
    assert_eq!(shown["limited"], true);
    let state = list(shown, "required_state");
    assert!(of_type(&state, "m.room.name").is_some());
    assert!(of_state(&state, "m.room.member", &alice.user).is_some(), "she spoke");
    assert!(of_state(&state, "m.room.member", &bob.user).is_some());
    assert!(of_type(&state, "m.room.power_levels").is_none());
    let prev = shown["prev_batch"].as_str().unwrap();
    let older = bob.all_messages(&room, "b", 100, Some(prev)).await;
    assert!(of_type(&older, "m.room.create").is_some());
    assert!(body["extensions"]["e2ee"]["device_one_time_keys_count"].is_object());
    assert!(body["extensions"]["to_device"]["next_batch"].is_string());
}

#[tokio::test]
async fn a_waiting_connection_is_woken_by_what_it_shows() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bob = server.register("bob").await;
    let room = alice.create_room_with(&[&bob]).await;
    let pos = pos_of(&slide(&bob, &window(), None).await);
    let said = alice.say(&room, "hello").await;
    let told = until(&bob, &window(), &pos, |body| {
        list(&body["rooms"][&room], "timeline").iter().any(|event| event["event_id"] == said)
    })
    .await;
    assert_eq!(told["rooms"][&room]["num_live"], 1);
    let typing = json!({ "typing": true, "timeout": 30_000 });
    alice
        .put(&format!("/rooms/{}/typing/{}", encode(&room), encode(&alice.user)), typing)
        .await
        .ok();
    let typing = until(&bob, &window(), &pos_of(&told), |body| {
        body["extensions"]["typing"]["rooms"][&room]["content"]["user_ids"][0]
            == alice.user.as_str()
    })
    .await;
    alice
        .post(&format!("/rooms/{}/receipt/m.read/{}", encode(&room), encode(&said)), json!({}))
        .await
        .ok();
    let read = until(&bob, &window(), &pos_of(&typing), |body| {
        body["extensions"]["receipts"]["rooms"][&room]["content"][&said].is_object()
    })
    .await;
    let tag = format!("/user/{}/rooms/{}/tags/u.work", encode(&bob.user), encode(&room));
    bob.put(&tag, json!({ "order": 0.5 })).await.ok();
    until(&bob, &window(), &pos_of(&read), |body| {
        list(&body["extensions"]["account_data"]["rooms"], &room)[..]
            .iter()
            .any(|event| event["type"] == "m.tag")
    })
    .await;
}

#[tokio::test]
async fn to_device_messages_come_until_they_are_acknowledged() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let body = json!({ "extensions": { "to_device": { "enabled": true } }, "conn_id": "crypto" });
    let pos = pos_of(&slide(&alice, &body, None).await);
    let message = json!({ "messages": { &alice.user: { &alice.device: { "n": 1 } } } });
    alice.put("/sendToDevice/org.example.hello/t1", message).await.ok();
    let events = |body: &Value| list(&body["extensions"]["to_device"], "events");
    let first = until(&alice, &body, &pos, |body| !events(body).is_empty()).await;
    assert_eq!(events(&first)[0]["content"], json!({ "n": 1 }));
    let again = slide(&alice, &body, Some(&pos)).await;
    assert_eq!(events(&again).len(), 1, "not acknowledged yet");
    let next = &first["extensions"]["to_device"]["next_batch"];
    let mut acknowledging = body.clone();
    acknowledging["extensions"]["to_device"]["since"] = next.clone();
    let after = slide(&alice, &acknowledging, Some(&pos_of(&first))).await;
    assert!(events(&after).is_empty());
    assert!(events(&slide(&alice, &body, None).await).is_empty(), "deleted once acknowledged");
}

#[tokio::test]
async fn lists_filter_by_what_rooms_are() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bob = server.register("bob").await;
    let plain = alice.create_room(json!({ "name": "Plain" })).await;
    let encryption = json!([{
        "type": "m.room.encryption",
        "state_key": "",
        "content": { "algorithm": "m.megolm.v1.aes-sha2" },
    }]);
    let secret = alice.create_room(json!({ "initial_state": encryption })).await;
    let creation = json!({ "type": "m.space" });
    let space = alice.create_room(json!({ "creation_content": creation })).await;
    let invited = bob.create_room(json!({ "invite": [&alice.user], "name": "Party" })).await;
    alice.put_state(&space, "m.space.child", &plain, json!({ "via": ["x"] })).await.ok();
    let direct = json!({ &bob.user: [&secret] });
    alice.put(&format!("/user/{}/account_data/m.direct", encode(&alice.user)), direct).await.ok();
    let tag = format!("/user/{}/rooms/{}/tags/m.favourite", encode(&alice.user), encode(&plain));
    alice.put(&tag, json!({})).await.ok();
    let shown = async |filters: Value| {
        let list = json!({
            "ranges": [[0, 9]], "timeline_limit": 1, "required_state": [], "filters": filters,
        });
        let body = slide(&alice, &json!({ "lists": { "a": list } }), None).await;
        let rooms = body["rooms"].as_object().cloned().unwrap_or_default();
        assert_eq!(body["lists"]["a"]["count"], rooms.len());
        let mut rooms: Vec<_> = rooms.into_iter().map(|(room, _)| room).collect();
        rooms.sort();
        rooms
    };
    let sorted = |rooms: &[&String]| {
        let mut rooms: Vec<String> = rooms.iter().map(|room| (*room).clone()).collect();
        rooms.sort();
        rooms
    };
    assert_eq!(shown(json!({ "is_encrypted": true })).await, sorted(&[&secret]));
    assert_eq!(shown(json!({ "is_dm": true })).await, sorted(&[&secret]));
    assert_eq!(shown(json!({ "is_invite": true })).await, sorted(&[&invited]));
    assert_eq!(shown(json!({ "room_types": ["m.space"] })).await, sorted(&[&space]));
    let ordinary = json!({ "not_room_types": ["m.space"], "is_invite": false });
    assert_eq!(shown(ordinary).await, sorted(&[&plain, &secret]));
    assert_eq!(shown(json!({ "spaces": [&space] })).await, sorted(&[&plain]));
    assert_eq!(shown(json!({ "tags": ["m.favourite"] })).await, sorted(&[&plain]));
    let others = json!({ "not_tags": ["m.favourite"], "is_dm": false });
    assert_eq!(shown(others).await, sorted(&[&space, &invited]));
    assert_eq!(shown(json!({ "room_name_like": "LAI" })).await, sorted(&[&plain]));
    assert_eq!(shown(json!({})).await, sorted(&[&plain, &secret, &space, &invited]));
}

#[tokio::test]
async fn invites_are_shown_by_what_they_say() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bob = server.register("bob").await;
    let pos = pos_of(&slide(&bob, &window(), None).await);
    let room = alice.create_room(json!({ "name": "Party", "invite": [&bob.user] })).await;
    alice.say(&room, "before he came").await;
    let invited = until(&bob, &window(), &pos, |body| body["rooms"][&room].is_object()).await;
    let stripped = list(&invited["rooms"][&room], "invite_state");
    assert!(of_state(&stripped, "m.room.member", &bob.user).is_some());
    assert_eq!(of_type(&stripped, "m.room.name").unwrap()["content"]["name"], "Party");
    assert_eq!(invited["rooms"][&room]["timeline"], Value::Null);
    bob.join(&room).await;
    let joined =
        until(&bob, &window(), &pos_of(&invited), |body| body["rooms"][&room]["initial"] == true)
            .await;
    assert_eq!(joined["rooms"][&room]["invite_state"], Value::Null);
    assert!(!list(&joined["rooms"][&room], "timeline").is_empty());
}

/// CVE-2024-53867: the state of a room was shown to those who had left it.
#[tokio::test]
async fn ex_members_learn_nothing_of_what_comes_later() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bob = server.register("bob").await;
    let room = alice.create_room_with(&[&bob]).await;
    let everything = json!([["*", "*"]]);
    let mut body = window();
    body["room_subscriptions"] =
        json!({ &room: { "timeline_limit": 50, "required_state": everything } });
    let pos = pos_of(&slide(&bob, &body, None).await);
    alice.moderate("ban", &room, &bob.user).await.ok();
    alice.put_state(&room, "m.room.name", "", json!({ "name": "secret" })).await.ok();
    alice.say(&room, "secret").await;
    let banned = until(&bob, &body, &pos, |body| body["rooms"][&room].is_object()).await;
    let state = list(&banned["rooms"][&room], "required_state");
    let own = of_state(&state, "m.room.member", &bob.user).unwrap();
    assert_eq!(own["content"]["membership"], "ban");
    assert!(!banned.to_string().contains("secret"), "{banned:#}");
    alice.put_state(&room, "m.room.topic", "", json!({ "topic": "secret" })).await.ok();
    let later = slide(&bob, &body, Some(&pos_of(&banned))).await;
    assert_eq!(later["rooms"], Value::Null, "{later:#}");
    let old = slide(&bob, &body, Some(&pos)).await;
    assert!(!old.to_string().contains("secret"), "{old:#}");
    let afresh = slide(&bob, &body, None).await;
    assert!(!afresh.to_string().contains("secret"), "{afresh:#}");
    let carol = server.register("carol").await;
    assert_eq!(slide(&carol, &body, None).await["rooms"], Value::Null);
}

#[tokio::test]
async fn connections_go_on_after_a_restart() {
    let mut server = Server::start().await;
    let alice = server.register("alice").await;
    let rooms = [alice.create_room(json!({})).await, alice.create_room(json!({})).await];
    let pos = pos_of(&slide(&alice, &window(), None).await);
    server.kill();
    server.restart().await;
    let said = alice.say(&rooms[0], "after the restart").await;
    let told = slide(&alice, &window(), Some(&pos)).await;
    let shown = told["rooms"].as_object().unwrap();
    assert_eq!(shown.len(), 1, "the other one is known");
    assert_eq!(list(&shown[&rooms[0]], "timeline").len(), 1);
    assert_eq!(list(&shown[&rooms[0]], "timeline")[0]["event_id"], said.as_str());
}

#[tokio::test]
async fn what_is_not_a_pos_of_the_connection_is_refused() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let pos = pos_of(&slide(&alice, &window(), None).await);
    for bad in ["1", "h1.2.3.s4"] {
        ask(&alice, &window(), Some(bad), 0).await.assert_matrix_error(400, "M_UNKNOWN_POS");
    }
    let mut other = window();
    other["conn_id"] = json!("another");
    ask(&alice, &other, Some(&pos), 0).await.assert_matrix_error(400, "M_UNKNOWN_POS");
    other["txn_id"] = json!("t1");
    assert_eq!(slide(&alice, &other, None).await["txn_id"], "t1");
    slide(&alice, &window(), Some(&pos)).await;
}

#[tokio::test]
async fn thread_subscriptions_come_as_they_change() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let root = alice.say(&room, "a thread").await;
    let key = "io.element.msc4308.thread_subscriptions";
    let body = json!({ "extensions": { key: { "enabled": true } } });
    let pos = pos_of(&slide(&alice, &body, None).await);
    let unstable = "/_matrix/client/unstable/io.element.msc4306";
    let path = format!("{unstable}/rooms/{room}/thread/{root}/subscription");
    alice.put(&path, json!({})).await.ok();
    let subscribed =
        until(&alice, &body, &pos, |body| body["extensions"][key]["subscribed"].is_object()).await;
    assert_eq!(subscribed["extensions"][key]["subscribed"][&room][&root]["automatic"], false);
    alice.delete(&path).await.ok();
    let gone = until(&alice, &body, &pos_of(&subscribed), |body| {
        body["extensions"][key]["unsubscribed"][&room][&root].is_object()
    })
    .await;
    assert!(gone["extensions"][key]["subscribed"].is_null());
}
