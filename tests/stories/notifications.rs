//! `GET /notifications`: what a user was notified of.

use hearth_tests::{Client, Server, wait};
use serde_json::{Value, json};

async fn page(client: &Client, query: &str) -> Value {
    client.get(&format!("/notifications{query}")).await.ok()
}

fn bodies(page: &Value) -> Vec<String> {
    let list = page["notifications"].as_array().unwrap().iter();
    list.map(|one| one["event"]["content"]["body"].as_str().unwrap_or("?").to_owned()).collect()
}

/// The first page, once it has this body first.
async fn page_with(client: &Client, query: &str, body: &str) -> Value {
    wait::until("the notification", || async {
        let page = page(client, query).await;
        (bodies(&page).first().map(String::as_str) == Some(body)).then_some(page)
    })
    .await
}

#[tokio::test]
async fn notifications_come_in_pages_the_latest_first() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let other = alice.create_room_with(&[&bob]).await;
    assert_eq!(page(&bob, "").await, json!({ "notifications": [] }));
    let mut read = String::new();
    for number in 0..6 {
        let room = if number % 2 == 0 { &room } else { &other };
        let event = alice.say(room, &number.to_string()).await;
        if number == 2 {
            read = event;
        }
    }
    bob.say(&other, "my own").await;
    let first = page_with(&bob, "?limit=4", "5").await;
    assert_eq!(bodies(&first), ["5", "4", "3", "2"]);
    let one = &first["notifications"][0];
    assert_eq!(one["room_id"], json!(other));
    assert_eq!(one["actions"], json!(["notify", { "set_tweak": "sound", "value": "default" }]));
    assert!(one["ts"].as_u64().is_some() && one["event"]["room_id"].is_null());
    assert_eq!(one["event"]["sender"], json!(alice.user));
    let next = first["next_token"].as_str().unwrap();
    let second = page(&bob, &format!("?limit=10&from={next}")).await;
    assert_eq!(bodies(&second), ["1", "0"]);
    assert!(second.get("next_token").is_none());

    bob.post(&format!("/rooms/{room}/receipt/m.read/{read}"), json!({})).await.ok();
    let flags = page(&bob, "").await;
    let of = |body: &str| {
        let list = flags["notifications"].as_array().unwrap();
        list.iter().find(|one| one["event"]["content"]["body"] == body).unwrap()["read"].clone()
    };
    assert_eq!((of("0"), of("2"), of("4")), (json!(true), json!(true), json!(false)));
    bob.get("/notifications?from=nonsense").await.assert_matrix_error(400, "M_INVALID_PARAM");
    server.anonymous().get("/notifications").await.assert_matrix_error(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn only_highlights_when_asked() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    alice.say(&room, "plain").await;
    let mention = json!({
        "msgtype": "m.text", "body": "you", "m.mentions": { "user_ids": [bob.user] },
    });
    alice.send(&room, "m.room.message", mention).await;
    alice.say(&room, "plain again").await;
    page_with(&bob, "", "plain again").await;
    let highlights = page(&bob, "?only=highlight").await;
    assert_eq!(bodies(&highlights), ["you"]);
    let actions = &highlights["notifications"][0]["actions"];
    assert!(actions.as_array().unwrap().contains(&json!({ "set_tweak": "highlight" })));
}

#[tokio::test]
async fn what_ignored_people_say_notifies_nobody() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    let room = alice.create_room_with(&[&bob, &carol]).await;
    let ignored = json!({ "ignored_users": { (carol.user.as_str()): {} } });
    let path = format!("/user/{}/account_data/m.ignored_user_list", bob.user);
    bob.put(&path, ignored).await.ok();
    carol.say(&room, "unheard").await;
    alice.say(&room, "heard").await;
    let page = page_with(&bob, "", "heard").await;
    assert!(!bodies(&page).contains(&"unheard".to_owned()));
    page_with(&alice, "", "unheard").await;
}
