//! The OpenAPI document, made from the handlers.

use utoipa::{
    OpenApi,
    openapi::{
        ContentBuilder, Ref, RefOr, ResponseBuilder, Server,
        extensions::ExtensionsBuilder,
        path::{Operation, PathItem},
        schema::ComponentsBuilder,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{problem::ProblemDocument, router::routes, socket};

/// Statuses that any operation may answer with, and when.
const PROBLEMS: [(&str, &str); 8] = [
    ("400", "The request is not as it has to be"),
    ("401", "The token is missing or not valid (any more)"),
    ("403", "The user may not do this"),
    ("404", "There is no such thing, or the user must not know of it"),
    ("409", "It conflicts with what is there"),
    ("413", "Something is too large"),
    ("429", "Too often: `Retry-After` says when to try again"),
    ("500", "The server failed"),
];
/// What the security scheme is called.
const BEARER: &str = "bearer";

/// What is not said by handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hearth chat API",
        description = "Rooms as chats over plain HTTP. What is written here is seen by Matrix \
                       clients at once, and the other way round.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "auth", description = "Accounts and tokens"),
        (name = "users", description = "Users"),
        (name = "rooms", description = "Rooms and their members"),
        (name = "messages", description = "Messages and what belongs to them"),
        (name = "invites", description = "Invites by code"),
        (name = "notifications", description = "What the user should know of"),
        (name = "moderation", description = "What moderators of a room do"),
        (name = "admin", description = "What administrators of the server do"),
        (name = "webhooks", description = "Programs that post to a room"),
        (name = "attachments", description = "Files"),
        (name = "live", description = "What happens, as it happens"),
    ),
    components(schemas(
        ProblemDocument, crate::FieldError, socket::Request, socket::Frame, socket::Happening
    )),
)]
struct Frame;

/// The document of an API whose paths begin with `base_path`.
#[must_use]
pub fn openapi(base_path: &str) -> utoipa::openapi::OpenApi {
    let mut document = routes().into_openapi();
    finish(&mut document, base_path);
    document
}

/// What handlers add their parts to.
pub(crate) fn frame() -> utoipa::openapi::OpenApi {
    Frame::openapi()
}

/// Adds what all operations have in common.
pub(crate) fn finish(document: &mut utoipa::openapi::OpenApi, base_path: &str) {
    let address = if base_path.is_empty() { "/" } else { base_path };
    document.servers = Some(vec![Server::new(address)]);
    document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.take().unwrap_or_default();
    let components =
        ComponentsBuilder::from(components).security_scheme(BEARER, SecurityScheme::Http(bearer));
    document.components = Some(components.build());
    let short = ExtensionsBuilder::new().add("x-compact-keys", socket::compact_keys()).build();
    document.extensions.get_or_insert_default().merge(short);
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            add_problems(operation);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn add_problems(operation: &mut Operation) {
    let content =
        ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem")))).build();
    for (status, description) in PROBLEMS {
        let response = ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", content.clone())
            .build();
        operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(response));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Set it to write the document instead of comparing it.
    const UPDATE: &str = "HEARTH_UPDATE_DOCUMENT";

    /// The components that a part of the document refers to.
    fn references(part: &Value, found: &mut Vec<String>) {
        match part {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
                fields.values().for_each(|field| references(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn whatever_is_referred_to_is_there() {
        let document = serde_json::to_value(openapi("/api")).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let target = reference.strip_prefix('#').and_then(|path| document.pointer(path));
            assert!(target.is_some(), "{reference}");
        }
    }

    #[test]
    fn a_search_says_what_can_be_asked() {
        let document = serde_json::to_value(openapi("/api")).unwrap();
        let schema = |path: &str, name: &str| {
            let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
            let named = parameters.iter().find(|parameter| parameter["name"] == name);
            named.unwrap()["schema"].to_string()
        };
        for (path, name, value) in [
            ("/search", "has", "\"attachment\""),
            ("/search", "sort", "\"relevance\""),
            ("/rooms/{room_id}/media", "kind", "\"image\""),
        ] {
            assert!(schema(path, name).contains(value), "{path} {name}");
        }
    }

    #[test]
    fn the_committed_document_is_what_the_handlers_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/chat-api.json");
        let mut document = openapi("/api").to_pretty_json().unwrap();
        document.push('\n');
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(path, &document).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        let is_current = committed == document;
        assert!(is_current, "docs/chat-api.json is stale: run this test with {UPDATE}=1");
    }
}
