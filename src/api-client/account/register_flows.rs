//! What whoever registers has to do.

use hearth_http::ApiError;
use ruma::api::client::uiaa::{AuthFlow, AuthType};
use serde_json::{Value, json};

use crate::{Registration, Settings};

/// The ways to an account. An e-mail address may be proven where letters are sent.
pub(super) fn flows(settings: &Settings, sends_mail: bool) -> Result<Vec<AuthFlow>, ApiError> {
    let token = match settings.registration {
        Registration::Open => None,
        Registration::Token => Some(AuthType::RegistrationToken),
        Registration::Closed => return Err(ApiError::forbidden("registration is closed")),
    };
    let ways = match (settings.require_email, sends_mail) {
        (true, _) => vec![Some(AuthType::EmailIdentity)],
        // The stage that asks for nothing keeps one flow from being the beginning of the other.
        (false, true) => vec![Some(AuthType::Dummy), Some(AuthType::EmailIdentity)],
        (false, false) => vec![token.is_none().then_some(AuthType::Dummy)],
    };
    let terms = settings.terms.as_ref().map(|_| AuthType::Terms);
    let flow = |way: Option<AuthType>| {
        AuthFlow::new(token.clone().into_iter().chain(way).chain(terms.clone()).collect())
    };
    Ok(ways.into_iter().map(flow).collect())
}

/// What the stages tell a client: where the terms are.
pub(super) fn params(settings: &Settings) -> Value {
    let Some(terms) = &settings.terms else {
        return json!({});
    };
    let document = json!({
        "version": terms.version,
        "en": { "name": "Terms of service", "url": terms.url },
    });
    json!({ "m.login.terms": { "policies": { "terms_of_service": document } } })
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;
    use crate::Terms;

    fn stages(settings: &Settings, sends_mail: bool) -> Vec<Vec<String>> {
        let stage = |stage: &AuthType| stage.as_str().trim_start_matches("m.login.").to_owned();
        let flows = flows(settings, sends_mail).unwrap();
        flows.iter().map(|flow| flow.stages.iter().map(stage).collect()).collect()
    }

    #[test]
    fn flows_follow_the_settings() {
        let closed = Settings::new(server_name!("example.org").to_owned());
        assert!(flows(&closed, true).is_err());
        let open = Settings { registration: Registration::Open, ..closed.clone() };
        assert_eq!(stages(&open, false), [["dummy"]]);
        assert_eq!(stages(&open, true), [["dummy"], ["email.identity"]]);
        let proven = Settings { require_email: true, ..open.clone() };
        assert_eq!(stages(&proven, true), [["email.identity"]]);
        let token = Settings { registration: Registration::Token, ..closed };
        assert_eq!(stages(&token, false), [["registration_token"]]);
        let expected = [["registration_token", "dummy"], ["registration_token", "email.identity"]];
        assert_eq!(stages(&token, true), expected);
        let terms = Some(Terms { url: "https://x.org/".to_owned(), version: "2".to_owned() });
        let terms = Settings { terms, ..open };
        assert_eq!(stages(&terms, false), [["dummy", "terms"]]);
        let shown = params(&terms);
        assert_eq!(shown["m.login.terms"]["policies"]["terms_of_service"]["version"], "2");
    }
}
