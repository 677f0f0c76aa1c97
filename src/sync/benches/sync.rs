//! What one incremental sync costs: with nothing new, and with one event in one of many rooms.

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

#[path = "../testing.rs"]
mod testing;

const ROOMS: [usize; 2] = [3, 300];

fn incremental(criterion: &mut Criterion) {
    #[allow(clippy::expect_used, reason = "a benchmark without a runtime is none")]
    let runtime = Runtime::new().expect("a runtime");
    for rooms in ROOMS {
        let (server, alice, room) = runtime.block_on(async {
            let server = testing::server();
            let alice = server.user("alice").await;
            let mut last = server.room(&alice, true).await;
            for _ in 1..rooms {
                last = server.room(&alice, true).await;
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

criterion_group!(benches, incremental);
criterion_main!(benches);
