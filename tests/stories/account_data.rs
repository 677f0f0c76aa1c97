//! Account data and tags: kept, synced to the user's devices, shown to nobody else.

use hearth_tests::{
    Server,
    sync::{events, joined, of_type},
};
use serde_json::{Value, json};

#[tokio::test]
async fn account_data_is_kept_and_synced() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let tablet = alice.another_device().await;
    let since = tablet.now().await;
    let path = format!("/user/{}/account_data/org.example.theme", alice.user);
    alice.get(&path).await.assert_matrix_error(404, "M_NOT_FOUND");
    let content = json!({ "dark": true });
    assert_eq!(alice.put(&path, content.clone()).await.ok(), json!({}));
    assert_eq!(alice.get(&path).await.ok(), content);
    let theme = |body: &Value| {
        of_type(events(&body["account_data"]), "org.example.theme")
            .map(|event| event["content"].clone())
    };
    let expected = Some(content);
    tablet.sync_until(&since, |body| theme(body) == expected).await;
    assert_eq!(theme(&alice.sync(None, 0).await), expected);
}

#[tokio::test]
async fn room_account_data_belongs_to_the_room() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let path = format!("/user/{}/rooms/{room}/account_data/org.example.colour", alice.user);
    let (at_alice, at_bob) = (alice.now().await, bob.now().await);
    alice.put(&path, json!({ "rgb": "f00" })).await.ok();
    assert_eq!(alice.get(&path).await.ok(), json!({ "rgb": "f00" }));
    let colour = |body: &Value| {
        let account = events(&joined(body, &room)["account_data"]);
        of_type(account, "org.example.colour").map(|event| event["content"]["rgb"].clone())
    };
    let expected = Some(json!("f00"));
    alice.sync_until(&at_alice, |body| colour(body) == expected).await;
    assert_eq!(colour(&bob.sync(Some(&at_bob), 0).await), None);
}

#[tokio::test]
async fn nobody_reads_or_writes_anothers_data() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let path = format!("/user/{}/account_data/org.example.theme", alice.user);
    alice.put(&path, json!({ "dark": true })).await.ok();
    bob.get(&path).await.assert_matrix_error(403, "M_FORBIDDEN");
    bob.put(&path, json!({ "dark": false })).await.assert_matrix_error(403, "M_FORBIDDEN");
    assert_eq!(alice.get(&path).await.ok(), json!({ "dark": true }));
}

#[tokio::test]
async fn what_the_server_manages_is_not_set_this_way() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    for path in [
        format!("/user/{}/account_data/m.push_rules", alice.user),
        format!("/user/{}/rooms/{room}/account_data/m.fully_read", alice.user),
    ] {
        alice.put(&path, json!({})).await.assert_matrix_error(405, "M_BAD_JSON");
    }
    let path = format!("/user/{}/account_data/org.example.theme", alice.user);
    let text = alice.raw(reqwest::Method::PUT, &path, "\"text\"").await;
    assert_eq!(text.status, 400, "{}", text.text());
}

#[tokio::test]
async fn tags_are_added_listed_and_removed() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let since = alice.now().await;
    let tags = format!("/user/{}/rooms/{room}/tags", alice.user);
    assert_eq!(alice.get(&tags).await.ok(), json!({ "tags": {} }));
    let put = alice.put(&format!("{tags}/m.favourite"), json!({ "order": 0.25 })).await;
    assert_eq!(put.ok(), json!({}));
    alice.put(&format!("{tags}/u.work"), json!({})).await.ok();
    let expected = json!({ "tags": { "m.favourite": { "order": 0.25 }, "u.work": {} } });
    assert_eq!(alice.get(&tags).await.ok(), expected);
    let synced = |body: &Value| {
        let account = events(&joined(body, &room)["account_data"]);
        of_type(account, "m.tag").map(|event| event["content"].clone())
    };
    let wanted = Some(expected);
    let body = alice.sync_until(&since, |body| synced(body) == wanted).await;
    assert_eq!(alice.delete(&format!("{tags}/u.work")).await.ok(), json!({}));
    let rest = Some(json!({ "tags": { "m.favourite": { "order": 0.25 } } }));
    let since = hearth_tests::sync::next_batch(&body);
    alice.sync_until(&since, |body| synced(body) == rest).await;
}

#[tokio::test]
async fn deleted_account_data_is_gone_and_its_deletion_is_synced() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let kind = "org.example.theme";
    let unstable = "/_matrix/client/unstable/org.matrix.msc3391";
    let global = format!("/user/{}/account_data/{kind}", alice.user);
    let of_room = format!("/user/{}/rooms/{room}/account_data/{kind}", alice.user);
    alice.delete(&format!("{unstable}{global}")).await.ok();
    for (path, by_delete) in
        [(&global, true), (&global, false), (&of_room, true), (&of_room, false)]
    {
        alice.put(path, json!({ "dark": true })).await.ok();
        let since = alice.now().await;
        let deleted = match by_delete {
            true => alice.delete(&format!("{unstable}{path}")).await,
            false => alice.put(path, json!({})).await,
        };
        assert_eq!(deleted.ok(), json!({}));
        alice.get(path).await.assert_matrix_error(404, "M_NOT_FOUND");
        let content = |body: &Value| {
            let global = of_type(events(&body["account_data"]), kind);
            let of_room = of_type(events(&joined(body, &room)["account_data"]), kind);
            global.or(of_room).map(|event| event["content"].clone())
        };
        alice.sync_until(&since, |body| content(body) == Some(json!({}))).await;
        let initial = alice.sync(None, 0).await;
        assert_eq!(content(&initial), None, "{path}");
        assert_eq!(joined(&initial, &room)["account_data"]["events"], json!([]));
    }
    let rules = format!("{unstable}/user/{}/account_data/m.push_rules", alice.user);
    alice.delete(&rules).await.assert_matrix_error(405, "M_BAD_JSON");
    let bob = server.register("bob").await;
    bob.delete(&format!("{unstable}{global}")).await.assert_matrix_error(403, "M_FORBIDDEN");
}
