//! E-mail addresses of accounts: proving one by a letter, registering with it, logging in with it
//! and getting a new password with it. The letters go through a real mail server.

use hearth_tests::{Client, Mailbox, Reply, Server, session::PASSWORD};
use serde_json::{Value, json};

const SECRET: &str = "a.client.secret";
const NEW_PASSWORD: &str = "a quite different staple";
const ADDRESS: &str = "alice@example.com";

/// Asks for a letter to `email` at one of the `requestToken` endpoints.
async fn ask(client: &Client, whither: &str, email: &str, attempt: u64) -> Reply {
    let body = json!({ "client_secret": SECRET, "email": email, "send_attempt": attempt });
    client.post(&format!("{whither}/email/requestToken"), body).await
}

/// Asks for the first letter to [`ADDRESS`] and returns the session.
async fn session(client: &Client, whither: &str) -> String {
    let reply = ask(client, whither, ADDRESS, 1).await.ok();
    reply["sid"].as_str().expect("a sid").to_owned()
}

/// Presses the button of the page that a link leads to.
async fn press(client: &Client, link: &str) -> Reply {
    client.post(link, Value::Null).await
}

fn email_stage(session: &str) -> Value {
    let creds = json!({ "sid": session, "client_secret": SECRET });
    json!({ "type": "m.login.email.identity", "threepid_creds": creds })
}

async fn add(client: &Client, session: &str) -> Reply {
    let body = json!({ "sid": session, "client_secret": SECRET });
    client.post_with_password("/account/3pid/add", body, PASSWORD).await
}

/// Gives the client's user [`ADDRESS`]; the mailbox must have been empty.
async fn add_proven(client: &Client, mailbox: &Mailbox) {
    let session = session(client, "/account/3pid").await;
    let link = mailbox.letter(1).await.link().unwrap();
    assert_eq!(press(client, &link).await.status, 200);
    assert_eq!(add(client, &session).await.ok(), json!({}));
}

async fn login_with_email(client: &Client, address: &str, password: &str) -> Reply {
    let body = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.thirdparty", "medium": "email", "address": address },
        "password": password,
    });
    client.anonymous().post("/login", body).await
}

#[tokio::test]
async fn an_address_is_added_once_its_reader_presses_the_button() {
    let mailbox = Mailbox::start().await;
    let server = Server::start_with(mailbox.settings()).await;
    let alice = server.register("alice").await;
    let capabilities = alice.get("/capabilities").await.ok();
    assert_eq!(capabilities["capabilities"]["m.3pid_changes"]["enabled"], true);
    let session = session(&alice, "/account/3pid").await;

    let letter = mailbox.letter(1).await;
    assert_eq!(letter.recipients, ["<alice@example.com>"]);
    assert_eq!(letter.sender, "<noreply@hearth.test>");
    assert_eq!(letter.header("To").unwrap(), ADDRESS);
    assert!(!letter.decoded().contains(SECRET), "the secret stays with the client");
    let link = letter.link().unwrap();

    // Programs that look at links before people do prove nothing.
    let page = alice.get(&link).await;
    assert_eq!(
        (page.status, page.header("content-type").as_str()),
        (200, "text/html; charset=utf-8")
    );
    assert!(page.text().contains("<form method=\"post\">"), "{}", page.text());
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    add(&alice, &session).await.assert_matrix_error(400, "M_THREEPID_AUTH_FAILED");

    assert_eq!(press(&alice, &link).await.status, 200);
    assert_eq!(add(&alice, &session).await.ok(), json!({}));
    let known = alice.get("/account/3pid").await.ok();
    let known = &known["threepids"].as_array().unwrap()[..];
    let [known] = known else { panic!("{known:?}") };
    assert_eq!((&known["medium"], &known["address"]), (&json!("email"), &json!(ADDRESS)));
    assert!(known["validated_at"].is_u64() && known["added_at"].is_u64(), "{known}");
    add(&alice, &session).await.assert_matrix_error(400, "M_THREEPID_AUTH_FAILED");

    let by_email = login_with_email(&alice, "Alice@Example.com", PASSWORD).await.ok();
    assert_eq!(by_email["user_id"], alice.user);
    let body = json!({ "medium": "email", "address": ADDRESS });
    let gone = alice.post("/account/3pid/delete", body).await.ok();
    assert_eq!(gone["id_server_unbind_result"], "no-support");
    assert_eq!(alice.get("/account/3pid").await.ok(), json!({ "threepids": [] }));
    let refused = login_with_email(&alice, ADDRESS, PASSWORD).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_repeated_request_sends_a_letter_only_for_a_new_attempt() {
    let mailbox = Mailbox::start().await;
    let server = Server::start_with(mailbox.settings()).await;
    let nobody = server.anonymous();
    let first = session(&nobody, "/account/3pid").await;
    assert_eq!(ask(&nobody, "/account/3pid", ADDRESS, 1).await.ok()["sid"], first.as_str());
    assert_eq!(mailbox.letters().len(), 1);
    assert_eq!(ask(&nobody, "/account/3pid", ADDRESS, 2).await.ok()["sid"], first.as_str());
    let again = mailbox.letter(2).await;
    assert_eq!(again.link(), mailbox.letters()[0].link());
    for attempt in 3..=5 {
        ask(&nobody, "/account/3pid", ADDRESS, attempt).await.ok();
    }
    let more = ask(&nobody, "/account/3pid", ADDRESS, 6).await;
    more.assert_matrix_error(403, "M_THREEPID_DENIED");
}

#[tokio::test]
async fn guessing_a_token_ends_the_session() {
    let mailbox = Mailbox::start().await;
    let server = Server::start_with(mailbox.settings()).await;
    let alice = server.register("alice").await;
    let session = session(&alice, "/account/3pid").await;
    let link = mailbox.letter(1).await.link().unwrap();
    let (start, _) = link.split_once("token=").unwrap();
    for _ in 0..10 {
        assert_eq!(press(&alice, &format!("{start}token=guess")).await.status, 400);
    }
    assert_eq!(press(&alice, &link).await.status, 400);
    add(&alice, &session).await.assert_matrix_error(400, "M_THREEPID_AUTH_FAILED");
    let unknown = alice.get("/_hearth/client/email/submit_token").await;
    assert_eq!(unknown.status, 400);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced() {
    let mailbox = Mailbox::start().await;
    let server = Server::start_with(mailbox.settings()).await;
    let alice = server.register("alice").await;
    add_proven(&alice, &mailbox).await;
    let nobody = server.anonymous();
    let session = session(&nobody, "/account/password").await;
    let link = mailbox.letter(2).await.link().unwrap();

    let mut body = json!({ "new_password": NEW_PASSWORD });
    let offer = nobody.post("/account/password", body.clone()).await;
    assert_eq!(offer.status, 401);
    assert_eq!(offer.json()["flows"], json!([{ "stages": ["m.login.email.identity"] }]));
    body["auth"] = email_stage(&session);
    let early = nobody.post("/account/password", body.clone()).await;
    let early = early.assert_matrix_error(401, "M_UNAUTHORIZED");
    assert!(early["flows"].is_array() && early["session"].is_string(), "{early}");

    assert_eq!(press(&nobody, &link).await.status, 200);
    assert_eq!(nobody.post("/account/password", body.clone()).await.ok(), json!({}));
    alice.get("/account/whoami").await.assert_matrix_error(401, "M_UNKNOWN_TOKEN");
    nobody.try_login("alice", PASSWORD).await.assert_matrix_error(403, "M_FORBIDDEN");
    assert_eq!(nobody.login("alice", NEW_PASSWORD).await.user, alice.user);
    let twice = nobody.post("/account/password", body).await;
    twice.assert_matrix_error(401, "M_UNAUTHORIZED");
}

#[tokio::test]
async fn nobody_learns_which_addresses_have_accounts() {
    let mailbox = Mailbox::start().await;
    let server = Server::start_with(mailbox.settings()).await;
    let alice = server.register("alice").await;
    add_proven(&alice, &mailbox).await;
    let nobody = server.anonymous();
    for (at, (whither, email, known)) in [
        ("/account/password", "stranger@example.com", "no account there has this e-mail address"),
        ("/register", ADDRESS, "belongs to an account there already"),
        ("/account/3pid", ADDRESS, "belongs to an account there already"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ask(&nobody, whither, email, 7).await.ok();
        let keys: Vec<&String> = answer.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["sid"]);
        let letter = mailbox.letter(at + 2).await;
        assert!(letter.decoded().replace('\n', " ").contains(known), "{}", letter.decoded());
        assert_eq!(letter.link(), None, "there is nothing to confirm");
    }
    let unknown = login_with_email(&nobody, "stranger@example.com", PASSWORD).await;
    let unknown = unknown.assert_matrix_error(403, "M_FORBIDDEN");
    let wrong = login_with_email(&nobody, ADDRESS, "guess").await;
    assert_eq!(wrong.assert_matrix_error(403, "M_FORBIDDEN")["error"], unknown["error"]);
}

#[tokio::test]
async fn an_account_is_registered_with_an_address() {
    let mailbox = Mailbox::start().await;
    let settings = mailbox.settings().literal("registration.require_email", "true");
    let server = Server::start_with(settings).await;
    let nobody = server.anonymous();
    let mut body = json!({ "username": "alice", "password": PASSWORD });
    let offer = nobody.post("/register", body.clone()).await;
    assert_eq!(offer.status, 401);
    assert_eq!(offer.json()["flows"], json!([{ "stages": ["m.login.email.identity"] }]));
    body["auth"] = json!({ "type": "m.login.dummy", "session": offer.json()["session"] });
    assert_eq!(nobody.post("/register", body.clone()).await.status, 401);

    let session = session(&nobody, "/register").await;
    body["auth"] = email_stage(&session);
    body["auth"]["session"] = offer.json()["session"].clone();
    nobody.post("/register", body.clone()).await.assert_matrix_error(401, "M_UNAUTHORIZED");
    let link = mailbox.letter(1).await.link().unwrap();
    assert_eq!(press(&nobody, &link).await.status, 200);
    let alice = nobody.with_session(&nobody.post("/register", body).await.ok());
    let known = alice.get("/account/3pid").await.ok();
    assert_eq!(known["threepids"][0]["address"], ADDRESS);
}

#[tokio::test]
async fn a_proof_is_good_for_what_it_was_asked_for() {
    let mailbox = Mailbox::start().await;
    let server = Server::start_with(mailbox.settings()).await;
    let alice = server.register("alice").await;
    let session = session(&alice, "/register").await;
    let link = mailbox.letter(1).await.link().unwrap();
    assert_eq!(press(&alice, &link).await.status, 200);
    add(&alice, &session).await.assert_matrix_error(403, "M_FORBIDDEN");
    assert_eq!(alice.get("/account/3pid").await.ok(), json!({ "threepids": [] }));
}

#[tokio::test]
async fn an_address_belongs_to_one_account() {
    let mailbox = Mailbox::start().await;
    let server = Server::start_with(mailbox.settings()).await;
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    // Bob proves the address while it is free.
    let body = json!({ "client_secret": "bobs", "email": ADDRESS, "send_attempt": 1 });
    let sid = bob.post("/account/3pid/email/requestToken", body).await.ok()["sid"].clone();
    let link = mailbox.letter(1).await.link().unwrap();
    assert_eq!(press(&bob, &link).await.status, 200);
    let session = session(&alice, "/account/3pid").await;
    let link = mailbox.letter(2).await.link().unwrap();
    assert_eq!(press(&alice, &link).await.status, 200);
    add(&alice, &session).await.ok();
    let body = json!({ "sid": sid, "client_secret": "bobs" });
    let late = bob.post_with_password("/account/3pid/add", body, PASSWORD).await;
    late.assert_matrix_error(400, "M_THREEPID_IN_USE");
}

#[tokio::test]
async fn addresses_and_links_are_checked() {
    let mailbox = Mailbox::start().await;
    let server = Server::start_with(mailbox.settings()).await;
    let nobody = server.anonymous();
    for address in ["", "nobody", "a@example.com\r\nBcc: eve@example.com", "a@[127.0.0.1]"] {
        let refused = ask(&nobody, "/account/3pid", address, 1).await;
        refused.assert_matrix_error(400, "M_INVALID_PARAM");
    }
    let body = |next_link: &str| {
        json!({
            "client_secret": SECRET, "email": ADDRESS, "send_attempt": 1, "next_link": next_link,
        })
    };
    let path = "/account/3pid/email/requestToken";
    for link in ["javascript:alert(1)", "/here", "https://user:pass@example.com"] {
        nobody.post(path, body(link)).await.assert_matrix_error(400, "M_INVALID_PARAM");
    }
    assert!(mailbox.letters().is_empty());
    nobody.post(path, body("https://app.example.com/?a=\"><script>&b")).await.ok();
    let page = press(&nobody, &mailbox.letter(1).await.link().unwrap()).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("https://app.example.com/"), "{}", page.text());
    assert!(!page.text().contains("<script>"), "{}", page.text());
}

#[tokio::test]
async fn nothing_is_sent_without_the_protection_that_was_asked_for() {
    let mailbox = Mailbox::start().await;
    for protection in ["starttls", "implicit"] {
        let settings = mailbox.settings().text("mail.tls", protection);
        let server = Server::start_with(settings.literal("mail.timeout_seconds", "2")).await;
        let failed = ask(&server.anonymous(), "/account/3pid", ADDRESS, 1).await;
        failed.assert_matrix_error(500, "M_UNKNOWN");
    }
    assert!(mailbox.letters().is_empty());
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_gets_no_letter() {
    let mailbox = Mailbox::start().await;
    let server = Server::start_with(mailbox.settings()).await;
    let refused = ask(&server.anonymous(), "/account/3pid", "a@refused.example", 1).await;
    refused.assert_matrix_error(403, "M_THREEPID_DENIED");
}

#[tokio::test]
async fn phone_numbers_are_not_known() {
    let server = Server::start_with(Mailbox::start().await.settings()).await;
    let body = json!({
        "client_secret": SECRET, "country": "GB", "phone_number": "07700900001", "send_attempt": 1,
    });
    for (whither, status, code) in [
        ("/register", 403, "M_THREEPID_DENIED"),
        ("/account/password", 403, "M_THREEPID_DENIED"),
        ("/account/3pid", 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED"),
    ] {
        let path = format!("{whither}/msisdn/requestToken");
        let refused = server.anonymous().post(&path, body.clone()).await;
        refused.assert_matrix_error(status, code);
    }
}

#[tokio::test]
async fn identity_servers_are_not_asked() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let creds = json!({
        "client_secret": SECRET, "sid": "x", "id_server": "id.example", "id_access_token": "t",
    });
    let bind = alice.post("/account/3pid/bind", creds.clone()).await;
    bind.assert_matrix_error(400, "M_SERVER_NOT_TRUSTED");
    let old = alice.post("/account/3pid", json!({ "three_pid_creds": creds })).await;
    old.assert_matrix_error(403, "M_THREEPID_AUTH_FAILED");
    let body = json!({ "medium": "email", "address": ADDRESS });
    let unbound = alice.post("/account/3pid/unbind", body).await.ok();
    assert_eq!(unbound, json!({ "id_server_unbind_result": "no-support" }));
}

#[tokio::test]
async fn without_a_mail_server_there_are_no_addresses() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let capabilities = alice.get("/capabilities").await.ok();
    assert_eq!(capabilities["capabilities"]["m.3pid_changes"]["enabled"], false);
    for (whither, status, code) in [
        ("/register", 403, "M_THREEPID_DENIED"),
        ("/account/password", 403, "M_THREEPID_DENIED"),
        ("/account/3pid", 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED"),
    ] {
        ask(&alice, whither, ADDRESS, 1).await.assert_matrix_error(status, code);
    }
    let body = json!({ "sid": "x", "client_secret": SECRET });
    let add = alice.post("/account/3pid/add", body).await;
    add.assert_matrix_error(403, "M_THREEPID_DENIED");
}
