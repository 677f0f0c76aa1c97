//! Pages, groups, excerpts and neighbours.

use super::*;

#[tokio::test]
async fn pages_follow_each_other_and_always_count_everything() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let mut said = Vec::new();
    for number in 0..20 {
        said.push(test.say(&room, &alice, &format!("message {number}")).await);
    }
    said.reverse();
    for order in [Order::Recent, Order::Rank] {
        let (mut found, mut after) = (Vec::new(), None);
        for expected in [10, 10, 0] {
            let page = test.page(SearchQuery { order, after, ..query(&alice, "message") }).await;
            assert_eq!((page.hits.len(), page.count), (expected, 20));
            assert_eq!(page.next.is_some(), expected > 0);
            found.extend(ids(&page));
            after = page.next;
        }
        if order == Order::Rank {
            found.sort();
            said.sort();
        }
        assert_eq!(found, said);
    }
}

#[tokio::test]
async fn what_is_said_between_two_pages_is_on_neither() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    for number in 0..20 {
        test.say(&room, &alice, &format!("message {}", "and ".repeat(number % 4))).await;
    }
    for order in [Order::Recent, Order::Rank] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let ordered = SearchQuery { order, after, limit: 7, ..query(&alice, "message") };
            let page = test.page(ordered).await;
            found.extend(ids(&page));
            let Some(next) = page.next else { break };
            after = Some(next);
            // The one is the best and the newest, the other the worst.
            test.say(&room, &alice, "message").await;
            test.say(&room, &alice, &format!("message {}", "and ".repeat(50))).await;
        }
        let all = test.page(SearchQuery { limit: 100, ..query(&alice, "message") }).await;
        let there_before = if order == Order::Recent { 20 } else { 24 };
        assert_eq!(found.len(), there_before, "{order:?}");
        found.sort();
        found.dedup();
        assert_eq!(found.len(), there_before, "{order:?}");
        assert!(all.hits.len() > there_before);
    }
}

#[tokio::test]
async fn the_best_match_comes_first_and_of_equal_ones_the_newest() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let good = test.say(&room, &alice, "apple").await;
    let bad = test.say(&room, &alice, "one word after another, and then an apple").await;
    let good_too = test.say(&room, &alice, "apple").await;
    let page = test.page(SearchQuery { order: Order::Rank, ..query(&alice, "apple") }).await;
    assert_eq!(ids(&page), [good_too, good, bad]);
}

#[tokio::test]
async fn results_come_by_room_with_their_counts_and_pages() {
    let (test, alice) = (Test::new(), user("alice"));
    let mut rooms = Vec::new();
    for number in 1..=3 {
        let room = test.room(&alice).await;
        for _ in 0..number {
            test.say(&room, &alice, "word").await;
        }
        rooms.push(room.id().to_owned());
    }
    let snapshot = test.store.snapshot().await.unwrap();
    let query = SearchQuery { limit: 2, ..query(&alice, "word") };
    let by_room = async |query: &SearchQuery<'_>| {
        let found = test.search.find_by_room(snapshot.as_ref(), query, 2, &|_| true).await;
        found.unwrap()
    };
    let first = by_room(&query).await;
    let shape = |page: &RoomsPage| -> Vec<(OwnedRoomId, usize, u64)> {
        let shape = |of: &RoomResults| (of.room.id().to_owned(), of.page.hits.len(), of.page.count);
        page.rooms.iter().map(shape).collect()
    };
    assert_eq!(shape(&first), [(rooms[2].clone(), 2, 3), (rooms[1].clone(), 2, 2)]);
    assert!(first.rooms[0].page.next.is_some());
    let second = by_room(&SearchQuery { after: first.next, ..query }).await;
    assert_eq!((shape(&second), second.next), (vec![(rooms[0].clone(), 1, 1)], None));
}

#[tokio::test]
async fn the_messages_before_and_after_are_those_that_the_user_sees() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let before = test.say(&room, &alice, "before").await;
    let gone = test.say(&room, &alice, "gone").await;
    test.redact(&room, &alice, &gone).await;
    let word = test.say(&room, &alice, "word").await;
    test.edit(&room, &alice, &word, "the word").await;
    let after = test.say(&room, &alice, "after").await;
    let page = test.page(query(&alice, "word")).await;
    let snapshot = test.store.snapshot().await.unwrap();
    let [hit] = &page.hits[..] else { panic!("one hit") };
    assert!(hit.edit.is_some());
    let shown: String = hit.excerpt.0.iter().map(|fragment| fragment.text.as_str()).collect();
    assert_eq!(shown, "the word");
    assert_eq!(hit.excerpt.matches().collect::<Vec<_>>(), ["word"]);
    let search = &test.search;
    let found = search.neighbours(snapshot.as_ref(), &alice, &hit.event, &|_| true).await.unwrap();
    let id = |event: Option<Event>| event.map(|event| event.pdu().event_id().to_owned());
    assert_eq!((id(found.previous), id(found.next)), (Some(before), Some(after)));
}
