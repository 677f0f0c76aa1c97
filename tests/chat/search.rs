//! `@Search`: what was said is found by its words, filters and order, by whoever may read it; and
//! the lists of a room's links and media.

use hearth_tests::{Chat, Server, chat_client::id, client::encode, wait};
use serde_json::{Value, json};

async fn search(chat: &Chat, query: &str) -> Value {
    chat.get(&format!("/search?{query}")).await.ok()
}

fn found(answer: &Value) -> Vec<String> {
    answer["results"].as_array().unwrap().iter().map(|one| id(&one["message"])).collect()
}

async fn edit(chat: &Chat, message: &str, content: &str) {
    let path = format!("/messages/{}", encode(message));
    chat.put(&path, json!({ "content": content })).await.ok();
}

async fn delete(chat: &Chat, message: &str) {
    chat.delete(&format!("/messages/{}", encode(message))).await;
}

#[tokio::test]
async fn a_message_is_found_whichever_api_it_was_sent_with_until_it_is_deleted() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.create_room("Kitchen", "public").await;
    bob.join_room(&room).await;
    let said = alice.say(&room, "The Café is open").await;
    let matrix = server.anonymous().login("bob", hearth_tests::session::PASSWORD).await;
    let other = matrix.say(&room, "the cafe is closed").await;

    let answer = search(&bob, "q=caf%C3%A9").await;
    assert_eq!(found(&answer), [other.clone(), said.clone()]);
    assert_eq!(answer["count"], 2);
    assert_eq!(answer["index"], json!({ "is_complete": true, "part": 1.0 }));
    let first = &answer["results"][1];
    assert_eq!(first["message"]["content"], "The Café is open");
    assert_eq!(first["message"]["room_id"], room);
    let excerpt = json!([
        { "text": "The ", "is_match": false },
        { "text": "Café", "is_match": true },
        { "text": " is open", "is_match": false },
    ]);
    assert_eq!(first["excerpt"], excerpt);

    edit(&alice, &said, "The bar is open").await;
    assert_eq!(found(&search(&bob, "q=cafe").await), std::slice::from_ref(&other));
    assert_eq!(found(&search(&bob, "q=bar").await), std::slice::from_ref(&said));
    delete(&alice, &said).await;
    assert!(found(&search(&bob, "q=bar").await).is_empty());
    assert!(found(&search(&bob, "q=open").await).is_empty());
}

#[tokio::test]
async fn only_those_who_may_read_a_message_find_it() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let secret = alice.create_room("Secret", "private").await;
    alice.say(&secret, "a needle").await;
    assert_eq!(search(&alice, "q=needle").await["count"], 1);
    let named = format!("q=needle&room_id={}", encode(&secret));
    for query in ["q=needle", &named] {
        let answer = search(&bob, query).await;
        assert_eq!((&answer["count"], found(&answer).len()), (&json!(0), 0));
    }
    server.chat().get("/search?q=needle").await.assert_problem(401, "unauthorized");
    let links = format!("/rooms/{}/links", encode(&secret));
    bob.get(&links).await.assert_problem(403, "not-a-member");
}

#[tokio::test]
async fn filters_order_typos_and_neighbours() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.create_room("One", "public").await;
    let other = bob.create_room("Two", "public").await;
    bob.join_room(&room).await;
    let short = alice.say(&room, "meeting").await;
    let long = bob.say(&room, "a meeting about https://example.org/meeting and other things").await;
    let elsewhere = bob.say(&other, "no meeting, and a lot of other words about that").await;

    let bobs = search(&bob, "q=meeting").await;
    assert_eq!(found(&bobs), [elsewhere.clone(), long.clone(), short.clone()]);
    let in_room = search(&bob, &format!("q=meeting&room_id={}", encode(&room))).await;
    assert_eq!(found(&in_room), [long.clone(), short.clone()]);
    let by_alice = search(&bob, &format!("q=meeting&sender_id={}", encode(&alice.user))).await;
    assert_eq!(found(&by_alice), std::slice::from_ref(&short));
    assert_eq!(found(&search(&bob, "q=meeting&has=link").await), std::slice::from_ref(&long));
    assert_eq!(found(&search(&bob, "has=link").await), std::slice::from_ref(&long));
    assert!(found(&search(&bob, "q=meeting&to=2001-01-01T00:00:00Z").await).is_empty());
    assert_eq!(found(&search(&bob, "q=meeting&from=2001-01-01T00:00:00Z").await).len(), 3);
    let best = search(&bob, "q=meeting&sort=relevance&limit=1").await;
    assert_eq!(found(&best), std::slice::from_ref(&short));
    assert!(best["results"][0]["relevance"].as_f64().unwrap() > 0.0);
    assert!(found(&search(&bob, "q=meetimg").await).is_empty());
    assert_eq!(found(&search(&bob, "q=meetimg&typos=true").await).len(), 3);
    let between = search(&bob, "q=about+things&neighbours=true&limit=1").await;
    assert_eq!(id(&between["results"][0]["previous"]), short);
    assert_eq!(between["results"][0]["next"], Value::Null);
}

#[tokio::test]
async fn pages_stay_as_they_were_while_people_talk_and_rooms_have_pages_of_their_own() {
    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    let (one, two) =
        (alice.create_room("One", "private").await, alice.create_room("Two", "private").await);
    let mut said = Vec::new();
    for number in 0..5 {
        said.push(alice.say(&one, &format!("word {number}")).await);
    }
    said.reverse();
    let first = search(&alice, "q=word&limit=3").await;
    assert_eq!(found(&first), said[..3]);
    alice.say(&two, "one more word").await;
    let next = first["next"].as_str().unwrap();
    let second = search(&alice, &format!("q=word&limit=3&after={next}")).await;
    assert_eq!((found(&second).as_slice(), &second["count"]), (&said[3..], &json!(5)));

    let by_room = alice.get("/search/rooms?q=word&limit=1").await.ok();
    assert_eq!(
        (&by_room["rooms"][0]["room_id"], &by_room["rooms"][0]["count"]),
        (&json!(two), &json!(1))
    );
    let next = by_room["next"].as_str().unwrap();
    let by_room = alice.get(&format!("/search/rooms?q=word&limit=1&after={next}")).await.ok();
    let of_room = &by_room["rooms"][0];
    assert_eq!((&of_room["room_id"], &of_room["count"]), (&json!(one), &json!(5)));
    assert_eq!(found(of_room), said[..3]);
    let (room, next) = (encode(&one), of_room["next"].as_str().unwrap());
    let rest = search(&alice, &format!("q=word&room_id={room}&after={next}")).await;
    assert_eq!(found(&rest), said[3..]);
    assert_eq!(by_room["next"], Value::Null);
}

#[tokio::test]
async fn a_room_has_lists_of_links_and_of_media() {
    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    let room = alice.create_room("One", "private").await;
    let matrix = server.anonymous().login("alice", hearth_tests::session::PASSWORD).await;
    let old = alice.say(&room, "see https://example.org/a and https://example.org/b").await;
    let picture =
        json!({ "msgtype": "m.image", "body": "cat.png", "url": "mxc://hearth.test/cat" });
    let picture = matrix.send(&room, "m.room.message", picture).await;
    let file = json!({ "msgtype": "m.file", "body": "cat.pdf", "url": "mxc://hearth.test/pdf" });
    let file = matrix.send(&room, "m.room.message", file).await;
    let new = alice.say(&room, "and [this](https://example.org/c)").await;

    let path = format!("/rooms/{}", encode(&room));
    let links = alice.get(&format!("{path}/links?limit=1")).await.ok();
    assert_eq!(links["links"][0]["urls"], json!(["https://example.org/c"]));
    assert_eq!(id(&links["links"][0]["message"]), new);
    let next = links["next"].as_str().unwrap();
    let links = alice.get(&format!("{path}/links?limit=1&after={next}")).await.ok();
    let urls = json!(["https://example.org/a", "https://example.org/b"]);
    assert_eq!((&links["links"][0]["urls"], id(&links["links"][0]["message"])), (&urls, old));

    let media = async |query: &str| -> Vec<String> {
        let list = alice.get(&format!("{path}/media{query}")).await.ok();
        list["media"].as_array().unwrap().iter().map(id).collect()
    };
    assert_eq!(media("").await, [file.clone(), picture.clone()]);
    assert_eq!(media("?kind=image").await, std::slice::from_ref(&picture));
    delete(&alice, &file).await;
    assert_eq!(media("").await, [picture]);
}

#[tokio::test]
async fn what_is_wrong_with_a_search_is_named() {
    let server = Server::start().await;
    let [alice] = server.chatters(["alice"]).await;
    for (query, field) in [
        ("", "q"),
        ("q=+", "q"),
        ("q=word&limit=0", "limit"),
        ("q=word&limit=101", "limit"),
        ("q=word&from=yesterday", "from"),
        ("q=word&after=nonsense", "after"),
        ("q=word&has=wings", "has[0]"),
    ] {
        alice.get(&format!("/search?{query}")).await.assert_invalid(&[field]);
    }
    let long = format!("/search?q={}", "x".repeat(251));
    alice.get(&long).await.assert_invalid(&["q"]);
    let next = "t1.1";
    let other_order = format!("/search?q=word&sort=relevance&after={next}");
    alice.get(&other_order).await.assert_invalid(&["after"]);
}

#[tokio::test]
async fn messages_of_who_is_blocked_and_of_a_deleted_room_are_not_found() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = alice.create_room("One", "public").await;
    bob.join_room(&room).await;
    bob.say(&room, "a needle").await;
    assert_eq!(found(&search(&alice, "q=needle").await).len(), 1);
    alice.delete(&format!("/rooms/{}", encode(&room))).await;
    wait::until("the room to be gone", || async {
        found(&search(&bob, "q=needle").await).is_empty().then_some(())
    })
    .await;
}
