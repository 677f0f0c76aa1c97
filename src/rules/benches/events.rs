//! What each message costs: hashing and signing it once, rendering it for every reader.

#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; a bench may stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hearth_base::Random;
use hearth_rules::{
    ClientEvent, ClientEventFormat, Draft, Pdu, SigningKey, Unsigned, build, rules_of, version,
};
use ruma::{
    MilliSecondsSinceUnixEpoch, UInt, events::TimelineEventType, owned_event_id, owned_room_id,
    owned_user_id, server_name,
};
use serde_json::{json, value::to_raw_value};

fn draft() -> Draft {
    let body = "A message of about the length that people write when they have something to say.";
    Draft {
        room_id: Some(owned_room_id!("!DkXwVpkVB3XvQyMvMdfzmrDiLhcFmJHqHuTgTUrzsvs")),
        sender: owned_user_id!("@alice:hearth.test"),
        event_type: TimelineEventType::RoomMessage,
        state_key: None,
        content: to_raw_value(&json!({ "msgtype": "m.text", "body": body })).unwrap(),
        redacts: None,
        sticky_ms: None,
        unsigned: None,
        origin_server_ts: MilliSecondsSinceUnixEpoch(UInt::new(1_750_000_000_000).unwrap()),
        prev_events: vec![owned_event_id!("$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg")],
        auth_events: vec![
            owned_event_id!("$Zqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg"),
            owned_event_id!("$Yqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg"),
        ],
        depth: 1_234,
    }
}

fn events(criterion: &mut Criterion) {
    let rules = rules_of(&version::DEFAULT).unwrap();
    let key = SigningKey::generate(&Random::seeded(1)).unwrap();
    let make = || build(draft(), rules, server_name!("hearth.test"), &key).unwrap();
    criterion.bench_function("build: hash and sign a message", |b| b.iter(make));

    let pdu = make();
    let parts = || (pdu.event_id().to_owned(), pdu.room_id().to_owned());
    criterion.bench_function("parse a stored message", |b| {
        b.iter(|| {
            let (event_id, room_id) = parts();
            Pdu::from_stored(event_id, room_id, rules, black_box(pdu.json().as_bytes())).unwrap()
        });
    });

    let now = Some(MilliSecondsSinceUnixEpoch(UInt::new(1_750_000_000_250).unwrap()));
    let unsigned = Unsigned { now, ..Unsigned::default() };
    criterion.bench_function("render a message for sync", |b| {
        b.iter(|| {
            ClientEvent::new(black_box(&pdu), ClientEventFormat::Sync, unsigned).to_raw().unwrap()
        });
    });
}

criterion_group!(benches, events);
criterion_main!(benches);
