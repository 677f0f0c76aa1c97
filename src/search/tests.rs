//! The follower and the search together, on a store in memory and an index on disk.

use std::slice::from_ref;

use hearth_base::{Clock, Random};
use hearth_rooms::{CreateRoom, EventRequest, Profile, Room, Rooms, Settings};
use hearth_rules::SigningKey;
use hearth_statemap::StateHasher;
use hearth_store::{MemoryEngine, Store};
use ruma::{
    EventId, OwnedEventId, OwnedUserId, RoomVersionId, UserId, events::TimelineEventType,
    server_name,
};
use serde_json::{Map, Value, json, value::to_raw_value};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Order, Search, SearchKey, SearchPage, SearchQuery};

struct Test {
    store: Store,
    rooms: Rooms,
    search: Search,
    directory: TempDir,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Test {
    fn new() -> Self {
        let store = Store::new(MemoryEngine::new());
        let random = Random::seeded(1);
        let settings = Settings {
            server_name: server_name!("example.org").to_owned(),
            default_version: RoomVersionId::V11,
            event_cache_bytes: 1 << 20,
            state_cache_nodes: 1_000,
        };
        let key = SigningKey::generate(&random).unwrap();
        let (hasher, clock) = (StateHasher::new([7; 32]), Clock::manual(1_700_000_000_000));
        let tracker = TaskTracker::new();
        let rooms = Rooms::new(store.clone(), settings, clock, random, key, hasher, tracker);
        let directory = tempfile::tempdir().unwrap();
        let (search, shutdown, tasks) = open(&directory, &store, &rooms);
        Self { store, rooms, search, directory, shutdown, tasks }
    }

    /// Ends the follower and begins again with what is on disk.
    async fn restart(self) -> Self {
        let Self { store, rooms, search, directory, shutdown, tasks } = self;
        shutdown.cancel();
        tasks.close();
        tasks.wait().await;
        drop(search);
        let (search, shutdown, tasks) = open(&directory, &store, &rooms);
        Self { store, rooms, search, directory, shutdown, tasks }
    }

    async fn room(&self, creator: &UserId) -> Room {
        let request = CreateRoom { published: true, ..CreateRoom::new(creator.to_owned()) };
        self.rooms.create_room(request).await.unwrap()
    }

    async fn send(&self, room: &Room, sender: &UserId, content: Value) -> OwnedEventId {
        self.event(room, sender, "m.room.message", None, content, None).await
    }

    async fn say(&self, room: &Room, sender: &UserId, body: &str) -> OwnedEventId {
        self.send(room, sender, json!({ "msgtype": "m.text", "body": body })).await
    }

    async fn edit(&self, room: &Room, sender: &UserId, of: &EventId, body: &str) -> OwnedEventId {
        let content = json!({
            "msgtype": "m.text",
            "body": format!("* {body}"),
            "m.new_content": { "msgtype": "m.text", "body": body },
            "m.relates_to": { "rel_type": "m.replace", "event_id": of },
        });
        self.send(room, sender, content).await
    }

    async fn redact(&self, room: &Room, sender: &UserId, target: &EventId) {
        self.event(room, sender, "m.room.redaction", None, json!({}), Some(target)).await;
    }

    async fn event(
        &self,
        room: &Room,
        sender: &UserId,
        event_type: &str,
        state_key: Option<&str>,
        content: Value,
        redacts: Option<&EventId>,
    ) -> OwnedEventId {
        let request = EventRequest {
            sender: sender.to_owned(),
            event_type: TimelineEventType::from(event_type),
            state_key: state_key.map(str::to_owned),
            content: to_raw_value(&content).unwrap(),
            redacts: redacts.map(ToOwned::to_owned),
            transaction: None,
            origin_server_ts: None,
        };
        self.rooms.send(room, request).await.unwrap().event_id
    }

    async fn page(&self, query: SearchQuery<'_>) -> SearchPage {
        let snapshot = self.store.snapshot().await.unwrap();
        self.search.find(snapshot.as_ref(), &query, &|_| true).await.unwrap()
    }

    async fn find(&self, user_id: &UserId, term: &str) -> Vec<OwnedEventId> {
        ids(&self.page(query(user_id, term)).await)
    }
}

fn open(
    directory: &TempDir,
    store: &Store,
    rooms: &Rooms,
) -> (Search, CancellationToken, TaskTracker) {
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (store, rooms) = (store.clone(), rooms.clone());
    let path = directory.path().join("search");
    let search = Search::open(Some(&path), store, rooms, &tasks, shutdown.clone()).unwrap();
    (search, shutdown, tasks)
}

fn query<'a>(user_id: &'a UserId, term: &'a str) -> SearchQuery<'a> {
    SearchQuery {
        user_id,
        term,
        keys: &SearchKey::ALL,
        rooms: None,
        not_rooms: &[],
        senders: None,
        order: Order::Recent,
        limit: 10,
        after: None,
    }
}

fn ids(page: &SearchPage) -> Vec<OwnedEventId> {
    page.hits.iter().map(|hit| hit.event.pdu().event_id().to_owned()).collect()
}

fn user(localpart: &str) -> OwnedUserId {
    UserId::parse(format!("@{localpart}:example.org")).unwrap()
}

#[tokio::test]
async fn all_words_of_what_was_just_said_are_found_in_any_order() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    test.say(&room, &alice, "something else").await;
    let said = test.say(&room, &alice, "Grüße from the Märchenwald, 日本語も").await;
    for term in ["grüße", "GRUSSE from", "märchenwald", "本語", "\"from the\"", "the from"] {
        assert_eq!(test.find(&alice, term).await, from_ref(&said), "{term}");
    }
    assert!(test.find(&alice, "wald").await.is_empty());
    assert!(test.find(&alice, "\"the from\"").await.is_empty());
    assert!(test.find(&alice, "語本").await.is_empty());
    assert!(test.find(&alice, "?!").await.is_empty());
}

#[tokio::test]
async fn names_and_topics_have_keys_of_their_own() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let name = json!({ "name": "harvest" });
    let name = test.event(&room, &alice, "m.room.name", Some(""), name, None).await;
    let topic = json!({ "topic": "harvest songs" });
    let topic = test.event(&room, &alice, "m.room.topic", Some(""), topic, None).await;
    let body = test.say(&room, &alice, "harvest time").await;
    let by = |keys: &'static [SearchKey]| {
        let query = SearchQuery { keys, ..query(&alice, "harvest") };
        async { ids(&test.page(query).await) }
    };
    assert_eq!(by(&[SearchKey::Name]).await, from_ref(&name));
    assert_eq!(by(&[SearchKey::Topic]).await, from_ref(&topic));
    assert_eq!(by(&[SearchKey::Body]).await, from_ref(&body));
    assert_eq!(by(&SearchKey::ALL).await, [body, topic, name]);
}

#[tokio::test]
async fn redactions_and_edits_change_what_is_found() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let said = test.say(&room, &alice, "first words").await;
    assert_eq!(test.find(&alice, "first").await, from_ref(&said));
    let edit = test.edit(&room, &alice, &said, "second words").await;
    assert_eq!(test.find(&alice, "second").await, from_ref(&said));
    assert!(test.find(&alice, "first").await.is_empty());
    test.redact(&room, &alice, &edit).await;
    assert!(test.find(&alice, "second").await.is_empty());
    assert_eq!(test.find(&alice, "first").await, from_ref(&said));
    test.redact(&room, &alice, &said).await;
    assert!(test.find(&alice, "words").await.is_empty());
}

#[tokio::test]
async fn nobody_finds_what_they_may_not_see() {
    let (test, alice, bob) = (Test::new(), user("alice"), user("bob"));
    let room = test.room(&alice).await;
    let visibility = json!({ "history_visibility": "joined" });
    test.event(&room, &alice, "m.room.history_visibility", Some(""), visibility, None).await;
    test.say(&room, &alice, "a secret before").await;
    assert!(test.find(&bob, "secret").await.is_empty());
    test.rooms.join(&room, &bob, &Profile::default(), Map::new()).await.unwrap();
    let seen = test.say(&room, &alice, "no secret now").await;
    let left = json!({ "membership": "leave" });
    test.event(&room, &bob, "m.room.member", Some(bob.as_str()), left, None).await;
    test.say(&room, &alice, "a secret afterwards").await;
    test.edit(&room, &alice, &seen, "hidden in an edit").await;
    assert_eq!(test.find(&bob, "hidden").await, [""; 0]);
    assert_eq!(test.find(&alice, "secret").await.len(), 2);
    assert_eq!(test.find(&alice, "hidden").await, [seen]);
}

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
async fn an_index_goes_on_after_a_restart_and_is_made_again_when_it_is_damaged() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let first = test.say(&room, &alice, "before the restart").await;
    assert_eq!(test.find(&alice, "restart").await, from_ref(&first));
    let test = test.restart().await;
    let second = test.say(&room, &alice, "after the restart").await;
    assert_eq!(test.find(&alice, "restart").await, [second.clone(), first.clone()]);

    std::fs::write(test.directory.path().join("search/meta.json"), b"damaged").unwrap();
    let test = test.restart().await;
    assert_eq!(test.find(&alice, "restart").await, [second, first]);
}

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
    test.rooms.join(&other, &bob, &Profile::default(), Map::new()).await.unwrap();
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
