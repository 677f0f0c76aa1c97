//! One log line and two metrics for every request, also for those whose client went away.
//!
//! The request runs inside a span with its id, method and matched route; whoever authenticates it
//! records the `user` field of that span. Paths and query strings are deliberately absent: they
//! carry room ids, tokens and cardinality.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use hearth_base::Random;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use metrics::{counter, histogram};
use tracing::{Instrument, Span, field::Empty, info, info_span};

/// Tells a client the id under which its request is in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What is logged for a client that did not wait for its answer; nobody receives it.
const CLIENT_WENT_AWAY: u16 = 499;

/// Logs and counts the requests of all routes of `router`, its fallback included.
pub fn log_requests(router: Router, random: &Random) -> Router {
    let ids = RequestIds { run: random.alphanumeric(6), last: AtomicU64::new(0) };
    router.layer(from_fn_with_state(Arc::new(ids), log_request))
}

/// Ids that are unique among the requests of all runs of a server.
struct RequestIds {
    run: String,
    last: AtomicU64,
}

impl RequestIds {
    fn next(&self) -> String {
        format!("{}-{}", self.run, self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

async fn log_request(State(ids): State<Arc<RequestIds>>, request: Request, next: Next) -> Response {
    let id = ids.next();
    let method = method_name(request.method());
    let matched = request.extensions().get::<MatchedPath>();
    let route: Arc<str> = matched.map_or("unmatched", MatchedPath::as_str).into();
    let span = info_span!("request", id, method, route = &*route, user = Empty);
    let entry = Entry::open(span.clone(), method, route);
    let mut response = next.run(request).instrument(span).await;
    entry.close(response.status());
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// A request that will have one line in the log, however it ends.
struct Entry {
    span: Span,
    method: &'static str,
    route: Arc<str>,
    started: Instant,
    status: u16,
}

impl Entry {
    #[allow(clippy::disallowed_methods, reason = "latency is the machine's own business")]
    fn open(span: Span, method: &'static str, route: Arc<str>) -> Self {
        Self { span, method, route, started: Instant::now(), status: CLIENT_WENT_AWAY }
    }

    fn close(mut self, status: StatusCode) {
        self.status = status.as_u16();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let seconds = self.started.elapsed().as_secs_f64();
        let latency_ms = (seconds * 1e6).round() / 1e3;
        self.span.in_scope(|| info!(status = self.status, latency_ms, "answered"));

        let (method, route) = (self.method, self.route.to_string());
        let labels =
            [("method", method.into()), ("route", route), ("status", self.status.to_string())];
        counter!("http_requests_total", &labels).increment(1);
        histogram!("http_request_duration_seconds", &labels).record(seconds);
    }
}

/// The method, of the few that there are: a client must not invent label values.
const fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
