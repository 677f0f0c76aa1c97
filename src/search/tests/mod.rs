//! The follower and the search together, on a store in memory and an index on disk.

mod filters;
mod languages;
mod pages;
mod privacy;
mod recovery;

use std::{ops::Deref, path::PathBuf, slice::from_ref, time::Duration};

use hearth_fixtures::{Fixture, Setup, id as user};
use hearth_rooms::{CreateRoom, Event, Retention, Room};
use ruma::{EventId, OwnedEventId, OwnedRoomId, UserId};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Has, Order, Progress, RoomResults, RoomsPage, Search, SearchError, SearchKey, SearchPage,
    SearchQuery, take_away,
};

struct Test {
    server: Fixture,
    search: Search,
    directory: TempDir,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Deref for Test {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.server
    }
}

impl Test {
    fn new() -> Self {
        Self::of(Setup::with_levels_for_all().build(), tempfile::tempdir().unwrap())
    }

    /// Searches what a server has, with what is in the directory.
    fn of(server: Fixture, directory: TempDir) -> Self {
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (store, rooms) = (server.store.clone(), server.rooms.clone());
        let path = directory.path().join("search");
        let search = Search::open(Some(&path), store, rooms, &tasks, shutdown.clone()).unwrap();
        Self { server, search, directory, shutdown, tasks }
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
        let Self { server, search, directory, .. } = self;
        drop(search);
        Self::of(server, directory)
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

    async fn send(&self, room: &Room, sender: &UserId, content: Value) -> OwnedEventId {
        self.server.send(room, sender, &content).await.unwrap()
    }

    async fn say(&self, room: &Room, sender: &UserId, body: &str) -> OwnedEventId {
        self.server.say(room, sender, body).await.unwrap()
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

    async fn set(&self, room: &Room, sender: &UserId, kind: &str, content: Value) -> OwnedEventId {
        self.server.event(room, sender, kind.into(), Some(""), &content).await.unwrap()
    }

    async fn page(&self, query: SearchQuery<'_>) -> SearchPage {
        let snapshot = self.store.snapshot().await.unwrap();
        self.search.find(snapshot.as_ref(), &query, &|_| true).await.unwrap()
    }

    async fn find(&self, user_id: &UserId, term: &str) -> Vec<OwnedEventId> {
        ids(&self.page(query(user_id, term)).await)
    }
}

fn query<'a>(user_id: &'a UserId, term: &'a str) -> SearchQuery<'a> {
    SearchQuery { keys: &SearchKey::ALL, limit: 10, ..SearchQuery::new(user_id, term) }
}

fn ids(page: &SearchPage) -> Vec<OwnedEventId> {
    page.hits.iter().map(|hit| hit.event.pdu().event_id().to_owned()).collect()
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
    let name = test.set(&room, &alice, "m.room.name", name).await;
    let topic = json!({ "topic": "harvest songs" });
    let topic = test.set(&room, &alice, "m.room.topic", topic).await;
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
