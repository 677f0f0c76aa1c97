//! The follower and the search together, on a store in memory and an index on disk.

mod filters;
mod languages;
mod pages;
mod privacy;
mod recovery;

use std::{path::PathBuf, slice::from_ref, time::Duration};

use hearth_base::{Clock, Random};
use hearth_rooms::{CreateRoom, Event, EventRequest, Profile, Retention, Room, Rooms, Settings};
use hearth_rules::SigningKey;
use hearth_statemap::StateHasher;
use hearth_store::{MemoryEngine, Store};
use ruma::{
    EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomVersionId, UserId,
    events::TimelineEventType, server_name,
};
use serde_json::{Map, Value, json, value::to_raw_value};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Has, Order, Progress, RoomResults, RoomsPage, Search, SearchError, SearchKey, SearchPage,
    SearchQuery, take_away,
};

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

    /// Ends the follower.
    async fn stop(self) -> Self {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self
    }

    /// Begins with what is on disk.
    fn start(self) -> Self {
        let Self { store, rooms, search, directory, .. } = self;
        drop(search);
        let (search, shutdown, tasks) = open(&directory, &store, &rooms);
        Self { store, rooms, search, directory, shutdown, tasks }
    }

    async fn restart(self) -> Self {
        self.stop().await.start()
    }

    /// Begins again without what was on disk.
    async fn without_index(self) -> Self {
        let test = self.stop().await;
        take_away(&test.index_directory()).unwrap();
        test.start()
    }

    fn index_directory(&self) -> PathBuf {
        self.directory.path().join("search")
    }

    async fn join(&self, room: &Room, user_id: &UserId) {
        self.rooms.join(room, user_id, &Profile::default(), Map::new()).await.unwrap();
    }

    /// Searches until an event is among the results.
    async fn until_found(&self, user_id: &UserId, term: &str, event_id: &OwnedEventId) {
        let patience = Duration::from_secs(30);
        let found = async {
            loop {
                let snapshot = self.store.snapshot().await.unwrap();
                let query = query(user_id, term);
                let page = self.search.find(snapshot.as_ref(), &query, &|_| true).await;
                if page.is_ok_and(|page| ids(&page).contains(event_id)) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(patience, found).await.expect("found at last");
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
    SearchQuery { keys: &SearchKey::ALL, limit: 10, ..SearchQuery::new(user_id, term) }
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
