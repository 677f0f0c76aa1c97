//! Tokens that prove to a service who somebody is.

use hearth_tests::Server;
use serde_json::json;

#[tokio::test]
async fn a_user_gets_an_openid_token() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bob = server.register("bob").await;
    let path = format!("/user/{}/openid/request_token", alice.user);
    let token = alice.post(&path, json!({})).await.ok();
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["matrix_server_name"], "hearth.test");
    assert!(token["expires_in"].as_u64().is_some_and(|seconds| seconds > 0), "{token}");
    let text = token["access_token"].as_str().unwrap();
    let impostor = alice.with_token(text);
    impostor.get("/account/whoami").await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
    assert_ne!(alice.post(&path, json!({})).await.ok()["access_token"], text);
    bob.post(&path, json!({})).await.assert_matrix_error(403, "M_FORBIDDEN");
    server.anonymous().post(&path, json!({})).await.assert_matrix_error(401, "M_MISSING_TOKEN");
}
