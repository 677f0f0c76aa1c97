//! Where a browser is sent in the end, with a login token.
//!
//! A client says so in `redirectUrl`, and anybody can make somebody open such an address. So an
//! address that the settings do not trust gets a token only after the person has seen which one it
//! is; and what is no address of a program but a program itself is refused.

use url::Url;

use crate::SsoError;

/// Longest address of a client in bytes.
const REDIRECT_BYTES_MAX: usize = 4_096;
/// Schemes whose addresses run or read something in the browser.
const FORBIDDEN_SCHEMES: [&str; 8] =
    ["javascript", "data", "vbscript", "file", "blob", "filesystem", "about", "view-source"];

/// Where a client wants the browser in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
    is_trusted: bool,
}

impl Target {
    pub(crate) fn parse(text: &str, trusted: &[Url]) -> Result<Self, SsoError> {
        if text.len() > REDIRECT_BYTES_MAX {
            return Err(SsoError::BadRedirect("it is too long"));
        }
        let url = Url::parse(text).map_err(|_| SsoError::BadRedirect("it is not a whole URL"))?;
        if FORBIDDEN_SCHEMES.contains(&url.scheme()) {
            return Err(SsoError::BadRedirect("it is not the address of an application"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SsoError::BadRedirect("it has credentials"));
        }
        let is_trusted = trusted.iter().any(|trusted| is_below(&url, trusted));
        Ok(Self { url, is_trusted })
    }

    /// Whether the settings trust the address, so that nobody has to be asked.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// What a person recognizes: scheme and host, or the scheme of an application.
    #[must_use]
    pub fn name(&self) -> String {
        match self.url.host_str() {
            Some(_) if matches!(self.url.scheme(), "http" | "https") => {
                self.url.origin().ascii_serialization()
            }
            _ => format!("{}:", self.url.scheme()),
        }
    }

    /// The address with the login token in its query.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Url {
        let mut url = self.url.clone();
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "loginToken")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(kept).append_pair("loginToken", token);
        url
    }
}

fn is_below(url: &Url, trusted: &Url) -> bool {
    let same_place = match (url.origin(), trusted.origin()) {
        (url::Origin::Opaque(_), _) | (_, url::Origin::Opaque(_)) => {
            url.scheme() == trusted.scheme() && url.host_str() == trusted.host_str()
        }
        (one, other) => one == other,
    };
    let rest = url.path().strip_prefix(trusted.path());
    same_place
        && rest.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('/') || trusted.path().ends_with('/')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Result<Target, SsoError> {
        let trusted = ["https://app.example.org/client", "element://connect"];
        Target::parse(text, &trusted.map(|url| Url::parse(url).unwrap()))
    }

    #[test]
    fn only_the_same_place_is_trusted() {
        for trusted in [
            "https://app.example.org/client",
            "https://app.example.org/client/?x=1#/home",
            "https://app.example.org:443/client/login",
            "element://connect",
        ] {
            assert!(target(trusted).unwrap().is_trusted(), "{trusted}");
        }
        for untrusted in [
            "https://app.example.org/client2",
            "https://app.example.org/",
            "http://app.example.org/client",
            "https://app.example.org:8443/client",
            "https://app.example.org.evil.net/client",
            "https://evil.net/https://app.example.org/client",
            "element://connect.evil",
            "other://connect",
        ] {
            assert!(!target(untrusted).unwrap().is_trusted(), "{untrusted}");
        }
    }

    #[test]
    fn what_is_no_application_is_refused() {
        for refused in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "/relative",
            "",
            "https://user:password@app.example.org/client",
        ] {
            assert!(target(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn the_token_joins_the_query() {
        let url = |text| target(text).unwrap().with_token("t").to_string();
        assert_eq!(url("https://a.org/"), "https://a.org/?loginToken=t");
        assert_eq!(
            url("https://a.org/x?a=1&loginToken=forged#/home"),
            "https://a.org/x?a=1&loginToken=t#/home"
        );
        assert_eq!(url("element://connect"), "element://connect?loginToken=t");
        assert_eq!(target("element://connect?x").unwrap().name(), "element:");
        assert_eq!(target("https://a.org:8443/x").unwrap().name(), "https://a.org:8443");
    }
}
