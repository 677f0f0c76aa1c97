//! What whoever registers has to do first: accept terms, know a token, prove an address.

use hearth_tests::{Mailbox, Server, Settings, session::PASSWORD};
use serde_json::json;

#[tokio::test]
async fn terms_are_accepted_in_a_stage_of_their_own() {
    let settings = Settings::default()
        .text("registration.terms_url", "https://hearth.test/terms")
        .text("registration.terms_version", "3");
    let server = Server::start_with(settings).await;
    let nobody = server.anonymous();
    let mut body = json!({ "username": "alice", "password": PASSWORD });
    let offer = nobody.post("/register", body.clone()).await;
    assert_eq!(offer.status, 401);
    let offer = offer.json();
    assert_eq!(offer["flows"], json!([{ "stages": ["m.login.dummy", "m.login.terms"] }]));
    let policy = &offer["params"]["m.login.terms"]["policies"]["terms_of_service"];
    assert_eq!(policy["version"], "3");
    assert_eq!(policy["en"]["url"], "https://hearth.test/terms");

    body["auth"] = json!({ "type": "m.login.dummy", "session": offer["session"] });
    let half = nobody.post("/register", body.clone()).await;
    assert_eq!((half.status, &half.json()["completed"]), (401, &json!(["m.login.dummy"])));
    body["auth"] = json!({ "type": "m.login.terms", "session": offer["session"] });
    let alice = nobody.post("/register", body).await.ok();
    assert_eq!(alice["user_id"], "@alice:hearth.test");
}

#[tokio::test]
async fn a_token_and_an_address_are_asked_for_together() {
    let mailbox = Mailbox::start().await;
    let settings = mailbox
        .settings()
        .text("registration.mode", "token")
        .literal("registration.tokens", r#"["welcome"]"#);
    let server = Server::start_with(settings).await;
    let offer = server.anonymous().post("/register", json!({})).await;
    let token = "m.login.registration_token";
    let flows = json!([
        { "stages": [token, "m.login.dummy"] },
        { "stages": [token, "m.login.email.identity"] },
    ]);
    assert_eq!((offer.status, &offer.json()["flows"]), (401, &flows));
}

#[tokio::test]
async fn a_taken_name_is_refused_before_and_after_the_stages() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    let body = |name: &str, session: &serde_json::Value| {
        json!({
            "username": name, "password": PASSWORD,
            "auth": { "type": "m.login.dummy", "session": session },
        })
    };
    let mut open = body("alice", &json!(null));
    open.as_object_mut().unwrap().remove("auth");
    let offer = nobody.post("/register", open.clone()).await.json();
    server.register("alice").await;
    let late = nobody.post("/register", body("alice", &offer["session"])).await;
    late.assert_matrix_error(400, "M_USER_IN_USE");
    nobody.post("/register", open).await.assert_matrix_error(400, "M_USER_IN_USE");
    let taken = nobody.get("/register/available?username=alice").await;
    taken.assert_matrix_error(400, "M_USER_IN_USE");
}
