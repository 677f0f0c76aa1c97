//! `/thirdparty/…`: the networks that application services bridge to.
//!
//! Every service that has to do with a question is asked at once; what one does not answer, or
//! not in the right shape, is left out, so that a broken bridge does not hide the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use axum::extract::State;
use futures::future::join_all;
use hearth_accounts::{Accounts, ApplicationService};
use hearth_http::{ApiError, Ruma, RumaResponse};
use hearth_outgoing::{Limits, Outgoing};
use http::{Method, Request};
use ruma::{
    api::client::thirdparty::{
        get_location_for_protocol, get_location_for_room_alias, get_protocol, get_protocols,
        get_user_for_protocol, get_user_for_user_id,
    },
    thirdparty::{Location, Protocol, User},
};
use serde::de::DeserializeOwned;

use super::{call, instance_id};
use crate::error::Error;

const LIMITS: Limits =
    Limits { body_bytes_max: 256 * 1024, time_max: Duration::from_secs(10), redirects_max: 0 };

type Query = BTreeMap<String, String>;

/// `GET /thirdparty/protocols`.
pub(crate) async fn protocols(
    State(accounts): State<Accounts>,
    State(outgoing): State<Outgoing>,
    _: Ruma<get_protocols::v3::Request>,
) -> RumaResponse<get_protocols::v3::Response> {
    let services = accounts.application_services().iter();
    let names = services.flat_map(|service| protocols_of(service)).cloned();
    let names: BTreeSet<String> = names.collect();
    let (accounts, outgoing) = (&accounts, &outgoing);
    let found = names.into_iter().map(|name| async move {
        let protocol = describe(accounts, outgoing, &name).await;
        protocol.map(|protocol| (name, protocol))
    });
    let found = join_all(found).await.into_iter().flatten().collect();
    RumaResponse(get_protocols::v3::Response::new(found))
}

/// `GET /thirdparty/protocol/{protocol}`.
pub(crate) async fn protocol(
    State(accounts): State<Accounts>,
    State(outgoing): State<Outgoing>,
    Ruma { request, .. }: Ruma<get_protocol::v3::Request>,
) -> Result<RumaResponse<get_protocol::v3::Response>, Error> {
    let protocol = describe(&accounts, &outgoing, &request.protocol).await;
    let protocol =
        protocol.ok_or_else(|| ApiError::not_found("nobody here knows this protocol"))?;
    Ok(RumaResponse(get_protocol::v3::Response::new(protocol)))
}

/// `GET /thirdparty/location/{protocol}`.
pub(crate) async fn locations_of_protocol(
    State(accounts): State<Accounts>,
    State(outgoing): State<Outgoing>,
    Ruma { request, .. }: Ruma<get_location_for_protocol::v3::Request>,
) -> Result<RumaResponse<get_location_for_protocol::v3::Response>, Error> {
    let services = speaking(&accounts, Some(&request.protocol));
    let found: Vec<Location> =
        list(&outgoing, services, &["location", &request.protocol], &request.fields).await?;
    Ok(RumaResponse(get_location_for_protocol::v3::Response::new(found)))
}

/// `GET /thirdparty/user/{protocol}`.
pub(crate) async fn users_of_protocol(
    State(accounts): State<Accounts>,
    State(outgoing): State<Outgoing>,
    Ruma { request, .. }: Ruma<get_user_for_protocol::v3::Request>,
) -> Result<RumaResponse<get_user_for_protocol::v3::Response>, Error> {
    let services = speaking(&accounts, Some(&request.protocol));
    let found: Vec<User> =
        list(&outgoing, services, &["user", &request.protocol], &request.fields).await?;
    Ok(RumaResponse(get_user_for_protocol::v3::Response::new(found)))
}

/// `GET /thirdparty/location?alias=…`.
pub(crate) async fn location_of_alias(
    State(accounts): State<Accounts>,
    State(outgoing): State<Outgoing>,
    Ruma { request, .. }: Ruma<get_location_for_room_alias::v3::Request>,
) -> Result<RumaResponse<get_location_for_room_alias::v3::Response>, Error> {
    let query = Query::from([("alias".to_owned(), request.alias.to_string())]);
    let found: Vec<Location> =
        list(&outgoing, speaking(&accounts, None), &["location"], &query).await?;
    Ok(RumaResponse(get_location_for_room_alias::v3::Response::new(found)))
}

/// `GET /thirdparty/user?userid=…`.
pub(crate) async fn user_of_id(
    State(accounts): State<Accounts>,
    State(outgoing): State<Outgoing>,
    Ruma { request, .. }: Ruma<get_user_for_user_id::v3::Request>,
) -> Result<RumaResponse<get_user_for_user_id::v3::Response>, Error> {
    let query = Query::from([("userid".to_owned(), request.userid.to_string())]);
    let found: Vec<User> = list(&outgoing, speaking(&accounts, None), &["user"], &query).await?;
    Ok(RumaResponse(get_user_for_user_id::v3::Response::new(found)))
}

fn protocols_of(service: &ApplicationService) -> &[String] {
    service.registration.protocols.as_deref().unwrap_or_default()
}

/// Services that bridge to this protocol, or to any.
fn speaking(accounts: &Accounts, protocol: Option<&str>) -> Vec<Arc<ApplicationService>> {
    let speaks = |service: &&Arc<ApplicationService>| match protocol {
        Some(protocol) => protocols_of(service).iter().any(|known| known == protocol),
        None => !protocols_of(service).is_empty(),
    };
    accounts.application_services().iter().filter(speaks).cloned().collect()
}

/// What the services say of a protocol: the first describes it, all together its instances.
async fn describe(accounts: &Accounts, outgoing: &Outgoing, name: &str) -> Option<Protocol> {
    let path = ["protocol", name];
    let asked = speaking(accounts, Some(name)).into_iter().map(|service| async move {
        let mut protocol: Protocol = ask(outgoing, &service, &path, &Query::new()).await?;
        for instance in &mut protocol.instances {
            instance.instance_id = Some(instance_id(service.id(), &instance.network_id));
        }
        Some(protocol)
    });
    let mut answers = join_all(asked).await.into_iter().flatten();
    let mut protocol = answers.next()?;
    protocol.instances.extend(answers.flat_map(|other| other.instances));
    Some(protocol)
}

/// What the services find, all together.
async fn list<T: DeserializeOwned>(
    outgoing: &Outgoing,
    services: Vec<Arc<ApplicationService>>,
    path: &[&str],
    query: &Query,
) -> Result<Vec<T>, ApiError> {
    let answers: Vec<Vec<T>> = ask_all(outgoing, services, path, query).await;
    let found: Vec<T> = answers.into_iter().flatten().collect();
    if found.is_empty() {
        return Err(ApiError::not_found("nobody here knows of such a thing"));
    }
    Ok(found)
}

async fn ask_all<T: DeserializeOwned>(
    outgoing: &Outgoing,
    services: Vec<Arc<ApplicationService>>,
    path: &[&str],
    query: &Query,
) -> Vec<T> {
    let answers = services
        .into_iter()
        .map(|service| async move { ask(outgoing, &service, path, query).await });
    join_all(answers).await.into_iter().flatten().collect()
}

async fn ask<T: DeserializeOwned>(
    outgoing: &Outgoing,
    service: &ApplicationService,
    path: &[&str],
    query: &Query,
) -> Option<T> {
    let segments: Vec<&str> = ["thirdparty"].iter().chain(path).copied().collect();
    let mut url = call::url(service, &segments)?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let mut request = Request::new(bytes::Bytes::new());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = url.as_str().parse().ok()?;
    *request.headers_mut() = call::headers(service).ok()?;
    match outgoing.configured().request(request, LIMITS).await {
        Ok(answer) if answer.status.is_success() => serde_json::from_slice(&answer.body).ok(),
        Ok(answer) => {
            tracing::debug!(service = service.id(), status = %answer.status, "no answer");
            None
        }
        Err(error) => {
            tracing::info!(service = service.id(), %error, "an application service is silent");
            None
        }
    }
}
