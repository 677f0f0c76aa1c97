//! The directory of rooms and the search for users.

use hearth_tests::{Client, Server, rooms::history_visibility, wait};
use serde_json::{Value, json};

async fn public(client: &Client, search: Value) -> Value {
    client.post("/publicRooms", search).await.ok()
}

fn names(body: &Value) -> Vec<&str> {
    let chunk = body["chunk"].as_array().unwrap();
    chunk.iter().map(|entry| entry["name"].as_str().unwrap_or("")).collect()
}

#[tokio::test]
async fn a_public_room_is_described() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let visibility = history_visibility("world_readable");
    let room = alice
        .create_room(json!({
            "visibility": "public",
            "name": "The hearth",
            "topic": "Warm talk",
            "room_alias_name": "hearth",
            "initial_state": [visibility],
        }))
        .await;
    bob.join(&room).await;
    let body = wait::until("the directory counts bob", || async {
        let body = server.anonymous().get("/publicRooms").await.ok();
        (body["chunk"][0]["num_joined_members"] == json!(2)).then_some(body)
    })
    .await;
    let entry = &body["chunk"][0];
    assert_eq!(entry["room_id"], room.as_str());
    assert_eq!(entry["name"], "The hearth");
    assert_eq!(entry["topic"], "Warm talk");
    assert_eq!(entry["canonical_alias"], "#hearth:hearth.test");
    assert_eq!(entry["world_readable"], json!(true));
    assert_eq!(entry["guest_can_join"], json!(false));
    assert_eq!(entry["join_rule"], "public");
    assert_eq!(body["total_room_count_estimate"], json!(1));
}

#[tokio::test]
async fn publishing_is_up_to_the_room() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let path = format!("/directory/list/room/{room}");
    assert_eq!(bob.get(&path).await.ok()["visibility"], "private");
    let refused = bob.put(&path, json!({ "visibility": "public" })).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
    alice.put(&path, json!({ "visibility": "public" })).await.ok();
    assert_eq!(bob.get(&path).await.ok()["visibility"], "public");
    assert_eq!(public(&bob, json!({})).await["chunk"][0]["room_id"], room.as_str());
    alice.put(&path, json!({ "visibility": "private" })).await.ok();
    assert_eq!(public(&bob, json!({})).await["chunk"], json!([]));
    let missing = alice.get("/directory/list/room/!nowhere:hearth.test").await;
    missing.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn the_directory_is_searched_and_paginated() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    for name in ["Cooking", "Cooking for two", "Gardening", "Stars", "Trains"] {
        alice.create_room(json!({ "visibility": "public", "name": name })).await;
    }
    let space = json!({
        "visibility": "public", "name": "A space", "creation_content": { "type": "m.space" },
    });
    alice.create_room(space).await;
    let found = public(&alice, json!({ "filter": { "generic_search_term": "cook" } })).await;
    let mut found = names(&found);
    found.sort_unstable();
    assert_eq!(found, ["Cooking", "Cooking for two"]);
    let spaces = public(&alice, json!({ "filter": { "room_types": ["m.space"] } })).await;
    assert_eq!(names(&spaces), ["A space"]);
    let rooms = public(&alice, json!({ "filter": { "room_types": [null] } })).await;
    assert_eq!(names(&rooms).len(), 5);

    let mut seen = Vec::new();
    let mut query = json!({ "limit": 4 });
    loop {
        let body = public(&alice, query.clone()).await;
        seen.extend(names(&body).into_iter().map(str::to_owned));
        match body["next_batch"].as_str() {
            Some(next) => query["since"] = json!(next),
            None => break,
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6, "{seen:?}");
}

async fn search(client: &Client, term: &str) -> Vec<String> {
    let body = json!({ "search_term": term, "limit": 10 });
    let body = client.post("/user_directory/search", body).await.ok();
    let results = body["results"].as_array().unwrap().iter();
    results.map(|user| user["user_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn users_are_found_by_id_and_name() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    alice.create_room_with(&[&bob]).await;
    let name = json!({ "displayname": "Robert Tables" });
    bob.put(&format!("/profile/{}/displayname", bob.user), name).await.ok();
    for term in ["bob", "robert", "Tables", "@bob:hearth.test"] {
        wait::until(&format!("{term} finds bob"), || async {
            search(&alice, term).await.contains(&bob.user).then_some(())
        })
        .await;
    }
    assert_eq!(search(&alice, "nobody-of-that-name").await, Vec::<String>::new());
    let private = carol.create_room(json!({})).await;
    assert!(!private.is_empty());
    assert!(!search(&alice, "carol").await.contains(&carol.user), "carol has met nobody");
}

#[tokio::test]
async fn a_search_is_limited() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({ "preset": "public_chat" })).await;
    for number in 0..4 {
        let user = server.register(&format!("guest{number}")).await;
        user.join(&room).await;
    }
    let body = json!({ "search_term": "guest", "limit": 2 });
    let found = wait::until("the guests are found", || async {
        let found = alice.post("/user_directory/search", body.clone()).await.ok();
        (found["results"].as_array().unwrap().len() == 2).then_some(found)
    })
    .await;
    assert_eq!(found["limited"], json!(true));
}
