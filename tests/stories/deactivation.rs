//! The end of an account: it leaves its rooms even if the server stops meanwhile, and what an
//! erased user wrote is shown only to those who were there.

use std::process::Command;

use hearth_tests::{Mailbox, Server, server::binary, session::PASSWORD, sync::timeline, wait};
use serde_json::json;

#[tokio::test]
async fn a_departure_goes_on_after_a_restart() {
    let mut server = Server::start().await;
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let room = bob.create_room_with(&[&alice]).await;
    let invited = bob.create_room(json!({ "invite": [alice.user] })).await;
    server.terminate();
    server.ended().await;
    // Ends the account and nothing else, as a crash right after the answer would.
    let mut command = Command::new(binary());
    command.args(["user", "deactivate", "alice", "--config"]).arg(server.config_path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");

    server.restart().await;
    for room in [&room, &invited] {
        wait::until("alice to leave", || async {
            (bob.membership(room, &alice.user).await == "leave").then_some(())
        })
        .await;
    }
    assert_eq!(bob.membership(&room, &bob.user).await, "join");
}

#[tokio::test]
async fn what_an_erased_user_wrote_is_shown_to_those_who_were_there() {
    let server = Server::start().await;
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let room = alice.create_room_with(&[&bob]).await;
    let said = alice.say(&room, "the secret of my life").await;
    let kept = bob.say(&room, "a word of mine").await;
    let body = json!({ "erase": true });
    alice.post_with_password("/account/deactivate", body, PASSWORD).await.ok();
    wait::until("alice to leave", || async {
        (bob.membership(&room, &alice.user).await == "leave").then_some(())
    })
    .await;

    let carol = server.register("carol").await;
    carol.join(&room).await;
    let shown = carol.event(&room, &said).await.ok();
    assert_eq!((&shown["content"], &shown["sender"]), (&json!({}), &json!(alice.user)));
    assert_eq!(carol.event(&room, &kept).await.ok()["content"]["body"], "a word of mine");
    let pages = carol.all_messages(&room, "b", 100, None).await;
    let found = pages.iter().find(|event| event["event_id"] == said.as_str()).unwrap();
    assert_eq!(found["content"], json!({}), "{found}");
    let synced = carol.sync(None, 0).await;
    let told: Vec<_> = timeline(&synced, &room).iter().map(ToString::to_string).collect();
    assert!(!told.concat().contains("the secret of my life"), "{told:?}");

    let seen = bob.event(&room, &said).await.ok();
    assert_eq!(seen["content"]["body"], "the secret of my life");
}

#[tokio::test]
async fn the_address_of_a_deactivated_account_is_free_again() {
    let mailbox = Mailbox::start().await;
    let server = Server::start_with(mailbox.settings()).await;
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let mut letters = 0;
    for client in [&alice, &bob] {
        let body = json!({ "client_secret": "s", "email": "a@example.com", "send_attempt": 1 });
        let path = "/account/3pid/email/requestToken";
        let answer = client.post(path, body.clone()).await.ok();
        letters += 1;
        let link = mailbox.letter(letters).await.link().unwrap();
        assert_eq!(client.post(&link, json!({})).await.status, 200);
        let body = json!({ "client_secret": "s", "sid": answer["sid"] });
        client.post_with_password("/account/3pid/add", body, PASSWORD).await.ok();
        client.post_with_password("/account/deactivate", json!({}), PASSWORD).await.ok();
    }
}
