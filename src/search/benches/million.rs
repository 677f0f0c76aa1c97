//! Indexing a million messages and searching them, on disk as a server has them.
//!
//! The messages are in seven languages, of words that are as common as words are (Zipf), in many
//! rooms, all of which the searcher is in. Measured are the rate of making the index from the log,
//! its size against that of the text, and how long a search for two words takes, with everything
//! that a request does after it was parsed. `HEARTH_BENCH_MESSAGES` changes the number.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]
#![allow(clippy::disallowed_methods, reason = "time is what is measured")]
#![allow(missing_docs, clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use futures::future::join_all;
use hearth_base::Clock;
use hearth_fixtures::{Fixture, Setup, id};
use hearth_search::{Order, Progress, Search, SearchQuery};
use hearth_store::Store;
use hearth_store_rocks::RocksEngine;
use rand::{SeedableRng, rngs::StdRng};
use ruma::{OwnedUserId, UserId};
use tokio_util::sync::CancellationToken;

use language::{Language, languages};

#[path = "language.rs"]
mod language;

const NAME: &str = "search/million";
const ROOMS: usize = 200;
const SENDERS: usize = 5;
/// How many messages wait for the writers of rooms at the same time.
const AT_ONCE: usize = 4_000;
const QUERIES: usize = 1_000;

/// A server with a store on disk.
fn server(directory: &Path) -> Fixture {
    let settings = hearth_store_rocks::Settings {
        cache_bytes: 64 * 1024 * 1024,
        write_buffer_bytes: 16 * 1024 * 1024,
    };
    let engine = RocksEngine::open(directory.join("store"), settings).unwrap();
    let setup = Setup { store: Store::new(engine), clock: Clock::system(), ..Setup::default() };
    setup.build()
}

/// Says `count` messages; returns the bytes of their texts.
async fn fill(
    server: &Fixture,
    people: &[OwnedUserId],
    languages: &[Language],
    random: &mut StdRng,
    count: usize,
) -> usize {
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        let room = server.room(&people[0]).await;
        for user_id in &people[1..] {
            server.join(&room, user_id).await;
        }
        rooms.push(room);
    }
    let (mut bytes, mut said) = (0, 0);
    while said < count {
        let texts: Vec<_> = (said..count.min(said + AT_ONCE))
            .map(|number| (number, languages[number / ROOMS % languages.len()].message(random)))
            .collect();
        bytes += texts.iter().map(|(_, text)| text.len()).sum::<usize>();
        said += texts.len();
        let sending = texts.iter().map(|(number, text)| {
            server.say(&rooms[number % ROOMS], &people[number % SENDERS], text)
        });
        join_all(sending).await;
    }
    bytes
}

fn size_of(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().metadata().unwrap());
    files.map(|metadata| metadata.len()).sum()
}

/// The most memory that this process has used, in MB.
fn memory_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kb = line.split_whitespace().next().and_then(|number| number.parse().ok());
    kb.unwrap_or(0_u64) / 1024
}

fn percentile(times: &mut [Duration], part: f64) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * part).round() as usize]
}

async fn searches(
    server: &Fixture,
    search: &Search,
    user_id: &UserId,
    languages: &[Language],
    random: &mut StdRng,
) {
    for (name, order, with_typos) in [
        ("newest first", Order::Recent, false),
        ("best first", Order::Rank, false),
        ("best first, with typos", Order::Rank, true),
    ] {
        let (mut times, mut found) = (Vec::new(), 0);
        for number in 0..QUERIES {
            let term = languages[number % languages.len()].query(random);
            let query =
                SearchQuery { order, with_typos, limit: 20, ..SearchQuery::new(user_id, &term) };
            let start = Instant::now();
            let snapshot = server.store.snapshot().await.unwrap();
            let page = search.find(snapshot.as_ref(), &query, &|_| true).await.unwrap();
            times.push(start.elapsed());
            found += usize::from(!page.hits.is_empty());
        }
        let (median, slow) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
        println!(
            "{NAME}: two words, {name}: p50 {median:.1?}, p99 {slow:.1?}; \
            {found} of {QUERIES} found something"
        );
    }
}

async fn measure(count: usize) {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path());
    let mut random = StdRng::seed_from_u64(1);
    let languages = languages(&mut random);
    let people: Vec<OwnedUserId> =
        (0..SENDERS).map(|number| id(&format!("user{number}"))).collect();
    let start = Instant::now();
    let text_bytes = fill(&server, &people, &languages, &mut random, count).await;
    let took = start.elapsed();
    println!("{NAME}: {count} messages, {} MB of text, said in {took:.1?}", text_bytes / 1_000_000);

    let (index, shutdown) = (directory.path().join("search"), CancellationToken::new());
    let start = Instant::now();
    let (store, rooms) = (server.store.clone(), server.rooms.clone());
    let search = Search::open(Some(&index), store, rooms, &server.tasks, shutdown.clone()).unwrap();
    while !Progress::read(&index).is_some_and(Progress::is_complete) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = start.elapsed();
    let rate = count as f64 / took.as_secs_f64();
    println!("{NAME}: indexed in {took:.1?}: {rate:.0} messages a second");
    searches(&server, &search, &people[1], &languages, &mut random).await;
    shutdown.cancel();
    drop(search);
    server.tasks.close();
    server.tasks.wait().await;
    let bytes = size_of(&index);
    let part = 100.0 * bytes as f64 / text_bytes as f64;
    println!("{NAME}: {} MB on disk, {part:.0} % of the text", bytes / 1_000_000);
    println!("{NAME}: at most {} MB of memory, the store's included", memory_mb());
}

fn main() {
    let mut filters = env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    if filters.peek().is_some() && !filters.any(|filter| NAME.contains(&filter)) {
        return;
    }
    let count = env::var("HEARTH_BENCH_MESSAGES").ok();
    let count = count.map_or(1_000_000, |count| count.parse().unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(measure(count));
}
