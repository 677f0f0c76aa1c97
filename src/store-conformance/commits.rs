//! Examples of what a commit promises.

use hearth_base::{
    StreamPosition,
    limits::{
        STORE_BATCH_BYTES_MAX, STORE_BATCH_WRITES_MAX, STORE_KEY_BYTES_MAX, STORE_VALUE_BYTES_MAX,
    },
};

use hearth_store::{
    Batch, Engine, Keyspace, POSITION_KEY, StoreError, Write, encode_position, position_from_row,
};

use crate::{absent, batch, committed, conflict, delete, equals, fact, must, now, put, slot};

pub(super) async fn a_batch_is_atomic(engine: &impl Engine) {
    must(engine, batch([put(b"taken", b"1")], 1)).await;
    let half = batch([put(b"new", b"1"), absent(put(b"taken", b"2"))], 1);
    let outcomes = engine.commit(vec![half]).await.unwrap();
    assert_eq!(outcomes, [conflict(b"taken")]);
    assert_eq!(now(engine, b"new").await, None);
    assert_eq!(now(engine, b"taken").await.unwrap(), "1");
    let snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.position(), StreamPosition(1));
}

pub(super) async fn absent_means_no_row(engine: &impl Engine) {
    let insert = || batch([absent(put(b"key", b""))], 0);
    assert_eq!(engine.commit(vec![insert()]).await.unwrap(), [committed(1)]);
    // An empty value is a value.
    assert_eq!(engine.commit(vec![insert()]).await.unwrap(), [conflict(b"key")]);
    must(engine, batch([delete(b"key")], 0)).await;
    assert_eq!(engine.commit(vec![insert()]).await.unwrap(), [committed(1)]);
    must(engine, batch([absent(delete(b"never"))], 0)).await;
}

pub(super) async fn equals_compares_every_byte(engine: &impl Engine) {
    must(engine, batch([put(b"key", b"one")], 0)).await;
    for wrong in [&b"on"[..], b"one\0", b"", b"two"] {
        let outcomes = engine.commit(vec![batch([equals(wrong, put(b"key", b"x"))], 0)]).await;
        assert_eq!(outcomes.unwrap(), [conflict(b"key")]);
    }
    must(engine, batch([equals(b"one", put(b"key", b"two"))], 0)).await;
    must(engine, batch([equals(b"two", delete(b"key"))], 0)).await;
    let gone = batch([equals(b"", put(b"key", b"x"))], 0);
    assert_eq!(engine.commit(vec![gone]).await.unwrap(), [conflict(b"key")]);
}

pub(super) async fn checks_see_earlier_batches_of_their_group(engine: &impl Engine) {
    let group = vec![
        batch([absent(put(b"key", b"1"))], 1),
        batch([absent(put(b"key", b"2"))], 1),
        batch([equals(b"1", put(b"key", b"3"))], 1),
        batch([equals(b"3", delete(b"key"))], 1),
        batch([absent(put(b"key", b"4"))], 1),
    ];
    let expected = [committed(1), conflict(b"key"), committed(2), committed(3), committed(4)];
    assert_eq!(engine.commit(group).await.unwrap(), expected);
    assert_eq!(now(engine, b"key").await.unwrap(), "4");
}

pub(super) async fn checks_see_the_state_before_their_batch(engine: &impl Engine) {
    let twice = batch([absent(put(b"key", b"1")), absent(put(b"key", b"2"))], 0);
    assert_eq!(engine.commit(vec![twice]).await.unwrap(), [committed(1)]);
    assert_eq!(now(engine, b"key").await.unwrap(), "2");
}

pub(super) async fn positions_are_dense_and_in_commit_order(engine: &impl Engine) {
    must(engine, batch([put(b"taken", b"")], 0)).await;
    let group = vec![
        batch([put(b"a", b"")], 2),
        batch([put(b"b", b"")], 0),
        batch([absent(put(b"taken", b""))], 5),
        batch([], 1),
    ];
    let expected = [committed(1), committed(3), conflict(b"taken"), committed(3)];
    assert_eq!(engine.commit(group).await.unwrap(), expected);
    assert_eq!(engine.commit(vec![batch([], 3)]).await.unwrap(), [committed(4)]);
    let snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.position(), StreamPosition(6));
    let row = snapshot.get_many(Keyspace::Meta, &[POSITION_KEY.to_vec()]).await.unwrap();
    let position = position_from_row(row[0].as_deref()).unwrap();
    assert_eq!(position, snapshot.position());
}

pub(super) async fn pending_positions_are_filled_in(engine: &impl Engine) {
    must(engine, batch([], 10)).await;
    let stamped = || {
        let mut batch = Batch::new();
        batch.fact(fact(1));
        let second = batch.fact(fact(2));
        batch.write(absent(Write {
            key_slot: slot(1, second),
            value_slot: slot(0, second),
            ..put(b"k00000000", b"00000000.")
        }));
        batch
    };
    let outcomes = engine.commit(vec![stamped(), stamped()]).await.unwrap();
    assert_eq!(outcomes, [committed(11), committed(13)]);
    for position in [12, 14] {
        let stamp = encode_position(StreamPosition(position));
        let value = now(engine, &[b"k", stamp.as_slice()].concat()).await;
        assert_eq!(value.unwrap(), [stamp.as_slice(), b"."].concat());
    }
}

pub(super) async fn the_last_write_to_a_key_wins(engine: &impl Engine) {
    let writes = [put(b"a", b"1"), put(b"a", b"2"), put(b"b", b"1")];
    must(engine, batch(writes, 0)).await;
    must(engine, batch([delete(b"b"), delete(b"a")], 0)).await;
    must(engine, batch([put(b"a", b"3"), delete(b"c")], 0)).await;
    must(engine, batch([delete(b"a"), put(b"a", b"4")], 0)).await;
    assert_eq!(now(engine, b"a").await.unwrap(), "4");
    assert_eq!(now(engine, b"b").await, None);
}

pub(super) async fn conflicts_alone_change_nothing(engine: &impl Engine) {
    must(engine, batch([put(b"key", b"1")], 1)).await;
    let refused = || batch([absent(put(b"key", b"2"))], 1);
    let outcomes = engine.commit(vec![refused(), refused()]).await.unwrap();
    assert_eq!(outcomes, [conflict(b"key"), conflict(b"key")]);
    assert_eq!(engine.commit(Vec::new()).await.unwrap(), []);
    assert_eq!(engine.commit(vec![Batch::new()]).await.unwrap(), [committed(2)]);
    let snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.position(), StreamPosition(1));
}

pub(super) async fn a_group_over_a_limit_changes_nothing(engine: &impl Engine) {
    let value = vec![0; STORE_VALUE_BYTES_MAX];
    let whole = STORE_BATCH_BYTES_MAX / STORE_VALUE_BYTES_MAX;
    let numbered = |number: usize| number.to_be_bytes();
    let over = [
        batch([put(&vec![1; STORE_KEY_BYTES_MAX + 1], b"")], 0),
        batch([put(b"key", &vec![0; STORE_VALUE_BYTES_MAX + 1])], 0),
        batch((0..whole).map(|number| put(&numbered(number), &value)), 0),
        batch((0..=STORE_BATCH_WRITES_MAX).map(|number| put(&numbered(number), b"")), 0),
    ];
    for over in over {
        let refused = engine.commit(vec![batch([put(b"fine", b"")], 1), over]).await;
        assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
    }
    let refused = engine.commit(vec![batch([put(b"", b"")], 0)]).await;
    assert!(matches!(refused, Err(StoreError::Malformed(_))));
    assert_eq!(now(engine, b"fine").await, None);
    let snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.position(), StreamPosition::ZERO);
}

pub(super) async fn the_largest_key_and_value_come_back(engine: &impl Engine) {
    let key = vec![0xff; STORE_KEY_BYTES_MAX];
    let value: Vec<u8> =
        (0..STORE_VALUE_BYTES_MAX).map(|n| u8::try_from(n % 251).unwrap()).collect();
    must(engine, batch([put(&key, &value)], 0)).await;
    assert_eq!(now(engine, &key).await.unwrap(), value);
}
