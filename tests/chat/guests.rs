//! Guests: by name only, and gone when they stay away.

use hearth_tests::{Server, Settings, wait::until};
use serde_json::json;

#[tokio::test]
async fn a_guest_comes_by_a_name_and_goes_by_staying_away() {
    let settings = Settings::default().literal("chat.guest_absence_seconds", "2");
    let mut server = Server::start_with(settings).await;
    let alice = server.chat().register("alice").await;
    let nobody = server.chat();
    nobody.post("/auth/guest", json!({ "name": " " })).await.assert_invalid(&["name"]);
    let session = nobody.post("/auth/guest", json!({ "name": "Passer-by" })).await.created();
    assert_eq!(session["user"]["display_name"], "Passer-by");
    let guest = server.chat().with_session(&session);
    // Nobody asks with the guest's token: that would be being there.
    let profile = format!("/users/{}", guest.user);
    assert_eq!(alice.get(&profile).await.ok()["display_name"], "Passer-by");
    // Who has just logged in counts as there for a while; a server that starts knows of nobody.
    server.kill();
    server.restart().await;
    until("the guest to be gone", async || (alice.get(&profile).await.status == 404).then_some(()))
        .await;
    guest.get("/auth/me").await.assert_problem(401, "unauthorized");
}

#[tokio::test]
async fn there_are_none_unless_the_settings_say_so() {
    let server = Server::start().await;
    let refused = server.chat().post("/auth/guest", json!({ "name": "Passer-by" })).await;
    refused.assert_problem(403, "forbidden");
}
