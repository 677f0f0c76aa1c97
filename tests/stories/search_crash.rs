//! The story of searching after crashes: whatever was indexed when the server was killed, and
//! whatever became of the index, everything that was said is found, and once.
//!
//! Writers write and a reader searches, so that the server indexes all the time. It is killed at
//! random moments: while people talk; while it makes the index again that was taken away while it
//! was down; and while it serves without the index that was taken from under it.

use std::{collections::BTreeSet, fs, time::Duration};

use hearth_tests::{Client, Reply, Server, rooms::event_id, wait};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};

const WRITERS: usize = 6;
const ROUNDS: usize = 8;
/// The server is killed so long after work began, at most.
const MOMENT_MS_MAX: u64 = 400;

/// Sends messages to one room.
struct Writer {
    client: Client,
    room: String,
    /// The ids of all messages that were acknowledged.
    said: Vec<String>,
}

impl Writer {
    /// Sends one message after another until the server breaks off.
    async fn write(mut self) -> Self {
        while let Ok(reply) = self.say().await {
            self.said.push(event_id(&reply));
        }
        self
    }

    async fn say(&self) -> Result<Reply, reqwest::Error> {
        let transaction = self.client.transaction();
        let path = format!("/rooms/{}/send/m.room.message/{transaction}", self.room);
        let body = format!("needle {transaction} 干し草の中の針 {}", self.client.user);
        let content = json!({ "msgtype": "m.text", "body": body });
        self.client.attempt(self.client.request(Method::PUT, &path).json(&content)).await
    }
}

async fn search(client: &Client, after: Option<&str>) -> Result<Value, reqwest::Error> {
    let query = after.map(|batch| format!("?next_batch={batch}")).unwrap_or_default();
    let criteria = json!({
        "search_term": "needle 中の針",
        "keys": ["content.body"],
        "order_by": "recent",
        "filter": { "limit": 100 },
    });
    let body = json!({ "search_categories": { "room_events": criteria } });
    let request = client.request(Method::POST, &format!("/search{query}")).json(&body);
    let reply = client.attempt(request).await?.ok();
    Ok(reply["search_categories"]["room_events"].clone())
}

/// Searches until the server breaks off: each time the index has to have everything.
async fn keep_searching(client: Client) {
    while search(&client, None).await.is_ok() {}
}

/// Everything that is found, page by page.
async fn found(client: &Client) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = wait::until("an answer after the restart", || {
            let after: Option<String> = after.clone();
            async move { search(client, after.as_deref()).await.ok() }
        })
        .await;
        let results = page["results"].as_array().unwrap();
        found.extend(results.iter().map(|one| one["result"]["event_id"].as_str().unwrap().into()));
        match page["next_batch"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return found,
        }
    }
}

/// How far the index on disk is, by the position that its last commit names.
fn indexed(server: &Server) -> u64 {
    let meta = fs::read(server.data_dir().join("search/meta.json")).unwrap_or_default();
    let meta: Value = serde_json::from_slice(&meta).unwrap_or_default();
    let payload = meta["payload"].as_str().unwrap_or_default();
    payload.split(' ').nth(1).and_then(|position| position.parse().ok()).unwrap_or(0)
}

fn take_index_away(server: &Server) {
    fs::remove_dir_all(server.data_dir().join("search")).unwrap();
}

async fn moment(random: &mut StdRng) {
    tokio::time::sleep(Duration::from_millis(random.random_range(0..MOMENT_MS_MAX))).await;
}

async fn writers(server: &Server, reader: &Client) -> Vec<Writer> {
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let client = server.register(&format!("writer{number}")).await;
        let room = reader.create_room(json!({ "preset": "public_chat" })).await;
        client.join(&room).await;
        writers.push(Writer { client, room, said: Vec::new() });
    }
    writers
}

/// Everything acknowledged is found, and nothing twice.
async fn check(reader: &Client, writers: &[Writer], context: &str) -> usize {
    let found = found(reader).await;
    let once: BTreeSet<_> = found.iter().collect();
    assert_eq!(once.len(), found.len(), "{context}: something was found twice");
    for writer in writers {
        for (number, event_id) in writer.said.iter().enumerate() {
            let by = &writer.client.user;
            assert!(once.contains(event_id), "{context}: message {number} of {by} is missing");
        }
    }
    found.len()
}

#[tokio::test]
async fn everything_is_found_after_kills_and_with_an_index_that_was_taken_away() {
    let mut random = StdRng::seed_from_u64(1);
    let mut server = Server::start().await;
    let reader = server.register("reader").await;
    let mut writers = writers(&server, &reader).await;
    let mut behind = 0;
    for round in 0..ROUNDS {
        let searching = tokio::spawn(keep_searching(reader.clone()));
        let writing: Vec<_> =
            writers.into_iter().map(|writer| tokio::spawn(writer.write())).collect();
        moment(&mut random).await;
        server.kill();
        searching.await.unwrap();
        let done = futures::future::join_all(writing).await;
        writers = done.into_iter().map(Result::unwrap).collect();
        let before = indexed(&server);
        server.restart().await;
        check(&reader, &writers, &format!("kill {round} while people talked")).await;
        behind += usize::from(before < indexed(&server));
    }
    for round in 0..ROUNDS {
        server.kill();
        take_index_away(&server);
        server.restart().await;
        let searching = tokio::spawn(keep_searching(reader.clone()));
        moment(&mut random).await;
        server.kill();
        searching.await.unwrap();
        server.restart().await;
        check(&reader, &writers, &format!("kill {round} of a new index")).await;
    }
    take_index_away(&server);
    let total = wait::until("the index to be made again", || {
        let (reader, writers) = (&reader, &writers);
        async move {
            let expected: usize = writers.iter().map(|writer| writer.said.len()).sum();
            (found(reader).await.len() >= expected).then_some(expected)
        }
    })
    .await;
    check(&reader, &writers, "an index taken from a running server").await;
    assert!(behind > 0, "no kill came while there was something to index");
    println!("{} kills, {behind} of them while indexing; {total} messages, 0 missing", 2 * ROUNDS);
}
