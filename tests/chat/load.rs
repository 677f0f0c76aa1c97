//! Many connections in one room: nothing lost, nothing doubled, and how long it takes. Ignored
//! unless asked for, as it takes minutes:
//!
//! `cargo test --release -p hearth-tests --test chat -- --ignored --nocapture load`

use std::{
    env, fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use hearth_tests::{Chat, Server, socket::Socket};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet, time::interval};
use tokio_tungstenite::tungstenite::Message;

const PEOPLE: usize = 20;
const MESSAGES_PER_SECOND: usize = 20;
const SECONDS: usize = 30;
const MESSAGES: usize = MESSAGES_PER_SECOND * SECONDS;

/// How many connections: 2,000, or as many as a variable says, for machines that are busy.
fn connections() -> usize {
    let wanted = env::var("HEARTH_TEST_CONNECTIONS").ok();
    wanted.map_or(2_000, |wanted| wanted.parse().expect("a number"))
}

/// How long each message took to each connection, in microseconds.
type Latencies = Arc<Mutex<Vec<u64>>>;

/// The number of a message and when it was sent, without reading the whole frame.
fn read(frame: &str) -> Option<(usize, u64)> {
    let (_, rest) = frame.split_once("\"content\":\"load ")?;
    let (content, _) = rest.split_once('"')?;
    let (number, sent) = content.split_once(' ')?;
    Some((number.parse().ok()?, sent.parse().ok()?))
}

fn pos(frame: &str) -> Option<&str> {
    frame.split_once("\"pos\":\"")?.1.split_once('"').map(|(pos, _)| pos)
}

/// Listens until it has everything; leaves and comes back when it has had `cuts` of the messages.
async fn listen(
    chat: Chat,
    room_id: String,
    start: Instant,
    cuts: Vec<usize>,
    latencies: Latencies,
    ready: watch::Sender<usize>,
) -> Vec<usize> {
    let (mut socket, _) = chat.socket_from(&format!("?rooms={room_id}")).await;
    ready.send_modify(|count| *count += 1);
    let (mut seen, mut mine) = (vec![0; MESSAGES], Vec::with_capacity(MESSAGES));
    let (mut total, mut last, mut cuts) = (0, String::new(), cuts.into_iter().peekable());
    while total < MESSAGES {
        let Message::Text(text) = socket.message().await else {
            panic!("the connection ended");
        };
        if let Some(pos) = pos(&text) {
            last = pos.to_owned();
        }
        if let Some((number, sent)) = read(&text) {
            let now = u64::try_from(start.elapsed().as_micros()).unwrap();
            mine.push(now.saturating_sub(sent));
            seen[number] += 1;
            total += 1;
        }
        if cuts.next_if(|at| *at <= total).is_some() {
            drop(socket);
            let (again, ready) = chat.socket_from(&format!("?pos={last}&rooms={room_id}")).await;
            assert_eq!(ready["resumed"], true);
            socket = again;
        }
    }
    latencies.lock().unwrap().extend(mine);
    seen
}

async fn send(mut socket: Socket, room_id: &str, start: Instant) {
    let mut pace = interval(Duration::from_secs(1) / u32::try_from(MESSAGES_PER_SECOND).unwrap());
    for number in 0..MESSAGES {
        pace.tick().await;
        let sent = start.elapsed().as_micros();
        let content = format!("load {number} {sent}");
        socket
            .tell(json!({ "type": "send_message", "room_id": room_id, "content": content }))
            .await;
    }
}

fn memory_mib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

async fn run(name: &str, cuts_of: impl Fn(usize) -> Vec<usize>) {
    let (server, connections) = (Server::start().await, connections());
    let owner = server.chat().register("owner").await;
    let room_id = owner.create_room("Load", "public").await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let person = server.chat().register(&format!("person{number}")).await;
        person.join_room(&room_id).await;
        people.push(person);
    }
    let (start, latencies) = (Instant::now(), Latencies::default());
    let (ready, mut all_ready) = watch::channel(0);
    let mut listeners = JoinSet::new();
    for number in 0..connections {
        let chat = people[number % PEOPLE].clone();
        let (latencies, ready) = (latencies.clone(), ready.clone());
        listeners.spawn(listen(chat, room_id.clone(), start, cuts_of(number), latencies, ready));
        if number % 100 == 99 {
            all_ready.wait_for(|count| *count > number).await.unwrap();
        }
    }
    let before = memory_mib(server.pid());
    send(owner.socket().await, &room_id, start).await;
    let mut wrong = 0;
    while let Some(seen) = listeners.join_next().await {
        wrong += seen.unwrap().iter().filter(|times| **times != 1).count();
    }
    let mut latencies = std::mem::take(&mut *latencies.lock().unwrap());
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100] as f64 / 1_000.0;
    println!(
        "{name}: {} deliveries to {connections} connections, {wrong} lost or doubled; \
         50th percentile {:.1} ms, 99th {:.1} ms; server {before} MiB before, {} MiB after",
        latencies.len(),
        at(50),
        at(99),
        memory_mib(server.pid()),
    );
    assert_eq!(wrong, 0);
    assert_eq!(latencies.len(), connections * MESSAGES);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes a minute and all of the machine"]
async fn load_of_many_connections() {
    run("steady", |_| Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes a minute and all of the machine"]
async fn load_of_many_connections_that_break_twice() {
    let third = MESSAGES / 3;
    run("broken twice", |number| vec![number % third + 1, third + number % third + 1]).await;
}
