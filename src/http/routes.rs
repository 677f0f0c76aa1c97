//! Paths: from ruma's request types to axum's routes.
//!
//! An endpoint answers at every path of its history, stable and unstable, and at `r0` where it has
//! `v3`. Whatever is not routed is answered in JSON too, and everything carries CORS headers.

use std::{any::Any, collections::BTreeSet};

use axum::{
    Router,
    extract::Request,
    handler::Handler,
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use hearth_bus::Bucket;
use http::{
    Method, StatusCode,
    header::{
        ACCEPT_RANGES, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH,
        IF_NONE_MATCH, IF_RANGE, RANGE,
    },
};
use ruma::api::{Metadata, error::ErrorCode, path_builder::PathBuilder};
use tower_http::{catch_panic::CatchPanicLayer, cors::CorsLayer};

use crate::{Access, ApiError, Authenticate, Extended, Interactive, Ruma, Streamed};

/// An extractor that carries the request of an endpoint.
pub trait Carrier {
    /// The type of the request.
    type Request: Metadata;
}

impl<R: Metadata<Authentication: Authenticate>> Carrier for Ruma<R> {
    type Request = R;
}

impl<R: Metadata<Authentication: Authenticate>> Carrier for Extended<R> {
    type Request = R;
}

impl<R: Metadata<Authentication: Authenticate>> Carrier for Interactive<R> {
    type Request = R;
}

impl<R: Metadata<Authentication: Authenticate>> Carrier for Streamed<R> {
    type Request = R;
}

/// The arguments of a handler, the last of which carries its request.
pub trait Endpoint {
    /// The type of the request.
    type Request: Metadata;
}

macro_rules! endpoints {
    ($($argument:ident)*) => {
        impl<M, $($argument,)* C: Carrier> Endpoint for (M, $($argument,)* C) {
            type Request = C::Request;
        }
    };
}

endpoints!();
endpoints!(A1);
endpoints!(A1 A2);
endpoints!(A1 A2 A3);
endpoints!(A1 A2 A3 A4);
endpoints!(A1 A2 A3 A4 A5);
endpoints!(A1 A2 A3 A4 A5 A6);

/// The routes of an API.
pub struct ApiRouter<S>(Router<S>);

impl<S: Clone + Send + Sync + 'static> ApiRouter<S> {
    /// No routes yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Router::new())
    }

    /// An endpoint for accounts in good standing ([`Access::MEMBERS`]).
    #[must_use]
    pub fn ruma<H, T>(self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: Endpoint + 'static,
    {
        self.ruma_for(Access::MEMBERS, handler)
    }

    /// An endpoint for whomever `access` says. One that the specification limits is limited even if
    /// `access` names no bucket.
    ///
    /// # Panics
    /// If two endpoints have the same method and path, or ruma knows a method that axum does not.
    #[must_use]
    pub fn ruma_for<H, T>(self, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: Endpoint + 'static,
    {
        #[allow(clippy::expect_used, reason = "found by any test that builds the router")]
        let method = MethodFilter::try_from(T::Request::METHOD).expect("a method known to axum");
        let access =
            if T::Request::RATE_LIMITED { access.or_limited(Bucket::Requests) } else { access };
        let router = paths::<T::Request>().into_iter().fold(self.0, |router, path| {
            router.route(&path, on(method, Guarded { access, handler: handler.clone() }))
        });
        Self(router)
    }

    /// An endpoint at a path that ruma does not know.
    ///
    /// # Panics
    /// As [`ApiRouter::ruma_for`].
    #[must_use]
    pub fn ruma_at<H, T>(self, access: Access, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: Endpoint + 'static,
    {
        #[allow(clippy::expect_used, reason = "found by any test that builds the router")]
        let method = MethodFilter::try_from(T::Request::METHOD).expect("a method known to axum");
        Self(self.0.route(path, on(method, Guarded { access, handler })))
    }

    /// Something that is not among ruma's endpoints.
    #[must_use]
    pub fn route(self, path: &str, methods: MethodRouter<S>) -> Self {
        Self(self.0.route(path, methods))
    }

    /// The router, with an answer for everything else too.
    pub fn finish(self, state: S) -> Router {
        self.0
            .fallback(async || ApiError::unrecognized())
            .method_not_allowed_fallback(method_not_allowed)
            .with_state(state)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(cors())
    }
}

impl<S: Clone + Send + Sync + 'static> Default for ApiRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// A handler behind the rules of its endpoint, which its extractor applies.
#[derive(Clone)]
struct Guarded<H> {
    access: Access,
    handler: H,
}

impl<H: Handler<T, S>, T, S> Handler<T, S> for Guarded<H> {
    type Future = H::Future;

    fn call(self, mut request: Request, state: S) -> Self::Future {
        request.extensions_mut().insert(self.access);
        self.handler.call(request, state)
    }
}

/// All paths at which requests of this type come in.
fn paths<R: Metadata>() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for path in R::PATH_BUILDER.all_paths() {
        add_with_variants(&mut paths, path);
        add_with_variants(&mut paths, &path.replace("/v3/", "/r0/"));
        add_with_variants(&mut paths, &path.replace("/_matrix/media/v3/", "/_matrix/media/v1/"));
    }
    paths
}

/// Clients leave out an empty state key, with its slash or without, and the last slash of
/// `pushrules/`.
fn add_with_variants(paths: &mut BTreeSet<String>, path: &str) {
    paths.insert(path.to_owned());
    if let Some(bare) = path.strip_suffix("/{state_key}") {
        paths.insert(bare.to_owned());
        paths.insert(format!("{bare}/"));
    }
    if let Some(bare) = path.strip_suffix('/') {
        paths.insert(bare.to_owned());
    }
}

async fn method_not_allowed() -> ApiError {
    let message = "this endpoint does not know this method";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unrecognized, message)
}

fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    ApiError::internal(format!("panic: {}", text.unwrap_or_default())).into_response()
}

/// The headers that the specification recommends (client-server API, web browser clients), those
/// of rendezvous sessions (MSC4108), and those of parts of files.
fn cors() -> CorsLayer {
    let methods =
        [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let requested_with = HeaderName::from_static("x-requested-with");
    let conditions = [IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE];
    let headers = [requested_with, CONTENT_TYPE, AUTHORIZATION].into_iter().chain(conditions);
    CorsLayer::new()
        .allow_origin(tower_http::cors::Any)
        .allow_methods(methods)
        .allow_headers(headers.collect::<Vec<_>>())
        .expose_headers([ETAG, ACCEPT_RANGES, CONTENT_RANGE])
}
