//! One request to an identity server.

use std::{borrow::Cow, time::Duration};

use bytes::BytesMut;
use hearth_outgoing::Limits;
use http::{Request, Response};
use ruma::api::{
    IncomingResponseExt, MatrixVersion, OutgoingRequest, OutgoingRequestExt, SupportedVersions,
    error::FromHttpResponseError, path_builder::VersionHistory,
};
use ruma_identity_service_api::IdentityServiceToken;

use crate::{Access, Identity, IdentityError};

const LIMITS: Limits =
    Limits { body_bytes_max: 64 * 1024, time_max: Duration::from_secs(20), redirects_max: 0 };

impl Identity {
    /// Asks a trusted server on behalf of a client.
    pub(crate) async fn call<R>(
        &self,
        access: Access<'_>,
        request: R,
    ) -> Result<R::IncomingResponse, IdentityError>
    where
        R: OutgoingRequest<Authentication = IdentityServiceToken, PathBuilder = VersionHistory>,
    {
        let url = self.check_trusted(access.server)?;
        let supported = SupportedVersions {
            versions: [MatrixVersion::V1_0].into(),
            features: Default::default(),
        };
        let request: Request<BytesMut> = request
            .try_into_http_request(url.as_str(), access.token, Cow::Owned(supported))
            .map_err(|_| IdentityError::BadRequest)?;
        let answer = self.outgoing.request(request.map(BytesMut::freeze), LIMITS).await?;
        let mut response = Response::new(answer.body.as_ref());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        R::IncomingResponse::try_from_http_response(response).map_err(|error| match error {
            FromHttpResponseError::Server(error) => IdentityError::Refused(error.to_string()),
            error => IdentityError::BadAnswer(error.to_string()),
        })
    }
}
