//! Search: what was said is found at once, by those who may see it.

use std::process::Command;

use hearth_tests::{Client, Reply, Server, rooms::history_visibility, server::binary, wait};
use serde_json::{Value, json};

async fn try_search(client: &Client, batch: Option<&str>, criteria: Value) -> Reply {
    let query = batch.map(|batch| format!("?next_batch={}", hearth_tests::client::encode(batch)));
    let path = format!("/search{}", query.unwrap_or_default());
    client.post(&path, json!({ "search_categories": { "room_events": criteria } })).await
}

async fn search(client: &Client, criteria: Value) -> Value {
    let reply = try_search(client, None, criteria).await.ok();
    reply["search_categories"]["room_events"].clone()
}

fn found(events: &Value) -> Vec<String> {
    let results = events["results"].as_array().unwrap();
    results.iter().map(|one| one["result"]["event_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_message_is_found_as_soon_as_it_is_sent_and_until_it_is_redacted() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "private_chat" })).await;
    let said = alice.say(&room, "hello, world").await;
    let events = search(&alice, json!({ "search_term": "Hello", "keys": ["content.body"] })).await;
    assert_eq!(found(&events), std::slice::from_ref(&said));
    assert_eq!(events["count"], 1);
    assert_eq!(events["highlights"], json!(["hello"]));
    let first = &events["results"][0];
    assert!(first["rank"].as_f64().unwrap() > 0.0);
    assert!(first.get("context").is_none());
    assert_eq!(first["result"]["content"]["body"], "hello, world");
    assert_eq!(first["result"]["room_id"], room);
    assert!(found(&search(&bob, json!({ "search_term": "hello" })).await).is_empty());

    alice.redact(&room, &said).await;
    let events = search(&alice, json!({ "search_term": "hello" })).await;
    assert_eq!((&events["count"], found(&events).len()), (&json!(0), 0));
}

#[tokio::test]
async fn results_come_with_context_profiles_state_and_groups() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    for number in 1..=7 {
        let speaker = if number % 2 == 0 { &alice } else { &bob };
        speaker.say(&room, &format!("Message number {number}")).await;
    }
    let criteria = json!({
        "search_term": "Message 4",
        "order_by": "recent",
        "filter": { "limit": 1, "rooms": [room] },
        "event_context": { "before_limit": 2, "after_limit": 1, "include_profile": true },
        "include_state": true,
        "groupings": { "group_by": [{ "key": "room_id" }, { "key": "sender" }] },
    });
    let events = search(&alice, criteria).await;
    let context = &events["results"][0]["context"];
    let bodies = |key: &str| -> Vec<Value> {
        let events = context[key].as_array().unwrap();
        events.iter().map(|event| event["content"]["body"].clone()).collect()
    };
    assert_eq!(bodies("events_before"), ["Message number 3", "Message number 2"]);
    assert_eq!(bodies("events_after"), ["Message number 5"]);
    assert_eq!(context["profile_info"][&bob.user]["displayname"], "bob");
    assert!(context["start"].is_string() && context["end"].is_string());
    let state = events["state"][&room].as_array().unwrap();
    assert!(state.iter().any(|event| event["type"] == "m.room.create"));
    let groups = &events["groups"];
    assert_eq!(groups["room_id"][&room]["results"], json!(found(&events)));
    assert_eq!(groups["sender"][&alice.user]["order"], 0);
    assert!(events["next_batch"].is_string());
}

#[tokio::test]
async fn pages_lead_to_the_end_and_a_group_has_pages_of_its_own() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let mut said = Vec::new();
    for number in 0..6 {
        let speaker = if number % 2 == 0 { &alice } else { &bob };
        said.push(speaker.say(&room, &format!("message {number}")).await);
    }
    said.reverse();
    let criteria = json!({
        "search_term": "message",
        "order_by": "recent",
        "filter": { "limit": 3 },
        "groupings": { "group_by": [{ "key": "sender" }] },
    });
    let first = search(&alice, criteria.clone()).await;
    assert_eq!((found(&first).as_slice(), &first["count"]), (&said[..3], &json!(6)));
    let next = first["next_batch"].as_str().unwrap();
    let events = try_search(&alice, Some(next), criteria.clone()).await.ok();
    let second = &events["search_categories"]["room_events"];
    assert_eq!((found(second).as_slice(), &second["count"]), (&said[3..], &json!(6)));
    let next = second["next_batch"].as_str().unwrap();
    let events = try_search(&alice, Some(next), criteria.clone()).await.ok();
    let third = &events["search_categories"]["room_events"];
    assert_eq!((&third["results"], &third["count"]), (&json!([]), &json!(6)));
    assert!(third.get("next_batch").is_none());

    let of_bob = &first["groups"]["sender"][&bob.user];
    assert_eq!(of_bob["results"], json!([said[0], said[2]]));
    let next = of_bob["next_batch"].as_str().unwrap();
    let events = try_search(&alice, Some(next), criteria.clone()).await.ok();
    assert_eq!(found(&events["search_categories"]["room_events"]), [said[4].clone()]);
    try_search(&alice, Some("nonsense"), criteria)
        .await
        .assert_matrix_error(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn what_was_said_before_a_restart_is_found_and_so_is_an_edit() {
    let mut server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let said = alice.say(&room, "a tpyo").await;
    let edit = json!({ "msgtype": "m.text", "body": "* a typo" });
    let mut content = edit.clone();
    content["m.new_content"] = json!({ "msgtype": "m.text", "body": "a typo" });
    content["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": said });
    alice.send(&room, "m.room.message", content).await;
    server.kill();
    server.restart().await;
    let events = search(&alice, json!({ "search_term": "typo" })).await;
    assert_eq!(found(&events), [said]);
    assert!(found(&search(&alice, json!({ "search_term": "tpyo" })).await).is_empty());
}

#[tokio::test]
async fn odd_searches_are_refused_or_find_nothing() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    for bad in [
        json!({ "search_term": "x", "order_by": "age" }),
        json!({ "search_term": "x", "keys": ["content.msgtype"] }),
        json!({ "search_term": "x", "groupings": { "group_by": [{ "key": "age" }] } }),
    ] {
        try_search(&alice, None, bad).await.assert_matrix_error(400, "M_INVALID_PARAM");
    }
    try_search(&alice, None, json!({})).await.assert_matrix_error(400, "M_BAD_JSON");
    let empty = search(&alice, json!({ "search_term": "" })).await;
    assert_eq!(empty, json!({ "count": 0, "results": [], "highlights": [] }));
    let nobody = server.anonymous();
    let refused = try_search(&nobody, None, json!({ "search_term": "x" })).await;
    refused.assert_matrix_error(401, "M_MISSING_TOKEN");
    assert_eq!(
        alice.post("/search", json!({ "search_categories": {} })).await.ok(),
        json!({ "search_categories": {} })
    );
}

/// `hearth search reindex`, and what it said.
fn reindex(server: &Server) -> String {
    let mut command = Command::new(binary());
    let command = command.args(["search", "reindex", "--config"]).arg(server.config_path());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test]
async fn the_index_is_made_again_with_and_without_a_running_server() {
    let mut server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let said = alice.say(&room, "a needle").await;
    let is_found = async || {
        wait::until("the message to be found", || async {
            let criteria = json!({ "search_term": "needle" });
            let found = found(&search(&alice, criteria).await);
            (found == std::slice::from_ref(&said)).then_some(())
        })
        .await;
    };
    is_found().await;
    let told = reindex(&server);
    assert!(told.contains("running") && told.contains("complete"), "{told}");
    is_found().await;
    server.kill();
    std::fs::remove_dir_all(server.data_dir().join("search")).unwrap();
    let told = reindex(&server);
    assert!(told.contains("complete") && !told.contains("running"), "{told}");
    server.restart().await;
    is_found().await;
}

#[tokio::test]
async fn a_count_does_not_tell_what_was_said_before_somebody_came() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let options = json!({
        "preset": "public_chat",
        "initial_state": [history_visibility("joined")],
    });
    let room = alice.create_room(options).await;
    alice.say(&room, "the secret word").await;
    bob.join(&room).await;
    let said = alice.say(&room, "no secret").await;
    let events = search(&bob, json!({ "search_term": "secret" })).await;
    assert_eq!((found(&events), &events["count"]), (vec![said], &json!(1)));
    let events = search(&bob, json!({ "search_term": "secret word" })).await;
    assert_eq!((found(&events).len(), &events["count"]), (0, &json!(0)));
}

#[tokio::test]
async fn every_script_is_found_and_what_is_found_is_told_as_it_was_written() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let said = alice.say(&room, "Le café 東京タワー à Zürich").await;
    for (term, highlights) in [
        ("cafe zurich", vec!["cafe", "café", "zurich", "zürich"]),
        ("東京", vec!["東京"]),
        ("\"CAFE 東京\"", vec!["cafe 東京", "café 東京"]),
    ] {
        let events = search(&alice, json!({ "search_term": term })).await;
        assert_eq!(found(&events), std::slice::from_ref(&said), "{term}");
        assert_eq!(events["highlights"], json!(highlights), "{term}");
    }
    let long = json!({ "search_term": "x".repeat(1_025) });
    try_search(&alice, None, long).await.assert_matrix_error(400, "M_INVALID_PARAM");
}
