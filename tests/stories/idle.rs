//! The idle story: waiting costs nothing, and a sync costs what changed, not what there is.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures::stream::{FuturesUnordered, StreamExt};
use hearth_tests::{
    Client, Server,
    sync::{has_event, next_batch, timeline},
    wait,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

const USERS: usize = 20;
const POLLS_PER_USER: usize = 50;
/// How long the idle server is watched, and what it may use of one processor in that time.
const WINDOW: Duration = Duration::from_secs(2);
const CPU_MAX: Duration = Duration::from_millis(60);
/// How long the server must have used no processor time before it counts as settled.
const SETTLED: Duration = Duration::from_millis(150);
/// The kernel counts processor time in hundredths of a second (proc(5), USER_HZ).
const TICK: Duration = Duration::from_millis(10);
/// Syncs without coming online.
const OFFLINE: (&str, &str) = ("set_presence", "offline");

const FEW_ROOMS: usize = 3;
const MANY_ROOMS: usize = 300;
const SYNCS: usize = 60;

/// Processor time that a process has used: the fields utime and stime of proc(5).
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u32 = fields[11..13].iter().map(|field| field.parse::<u32>().unwrap()).sum();
    TICK * ticks
}

/// Waits until the process has all connections open and has used no time for a while.
async fn settled(pid: u32, connections: usize) {
    let mut last = (cpu(pid), Instant::now());
    wait::until("the server to settle", || {
        let now = cpu(pid);
        if now != last.0 {
            last = (now, Instant::now());
        }
        let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        let done = open >= connections && last.1.elapsed() >= SETTLED;
        async move { done.then_some(()) }
    })
    .await;
}

fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

#[tokio::test]
async fn a_thousand_idle_polls_cost_nothing_and_all_wake() {
    allow_many_connections();
    let server = Server::start().await;
    let speaker = server.register("speaker").await;
    let room = speaker.create_room(json!({ "preset": "public_chat" })).await;
    let mut readers = Vec::new();
    for number in 0..USERS {
        let reader = server.register(&format!("reader{number}")).await;
        reader.join(&room).await;
        readers.push(reader);
    }
    let mut polls = FuturesUnordered::new();
    for reader in &readers {
        // Nobody's poll may tell the others that somebody came online.
        let now = reader.sync_query(&[OFFLINE]).await.ok();
        let since = next_batch(&now);
        for _ in 0..POLLS_PER_USER {
            let (reader, since) = (reader.clone(), since.clone());
            polls.push(tokio::spawn(async move {
                let query = [("timeout", "60000"), ("since", &since), OFFLINE];
                reader.sync_query(&query).await.ok()
            }));
        }
    }
    settled(server.pid(), USERS * POLLS_PER_USER).await;
    let before = cpu(server.pid());
    let early = tokio::time::timeout(WINDOW, polls.next()).await;
    assert!(early.is_err(), "a poll was answered though nothing happened");
    let used = cpu(server.pid()) - before;
    assert!(used <= CPU_MAX, "{used:?} of processor time in {WINDOW:?} of idling");

    let event = speaker.say(&room, "wake up").await;
    let mut woken = 0;
    while let Some(body) = polls.next().await {
        let body = body.unwrap();
        assert!(has_event(timeline(&body, &room), &event), "{body}");
        woken += 1;
    }
    assert_eq!(woken, USERS * POLLS_PER_USER);
    println!("{woken} idle polls used {used:?} of processor time in {WINDOW:?}");
}

/// The time of an incremental sync from `since`, which it moves on, to `event` or to nothing new.
async fn timed(
    reader: &Client,
    since: &mut String,
    room: &str,
    event: Option<&String>,
) -> Duration {
    let started = Instant::now();
    let body = reader.sync(Some(since), 0).await;
    let time = started.elapsed();
    let events = timeline(&body, room);
    match event {
        Some(event) => assert!(has_event(events, event), "{body}"),
        None => assert!(events.is_empty(), "{body}"),
    }
    *since = next_batch(&body);
    time
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
async fn a_sync_costs_what_changed() {
    let server = Server::start().await;
    let [speaker, few, many] = server.people(["speaker", "few", "many"]).await;
    let room = speaker.create_room_with(&[&few, &many]).await;
    for (reader, rooms) in [(&few, FEW_ROOMS), (&many, MANY_ROOMS)] {
        for _ in 1..rooms {
            reader.create_room(json!({})).await;
        }
        let joined = reader.get("/joined_rooms").await.ok();
        assert_eq!(joined["joined_rooms"].as_array().unwrap().len(), rooms);
    }
    for news in [false, true] {
        let (mut since_few, mut since_many) = (few.now().await, many.now().await);
        let (mut in_few, mut in_many) = (Vec::new(), Vec::new());
        // In turns, so that whatever else the machine does slows both.
        for number in 0..SYNCS {
            let event =
                if news { Some(speaker.say(&room, &number.to_string()).await) } else { None };
            in_few.push(timed(&few, &mut since_few, &room, event.as_ref()).await);
            in_many.push(timed(&many, &mut since_many, &room, event.as_ref()).await);
        }
        let (in_few, in_many) = (median(in_few), median(in_many));
        println!("news {news}: {in_few:?} in {FEW_ROOMS} rooms, {in_many:?} in {MANY_ROOMS}");
        let bound = in_few * 3 + Duration::from_millis(2);
        assert!(in_many <= bound, "news {news}: {in_many:?} in many rooms, {in_few:?} in few");
    }
}
