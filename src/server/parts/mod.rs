//! The parts of the server above its data directory, each constructed from the ones below it.
//!
//! The order of construction is the dependency graph. Settings become each crate's own small
//! settings in the files of this folder, and nowhere else.

mod accounts;
mod chat;
mod housekeeping;
mod identity;
mod mail;
mod media;
mod outgoing;
mod push;
mod rates;
mod rooms;
pub(crate) mod server_notices;
mod single_sign_on;
mod store;

use hearth_accounts::Accounts;
use hearth_base::{Clock, Random};
use hearth_bus::Bus;
use hearth_census::take_census;
use hearth_chat::Chat;
use hearth_identity::Identity;
use hearth_mail::Mail;
use hearth_media::{Media, Previews};
use hearth_outgoing::Outgoing;
use hearth_push::Push;
use hearth_rooms::Rooms;
use hearth_search::Search;
use hearth_sso::Sso;
use hearth_store::Store;
use hearth_sync::Sync;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    accounts::open_accounts,
    rooms::{open_rooms, retention},
    store::open_store,
};
use self::{
    chat::open_chat,
    housekeeping::keep_house,
    identity::open_identity,
    mail::open_mail,
    media::{open_media, open_previews},
    outgoing::open_outgoing,
    push::open_push,
    rates::rates,
    single_sign_on::open_sso,
};
use crate::{config::Settings, data_dir::DataDir, wiring::WiringError};

/// Everything that a server consists of but its HTTP side.
pub struct Parts {
    /// What everything is written to.
    pub store: Store,
    /// Users and what belongs to them.
    pub accounts: Accounts,
    /// Rooms.
    pub rooms: Rooms,
    /// Letters to people, if there is a server that takes them.
    pub mail: Option<Mail>,
    /// Files.
    pub media: Media,
    /// Previews of URLs, if they are wanted.
    pub previews: Option<Previews>,
    /// Requests to elsewhere.
    pub outgoing: Outgoing,
    /// Who owns an address.
    pub identity: Identity,
    /// What is not stored.
    pub bus: Bus,
    /// What can be searched.
    pub search: Search,
    /// Login through other providers.
    pub sso: Sso,
    /// What clients have not seen.
    pub sync: Sync,
    /// What concerns people, and telling them.
    pub push: Push,
    /// What chat users have beyond Matrix.
    pub chat: Chat,
    /// Time.
    pub clock: Clock,
    /// Work that goes on beside requests; it ends on shutdown.
    pub tasks: TaskTracker,
}

impl Parts {
    /// Opens the store in the data directory and builds everything on it.
    ///
    /// # Errors
    /// See [`WiringError`].
    pub async fn open(
        settings: &Settings,
        data_dir: &DataDir,
        shutdown: &CancellationToken,
    ) -> Result<Self, WiringError> {
        let (clock, random, tasks) = (Clock::system(), Random::system(), TaskTracker::new());
        let store = open_store(settings, data_dir).await?;
        let mail = open_mail(settings, &clock, &random)?;
        let accounts = open_accounts(settings, &store, &clock, &random, mail.as_ref())?;
        server_notices::prepare(settings, &accounts).await?;
        let rooms = open_rooms(settings, data_dir, &store, &clock, &random, &tasks)?;
        let bus = Bus::new(clock.clone(), &random, rates(&settings.rate_limit));
        let outgoing = open_outgoing(settings)?;
        let identity = open_identity(settings, &outgoing)?;
        let media = open_media(settings, data_dir, &store, &outgoing, &clock, &random)?;
        let previews = open_previews(settings, &media, &outgoing);
        let index = data_dir.search();
        let search =
            Search::open(Some(&index), store.clone(), rooms.clone(), &tasks, shutdown.clone())?;
        let sync = Sync::new(
            store.clone(),
            accounts.clone(),
            rooms.clone(),
            bus.clone(),
            clock.clone(),
            &tasks,
            shutdown.clone(),
        );
        let sso = open_sso(settings, &accounts, &outgoing, &clock, &random)?;
        let lower = hearth_push::Lower {
            store: store.clone(),
            accounts: accounts.clone(),
            rooms: rooms.clone(),
            outgoing: outgoing.clone(),
            mail: mail.clone(),
            clock: clock.clone(),
            random: random.clone(),
        };
        let push = open_push(settings, lower, &tasks, shutdown);
        let chat = open_chat((&store, &accounts, &rooms, &bus), &clock, &random, &tasks, shutdown);
        let parts = Self {
            store,
            accounts,
            rooms,
            mail,
            media,
            previews,
            outgoing,
            identity,
            bus,
            search,
            sso,
            sync,
            push,
            chat,
            clock,
            tasks,
        };
        parts.start_chores(settings, shutdown);
        Ok(parts)
    }

    /// What goes on whether anybody asks or not.
    fn start_chores(&self, settings: &Settings, shutdown: &CancellationToken) {
        self.tasks.spawn(self.rooms.clone().send_delayed_events(shutdown.clone()));
        if let Some(retention) = retention(settings) {
            self.tasks.spawn(self.rooms.clone().purge_expired_events(retention, shutdown.clone()));
        }
        let tidying = self.media.clone().keep_tidy();
        self.tasks.spawn(shutdown.clone().run_until_cancelled_owned(tidying));
        if settings.listen.metrics.is_some() {
            let (store, rooms) = (self.store.clone(), self.rooms.clone());
            self.tasks.spawn(take_census(store, rooms, shutdown.clone()));
        }
        self.tasks.spawn(keep_house(self.accounts.clone(), shutdown.clone()));
    }
}
