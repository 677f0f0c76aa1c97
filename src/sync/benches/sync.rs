//! What one incremental sync costs: with nothing new, and with one event in one of many rooms. And
//! what sliding sync costs: the first window, and one event in it.

use std::{collections::BTreeMap, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use hearth_sync::{RequiredState, RoomConfig, RoomFilters, SlidingList, SlidingRequest};
use ruma::{
    UserId, api::client::sync::sync_events::v5::request::Extensions, presence::PresenceState,
};
use tokio::runtime::Runtime;

#[path = "../testing.rs"]
mod testing;

const ROOMS: [usize; 2] = [3, 300];
const MANY_ROOMS: usize = 2_000;

fn incremental(criterion: &mut Criterion) {
    #[allow(clippy::expect_used, reason = "a benchmark without a runtime is none")]
    let runtime = Runtime::new().expect("a runtime");
    for rooms in ROOMS {
        let (server, alice, room) = runtime.block_on(async {
            let server = testing::server();
            let alice = server.user("alice").await;
            let mut last = server.room(&alice).await;
            for _ in 1..rooms {
                last = server.room(&alice).await;
            }
            (server, alice, last)
        });
        let mut since = runtime.block_on(server.sync(&alice, None, 0)).next_batch;
        criterion.bench_function(&format!("sync of {rooms} rooms, nothing new"), |bencher| {
            bencher.iter(|| runtime.block_on(server.sync(&alice, Some(&since), 0)));
        });
        criterion.bench_function(&format!("send, sync of {rooms} rooms"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    server.say(&room, &alice, "hello").await;
                    since = server.sync(&alice, Some(&since), 1_000).await.next_batch;
                });
            });
        });
    }
}

/// What a client like Element X asks for: a window of 20 rooms.
fn window(user_id: &UserId, pos: Option<String>) -> SlidingRequest {
    let required = [
        ("m.room.name", ""),
        ("m.room.encryption", ""),
        ("m.room.member", "$ME"),
        ("m.room.member", "$LAZY"),
    ]
    .map(|(event_type, state_key)| (event_type.into(), state_key.to_owned()));
    let required_state = RequiredState::new(required.into(), user_id);
    let filters =
        RoomFilters { not_room_types: vec![Some("m.space".to_owned())], ..RoomFilters::default() };
    let config = RoomConfig { timeline_limit: 1, required_state };
    let list = SlidingList { ranges: Some(vec![(0, 19)]), filters, config };
    SlidingRequest {
        user_id: user_id.to_owned(),
        device_id: "DEVICE".into(),
        connection: "room-list".to_owned(),
        pos,
        timeout: Duration::ZERO,
        set_presence: PresenceState::Offline,
        lists: BTreeMap::from([("all_rooms".to_owned(), list)]),
        subscriptions: BTreeMap::new(),
        extensions: Extensions::default(),
    }
}

fn sliding(criterion: &mut Criterion) {
    #[allow(clippy::expect_used, reason = "a benchmark without a runtime is none")]
    let runtime = Runtime::new().expect("a runtime");
    let (server, alice, room) = runtime.block_on(async {
        let server = testing::server();
        let alice = server.user("alice").await;
        let mut last = server.room(&alice).await;
        for _ in 1..MANY_ROOMS {
            last = server.room(&alice).await;
        }
        (server, alice, last)
    });
    let slide = async |pos: Option<String>| {
        let answer = server.sync.slide(&window(&alice, pos)).await;
        answer.map(|answer| answer.pos).unwrap_or_default()
    };
    criterion.bench_function(&format!("first window on {MANY_ROOMS} rooms"), |bencher| {
        bencher.iter(|| runtime.block_on(slide(None)));
    });
    let mut pos = runtime.block_on(slide(None));
    criterion.bench_function(&format!("window on {MANY_ROOMS} rooms, nothing new"), |bencher| {
        bencher.iter(|| pos = runtime.block_on(slide(Some(pos.clone()))));
    });
    criterion.bench_function(&format!("send, window on {MANY_ROOMS} rooms"), |bencher| {
        bencher.iter(|| {
            runtime.block_on(server.say(&room, &alice, "hello"));
            pos = runtime.block_on(slide(Some(pos.clone())));
        });
    });
}

criterion_group!(benches, incremental, sliding);
criterion_main!(benches);
