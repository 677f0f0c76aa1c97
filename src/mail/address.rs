//! Addresses that mail is sent to.
//!
//! An address is ASCII, in lower case and without quotes: two that look alike or that some mail
//! server takes for the same are the same here, so that nobody gets a letter for somebody else.
//! Domains of other alphabets are written in Punycode, as mail servers do.

use std::{fmt, str::FromStr};

use lettre::Address;

use crate::MailError;

/// Longest address in bytes (RFC 5321, with the correction of erratum 1690).
const BYTES_MAX: usize = 254;

/// An address in its one canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_lettre(&self) -> Result<Address, MailError> {
        self.0.parse().map_err(|_| MailError::InvalidAddress)
    }
}

impl FromStr for EmailAddress {
    type Err = MailError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let canonical = text.trim().to_ascii_lowercase();
        let local = canonical.split('@').next().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"(),:;<>[\\]".contains(&byte);
        if canonical.len() > BYTES_MAX || local.is_empty() || !canonical.bytes().all(plain) {
            return Err(MailError::InvalidAddress);
        }
        let address: Address = canonical.parse().map_err(|_| MailError::InvalidAddress)?;
        // An address literal is a host, and it would let a stranger choose where we connect.
        let domain = address.domain();
        if !domain.contains('.') || domain.parse::<std::net::IpAddr>().is_ok() {
            return Err(MailError::InvalidAddress);
        }
        Ok(Self(canonical))
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_has_one_form() {
        for text in ["alice@example.org", " Alice@Example.ORG ", "ALICE@EXAMPLE.ORG"] {
            assert_eq!(text.parse::<EmailAddress>().unwrap().as_str(), "alice@example.org");
        }
        assert!("a.b+c_d-e@mail.example.org".parse::<EmailAddress>().is_ok());
    }

    #[test]
    fn what_could_be_something_else_is_no_address() {
        for text in [
            "",
            "alice",
            "@example.org",
            "alice@",
            "alice@localhost",
            "alice@127.0.0.1",
            "alice@[127.0.0.1]",
            "alice@[::1]",
            "a@b@example.org",
            "\"alice bob\"@example.org",
            "alice@example.org\r\nBcc: eve@example.org",
            "alice@example.org>,<eve@example.org",
            "alice@example.org,eve@example.org",
            "Alice <alice@example.org>",
            "al\u{131}ce@example.org",
            "alice@exa\u{0}mple.org",
        ] {
            assert!(text.parse::<EmailAddress>().is_err(), "{text:?}");
        }
        let long = format!("alice@{}example.org", "a.".repeat(130));
        assert!(long.parse::<EmailAddress>().is_err());
    }

    proptest! {
        #[test]
        fn an_address_is_one_line_and_stays_itself(text in "\\PC{0,40}@\\PC{0,40}") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(address.as_str().parse::<EmailAddress>().unwrap(), address);
            }
        }
    }
}
