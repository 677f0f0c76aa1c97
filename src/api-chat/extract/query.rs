//! Query strings, checked.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::shape::misshapen;
use crate::{
    Problem,
    validate::{Validate, check},
};

/// A valid query.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned + Validate,
    S: Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let deserializer = serde_html_form::Deserializer::from_bytes(query.as_bytes());
        let input = serde_path_to_error::deserialize(deserializer).map_err(misshapen)?;
        check(&input)?;
        Ok(Self(input))
    }
}
