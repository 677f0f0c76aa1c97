//! The crash story: what was acknowledged survives SIGKILL, once and in order, and what a client
//! was told before stays true.
//!
//! Writers send numbered messages, several to a room; a reader syncs along. The server is killed
//! at a random moment, started again, and then
//! - a message whose answer was lost is sent again under its transaction id, and so is the last
//!   one that was answered: the latter must come back with the same event id;
//! - the reader goes on from its last token, and has then seen every message exactly once;
//! - a token from some rounds ago yields exactly what came after it.
//!
//! `HEARTH_CRASH_ROUNDS` (50) and `HEARTH_CRASH_SEED` (1) change the story.

use std::{
    env,
    time::{Duration, Instant},
};

use hearth_tests::{
    Client, Reply, Server,
    rooms::{bodies, event_id, ids, query_string},
    sync::{next_batch, timeline},
    wait,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

const ROOMS: usize = 4;
const WRITERS_PER_ROOM: usize = 2;
/// The server is killed after at most so many answers, or so long after the first.
const ANSWERS_MAX: u64 = 400;
const MOMENT_US_MAX: u64 = 60_000;
/// How many rounds back a token may be that is tried again.
const OLD_TOKENS: usize = 6;

/// Sends `name 0`, `name 1`, … to one room.
struct Writer {
    client: Client,
    room: String,
    name: String,
    /// The event id of each message that was acknowledged, by its number.
    acknowledged: Vec<String>,
}

impl Writer {
    /// The body of message `number`.
    fn body(&self, number: usize) -> String {
        format!("{} {number}", self.name)
    }

    async fn send(&self, number: usize) -> Result<Reply, reqwest::Error> {
        let path = format!("/rooms/{}/send/m.room.message/crash-{number}", self.room);
        let content = json!({ "msgtype": "m.text", "body": self.body(number) });
        self.client.attempt(self.client.request(Method::PUT, &path).json(&content)).await
    }

    /// Sends one message after another until the server breaks off.
    async fn write(mut self, answers: watch::Sender<u64>) -> Self {
        while let Ok(reply) = self.send(self.acknowledged.len()).await {
            self.acknowledged.push(event_id(&reply));
            answers.send_modify(|count| *count += 1);
        }
        self
    }

    /// Sends again what a client would after a crash.
    async fn resume(&mut self) {
        let pending = self.acknowledged.len();
        if let Some(last) = self.acknowledged.last() {
            let again = event_id(&self.insist(pending - 1).await);
            assert_eq!(again, *last, "{} was sent twice", self.body(pending - 1));
        }
        let reply = self.insist(pending).await;
        self.acknowledged.push(event_id(&reply));
    }

    /// Sends until the server answers: a pooled connection may still lead to the dead process.
    async fn insist(&self, number: usize) -> Reply {
        wait::until("an answer after the restart", || async { self.send(number).await.ok() }).await
    }
}

/// Syncs along and keeps what it saw.
struct Reader {
    client: Client,
    rooms: Vec<String>,
    since: String,
    /// The messages seen since the last check, by room.
    seen: Vec<Vec<Value>>,
}

impl Reader {
    /// Syncs until the server breaks off.
    async fn read(mut self) -> Self {
        while self.step(30_000).await.is_ok() {}
        self
    }

    /// One sync, with what its limited timelines left out. Breaking off half-way changes nothing.
    async fn step(&mut self, timeout_ms: u64) -> Result<(), reqwest::Error> {
        let (next, batch) = self.since(&self.since, &self.rooms, timeout_ms).await?;
        for (seen, new) in self.seen.iter_mut().zip(batch) {
            seen.extend(new);
        }
        self.since = next;
        Ok(())
    }

    /// The messages of `rooms` after `token`, oldest first, and the token after them.
    async fn since(
        &self,
        token: &str,
        rooms: &[String],
        timeout_ms: u64,
    ) -> Result<(String, Vec<Vec<Value>>), reqwest::Error> {
        let filter = json!({ "room": { "rooms": rooms, "timeline": { "limit": 50 } } });
        let (filter, timeout) = (filter.to_string(), timeout_ms.to_string());
        let query = [("since", token), ("filter", &*filter), ("timeout", &*timeout)];
        let path = format!("/sync?{}", query_string(&query));
        let body = self.client.attempt(self.client.request(Method::GET, &path)).await?.ok();
        let mut batch = Vec::new();
        for room in rooms {
            let mut events = Vec::new();
            let section = &body["rooms"]["join"][room]["timeline"];
            if section["limited"] == json!(true) {
                let prev_batch = section["prev_batch"].as_str().expect("a prev_batch");
                events = self.client.messages_back(room, prev_batch, token).await?;
                events.reverse();
            }
            events.extend(timeline(&body, room).iter().cloned());
            batch.push(events);
        }
        Ok((next_batch(&body), batch))
    }
}

/// Checks that `events` are exactly the messages of the room's writers from `starts` on, each once
/// and each writer's in order.
fn check(events: &[Value], writers: &[Writer], starts: &[usize], room: &str, context: &str) {
    let mut expected_total = 0;
    for (writer, start) in writers.iter().zip(starts).filter(|(writer, _)| writer.room == room) {
        let expected = &writer.acknowledged[*start..];
        let own: Vec<Value> = events
            .iter()
            .filter(|event| event["sender"] == writer.client.user.as_str())
            .cloned()
            .collect();
        assert_eq!(ids(&own), expected, "{context}: {} from {start}", writer.name);
        let numbered: Vec<String> =
            (*start..writer.acknowledged.len()).map(|number| writer.body(number)).collect();
        assert_eq!(bodies(&own), numbered, "{context}: {}", writer.name);
        expected_total += expected.len();
    }
    assert_eq!(events.len(), expected_total, "{context}: strange events in {room}");
}

async fn cast(server: &Server) -> (Vec<Writer>, Reader) {
    let client = server.register("reader").await;
    let (mut rooms, mut writers) = (Vec::new(), Vec::new());
    for room_number in 0..ROOMS {
        let room = client.create_room(json!({ "preset": "public_chat" })).await;
        for number in 0..WRITERS_PER_ROOM {
            let name = format!("writer{room_number}{number}");
            let writer = server.register(&name).await;
            writer.join(&room).await;
            let acknowledged = Vec::new();
            writers.push(Writer { client: writer, room: room.clone(), name, acknowledged });
        }
        rooms.push(room);
    }
    let since = client.now().await;
    let seen = vec![Vec::new(); rooms.len()];
    (writers, Reader { client, rooms, since, seen })
}

/// Lets everybody work, kills the server at a random moment, and starts it again.
async fn crash(
    server: &mut Server,
    writers: Vec<Writer>,
    reader: Reader,
    random: &mut StdRng,
) -> (Vec<Writer>, Reader, Duration) {
    let (answers, mut answered) = watch::channel(0);
    let writing: Vec<_> =
        writers.into_iter().map(|writer| tokio::spawn(writer.write(answers.clone()))).collect();
    let reading = tokio::spawn(reader.read());
    let enough = random.random_range(1..ANSWERS_MAX);
    let moment = Duration::from_micros(random.random_range(0..MOMENT_US_MAX));
    let first = tokio::time::timeout(wait::PATIENCE, answered.wait_for(|count| *count > 0)).await;
    drop(first.expect("some answer").unwrap());
    // Whichever comes first: the random number of answers or the random moment.
    let _ = tokio::time::timeout(moment, answered.wait_for(|count| *count >= enough)).await;
    server.kill();
    let writers =
        futures::future::join_all(writing).await.into_iter().map(Result::unwrap).collect();
    let reader = reading.await.unwrap();
    let started = Instant::now();
    server.restart().await;
    (writers, reader, started.elapsed())
}

fn counts(writers: &[Writer]) -> Vec<usize> {
    writers.iter().map(|writer| writer.acknowledged.len()).collect()
}

fn number_from(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[tokio::test]
async fn acknowledged_events_survive_kills() {
    let rounds = number_from("HEARTH_CRASH_ROUNDS", 50);
    let seed = number_from("HEARTH_CRASH_SEED", 1);
    let mut random = StdRng::seed_from_u64(seed);
    let mut server = Server::start().await;
    let (mut writers, mut reader) = cast(&server).await;
    let mut slowest = Duration::ZERO;
    // Tokens given out after each round, with how many messages each writer had sent then.
    let mut tokens = vec![(reader.since.clone(), counts(&writers))];
    for round in 0..rounds {
        let starts = counts(&writers);
        let took;
        (writers, reader, took) = crash(&mut server, writers, reader, &mut random).await;
        slowest = slowest.max(took);
        for writer in &mut writers {
            writer.resume().await;
        }
        reader.step(0).await.unwrap();
        let context = format!("seed {seed}, round {round}");
        for (room, seen) in reader.rooms.iter().zip(&mut reader.seen) {
            check(&std::mem::take(seen), &writers, &starts, room, &context);
        }
        let (token, then) = &tokens[random.random_range(0..tokens.len())];
        let room = reader.rooms[random.random_range(0..ROOMS)].clone();
        let (_, batch) = reader.since(token, std::slice::from_ref(&room), 0).await.unwrap();
        check(&batch[0], &writers, then, &room, &format!("{context}, an old token"));
        tokens.push((reader.since.clone(), counts(&writers)));
        if tokens.len() > OLD_TOKENS {
            tokens.remove(0);
        }
    }
    check_history(&writers, &reader).await;
    let total: usize = counts(&writers).iter().sum();
    println!("{rounds} kills, {total} events, 0 lost, 0 doubled; slowest restart {slowest:?}");
}

/// At the end every page of every room, both ways.
async fn check_history(writers: &[Writer], reader: &Reader) {
    let starts = vec![0; writers.len()];
    for room in &reader.rooms {
        let is_message = |event: &Value| event["type"] == "m.room.message";
        let mut forward = reader.client.all_messages(room, "f", 500, None).await;
        forward.retain(is_message);
        check(&forward, writers, &starts, room, "forward");
        let mut backward = reader.client.all_messages(room, "b", 500, None).await;
        backward.retain(is_message);
        backward.reverse();
        check(&backward, writers, &starts, room, "backward");
        assert_eq!(ids(&forward), ids(&backward), "one order both ways");
    }
}
