//! Nobody finds, counts or recognizes what they may not see.

use super::*;

#[tokio::test]
async fn nobody_finds_what_they_may_not_see() {
    let (test, alice, bob) = (Test::new(), user("alice"), user("bob"));
    let room = test.room(&alice).await;
    let visibility = json!({ "history_visibility": "joined" });
    test.set(&room, &alice, "m.room.history_visibility", visibility).await;
    test.say(&room, &alice, "a secret before").await;
    assert!(test.find(&bob, "secret").await.is_empty());
    test.join(&room, &bob).await;
    let seen = test.say(&room, &alice, "no secret now").await;
    let left = json!({ "membership": "leave" });
    test.event(&room, &bob, "m.room.member".into(), Some(bob.as_str()), &left).await.unwrap();
    test.say(&room, &alice, "a secret afterwards").await;
    test.edit(&room, &alice, &seen, "hidden in an edit").await;
    assert_eq!(test.find(&bob, "hidden").await, [""; 0]);
    assert_eq!(test.find(&alice, "secret").await.len(), 2);
    assert_eq!(test.find(&alice, "hidden").await, [seen]);
}

#[tokio::test]
async fn a_count_tells_nothing_of_what_a_user_may_not_see() {
    let (test, alice, bob) = (Test::new(), user("alice"), user("bob"));
    let room = test.room(&alice).await;
    let visibility = json!({ "history_visibility": "joined" });
    test.set(&room, &alice, "m.room.history_visibility", visibility).await;
    test.say(&room, &alice, "the password is secret").await;
    test.join(&room, &bob).await;
    test.say(&room, &alice, "no secret").await;
    for order in [Order::Recent, Order::Rank] {
        let page = test.page(SearchQuery { order, ..query(&bob, "secret") }).await;
        assert_eq!((page.hits.len(), page.count), (1, 1));
    }
    let page = test.page(query(&bob, "password")).await;
    assert_eq!((page.hits.len(), page.count, page.next), (0, 0, None));
}

#[tokio::test]
async fn shared_history_is_found_and_counted_by_whoever_came_later() {
    let (test, alice, bob) = (Test::new(), user("alice"), user("bob"));
    let room = test.room(&alice).await;
    test.say(&room, &alice, "before").await;
    test.join(&room, &bob).await;
    test.say(&room, &alice, "before and after").await;
    let page = test.page(query(&bob, "before")).await;
    assert_eq!((page.hits.len(), page.count), (2, 2));
}

#[tokio::test]
async fn a_room_that_everybody_may_read_is_searched_if_it_is_named() {
    let (test, alice, bob) = (Test::new(), user("alice"), user("bob"));
    let room = test.room(&alice).await;
    let visibility = json!({ "history_visibility": "world_readable" });
    test.say(&room, &alice, "a word before").await;
    test.set(&room, &alice, "m.room.history_visibility", visibility).await;
    let said = test.say(&room, &alice, "a word").await;
    assert!(test.find(&bob, "word").await.is_empty());
    let named = [room.id().to_owned()];
    let page = test.page(SearchQuery { rooms: Some(&named), ..query(&bob, "word") }).await;
    assert_eq!((ids(&page), page.count), (vec![said], 1));
}

#[tokio::test]
async fn a_rank_does_not_depend_on_other_rooms() {
    let (test, alice, bob) = (Test::new(), user("alice"), user("bob"));
    let (room, other) = (test.room(&alice).await, test.room(&bob).await);
    test.say(&room, &alice, "a rare word").await;
    let ranked = SearchQuery { order: Order::Rank, ..query(&alice, "rare") };
    let before = test.page(ranked.clone()).await.hits[0].rank;
    for _ in 0..20 {
        test.say(&other, &bob, "rare rare rare").await;
    }
    let after = test.page(ranked).await.hits[0].rank;
    assert_eq!(before.to_bits(), after.to_bits());
}

#[tokio::test]
async fn whoever_wants_to_be_forgotten_is_not_found_by_a_new_index_either() {
    let (test, alice, bob) = (Test::new(), user("alice"), user("bob"));
    let room = test.room(&alice).await;
    test.join(&room, &bob).await;
    test.say(&room, &bob, "words of bob").await;
    let of_alice = test.say(&room, &alice, "words of alice").await;
    assert_eq!(test.find(&alice, "words").await.len(), 2);
    test.rooms.erase_user(&bob).await.unwrap();
    assert_eq!(test.find(&alice, "words").await, from_ref(&of_alice));
    let test = test.without_index().await;
    assert_eq!(test.find(&alice, "words").await, [of_alice]);
}

#[tokio::test]
async fn what_is_purged_is_not_found() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let policy = json!({ "max_lifetime": 1_000 });
    test.set(&room, &alice, "m.room.retention", policy).await;
    test.say(&room, &alice, "old words").await;
    assert_eq!(test.find(&alice, "words").await.len(), 1);
    test.rooms.clock().advance(Duration::from_secs(2));
    let young = test.say(&room, &alice, "new words").await;
    let retention = Retention {
        interval: Duration::from_millis(1),
        default_max_lifetime_ms: None,
        lowest_max_lifetime_ms: None,
        highest_max_lifetime_ms: None,
    };
    let stop = CancellationToken::new();
    let purging = test.rooms.clone().purge_expired_events(retention, stop.clone());
    let purging = tokio::spawn(purging);
    while test.find(&alice, "words").await != from_ref(&young) {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    purging.await.unwrap();
}

#[tokio::test]
async fn nothing_is_kept_of_a_room_that_is_over() {
    let (test, alice, bob) = (Test::new(), user("alice"), user("bob"));
    let room = test.room(&alice).await;
    test.join(&room, &bob).await;
    test.say(&room, &alice, "a word").await;
    let leave = async |user_id: &UserId| {
        let left = json!({ "membership": "leave" });
        test.event(&room, user_id, "m.room.member".into(), Some(user_id.as_str()), &left)
            .await
            .unwrap();
    };
    leave(&bob).await;
    assert_eq!(test.find(&bob, "word").await.len(), 1);
    let only_joined = SearchQuery { only_joined: true, ..query(&bob, "word") };
    assert_eq!(ids(&test.page(only_joined).await), [""; 0]);
    let shut = json!({ "join_rule": "invite" });
    test.set(&room, &alice, "m.room.join_rules", shut).await;
    leave(&alice).await;
    assert!(test.find(&bob, "word").await.is_empty());
}
