//! Events about events: edits, reactions, threads, references.

use hearth_tests::{Client, Server, rooms::ids};
use serde_json::{Value, json};

fn text(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

async fn edit(client: &Client, room: &str, event: &str, body: &str) -> String {
    let relation = json!({ "rel_type": "m.replace", "event_id": event });
    let mut content = text(&format!("* {body}"));
    content["m.new_content"] = text(body);
    client.relate(room, "m.room.message", relation, content).await
}

async fn react(client: &Client, room: &str, event: &str, key: &str) -> String {
    let relation = json!({ "rel_type": "m.annotation", "event_id": event, "key": key });
    client.relate(room, "m.reaction", relation, json!({})).await
}

async fn answer_in_thread(client: &Client, room: &str, root: &str, body: &str) -> String {
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    client.relate(room, "m.room.message", relation, text(body)).await
}

async fn relations(client: &Client, room: &str, tail: &str) -> Value {
    client.get(&format!("/_matrix/client/v1/rooms/{room}/relations/{tail}")).await.ok()
}

#[tokio::test]
async fn the_latest_edit_comes_with_the_event() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let event = alice.say(&room, "teh cat").await;
    edit(&alice, &room, &event, "the cta").await;
    let last = edit(&alice, &room, &event, "the cat").await;
    edit(&bob, &room, &event, "the dog").await;
    let edited = bob.event(&room, &event).await.ok();
    assert_eq!(edited["content"]["body"], "teh cat", "the original content stays");
    let replacement = &edited["unsigned"]["m.relations"]["m.replace"];
    assert_eq!(replacement["event_id"], last.as_str());
    assert_eq!(replacement["content"]["m.new_content"]["body"], "the cat");

    alice.redact(&room, &last).await;
    let edited = bob.event(&room, &event).await.ok();
    let replacement = &edited["unsigned"]["m.relations"]["m.replace"];
    assert_eq!(replacement["content"]["m.new_content"]["body"], "the cta");
}

#[tokio::test]
async fn a_reaction_counts_once_a_user_and_key() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let event = alice.say(&room, "cake?").await;
    let first = react(&bob, &room, &event, "👍").await;
    let relation = json!({ "rel_type": "m.annotation", "event_id": event, "key": "👍" });
    let content = json!({ "m.relates_to": relation });
    let twice = bob.send_as(&room, "m.reaction", "again", content).await;
    twice.assert_matrix_error(400, "M_DUPLICATE_ANNOTATION");
    let second = react(&alice, &room, &event, "👍").await;
    let third = react(&bob, &room, &event, "🎂").await;
    let body = relations(&bob, &room, &format!("{event}/m.annotation/m.reaction")).await;
    assert_eq!(ids(body["chunk"].as_array().unwrap()), [third, second, first.clone()]);

    bob.redact(&room, &first).await;
    react(&bob, &room, &event, "👍").await;
}

#[tokio::test]
async fn a_thread_is_summed_up_at_its_root() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    let room = alice.create_room_with(&[&bob, &carol]).await;
    let root = alice.say(&room, "topic").await;
    answer_in_thread(&bob, &room, &root, "one").await;
    let last = answer_in_thread(&bob, &room, &root, "two").await;
    for (reader, participated) in [(&alice, true), (&bob, true), (&carol, false)] {
        let event = reader.event(&room, &root).await.ok();
        let summary = &event["unsigned"]["m.relations"]["m.thread"];
        assert_eq!(summary["count"], json!(2), "{event}");
        assert_eq!(summary["latest_event"]["event_id"], last.as_str());
        assert_eq!(summary["current_user_participated"], json!(participated), "{}", reader.user);
    }
}

#[tokio::test]
async fn threads_are_listed_by_their_latest_answer() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let first = alice.say(&room, "first").await;
    let second = alice.say(&room, "second").await;
    answer_in_thread(&bob, &room, &second, "to the second").await;
    answer_in_thread(&alice, &room, &first, "to the first").await;
    let threads = format!("/_matrix/client/v1/rooms/{room}/threads");
    let body = bob.get(&threads).await.ok();
    assert_eq!(ids(body["chunk"].as_array().unwrap()), [first.clone(), second.clone()]);
    let body = bob.get(&format!("{threads}?include=participated")).await.ok();
    assert_eq!(ids(body["chunk"].as_array().unwrap()), [&*second]);
    let body = bob.get(&format!("{threads}?limit=1")).await.ok();
    assert_eq!(ids(body["chunk"].as_array().unwrap()), [first]);
    let next = body["next_batch"].as_str().unwrap();
    let body = bob.get(&format!("{threads}?limit=1&from={next}")).await.ok();
    assert_eq!(ids(body["chunk"].as_array().unwrap()), [second]);
}

#[tokio::test]
async fn relations_are_paginated_both_ways() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let root = alice.say(&room, "topic").await;
    let mut answers = Vec::new();
    for number in 0..7 {
        answers.push(answer_in_thread(&alice, &room, &root, &number.to_string()).await);
    }
    let oldest_first = answers.clone();
    answers.reverse();
    for (direction, expected) in [("b", &answers), ("f", &oldest_first)] {
        let mut seen = Vec::new();
        let mut from = String::new();
        loop {
            let tail = format!("{root}/m.thread?limit=3&dir={direction}{from}");
            let body = relations(&alice, &room, &tail).await;
            let chunk = body["chunk"].as_array().unwrap();
            seen.extend(ids(chunk).into_iter().map(str::to_owned));
            match body["next_batch"].as_str() {
                Some(next) => from = format!("&from={next}"),
                None => break,
            }
        }
        assert_eq!(&seen, expected, "{direction}");
    }
}

#[tokio::test]
async fn relations_are_chosen_by_kind_and_type() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let event = alice.say(&room, "root").await;
    let reaction = react(&alice, &room, &event, "👍").await;
    let answer = answer_in_thread(&alice, &room, &event, "in the thread").await;
    let on_answer = react(&alice, &room, &answer, "🎉").await;
    let all = relations(&alice, &room, &event).await;
    assert_eq!(ids(all["chunk"].as_array().unwrap()), [answer.clone(), reaction.clone()]);
    let recursive = relations(&alice, &room, &format!("{event}?recurse=true")).await;
    let chunk = recursive["chunk"].as_array().unwrap();
    assert_eq!(ids(chunk), [on_answer, answer.clone(), reaction.clone()]);
    let threads = relations(&alice, &room, &format!("{event}/m.thread/m.room.message")).await;
    assert_eq!(ids(threads["chunk"].as_array().unwrap()), [answer]);
    let none = relations(&alice, &room, &format!("{event}/m.reference")).await;
    assert_eq!(none["chunk"], json!([]));
    let unknown = format!("/_matrix/client/v1/rooms/{room}/relations/$unknown");
    alice.get(&unknown).await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_thread_does_not_start_inside_a_thread() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let root = alice.say(&room, "root").await;
    let answer = answer_in_thread(&alice, &room, &root, "answer").await;
    let mut content = text("nested");
    content["m.relates_to"] = json!({ "rel_type": "m.thread", "event_id": answer });
    let nested = alice.send_as(&room, "m.room.message", "nested", content).await;
    assert_eq!(nested.status, 400, "{}", nested.text());
    assert!(nested.json()["errcode"].is_string());
}

#[tokio::test]
async fn who_redacts_every_answer_took_no_part_in_the_thread() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.create_room_with(&[&bob]).await;
    let root = alice.say(&room, "topic").await;
    answer_in_thread(&alice, &room, &root, "stays").await;
    let first = answer_in_thread(&bob, &room, &root, "first").await;
    let second = answer_in_thread(&bob, &room, &root, "second").await;
    let threads = format!("/_matrix/client/v1/rooms/{room}/threads?include=participated");
    for (redacted, left) in [(&first, 1), (&second, 0)] {
        bob.redact(&room, redacted).await;
        let body = bob.get(&threads).await.ok();
        assert_eq!(body["chunk"].as_array().unwrap().len(), left, "{body}");
        let event = bob.event(&room, &root).await.ok();
        let summary = &event["unsigned"]["m.relations"]["m.thread"];
        assert_eq!(summary["current_user_participated"], json!(left == 1), "{event}");
    }
}

#[tokio::test]
async fn history_is_filtered_by_relation() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let room = alice.create_room(json!({})).await;
    let from = alice.now().await;
    let root = alice.say(&room, "root").await;
    let threaded = answer_in_thread(&alice, &room, &root, "threaded").await;
    let reference = json!({ "rel_type": "m.reference", "event_id": root });
    let referring = alice.relate(&room, "m.room.message", reference, text("referring")).await;
    let only = |types: Value| json!({ "org.matrix.msc3874.rel_types": types });
    let without = |types: Value| json!({ "org.matrix.msc3874.not_rel_types": types });
    for (filter, expected) in [
        (only(json!(["m.thread"])), vec![&threaded]),
        (only(json!(["m.reference", "m.thread"])), vec![&threaded, &referring]),
        (without(json!(["m.thread"])), vec![&root, &referring]),
        (without(json!(["m.thread", "m.reference"])), vec![&root]),
        (json!({}), vec![&root, &threaded, &referring]),
    ] {
        let filter = filter.to_string();
        let query = [("dir", "f"), ("from", from.as_str()), ("filter", filter.as_str())];
        let page = alice.messages(&room, &query).await.ok();
        assert_eq!(ids(page["chunk"].as_array().unwrap()), expected, "{filter}");
    }
}
