//! Pushers and their gateways: what they are told, when they fail, after a crash.

use hearth_tests::{Client, Server, Settings, client::encode, gateway::Gateway};
use serde_json::{Value, json};

async fn server() -> Server {
    let settings = Settings::default().literal("testing.allow_private_addresses", "true");
    Server::start_with(settings).await
}

fn pusher(key: &str, gateway: &Gateway, more: Value) -> Value {
    let mut data = more;
    data["url"] = json!(gateway.url());
    json!({
        "kind": "http",
        "app_id": "org.example.app",
        "pushkey": key,
        "app_display_name": "App",
        "device_display_name": "Phone",
        "lang": "en",
        "data": data,
    })
}

async fn set_pusher(client: &Client, body: Value) {
    assert_eq!(client.post("/pushers/set", body).await.ok(), json!({}));
}

/// Two people in a room, the second with a pusher.
async fn pair(server: &Server, gateway: &Gateway, data: Value) -> (Client, Client, String) {
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    set_pusher(&bob, pusher("key", gateway, data)).await;
    (alice, bob, room)
}

fn is_of(event: &str) -> impl Fn(&Value) -> bool {
    move |notification| notification["event_id"] == event
}

/// The events that a gateway was told of, in order.
fn events(gateway: &Gateway) -> Vec<String> {
    let told = gateway.received();
    let ids = told.iter().filter_map(|notification| notification["event_id"].as_str());
    ids.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_gateway_is_told_what_a_message_says() {
    let (server, gateway) = (server().await, Gateway::start().await);
    let data = json!({ "default_payload": { "aps": { "sound": "x" } } });
    let (alice, bob, room) = pair(&server, &gateway, data).await;
    alice.put_state(&room, "m.room.name", "", json!({ "name": "Mission" })).await.ok();
    let event = alice.say(&room, "hello").await;
    let told = gateway.notified("the message", is_of(&event)).await;
    assert_eq!(told["type"], "m.room.message");
    assert_eq!((&told["room_id"], &told["sender"]), (&json!(room), &json!(alice.user)));
    assert_eq!(told["content"], json!({ "msgtype": "m.text", "body": "hello" }));
    assert_eq!(
        (&told["room_name"], &told["sender_display_name"]),
        (&json!("Mission"), &json!("alice"))
    );
    assert_eq!(told["counts"], json!({ "unread": 1 }));
    let device = &told["devices"][0];
    assert_eq!((&device["app_id"], &device["pushkey"]), (&json!("org.example.app"), &json!("key")));
    assert_eq!(device["tweaks"], json!({ "sound": "default" }));
    assert_eq!(device["data"], json!({ "default_payload": { "aps": { "sound": "x" } } }));
    assert!(device["pushkey_ts"].as_u64().is_some_and(|seconds| seconds > 1_600_000_000));

    bob.say(&room, "hello yourself").await;
    let event = alice.say(&room, "and again").await;
    let told = gateway.notified("the next message", is_of(&event)).await;
    assert_eq!(told["counts"], json!({ "unread": 1 }), "speaking is reading");
    assert!(events(&gateway).len() == 2, "nobody is told of what they say: {:?}", events(&gateway));
}

#[tokio::test]
async fn an_app_that_fetches_events_gets_only_their_ids() {
    let (server, gateway) = (server().await, Gateway::start().await);
    let data = json!({ "format": "event_id_only" });
    let (alice, _, room) = pair(&server, &gateway, data).await;
    let event = alice.say(&room, "secret").await;
    let told = gateway.notified("the message", is_of(&event)).await;
    let keys: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    for key in &keys {
        let known = ["counts", "devices", "event_id", "prio", "room_id"];
        assert!(known.contains(key), "{key} in {told}");
    }
    assert_eq!(told["room_id"], json!(room));
    assert_eq!(told["devices"][0]["data"], json!({ "format": "event_id_only" }));
}

#[tokio::test]
async fn an_invitation_is_pushed() {
    let (server, gateway) = (server().await, Gateway::start().await);
    let [alice, bob] = server.people(["alice", "bob"]).await;
    set_pusher(&bob, pusher("key", &gateway, json!({}))).await;
    let room = alice.create_room(json!({ "invite": [bob.user] })).await;
    let invite = |told: &Value| told["type"] == "m.room.member" && told["room_id"] == json!(room);
    let told = gateway.notified("the invitation", invite).await;
    assert_eq!(told["user_is_target"], json!(true));
    assert_eq!(told["content"]["membership"], "invite");
}

#[tokio::test]
async fn a_gateway_that_fails_is_told_again_in_order() {
    let (server, gateway) = (server().await, Gateway::start().await);
    gateway.answer_next(500, json!({}));
    gateway.answer_next(429, json!({}));
    let (alice, _, room) = pair(&server, &gateway, json!({})).await;
    let first = alice.say(&room, "one").await;
    let second = alice.say(&room, "two").await;
    gateway.notified("the second message", is_of(&second)).await;
    assert_eq!(events(&gateway), [&*first, &first, &first, &second]);
}

#[tokio::test]
async fn a_rejected_push_key_is_forgotten() {
    let (server, gateway) = (server().await, Gateway::start().await);
    gateway.answer_next(200, json!({ "rejected": ["key"] }));
    let (alice, bob, room) = pair(&server, &gateway, json!({})).await;
    let event = alice.say(&room, "hello").await;
    gateway.notified("the message", is_of(&event)).await;
    hearth_tests::wait::until("the pusher to be gone", || async {
        let pushers = bob.get("/pushers").await.ok()["pushers"].clone();
        (pushers == json!([])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_crash_neither_loses_nor_doubles_a_push() {
    let (mut server, gateway) = (server().await, Gateway::start().await);
    let (alice, _, room) = pair(&server, &gateway, json!({})).await;
    let before = alice.say(&room, "before").await;
    gateway.notified("the first message", is_of(&before)).await;
    gateway.set_down(true);
    let during = alice.say(&room, "during").await;
    gateway.notified("the second message", is_of(&during)).await;
    server.kill();
    gateway.set_down(false);
    let failed = gateway.received().len();
    server.restart().await;
    let after = alice.say(&room, "after").await;
    gateway.notified("the third message", is_of(&after)).await;
    assert_eq!(events(&gateway)[failed..], [during, after]);
}

#[tokio::test]
async fn reading_updates_the_badge() {
    let (server, gateway) = (server().await, Gateway::start().await);
    let (alice, bob, room) = pair(&server, &gateway, json!({})).await;
    let first = alice.say(&room, "one").await;
    let second = alice.say(&room, "two").await;
    let told = gateway.notified("the second message", is_of(&second)).await;
    assert_eq!(told["counts"]["unread"], json!(2));
    let path = |event: &str| format!("/rooms/{room}/receipt/m.read/{}", encode(event));
    bob.post(&path(&first), json!({})).await.ok();
    let is_count = |unread: Value| {
        move |told: &Value| told["event_id"].is_null() && told["counts"]["unread"] == unread
    };
    gateway.notified("the count after one", is_count(json!(1))).await;
    bob.post(&path(&second), json!({})).await.ok();
    let told = gateway.notified("the count after both", is_count(Value::Null)).await;
    assert_eq!(told["devices"][0]["pushkey"], "key");
}

#[tokio::test]
async fn pushers_are_set_replaced_taken_over_and_deleted() {
    let (server, gateway) = (server().await, Gateway::start().await);
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let mine = pusher("key", &gateway, json!({}));
    set_pusher(&alice, mine.clone()).await;
    let listed = alice.get("/pushers").await.ok()["pushers"].clone();
    assert_eq!(listed, json!([mine]));
    let mut german = mine.clone();
    german["lang"] = json!("de");
    set_pusher(&alice, german).await;
    assert_eq!(alice.get("/pushers").await.ok()["pushers"][0]["lang"], "de");
    let mut appended = mine.clone();
    appended["append"] = json!(true);
    set_pusher(&bob, appended).await;
    assert_eq!(alice.get("/pushers").await.ok()["pushers"].as_array().unwrap().len(), 1);
    set_pusher(&bob, mine).await;
    assert_eq!(alice.get("/pushers").await.ok()["pushers"], json!([]));
    let gone = json!({ "kind": null, "app_id": "org.example.app", "pushkey": "key" });
    set_pusher(&bob, gone).await;
    assert_eq!(bob.get("/pushers").await.ok()["pushers"], json!([]));
    for url in ["http://example.org/", "nonsense"] {
        let mut bad = pusher("key", &gateway, json!({}));
        bad["data"]["url"] = json!(url);
        alice.post("/pushers/set", bad).await.assert_matrix_error(400, "M_INVALID_PARAM");
    }
}
