//! Where a request comes from: what a header says counts only if a trusted proxy wrote it.

use hearth_tests::{Client, Server, Settings};
use reqwest::Method;
use serde_json::Value;

/// Makes a request that claims to come from an address, and returns what the server noted.
async fn noted_after_claim(server: &Server, claimed: &str) -> Value {
    let alice: Client = server.register("alice").await;
    let request = alice.request(Method::GET, "/account/whoami").header("x-forwarded-for", claimed);
    alice.exchange(request).await.ok();
    let whois = alice.get(&format!("/admin/whois/{}", alice.user)).await.ok();
    whois["devices"][&alice.device]["sessions"][0]["connections"][0]["ip"].clone()
}

#[tokio::test]
async fn a_client_cannot_say_where_it_is() {
    let server = Server::start().await;
    assert_eq!(noted_after_claim(&server, "203.0.113.7").await, "127.0.0.1");
}

#[tokio::test]
async fn a_trusted_proxy_can() {
    let settings = Settings::default().literal("listen.trusted_proxies", r#"["127.0.0.1"]"#);
    let server = Server::start_with(settings).await;
    // The client put the first address in itself.
    let noted = noted_after_claim(&server, "198.51.100.1, 203.0.113.7").await;
    assert_eq!(noted, "203.0.113.7");
}

#[tokio::test]
async fn spoofed_addresses_do_not_avoid_a_limit() {
    let settings = Settings::default()
        .literal("rate_limit.enabled", "true")
        .literal("rate_limit.logins", "{ per_second = 0.001, burst = 2 }");
    let server = Server::start_with(settings).await;
    let nobody = server.anonymous();
    let mut statuses = Vec::new();
    for attempt in 0..4 {
        let body = serde_json::json!({
            "type": "m.login.password", "user": format!("user{attempt}"), "password": "guess",
        });
        let request = nobody.request(Method::POST, "/login").json(&body);
        let request = request.header("x-forwarded-for", format!("203.0.113.{attempt}"));
        statuses.push(nobody.exchange(request).await.status);
    }
    assert_eq!(statuses, [403, 403, 429, 429]);
}
