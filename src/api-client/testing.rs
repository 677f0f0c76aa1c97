//! A whole client-server API in memory, and clients that talk to its router.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, body::Body, response::Response};
use hearth_accounts::{NewSession, NewUser};
use hearth_bus::Rates;
use hearth_fixtures::{Fixture, Setup};
use hearth_identity::Identity;
use hearth_media::Media;
use hearth_outgoing::Outgoing;
use hearth_search::Search;
use hearth_sso::Sso;
use hearth_sync::Sync;
use http::{Request, StatusCode, header::AUTHORIZATION};
use http_body_util::BodyExt;
use ruma::{OwnedUserId, server_name, user_id};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{ClientApi, Registration, Settings, router};

/// The password of every user.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// What a test wants to be different.
pub(crate) struct Options {
    pub(crate) settings: Settings,
    pub(crate) accounts: hearth_accounts::Settings,
    pub(crate) rates: Option<Rates>,
}

/// A server without sockets.
pub(crate) struct Server {
    pub(crate) api: ClientApi,
    router: Router,
}

/// Somebody who makes requests.
pub(crate) struct Client {
    pub(crate) user: OwnedUserId,
    pub(crate) token: Option<String>,
    router: Router,
}

/// A server where everybody may register, without rate limits.
pub(crate) fn server() -> Server {
    server_with(|_| {})
}

pub(crate) fn server_with(change: impl FnOnce(&mut Options)) -> Server {
    let name = server_name!("example.org").to_owned();
    let mut options = Options {
        settings: Settings { registration: Registration::Open, ..Settings::new(name) },
        accounts: Setup::default().accounts,
        rates: None,
    };
    change(&mut options);
    let api = parts(options);
    Server { router: router(api.clone()), api }
}

fn parts(options: Options) -> ClientApi {
    let Options { settings, accounts, rates } = options;
    let Fixture { store, clock, random, tasks, accounts, rooms, bus } =
        Setup { accounts, rates, ..Setup::default() }.build();
    let media_settings = hearth_media::Settings::new(settings.server_name.clone());
    let blobs = hearth_media::memory_blobs();
    let media = Media::new(store.clone(), blobs, clock.clone(), random.clone(), media_settings);
    let outgoing = Outgoing::new(hearth_outgoing::Settings::default()).unwrap();
    let sso = hearth_sso::Settings::default();
    let sso = Sso::new(sso, accounts.clone(), &outgoing, &clock, &random).unwrap();
    let push = hearth_push::Push::new(
        hearth_push::Lower {
            store: store.clone(),
            accounts: accounts.clone(),
            rooms: rooms.clone(),
            outgoing: outgoing.clone(),
            mail: None,
            clock: clock.clone(),
            random: random.clone(),
        },
        hearth_push::Settings::default(),
        &tasks,
        CancellationToken::new(),
    );
    let search = Search::open(None, store.clone(), rooms.clone(), &tasks, CancellationToken::new());
    let search = search.unwrap();
    let sync = Sync::new(
        store,
        accounts.clone(),
        rooms.clone(),
        bus.clone(),
        clock,
        &tasks,
        CancellationToken::new(),
    );
    ClientApi {
        accounts,
        rooms,
        media,
        previews: None,
        search,
        sync,
        push,
        bus,
        sso,
        identity: Identity::new(&outgoing, BTreeMap::new()),
        outgoing,
        settings: Arc::new(settings),
        tasks,
    }
}

impl Server {
    /// A new user, logged in.
    pub(crate) async fn client(&self, localpart: &str) -> Client {
        let accounts = &self.api.accounts;
        let user = accounts.new_user_id(localpart).unwrap();
        let new = NewUser { password: Some(PASSWORD), ..NewUser::default() };
        accounts.create_user(&user, new).await.unwrap();
        let session = accounts.open_session(NewSession::new(&user)).await.unwrap();
        Client { user, token: Some(session.access_token), router: self.router.clone() }
    }

    /// Somebody without a token.
    pub(crate) fn stranger(&self) -> Client {
        let user = user_id!("@stranger:example.org").to_owned();
        Client { user, token: None, router: self.router.clone() }
    }
}

impl Client {
    /// The same client with another token.
    pub(crate) fn with_token(&self, token: &Value) -> Self {
        let token = Some(token.as_str().unwrap().to_owned());
        Self { user: self.user.clone(), token, router: self.router.clone() }
    }

    /// Sends a request to a path below `/_matrix/client/`, or to an absolute one.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Body) -> Response {
        let uri = match path.strip_prefix('/') {
            Some(_) => path.to_owned(),
            None => format!("/_matrix/client/{path}"),
        };
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    /// The status and the JSON of an answer. `Null` is no body.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.send(method, path, body).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            panic!("{method} {path}: {status}: {error}: {bytes:?}");
        });
        (status, json)
    }

    /// The JSON of an answer that has to be 200.
    pub(crate) async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, json) = self.call(method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {json}");
        json
    }

    /// The JSON of a refusal with this status and code.
    pub(crate) async fn refused(
        &self,
        method: &str,
        path: &str,
        body: Value,
        status: u16,
        code: &str,
    ) -> Value {
        let (found, json) = self.call(method, path, body).await;
        assert_eq!((found.as_u16(), &json["errcode"]), (status, &code.into()), "{method} {path}");
        json
    }
}
