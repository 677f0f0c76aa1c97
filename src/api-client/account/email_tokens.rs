//! `…/email/requestToken`: a letter with a link that proves an address.
//!
//! Whether the address has an account here is never answered: the letter says it to its reader.

use std::sync::Arc;

use axum::extract::State;
use hearth_accounts::{Accounts, EmailPurpose, EmailTokenRequest};
use hearth_bus::{Bucket, Bus};
use hearth_http::{ApiError, Ruma, RumaResponse};
use ruma::{
    ClientSecret, OwnedSessionId, UInt,
    api::{
        client::account::{
            request_3pid_management_token_via_email as add,
            request_password_change_token_via_email as reset,
            request_registration_token_via_email as register,
        },
        error::ErrorCode,
    },
};

use crate::{Registration, Settings, error::Error};

/// `POST /register/email/requestToken`.
pub(crate) async fn request_registration_email(
    State(accounts): State<Accounts>,
    State(bus): State<Bus>,
    State(settings): State<Arc<Settings>>,
    Ruma { request, .. }: Ruma<register::v3::Request>,
) -> Result<RumaResponse<register::v3::Response>, Error> {
    if settings.registration == Registration::Closed {
        return Err(Error::threepid_denied());
    }
    let asked = Asked {
        client_secret: &request.client_secret,
        email: &request.email,
        send_attempt: request.send_attempt,
        next_link: request.next_link.as_deref(),
    };
    let session = asked.send(&accounts, &bus, EmailPurpose::Register).await?;
    Ok(RumaResponse(register::v3::Response::new(session)))
}

/// `POST /account/3pid/email/requestToken`.
pub(crate) async fn request_third_party_id_email(
    State(accounts): State<Accounts>,
    State(bus): State<Bus>,
    Ruma { request, .. }: Ruma<add::v3::Request>,
) -> Result<RumaResponse<add::v3::Response>, Error> {
    if !accounts.sends_mail() {
        let message = "this server does not know e-mail addresses";
        let code = ErrorCode::ThreepidMediumNotSupported;
        return Err(ApiError::bad_request(code, message).into());
    }
    let asked = Asked {
        client_secret: &request.client_secret,
        email: &request.email,
        send_attempt: request.send_attempt,
        next_link: request.next_link.as_deref(),
    };
    let session = asked.send(&accounts, &bus, EmailPurpose::Add).await?;
    Ok(RumaResponse(add::v3::Response::new(session)))
}

/// `POST /account/password/email/requestToken`.
pub(crate) async fn request_password_email(
    State(accounts): State<Accounts>,
    State(bus): State<Bus>,
    Ruma { request, .. }: Ruma<reset::v3::Request>,
) -> Result<RumaResponse<reset::v3::Response>, Error> {
    let asked = Asked {
        client_secret: &request.client_secret,
        email: &request.email,
        send_attempt: request.send_attempt,
        next_link: request.next_link.as_deref(),
    };
    let session = asked.send(&accounts, &bus, EmailPurpose::ResetPassword).await?;
    Ok(RumaResponse(reset::v3::Response::new(session)))
}

/// What all of these requests ask for.
struct Asked<'a> {
    client_secret: &'a ClientSecret,
    email: &'a str,
    send_attempt: UInt,
    next_link: Option<&'a str>,
}

impl Asked<'_> {
    async fn send(
        &self,
        accounts: &Accounts,
        bus: &Bus,
        purpose: EmailPurpose,
    ) -> Result<OwnedSessionId, Error> {
        let recipient = self.email.trim().to_ascii_lowercase();
        bus.rate_limits().check(Bucket::Letters, &recipient)?;
        let request = EmailTokenRequest {
            purpose,
            address: &recipient,
            client_secret: self.client_secret.as_str(),
            send_attempt: self.send_attempt.into(),
            next_link: self.next_link,
        };
        let session = accounts.request_email_token(request).await?;
        Ok(OwnedSessionId::try_from(session).map_err(ApiError::internal)?)
    }
}
