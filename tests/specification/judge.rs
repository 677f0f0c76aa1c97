//! The judgement: which operation a request is for, and whether its answer is a documented one.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    path::Path,
};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use crate::{
    Exchange, LoadError, Operation,
    allowances::Allowances,
    documents::{address, compiler, read_folder},
    operation::Answer,
};

/// What the documents of the client-server API say.
pub struct Specification {
    operations: Vec<Operation>,
    schemas: Schemas,
    error: SchemaIndex,
    allowances: Allowances,
}

/// An answer is not what the documents say.
#[derive(Debug)]
pub struct Complaint {
    /// The operation that was asked for.
    pub operation: String,
    /// What is wrong.
    pub reason: String,
}

impl Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "not as specified for {}: {}", self.operation, self.reason)
    }
}

/// The prefixes of former versions, and the one that now documents the same.
const FORMER: [(&str, &str); 3] = [
    ("/_matrix/client/r0/", "/_matrix/client/v3/"),
    ("/_matrix/media/r0/", "/_matrix/media/v3/"),
    ("/_matrix/media/v1/", "/_matrix/media/v3/"),
];

impl Specification {
    /// Reads the documents of a folder, and compiles their schemas.
    ///
    /// # Errors
    /// A file cannot be read, or a schema cannot be compiled.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        let mut documents = read_folder(&folder.join("api"))?;
        documents.extend(read_folder(&folder.join("event-schemas/schema"))?);
        let main = address(&folder.join("api/client-server"));
        let mut found = Vec::new();
        for (address, document) in &documents {
            let is_definition = address[main.len().min(address.len())..].contains("definitions");
            if address.starts_with(&main) && !is_definition {
                found.extend(operations_of(address, document));
            }
        }
        let mut compiler = compiler(documents)?;
        let mut schemas = Schemas::new();
        let error = format!("{main}/definitions/errors/error.yaml");
        let error = compile(&mut compiler, &mut schemas, &error)?;
        let mut operations = Vec::new();
        for (mut operation, answers) in found {
            for (status, found) in answers {
                let answer = found.compile(&mut compiler, &mut schemas)?;
                operation.answers.insert(status, answer);
            }
            operations.push(operation);
        }
        operations.sort_by(|one, other| (&one.path, &one.id).cmp(&(&other.path, &other.id)));
        let allowances = Allowances::built_in()?;
        Ok(Self { operations, schemas, error, allowances })
    }

    /// Every operation, ordered by path.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation that a request is for; `None` when it is none of the specification's.
    #[must_use]
    pub fn operation_of(&self, exchange: &Exchange<'_>) -> Option<&Operation> {
        if exchange.is_of_a_proposal() {
            return None;
        }
        let path = exchange.path;
        let with_slash = format!("{path}/");
        let former = FORMER
            .iter()
            .find_map(|(former, now)| path.strip_prefix(former).map(|rest| format!("{now}{rest}")));
        let former_with_slash = former.as_ref().map(|path| format!("{path}/"));
        let paths =
            [Some(path), Some(&with_slash), former.as_deref(), former_with_slash.as_deref()];
        paths.into_iter().flatten().find_map(|path| self.best_fit(path, exchange))
    }

    fn best_fit(&self, path: &str, exchange: &Exchange<'_>) -> Option<&Operation> {
        let same_method = self.operations.iter().filter(|known| known.method == exchange.method);
        let fitting = same_method.filter_map(|known| Some((known.fit(path)?, known)));
        let meant = fitting.filter_map(|(fit, known)| match known.telltale() {
            Some(field) => exchange.names(field).then_some(((fit, true), known)),
            None => Some(((fit, false), known)),
        });
        meant.max_by_key(|(fit, _)| *fit).map(|(_, known)| known)
    }

    /// Checks an answer to an operation.
    ///
    /// # Errors
    /// It is not what the documents say.
    pub fn check(&self, operation: &Operation, exchange: &Exchange<'_>) -> Result<(), Complaint> {
        let documented = operation.answers.get(&exchange.status);
        let mut checked = match documented {
            Some(answer) => self.check_answer(answer, exchange),
            None => Err(format!("status {} is not documented", exchange.status)),
        };
        if checked.is_err() && exchange.status >= 400 {
            checked = self.check_common_error(exchange).map_err(|other| match &checked {
                Err(reason) => format!("{reason}, and {other}"),
                Ok(()) => other,
            });
        }
        match checked {
            Err(reason) if !self.allowances.allow(&operation.id, exchange.status, &reason) => {
                Err(Complaint { operation: operation.id.clone(), reason })
            }
            _ => Ok(()),
        }
    }

    fn check_answer(&self, answer: &Answer, exchange: &Exchange<'_>) -> Result<(), String> {
        if let Some(missing) = answer.headers.iter().find(|name| exchange.header(name).is_none()) {
            return Err(format!("the header {missing} is missing"));
        }
        let media_type = exchange.media_type();
        let is_json = answer.media_types.iter().any(|known| known == "application/json");
        if is_json && media_type != "application/json" {
            return Err(format!("the content type is {media_type:?} and not JSON"));
        }
        let is_picture = answer.media_types.iter().any(|known| known.starts_with("image/"));
        if is_picture && !answer.media_types.iter().any(|known| known == media_type) {
            return Err(format!("the content type {media_type:?} is not documented"));
        }
        match answer.schema {
            Some(schema) => self.check_schema(schema, exchange.body),
            None if exchange.status >= 400 => self.check_schema(self.error, exchange.body),
            None => Ok(()),
        }
    }

    /// Checks an error that every operation may answer.
    fn check_common_error(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        self.check_schema(self.error, exchange.body)?;
        let body: Value = serde_json::from_slice(exchange.body).unwrap_or_default();
        let code = body["errcode"].as_str().unwrap_or_default();
        if self.allowances.is_common(exchange.status, code) {
            Ok(())
        } else {
            Err(format!(
                "{} {code} is not an error that every operation may answer",
                exchange.status
            ))
        }
    }

    fn check_schema(&self, schema: SchemaIndex, body: &[u8]) -> Result<(), String> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| format!("the body is no JSON: {error}"))?;
        self.schemas.validate(&body, schema).map_err(|error| error.to_string())
    }
}

/// A documented answer whose schema is not compiled yet.
struct Found {
    schema: Option<String>,
    answer: Answer,
}

impl Found {
    fn compile(self, compiler: &mut Compiler, schemas: &mut Schemas) -> Result<Answer, LoadError> {
        let schema = self.schema.map(|address| compile(compiler, schemas, &address)).transpose()?;
        Ok(Answer { schema, ..self.answer })
    }
}

fn compile(
    compiler: &mut Compiler,
    schemas: &mut Schemas,
    address: &str,
) -> Result<SchemaIndex, LoadError> {
    let compiled = compiler.compile(address, schemas);
    compiled.map_err(|error| LoadError::Schema(format!("{address}: {error:#}")))
}

fn operations_of(address: &str, document: &Value) -> Vec<(Operation, BTreeMap<u16, Found>)> {
    let base = document["servers"][0]["variables"]["basePath"]["default"].as_str();
    let base = base.unwrap_or_default();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let Some(known) = Operation::new(method, &format!("{base}{path}"), operation) else {
                continue;
            };
            let pointer = format!("/paths/{}/{method}/responses", escape(path));
            operations.push((known, answers_of(address, document, &pointer)));
        }
    }
    operations
}

fn answers_of(address: &str, document: &Value, pointer: &str) -> BTreeMap<u16, Found> {
    let documented = document.pointer(pointer).and_then(Value::as_object);
    let answers = documented.into_iter().flatten();
    let found = answers.filter_map(|(status, answer)| {
        let own = format!("{pointer}/{status}");
        let shared = answer["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        let pointer = shared.map_or(own, str::to_owned);
        Some((status.parse().ok()?, found(address, document.pointer(&pointer)?, &pointer)))
    });
    found.collect()
}

fn found(address: &str, answer: &Value, pointer: &str) -> Found {
    let contents = answer["content"].as_object();
    let json = contents.and_then(|contents| contents.get("application/json"));
    let has_schema = json.is_some_and(|json| json.get("schema").is_some());
    let pointer = format!("{pointer}/content/application~1json/schema");
    let headers = answer["headers"].as_object().into_iter().flatten();
    let required = headers.filter(|(_, header)| header["required"] == true);
    Found {
        schema: has_schema.then(|| format!("{address}#{}", percent_encode(&pointer))),
        answer: Answer {
            schema: None,
            media_types: contents.into_iter().flatten().map(|(kind, _)| kind.clone()).collect(),
            headers: required.map(|(name, _)| name.clone()).collect(),
        },
    }
}

/// A key as a token of a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A JSON pointer as the fragment of an address.
fn percent_encode(pointer: &str) -> String {
    pointer.replace('{', "%7B").replace('}', "%7D").replace(' ', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing without the specification's data, about which the stories are loud.
    fn specification() -> Option<Specification> {
        crate::find().map(|folder| Specification::load(&folder).unwrap())
    }

    fn exchange<'a>(method: &'a str, path: &'a str, status: u16, body: &'a str) -> Exchange<'a> {
        Exchange {
            method,
            path,
            query: "",
            sent: b"",
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.as_bytes(),
        }
    }

    #[test]
    fn requests_find_their_operations() {
        let Some(specification) = specification() else { return };
        for (method, path, operation) in [
            ("GET", "/_matrix/client/v3/sync", "sync"),
            ("GET", "/_matrix/client/r0/sync", "sync"),
            ("PUT", "/_matrix/client/v3/rooms/!r/state/m.room.name", "setRoomStateWithKey"),
            ("PUT", "/_matrix/client/v3/rooms/!r/state/m.room.name/", "setRoomStateWithKey"),
            ("GET", "/_matrix/client/v3/pushrules", "getPushRules"),
            ("GET", "/_matrix/media/r0/config", "getConfig"),
            ("POST", "/_matrix/media/v1/create", "createContent"),
            ("GET", "/_matrix/client/v3/events", "getEvents"),
        ] {
            let found = specification.operation_of(&exchange(method, path, 200, "{}"));
            assert_eq!(found.map(|found| found.id.as_str()), Some(operation), "{path}");
        }
        assert!(specification.operation_of(&exchange("GET", "/health", 200, "")).is_none());
        let peek = "/_matrix/client/v3/events";
        let peek = Exchange { query: "room_id=!r", ..exchange("GET", peek, 200, "{}") };
        assert_eq!(specification.operation_of(&peek).unwrap().id, "peekEvents");
    }

    #[test]
    fn answers_are_checked() {
        let Some(specification) = specification() else { return };
        let path = "/_matrix/client/v3/account/whoami";
        for (status, body, is_good) in [
            (200, r#"{"user_id":"@a:b"}"#, true),
            (200, r#"{"user_id":"a"}"#, false),
            (200, r#"{"user_id":7}"#, false),
            (200, "{}", false),
            (200, "no JSON", false),
            (201, r#"{"user_id":"@a:b"}"#, false),
            (401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#, true),
            (400, r#"{"errcode":"M_BAD_JSON"}"#, true),
            (400, r#"{"errcode":"M_USER_IN_USE"}"#, false),
            (404, "{}", false),
            (500, r#"{"errcode":"M_UNKNOWN"}"#, false),
        ] {
            let exchange = exchange("GET", path, status, body);
            let operation = specification.operation_of(&exchange).unwrap();
            let checked = specification.check(operation, &exchange);
            assert_eq!(checked.is_ok(), is_good, "{status} {body}: {checked:?}");
        }
    }
}
