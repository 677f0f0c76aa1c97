//! Incoming webhooks in the format of Slack's.

use hearth_tests::{Server, Settings, chat_client::BASE_PATH};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn whoever_knows_the_address_posts_until_it_is_revoked() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.post("/rooms", json!({ "name": "Builds", "type": "public" })).await.created();
    let room = room["id"].as_str().unwrap().to_owned();
    bob.post(&format!("/rooms/{room}/join"), json!({})).await.ok();
    let webhooks = format!("/rooms/{room}/webhooks");
    bob.post(&webhooks, json!({ "name": "ci" })).await.assert_problem(403, "forbidden");
    alice.post(&webhooks, json!({ "name": "" })).await.assert_invalid(&["name"]);
    let made = alice.post(&webhooks, json!({ "name": "ci" })).await.created();
    let path = made["path"].as_str().unwrap().strip_prefix(BASE_PATH).unwrap().to_owned();
    let listed = alice.get(&webhooks).await.ok();
    assert_eq!(listed["webhooks"][0]["id"], made["id"]);
    assert!(!listed.to_string().contains(path.rsplit('/').next().unwrap()), "no secret: {listed}");

    let nobody = server.chat();
    let message = json!({
        "text": "Build <https://ci.test/7|#7> failed", "username": "CI",
        "attachments": [{ "title": "Log", "text": "exit 1" }],
    });
    let posted = nobody.post(&path, message.clone()).await;
    assert_eq!((posted.status, posted.text().as_str()), (200, "ok"));
    let form = format!("payload={}", "%7B%22text%22%3A%22by%20form%22%7D");
    let form = nobody.request(Method::POST, &path).body(form);
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(nobody.exchange(form).await.status, 200);
    nobody.post(&path, json!({})).await.assert_invalid(&["text"]);
    let wrong = format!("{}x", &path[..path.len() - 1]);
    nobody.post(&wrong, message.clone()).await.assert_problem(404, "not-found");

    let matrix = server.anonymous().login("bob", hearth_tests::session::PASSWORD).await;
    let page = matrix.get(&format!("/rooms/{room}/messages?dir=b&limit=2")).await.ok();
    assert_eq!(page["chunk"][0]["content"]["body"], "by form");
    assert_eq!(page["chunk"][1]["sender"], made["user"]["id"]);
    let body = page["chunk"][1]["content"]["body"].as_str().unwrap();
    assert_eq!(body, "Build #7 (https://ci.test/7) failed\nLog\nexit 1");
    assert!(!server.log().contains(path.rsplit('/').next().unwrap()), "no secret in the log");

    let one = format!("{webhooks}/{}", made["id"].as_str().unwrap());
    bob.delete(&one).await.assert_problem(403, "forbidden");
    alice.delete(&one).await.done();
    nobody.post(&path, message).await.assert_problem(404, "not-found");
    alice.delete(&one).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_webhook_has_to_slow_down() {
    let settings = Settings::default()
        .literal("rate_limit.enabled", "true")
        .literal("rate_limit.messages", "{ per_second = 0.01, burst = 1 }");
    let server = Server::start_with(settings).await;
    let alice = server.chat().register("alice").await;
    let room = alice.post("/rooms", json!({ "name": "Builds", "type": "private" })).await.created();
    let webhooks = format!("/rooms/{}/webhooks", room["id"].as_str().unwrap());
    let made = alice.post(&webhooks, json!({ "name": "ci" })).await.created();
    let path = made["path"].as_str().unwrap().strip_prefix(BASE_PATH).unwrap().to_owned();
    assert_eq!(server.chat().post(&path, json!({ "text": "one" })).await.status, 200);
    let limited = server.chat().post(&path, json!({ "text": "two" })).await;
    limited.assert_problem(429, "limit-exceeded");
    assert!(limited.header("retry-after").parse::<u64>().unwrap() > 0);
}
