//! Reports: of what the reporter can see, and without telling what there is.

use hearth_tests::Server;
use serde_json::json;

#[tokio::test]
async fn people_report_events_rooms_and_people() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let event = alice.say(&room, "rude").await;
    let reason = json!({ "reason": "this makes me sad" });
    let of_event = |event: &str| format!("/rooms/{room}/report/{event}");
    assert_eq!(bob.post(&of_event(&event), reason.clone()).await.ok(), json!({}));
    assert_eq!(bob.post(&of_event(&event), json!({ "score": -100 })).await.ok(), json!({}));
    bob.post(&of_event("$nothing"), reason.clone()).await.assert_matrix_error(404, "M_NOT_FOUND");
    bob.leave(&room).await.ok();
    bob.post(&of_event(&event), reason.clone()).await.assert_matrix_error(404, "M_NOT_FOUND");
    let nowhere = format!("/rooms/!nowhere:hearth.test/report/{event}");
    bob.post(&nowhere, reason.clone()).await.assert_matrix_error(404, "M_NOT_FOUND");

    let hidden = alice.create_room(json!({})).await;
    for named in [&hidden, "!nowhere:hearth.test"] {
        let path = format!("/rooms/{named}/report");
        assert_eq!(bob.post(&path, reason.clone()).await.ok(), json!({}));
    }
    for named in [&*alice.user, "@nobody:hearth.test", "@someone:elsewhere.test"] {
        let path = format!("/users/{named}/report");
        assert_eq!(bob.post(&path, reason.clone()).await.ok(), json!({}));
    }
    let path = format!("/users/{}/report", alice.user);
    bob.post(&path, json!({})).await.assert_matrix_error(400, "M_BAD_JSON");
    bob.anonymous().post(&path, reason).await.assert_matrix_error(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn reports_are_limited() {
    let settings = hearth_tests::Settings::default()
        .literal("rate_limit.enabled", "true")
        .literal("rate_limit.reports", "{ per_second = 0.01, burst = 1 }");
    let server = Server::start_with(settings).await;
    let alice = server.register("alice").await;
    let path = "/users/@nobody:hearth.test/report";
    alice.post(path, json!({ "reason": "spam" })).await.ok();
    let limited = alice.post(path, json!({ "reason": "spam" })).await;
    let body = limited.assert_matrix_error(429, "M_LIMIT_EXCEEDED");
    assert!(body["retry_after_ms"].is_u64(), "{body}");
}
