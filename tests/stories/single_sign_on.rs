//! Where a browser is sent to log in at an OpenID Connect provider. What happens there and after is
//! tested with a real provider in `tests/python/test_sso.py`.

use std::{collections::BTreeMap, sync::Arc};

use hearth_tests::{
    Reply, Server, Settings,
    client::encode,
    loopback::{Heard, Loopback},
    wait,
};
use reqwest::Url;
use serde_json::{Value, json};

const CLIENT: &str = "https://client.example.org/app";

/// A provider that says where it is, and no more.
async fn provider() -> Loopback {
    let issuer = Arc::new(std::sync::OnceLock::<String>::new());
    let known = Arc::clone(&issuer);
    let provider = Loopback::start(move |heard: Heard| {
        let issuer = known.get().unwrap();
        match heard.what.as_str() {
            "GET /.well-known/openid-configuration" => (200, discovery(issuer)),
            "GET /keys" => (200, json!({ "keys": [] })),
            other => panic!("a provider is asked: {other}"),
        }
    })
    .await;
    issuer.set(provider.url()).unwrap();
    provider
}

fn discovery(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

async fn server_with(ids: &[&str], provider: &Loopback) -> Server {
    let url = provider.url();
    let one = |id: &&str| {
        format!("{{ id = {id:?}, name = {id:?}, issuer = {url:?}, client_id = \"hearth\" }}")
    };
    let providers: Vec<String> = ids.iter().map(one).collect();
    let settings = Settings::default()
        .literal("oidc", &format!("[{}]", providers.join(", ")))
        .text("well_known.client_base_url", "https://hearth.test/");
    Server::start_with(settings).await
}

/// The query of the address that the answer sends the browser to, which must be the provider's.
fn sent_to(provider: &Loopback, reply: &Reply) -> BTreeMap<String, String> {
    assert_eq!(reply.status, 302, "{}", reply.text());
    let location = reply.headers["location"].to_str().unwrap();
    let url = Url::parse(location).unwrap();
    assert!(location.starts_with(&(provider.url() + "/authorize?")), "{location}");
    url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn a_browser_is_sent_to_the_provider() {
    let provider = provider().await;
    let server = server_with(&["main"], &provider).await;
    let browser = server.anonymous();
    let flows = browser.get("/login").await.ok()["flows"].clone();
    let sso = flows.as_array().unwrap().iter().find(|flow| flow["type"] == "m.login.sso").unwrap();
    assert_eq!(sso["identity_providers"][0]["id"], "main");
    let query = format!("?redirectUrl={}", encode(CLIENT));
    let mut states = Vec::new();
    for path in ["/login/sso/redirect", "/login/sso/redirect/main"] {
        let reply = browser.get(&format!("{path}{query}")).await;
        let asked = sent_to(&provider, &reply);
        assert_eq!(asked["client_id"], "hearth");
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["redirect_uri"], "https://hearth.test/_hearth/sso/callback");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"), "{asked:?}");
        assert!(!asked["nonce"].is_empty() && !asked["code_challenge"].is_empty());
        let cookie = reply.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite"), "{cookie}");
        states.push(asked["state"].clone());
    }
    assert_ne!(states[0], states[1]);
}

#[tokio::test]
async fn a_browser_chooses_among_providers_that_exist() {
    let provider = provider().await;
    let server = server_with(&["one", "two"], &provider).await;
    let browser = server.anonymous();
    let query = format!("?redirectUrl={}", encode(CLIENT));
    let page = browser.get(&format!("/login/sso/redirect{query}")).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"), "{:?}", page.headers);
    for id in ["one", "two"] {
        let link = format!("/login/sso/redirect/{id}?redirectUrl=");
        assert!(page.text().contains(&link), "{}", page.text());
    }
    sent_to(&provider, &browser.get(&format!("/login/sso/redirect/two{query}")).await);
    let unknown = browser.get(&format!("/login/sso/redirect/three{query}")).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_provider_that_is_away_is_a_page_that_says_so() {
    let provider = provider().await;
    let server = server_with(&["main"], &provider).await;
    drop(provider);
    let browser = server.anonymous();
    let path = format!("/login/sso/redirect?redirectUrl={}", encode(CLIENT));
    wait::until("the provider to be gone", || async {
        (browser.get(&path).await.status != 302).then_some(())
    })
    .await;
    let page = browser.get(&path).await;
    assert!((500..600).contains(&page.status), "{}", page.status);
    assert!(page.header("content-type").starts_with("text/html"));
}
