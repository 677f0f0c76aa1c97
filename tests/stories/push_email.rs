//! Pushers that write letters: about what was not read for a while, to proven addresses only.

use hearth_tests::{Client, Mailbox, Server, session::PASSWORD};
use serde_json::{Value, json};

const SECRET: &str = "a.client.secret";
const ADDRESS: &str = "bob@example.com";

/// Gives the user [`ADDRESS`] by the first letter of the mailbox.
async fn add_address(client: &Client, mailbox: &Mailbox) {
    let body = json!({ "client_secret": SECRET, "email": ADDRESS, "send_attempt": 1 });
    let session = client.post("/account/3pid/email/requestToken", body).await.ok();
    let link = mailbox.letter(1).await.link().unwrap();
    assert_eq!(client.post(&link, Value::Null).await.status, 200);
    let body = json!({ "sid": session["sid"], "client_secret": SECRET });
    client.post_with_password("/account/3pid/add", body, PASSWORD).await.ok();
}

fn pusher(address: &str) -> Value {
    json!({
        "kind": "email",
        "app_id": "m.email",
        "pushkey": address,
        "app_display_name": "Letters",
        "device_display_name": address,
        "lang": "en",
        "data": {},
    })
}

#[tokio::test]
async fn one_letter_has_everything_that_was_not_read_for_a_while() {
    let mailbox = Mailbox::start().await;
    let settings = mailbox.settings().literal("push.email_delay_seconds", "2");
    let server = Server::start_with(settings).await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let refused = bob.post("/pushers/set", pusher(ADDRESS)).await;
    refused.assert_matrix_error(400, "M_THREEPID_NOT_FOUND");
    add_address(&bob, &mailbox).await;
    assert_eq!(bob.post("/pushers/set", pusher(ADDRESS)).await.ok(), json!({}));
    assert_eq!(bob.get("/pushers").await.ok()["pushers"][0]["kind"], "email");
    let before = mailbox.letters().len();
    let room = alice.create_room_with(&[&bob]).await;
    alice.say(&room, "the first thing").await;
    alice.say(&room, "the <second> thing").await;
    let letter = mailbox.letter(before + 1).await;
    assert_eq!(letter.recipients, [format!("<{ADDRESS}>")]);
    let text = letter.decoded();
    assert!(text.contains("the first thing") && text.contains("the <second> thing"), "{text}");
    assert!(text.contains("&lt;second&gt;"), "{text}");
    assert_eq!(mailbox.letters().len(), before + 1);
}
