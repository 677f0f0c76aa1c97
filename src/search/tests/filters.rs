//! What narrows a search, and its limits.

use super::*;

#[tokio::test]
async fn rooms_and_senders_narrow_a_search_and_replaced_rooms_widen_it() {
    let (test, alice, bob) = (Test::new(), user("alice"), user("bob"));
    let old = test.room(&alice).await;
    let before = test.say(&old, &alice, "a word before").await;
    let creation_content = json!({ "predecessor": { "room_id": old.id(), "event_id": before } });
    let Value::Object(creation_content) = creation_content else { unreachable!() };
    let request =
        CreateRoom { creation_content, published: true, ..CreateRoom::new(alice.clone()) };
    let new = test.rooms.create_room(request).await.unwrap();
    let after = test.say(&new, &alice, "a word after").await;
    let other = test.room(&alice).await;
    test.join(&other, &bob).await;
    let elsewhere = test.say(&other, &bob, "a word elsewhere").await;

    let (new, other) = ([new.id().to_owned()], [other.id().to_owned()]);
    let all = query(&alice, "word");
    let page = test.page(SearchQuery { rooms: Some(&new), ..all.clone() }).await;
    assert_eq!(ids(&page), [after.clone(), before.clone()]);
    let page = test.page(SearchQuery { not_rooms: &other, ..all.clone() }).await;
    assert_eq!(ids(&page), [after, before]);
    let page = test.page(SearchQuery { senders: Some(from_ref(&bob)), ..all.clone() }).await;
    assert_eq!(ids(&page), [elsewhere]);
    assert!(ids(&test.page(SearchQuery { senders: Some(&[]), ..all }).await).is_empty());
}

#[tokio::test]
async fn messages_are_found_by_what_they_have_and_when_they_were_sent() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let start_ms = test.rooms.clock().now_ms();
    let link = test.say(&room, &alice, "see https://example.org/page").await;
    test.rooms.clock().advance(Duration::from_secs(10));
    let picture = json!({ "msgtype": "m.image", "body": "page.png", "url": "mxc://a/b" });
    let picture = test.send(&room, &alice, picture).await;
    test.rooms.clock().advance(Duration::from_secs(10));
    let plain = test.say(&room, &alice, "a page").await;

    let all = query(&alice, "page");
    let found = async |query| ids(&test.page(query).await);
    assert_eq!(found(all.clone()).await, [plain.clone(), picture.clone(), link.clone()]);
    let has = |has| SearchQuery { has, ..all.clone() };
    assert_eq!(found(has(&[Has::Link])).await, from_ref(&link));
    assert_eq!(found(has(&[Has::Attachment])).await, from_ref(&picture));
    assert_eq!(found(has(&[Has::Attachment, Has::Link])).await, [""; 0]);
    let then = start_ms + 5_000..=start_ms + 15_000;
    assert_eq!(found(SearchQuery { sent_ms: then, ..all.clone() }).await, from_ref(&picture));

    let list = |has| SearchQuery { has, ..query(&alice, "") };
    let page = test.page(list(&[Has::Link])).await;
    assert_eq!(page.hits[0].links(), ["https://example.org/page"]);
    assert_eq!(found(list(&[Has::Image])).await, from_ref(&picture));
    assert_eq!(found(query(&alice, "")).await, [""; 0]);

    test.edit(&room, &alice, &link, "no link any more").await;
    test.edit(&room, &alice, &plain, "but here: https://example.org/other").await;
    let page = test.page(list(&[Has::Link])).await;
    assert_eq!(ids(&page), from_ref(&plain));
    assert_eq!(page.hits[0].links(), ["https://example.org/other"]);
    test.redact(&room, &alice, &picture).await;
    assert_eq!(found(list(&[Has::Attachment])).await, [""; 0]);
}

#[tokio::test]
async fn what_is_too_long_is_refused() {
    let (test, alice) = (Test::new(), user("alice"));
    let snapshot = test.store.snapshot().await.unwrap();
    let refused = async |query: SearchQuery<'_>| {
        let found = test.search.find(snapshot.as_ref(), &query, &|_| true).await;
        match found.map(|_| ()) {
            Err(SearchError::OverLimit { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    };
    let long = "x".repeat(1_025);
    assert_eq!(refused(query(&alice, &long)).await, "term");
    let many = vec![alice.clone(); 501];
    assert_eq!(
        refused(SearchQuery { senders: Some(&many), ..query(&alice, "x") }).await,
        "senders"
    );
}
