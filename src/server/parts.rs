//! The parts of the server above its data directory, each constructed from the ones below it.
//!
//! The order of construction is the dependency graph. Settings become each crate's own small
//! settings here, and nowhere else.

use std::time::Duration;

use hearth_accounts::{Accounts, TurnSettings};
use hearth_base::{Clock, Random};
use hearth_bus::{Bus, Rates};
use hearth_mail::Mail;
use hearth_media::{Media, PreviewSettings, Previews};
use hearth_outgoing::Outgoing;
use hearth_push::Push;
use hearth_rooms::{Retention, Rooms};
use hearth_search::Search;
use hearth_sso::Sso;
use hearth_statemap::StateHasher;
use hearth_store::{SCHEMA_VERSION, Store, migrate};
use hearth_store_rocks::RocksEngine;
use hearth_sync::Sync;
use ruma::api::appservice::Registration;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{self, Network, RateLimit, Settings, Voip},
    data_dir::DataDir,
    housekeeping::keep_house,
    mail::{account_mail, open_mail},
    server_notices,
    single_sign_on::open_sso,
    wiring::WiringError,
};

/// How many bytes of parsed events are kept in memory.
const EVENT_CACHE_BYTES: u64 = 12 * 1024 * 1024;
/// How many nodes of room state are kept in memory, about 300 bytes each.
const STATE_CACHE_NODES: u64 = 20_000;
/// How many bytes of new rows are kept in memory before they become files.
const WRITE_BUFFER_BYTES: usize = 16 * 1024 * 1024;

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
        tasks.spawn(rooms.clone().send_delayed_events(shutdown.clone()));
        if let Some(retention) = retention(settings) {
            tasks.spawn(rooms.clone().purge_expired_events(retention, shutdown.clone()));
        }
        let bus = Bus::new(clock.clone(), &random, rates(&settings.rate_limit));
        let outgoing = outgoing(settings)?;
        let media = open_media(settings, data_dir, &store, &clock, &random)?;
        let previews = previews(settings, &media, &outgoing);
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(media.clone().keep_tidy()));
        let search = Search::open(
            Some(&data_dir.search()),
            store.clone(),
            rooms.clone(),
            &tasks,
            shutdown.clone(),
        )?;
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
        tasks.spawn(keep_house(accounts.clone(), shutdown.clone()));
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
        Ok(Self {
            store,
            accounts,
            rooms,
            mail,
            media,
            previews,
            outgoing,
            bus,
            search,
            sso,
            sync,
            push,
            clock,
            tasks,
        })
    }
}

/// The store of a data directory, in the present schema.
///
/// # Errors
/// See [`WiringError`].
pub async fn open_store(settings: &Settings, data_dir: &DataDir) -> Result<Store, WiringError> {
    let (path, cache_bytes) = (data_dir.store(), settings.store.cache_bytes);
    let opened = tokio::task::spawn_blocking(move || {
        let write_buffer_bytes = WRITE_BUFFER_BYTES;
        RocksEngine::open(path, hearth_store_rocks::Settings { cache_bytes, write_buffer_bytes })
    });
    let engine = opened.await.map_err(|_| WiringError::Interrupted)??;
    let store = Store::new(engine);
    migrate(&store, SCHEMA_VERSION, &[]).await?;
    Ok(store)
}

/// The accounts in a store; `mail` sends their letters.
///
/// # Errors
/// A registration of an application service cannot be read.
pub fn open_accounts(
    settings: &Settings,
    store: &Store,
    clock: &Clock,
    random: &Random,
    mail: Option<&Mail>,
) -> Result<Accounts, WiringError> {
    let accounts = hearth_accounts::Settings {
        registration_tokens: settings.registration.tokens.clone(),
        shared_secret: settings.registration.shared_secret.clone(),
        application_services: application_services(settings)?,
        turn: turn(&settings.voip),
        mail: mail.map(|mail| account_mail(settings, mail)),
        ..hearth_accounts::Settings::new(settings.server_name.clone())
    };
    Ok(Accounts::new(store.clone(), clock.clone(), random.clone(), accounts)?)
}

/// How long messages are kept; `None` if all are.
pub fn retention(settings: &Settings) -> Option<Retention> {
    let crate::config::Retention {
        enabled,
        interval_ms,
        default_max_lifetime_ms,
        lowest_max_lifetime_ms,
        highest_max_lifetime_ms,
    } = settings.retention;
    enabled.then(|| Retention {
        interval: Duration::from_millis(interval_ms.max(1)),
        default_max_lifetime_ms,
        lowest_max_lifetime_ms,
        highest_max_lifetime_ms,
    })
}

fn open_rooms(
    settings: &Settings,
    data_dir: &DataDir,
    store: &Store,
    clock: &Clock,
    random: &Random,
    tasks: &TaskTracker,
) -> Result<Rooms, WiringError> {
    let rooms = hearth_rooms::Settings {
        server_name: settings.server_name.clone(),
        default_version: settings.rooms.default_version.clone(),
        event_cache_bytes: EVENT_CACHE_BYTES,
        state_cache_nodes: STATE_CACHE_NODES,
    };
    Ok(Rooms::new(
        store.clone(),
        rooms,
        clock.clone(),
        random.clone(),
        data_dir.signing_key()?,
        StateHasher::new(*data_dir.state_secret()),
        tasks.clone(),
    ))
}

/// Previews of addresses, where they are on.
fn previews(settings: &Settings, media: &Media, outgoing: &Outgoing) -> Option<Previews> {
    let config::Previews { enabled, allow, deny, .. } = settings.previews.clone();
    let previews = PreviewSettings { allow, deny };
    enabled.then(|| Previews::new(media.clone(), outgoing.clone(), previews))
}

fn open_media(
    settings: &Settings,
    data_dir: &DataDir,
    store: &Store,
    clock: &Clock,
    random: &Random,
) -> Result<Media, WiringError> {
    let limits = &settings.media;
    let media = hearth_media::Settings {
        max_upload_bytes: limits.max_upload_bytes,
        max_bytes_per_user: Some(limits.max_bytes_per_user).filter(|bytes| *bytes > 0),
        frozen_at_ms: limits.freeze_unauthenticated_at.map(|seconds| seconds.saturating_mul(1_000)),
        ..hearth_media::Settings::new(settings.server_name.clone())
    };
    let directory = data_dir.media();
    std::fs::create_dir_all(&directory).map_err(|error| WiringError::Media(error.to_string()))?;
    let blobs = hearth_media::local_blobs(&directory)
        .map_err(|error| WiringError::Media(error.to_string()))?;
    Ok(Media::new(store.clone(), blobs, clock.clone(), random.clone(), media))
}

/// The client for requests to elsewhere.
fn outgoing(settings: &Settings) -> Result<Outgoing, WiringError> {
    let networks = |networks: &[Network]| networks.iter().map(Network::net).collect();
    let read = |path: &std::path::PathBuf| {
        let unreadable = |error| WiringError::Outgoing(format!("{}: {error}", path.display()));
        std::fs::read(path).map_err(unreadable)
    };
    let authorities = settings.federation.trusted_ca_files.iter().map(read);
    let outgoing = hearth_outgoing::Settings {
        allow: networks(&settings.outgoing.allow),
        deny: networks(&settings.outgoing.deny),
        allow_private_addresses: settings.testing.allow_private_addresses,
        certificate_authorities: authorities.collect::<Result<_, _>>()?,
    };
    Outgoing::new(outgoing).map_err(|error| WiringError::Outgoing(error.to_string()))
}

fn open_push(
    settings: &Settings,
    lower: hearth_push::Lower,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Push {
    let push = hearth_push::Settings {
        include_content: settings.push.include_content,
        email_delay: Duration::from_secs(settings.push.email_delay_seconds),
        allow_http: settings.testing.allow_private_addresses,
    };
    Push::new(lower, push, tasks, shutdown.clone())
}

fn application_services(settings: &Settings) -> Result<Vec<Registration>, WiringError> {
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
        let parsed =
            text.and_then(|text| serde_norway::from_str(&text).map_err(|error| error.to_string()));
        parsed.map_err(|reason| WiringError::Registration { path: path.clone(), reason })
    };
    settings.appservice.registration_files.iter().map(read).collect()
}

fn turn(settings: &Voip) -> Option<TurnSettings> {
    Some(TurnSettings {
        uris: Some(settings.turn_uris.clone()).filter(|uris| !uris.is_empty())?,
        shared_secret: settings.turn_shared_secret.clone()?,
        lifetime: Duration::from_secs(settings.turn_lifetime_seconds.into()),
    })
}

fn rates(settings: &RateLimit) -> Option<Rates> {
    let rate = |rate: crate::config::Rate| hearth_bus::Rate {
        per_second: rate.per_second,
        burst: rate.burst,
    };
    settings.enabled.then(|| Rates {
        messages: rate(settings.messages),
        joins: rate(settings.joins),
        invites: rate(settings.invites),
        media: rate(settings.media),
        logins: rate(settings.logins),
        failed_logins: rate(settings.failed_logins),
        registrations: rate(settings.registrations),
        letters: rate(settings.letters),
        reports: rate(settings.reports),
        account_changes: rate(settings.account_changes),
        searches: rate(settings.searches),
        ephemeral: rate(settings.ephemeral),
        requests: rate(settings.requests),
    })
}
