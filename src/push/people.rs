//! What the follower knows of each local user: their rules, whom they ignore, their pushers.
//!
//! Everybody who is not known is read together with the others; whoever changes something is
//! forgotten. Users with the same rules share one compiled set.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use hearth_accounts::{Accounts, PushAccount, PusherKey};
use hearth_rooms::{Rooms, ThreadWishes};
use hearth_rules::PushRules;
use hearth_store::{Batch, Sequence, Snapshot, Store};
use moka::sync::Cache;
use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId};

use crate::{PushError, tables::USER_NUMBERS};

/// How many users are remembered.
const PEOPLE_MAX: u64 = 100_000;
/// How many compiled rulesets are compared with a new one, to share it.
const SHARED_RULES_MAX: usize = 8;

/// What decides about notifications of a user.
pub(crate) struct Person {
    /// By which notifications name the user.
    pub(crate) number: u64,
    pub(crate) rules: Arc<PushRules>,
    pub(crate) ignored: BTreeSet<OwnedUserId>,
    /// Whether there is anybody to notify.
    pub(crate) is_reachable: bool,
    pub(crate) pushers: Vec<PusherKey>,
    /// The threads of which the user said whether to hear of them.
    pub(crate) threads: ThreadWishes,
}

pub(crate) struct People {
    accounts: Accounts,
    rooms: Rooms,
    numbers: Sequence,
    known: Cache<OwnedUserId, Arc<Person>>,
    shared: Mutex<Vec<Arc<PushRules>>>,
}

impl People {
    pub(crate) fn new(store: Store, accounts: Accounts, rooms: Rooms) -> Self {
        Self {
            accounts,
            rooms,
            numbers: Sequence::new(store, "notified user"),
            known: Cache::new(PEOPLE_MAX),
            shared: Mutex::default(),
        }
    }

    /// Users by their ids. The numbers of new ones are written with `batch`.
    pub(crate) async fn of<'a>(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        users: impl IntoIterator<Item = &'a UserId>,
    ) -> Result<HashMap<&'a UserId, Arc<Person>>, PushError> {
        let (mut people, mut unknown) = (HashMap::new(), Vec::new());
        for user in users {
            match self.known.get(user) {
                Some(person) => drop(people.insert(user, person)),
                None => unknown.push(user),
            }
        }
        if !unknown.is_empty() {
            let read = self.read(snapshot, batch, &unknown).await?;
            for (user, person) in unknown.into_iter().zip(read) {
                self.known.insert(user.to_owned(), Arc::clone(&person));
                people.insert(user, person);
            }
        }
        Ok(people)
    }

    async fn read(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        users: &[&UserId],
    ) -> Result<Vec<Arc<Person>>, PushError> {
        let accounts = self.accounts.push_accounts(snapshot, users).await?;
        let pushers = self.accounts.pusher_keys(snapshot, users).await?;
        let keys = users.iter().map(|user| (*user,));
        let numbers = USER_NUMBERS.get_many(snapshot, keys).await?;
        let rows = users.iter().zip(accounts).zip(pushers).zip(numbers);
        let mut people = Vec::with_capacity(users.len());
        for (((user, account), pushers), number) in rows {
            let number = match number {
                Some(number) => number,
                None => {
                    let number = self.numbers.next().await?;
                    USER_NUMBERS.put(batch, &(*user,), &number)?;
                    number
                }
            };
            let PushAccount { rules, ignored, is_reachable } = account;
            let rules = self.share(PushRules::new(user, &rules));
            let threads = self.rooms.thread_wishes(snapshot, user).await?;
            let person = Person { number, rules, ignored, is_reachable, pushers, threads };
            people.push(Arc::new(person));
        }
        Ok(people)
    }

    fn share(&self, rules: PushRules) -> Arc<PushRules> {
        let mut shared = self.shared.lock();
        if let Some(known) = shared.iter().find(|known| ***known == rules) {
            return Arc::clone(known);
        }
        let rules = Arc::new(rules);
        if shared.len() < SHARED_RULES_MAX {
            shared.push(Arc::clone(&rules));
        }
        rules
    }

    /// Something about the user changed.
    pub(crate) fn forget(&self, user: &UserId) {
        self.known.invalidate(user);
    }

    /// A batch was not committed: numbers that were in it do not count.
    pub(crate) fn forget_all(&self) {
        self.known.invalidate_all();
    }
}
