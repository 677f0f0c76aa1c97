//! The handle of this crate.

use std::{sync::Arc, time::Duration};

use hearth_accounts::Accounts;
use hearth_base::{Clock, Random};
use hearth_mail::Mail;
use hearth_outgoing::Outgoing;
use hearth_rooms::Rooms;
use hearth_store::Store;
use ruma::{
    UserId,
    api::client::push::{Pusher, PusherKind},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    PushError,
    audience::Audiences,
    badges::Badges,
    couriers::{Couriers, Inner as CouriersInner},
    evaluate::Evaluator,
    follower::Follower,
    gateway,
    people::People,
};

/// What an administrator decides about pushes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether gateways are told what events say, and not only their ids.
    pub include_content: bool,
    /// How long something waits to be read before a letter is written about it.
    pub email_delay: Duration,
    /// Whether gateways may be reached without TLS: for test networks only.
    pub allow_http: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { include_content: true, email_delay: Duration::from_secs(600), allow_http: false }
    }
}

/// What concerns people, and telling them. Cheap to clone.
#[derive(Clone)]
pub struct Push(Arc<Parts>);

struct Parts {
    store: Store,
    rooms: Rooms,
    couriers: Couriers,
    settings: Settings,
}

/// What the handle is built from.
pub struct Lower {
    /// What everything is written to.
    pub store: Store,
    /// Users, their rules and their pushers.
    pub accounts: Accounts,
    /// Rooms.
    pub rooms: Rooms,
    /// What reaches gateways.
    pub outgoing: Outgoing,
    /// What reaches people, if anything does.
    pub mail: Option<Mail>,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}

impl Push {
    /// Starts the follower and its couriers on `tasks`; they end when `stop` fires, a courier
    /// after it heard from its gateway.
    #[must_use]
    pub fn new(
        lower: Lower,
        settings: Settings,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let Lower { store, accounts, rooms, outgoing, mail, clock, random } = lower;
        let couriers = Couriers(Arc::new(CouriersInner {
            store: store.clone(),
            accounts: accounts.clone(),
            rooms: rooms.clone(),
            outgoing,
            mail,
            email_delay: settings.email_delay,
            badges: Badges::new(accounts.clone(), rooms.clone()),
            clock: clock.clone(),
            random,
            tasks: tasks.clone(),
            stop: stop.clone(),
            include_content: settings.include_content,
            permits: Couriers::permits(),
            at_work: Default::default(),
            told: Default::default(),
        }));
        let letters = couriers.clone();
        let evaluator = Evaluator {
            audiences: Audiences::new(rooms.clone()),
            people: People::new(store.clone(), accounts, rooms.clone()),
        };
        let (follower_store, follower_rooms) = (store.clone(), rooms.clone());
        let follower = Follower {
            store: follower_store,
            rooms: follower_rooms,
            clock,
            evaluator,
            couriers,
            position: None,
        };
        tasks.spawn(follower.run(stop));
        Self(Arc::new(Parts { store, rooms, couriers: letters, settings }))
    }

    /// Refuses a pusher that could never be told anything.
    ///
    /// # Errors
    /// [`PushError::Invalid`] says why; [`PushError::UnknownEmail`] for the address of another.
    pub async fn check_pusher(&self, user_id: &UserId, pusher: &Pusher) -> Result<(), PushError> {
        let couriers = &self.0.couriers.0;
        match &pusher.kind {
            PusherKind::Email(_) if couriers.mail.is_some() => {
                match couriers.owns_email(user_id, &pusher.ids.pushkey).await? {
                    true => Ok(()),
                    false => Err(PushError::UnknownEmail),
                }
            }
            PusherKind::Http(data) => gateway::check_url(&data.url, self.0.settings.allow_http),
            _ => Err(PushError::Invalid("there is no such kind of pusher here".to_owned())),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn rooms(&self) -> &Rooms {
        &self.0.rooms
    }
}
