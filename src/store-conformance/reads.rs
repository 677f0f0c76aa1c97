//! Examples of what a snapshot promises.

use bytes::Bytes;
use hearth_base::{StreamPosition, limits::STORE_PAGE_ROWS_MAX};

use hearth_store::{
    Direction::{self, Backward, Forward},
    Engine, KeyRange, Keyspace, Log, Page, Snapshot, Write,
};

use crate::{ROOMS, batch, delete, fact, get, must, put};

fn range(start: &[u8], end: &[u8]) -> KeyRange {
    KeyRange { start: start.to_vec(), end: end.to_vec() }
}

async fn scan(
    engine: &impl Engine,
    range: &KeyRange,
    direction: Direction,
    limit: usize,
) -> (Vec<Bytes>, bool) {
    let snapshot = engine.snapshot().await.unwrap();
    let page = snapshot.scan(ROOMS, range, direction, limit).await.unwrap();
    (page.rows.into_iter().map(|(key, _)| key).collect(), page.more)
}

async fn fill(engine: &impl Engine, keys: &[&[u8]]) {
    must(engine, batch(keys.iter().map(|key| put(key, key)), 0)).await;
}

pub(super) async fn a_new_store_is_empty(engine: &impl Engine) {
    let snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.position(), StreamPosition::ZERO);
    for keyspace in Keyspace::ALL {
        let everything = KeyRange::prefix(Vec::new());
        let page = snapshot.scan(keyspace, &everything, Forward, 10).await;
        assert_eq!(page.unwrap(), Page::default());
    }
    assert_eq!(get(snapshot.as_ref(), b"key").await, None);
    assert_eq!(snapshot.get_many(ROOMS, &[]).await.unwrap().len(), 0);
}

pub(super) async fn a_snapshot_never_changes(engine: &impl Engine) {
    must(engine, batch([put(b"a", b"1"), put(b"b", b"1")], 1)).await;
    let before = engine.snapshot().await.unwrap();
    let second = [put(b"a", b"2"), delete(b"b"), put(b"c", b"2")];
    must(engine, batch(second, 1)).await;
    let after = engine.snapshot().await.unwrap();
    let rows = async |snapshot: &dyn Snapshot| {
        let everything = KeyRange::prefix(Vec::new());
        let page = snapshot.scan(ROOMS, &everything, Forward, 10).await;
        page.unwrap().rows
    };
    let row = |key, value| (Bytes::from_static(key), Bytes::from_static(value));
    assert_eq!(before.position(), StreamPosition(1));
    assert_eq!(rows(before.as_ref()).await, [row(b"a", b"1"), row(b"b", b"1")]);
    assert_eq!(get(before.as_ref(), b"a").await.unwrap(), "1");
    assert_eq!(get(before.as_ref(), b"c").await, None);
    let facts = Log::read(before.as_ref(), StreamPosition::ZERO, 10).await;
    assert_eq!(facts.unwrap().len(), 1);
    assert_eq!(after.position(), StreamPosition(2));
    assert_eq!(rows(after.as_ref()).await, [row(b"a", b"2"), row(b"c", b"2")]);
}

pub(super) async fn many_keys_come_back_in_their_order(engine: &impl Engine) {
    fill(engine, &[b"a", b"b", b"c"]).await;
    let snapshot = engine.snapshot().await.unwrap();
    let keys = [&b"c"[..], b"no", b"a", b"c"].map(<[u8]>::to_vec);
    let found = snapshot.get_many(ROOMS, &keys).await.unwrap();
    let value = |text| Some(Bytes::from_static(text));
    assert_eq!(found, [value(b"c"), None, value(b"a"), value(b"c")]);
    let many: Vec<_> = (0..5_000).map(|_| b"b".to_vec()).collect();
    let found = snapshot.get_many(ROOMS, &many).await.unwrap();
    assert_eq!(found, vec![value(b"b"); 5_000]);
}

pub(super) async fn ranges_are_half_open(engine: &impl Engine) {
    fill(engine, &[b"a", b"b", b"b\0", b"c"]).await;
    let middle = range(b"b", b"c");
    let (keys, more) = scan(engine, &middle, Forward, 10).await;
    assert_eq!((keys, more), (vec!["b".into(), "b\0".into()], false));
    let (keys, more) = scan(engine, &middle, Backward, 10).await;
    assert_eq!((keys, more), (vec!["b\0".into(), "b".into()], false));
    let (keys, _) = scan(engine, &range(b"b\0", b"z"), Backward, 10).await;
    assert_eq!(keys, ["c", "b\0"]);
    let (keys, _) = scan(engine, &range(b"", b"b"), Forward, 10).await;
    assert_eq!(keys, ["a"]);
}

pub(super) async fn empty_and_reversed_ranges_have_no_rows(engine: &impl Engine) {
    fill(engine, &[b"a", b"b", b"c"]).await;
    for (start, end) in [(b"b", b"b"), (b"c", b"a"), (b"x", b"z")] {
        for direction in [Forward, Backward] {
            let (keys, more) = scan(engine, &range(start, end), direction, 10).await;
            assert!(keys.is_empty() && !more);
        }
    }
}

pub(super) async fn limits_cut_and_say_so(engine: &impl Engine) {
    fill(engine, &[b"a", b"b", b"c", b"d"]).await;
    let part = range(b"a", b"d");
    let expected: [(_, usize, &[&str], bool); 6] = [
        (Forward, 2, &["a", "b"], true),
        (Forward, 3, &["a", "b", "c"], false),
        (Forward, 0, &[], true),
        (Backward, 2, &["c", "b"], true),
        (Backward, 3, &["c", "b", "a"], false),
        (Backward, 9, &["c", "b", "a"], false),
    ];
    for (direction, limit, rows, more) in expected {
        let found = scan(engine, &part, direction, limit).await;
        let rows = rows.iter().map(|key| Bytes::from_static(key.as_bytes()));
        assert_eq!(found, (rows.collect(), more));
    }
}

pub(super) async fn a_page_has_a_largest_size(engine: &impl Engine) {
    let rows = STORE_PAGE_ROWS_MAX + 5;
    let key = |number: usize| u64::try_from(number).unwrap().to_be_bytes();
    must(engine, batch((0..rows).map(|n| put(&key(n), b"")), 0)).await;
    let everything = KeyRange::prefix(Vec::new());
    let (keys, more) = scan(engine, &everything, Forward, usize::MAX).await;
    assert_eq!((keys.len(), more), (STORE_PAGE_ROWS_MAX, true));
    let rest = range(&key(STORE_PAGE_ROWS_MAX), &key(rows));
    let (keys, more) = scan(engine, &rest, Forward, usize::MAX).await;
    assert_eq!((keys.len(), more), (5, false));
}

pub(super) async fn keyspaces_do_not_see_each_other(engine: &impl Engine) {
    let tables: Vec<_> =
        Keyspace::ALL.into_iter().filter(|keyspace| *keyspace != Keyspace::Log).collect();
    let writes = tables
        .iter()
        .map(|keyspace| Write { keyspace: *keyspace, ..put(b"key", keyspace.name().as_bytes()) });
    must(engine, batch(writes, 0)).await;
    let snapshot = engine.snapshot().await.unwrap();
    for keyspace in tables {
        let everything = KeyRange::prefix(Vec::new());
        let page = snapshot.scan(keyspace, &everything, Backward, 10).await;
        let row = (Bytes::from("key"), Bytes::from(keyspace.name()));
        assert_eq!(page.unwrap().rows, [row]);
    }
}

pub(super) async fn the_log_has_every_fact_once(engine: &impl Engine) {
    for first in [0, 3, 6] {
        let mut batch = batch([], 0);
        for number in first..first + 3 {
            batch.fact(fact(number));
        }
        must(engine, batch).await;
    }
    let snapshot = engine.snapshot().await.unwrap();
    let read = async |after, limit| {
        let facts = Log::read(snapshot.as_ref(), StreamPosition(after), limit).await;
        facts.unwrap()
    };
    let expected: Vec<_> = (0..9u8)
        .map(|number| (StreamPosition(i64::from(number) + 1), fact(number.into())))
        .collect();
    assert_eq!(read(0, 100).await, expected);
    assert_eq!(read(4, 2).await, expected[4..6]);
    assert_eq!(read(9, 100).await, []);
    assert_eq!(read(i64::MAX, 100).await, []);
}

pub(super) async fn keys_sort_as_unsigned_bytes(engine: &impl Engine) {
    let sorted: [&[u8]; 6] = [b"\0", b"\0\0", b"\x01", b"\x7f", b"\x80", b"\xff\xff"];
    let mut shuffled = sorted;
    shuffled.reverse();
    fill(engine, &shuffled).await;
    let everything = KeyRange::prefix(Vec::new());
    let (keys, _) = scan(engine, &everything, Forward, 10).await;
    assert_eq!(keys, sorted);
    let high = KeyRange::prefix(vec![0xff]);
    let (keys, _) = scan(engine, &high, Backward, 10).await;
    assert_eq!(keys, [b"\xff\xff".as_slice()]);
}
