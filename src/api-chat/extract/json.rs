//! JSON bodies, checked; and JSON answers.

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use hearth_http::read_body;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::shape::misshapen;
use crate::{
    Problem,
    validate::{Validate, check},
};

/// Whole numbers up to here have a floating point number each.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A JSON body. As an argument it was read within limits and is valid.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned + Validate,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read_body(request.into_body()).await?;
        parse(&bytes).map(Self)
    }
}

/// Reads and checks a JSON object.
fn parse<T: DeserializeOwned + Validate>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let body: Value = serde_path_to_error::deserialize(&mut deserializer).map_err(misshapen)?;
    let rest = deserializer.end();
    rest.map_err(|_| Problem::invalid_field("", "something follows the JSON"))?;
    // A list would be read as the fields of an object in their order.
    let Value::Object(mut fields) = body else {
        return Err(Problem::invalid_field("", "expected a JSON object"));
    };
    fields.values_mut().for_each(make_integer);
    let input = serde_path_to_error::deserialize(Value::Object(fields)).map_err(misshapen)?;
    check(&input)?;
    Ok(input)
}

/// JSON knows no difference between 8 and 8.0.
fn make_integer(value: &mut Value) {
    let whole = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < WHOLE_MAX);
    if let Some(whole) = whole.filter(|_| value.is_f64()) {
        #[allow(clippy::cast_possible_truncation, reason = "it is whole and not too large")]
        let whole = whole as i64;
        *value = whole.into();
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::validate::Faults;

    #[derive(Debug, Deserialize)]
    struct Input {
        name: String,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[allow(dead_code, reason = "only its presence matters")]
        id: u32,
    }

    impl Validate for Input {
        fn validate(&self, faults: &mut Faults) {
            faults.characters("name", &self.name, 1..=5);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, detail) in [
            ("{}", "name: missing field `name`"),
            (r#"{"name":7}"#, "name: invalid type: integer `7`, expected a string"),
            (r#"{"name":""}"#, "name: it must have 1 to 5 characters"),
            (r#"{"name":"a","inner":[{}]}"#, "inner[0].id: missing field `id`"),
            (r#"{"name":"a"} x"#, "something follows the JSON"),
            ("[", "EOF while parsing a list"),
            (r#"["a", []]"#, "expected a JSON object"),
            (r#"{"name":8.0}"#, "name: invalid type: integer `8`, expected a string"),
        ] {
            assert_eq!(parse::<Input>(body.as_bytes()).unwrap_err().detail(), detail, "{body}");
        }
        let input = parse::<Input>(br#"{"name":"a"}"#).unwrap();
        assert!(input.name == "a" && input.inner.is_empty());
    }
}
