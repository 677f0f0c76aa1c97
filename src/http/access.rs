//! Who may call an endpoint, and how often.
//!
//! Invariant: what nobody thought of is refused. Guests and locked accounts need an explicit yes;
//! suspended accounts may read, and need one to change anything.

use hearth_accounts::Authenticated;
use hearth_bus::{Bucket, Bus};
use http::{Method, StatusCode};
use ruma::api::error::ErrorCode;

use crate::{ApiError, ClientAddress};

/// Who may call an endpoint, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    guests: bool,
    suspended: bool,
    locked: bool,
    bucket: Option<Bucket>,
}

impl Access {
    /// Accounts in good standing; suspended ones for reading.
    pub const MEMBERS: Self = Self { guests: false, suspended: false, locked: false, bucket: None };
    /// Guests too.
    pub const GUESTS: Self = Self { guests: true, ..Self::MEMBERS };
    /// Suspended accounts too, although the endpoint changes something.
    pub const SUSPENDED: Self = Self { suspended: true, ..Self::MEMBERS };
    /// Guests and suspended accounts too.
    pub const EVERYONE: Self = Self { guests: true, ..Self::SUSPENDED };
    /// Even locked accounts: nothing but logging out.
    pub const LOCKED: Self = Self { locked: true, ..Self::EVERYONE };

    /// The same, at the rate of a bucket: by user, or by address where nobody is authenticated.
    #[must_use]
    pub const fn limited(self, bucket: Bucket) -> Self {
        Self { bucket: Some(bucket), ..self }
    }

    /// The same, at the rate of a bucket unless it has one already.
    pub(crate) const fn or_limited(self, bucket: Bucket) -> Self {
        match self.bucket {
            Some(_) => self,
            None => self.limited(bucket),
        }
    }

    /// Lets a user in, or says why not.
    ///
    /// # Errors
    /// The account is locked, suspended or a guest where that is not allowed.
    pub fn admit(self, method: &Method, who: &Authenticated) -> Result<(), ApiError> {
        let refuse = |status, code, message| Err(ApiError::new(status, code, message));
        if who.is_locked && !self.locked {
            let message = "this account is locked";
            return refuse(StatusCode::UNAUTHORIZED, ErrorCode::UserLocked, message)
                .map_err(|error| error.with("soft_logout", true));
        }
        if who.is_suspended && !self.suspended && *method != Method::GET {
            let message = "this account is suspended";
            return refuse(StatusCode::FORBIDDEN, ErrorCode::UserSuspended, message);
        }
        if who.is_guest && !self.guests {
            return Err(ApiError::guest_access_forbidden());
        }
        Ok(())
    }

    /// Takes a token of the user's bucket.
    ///
    /// # Errors
    /// There is none.
    pub fn limit_user(self, bus: &Bus, who: &Authenticated) -> Result<(), ApiError> {
        match self.bucket {
            Some(bucket) => Ok(bus.rate_limits().check(bucket, who.user.as_str())?),
            None => Ok(()),
        }
    }

    /// Takes a token of the address's bucket.
    ///
    /// # Errors
    /// There is none.
    pub fn limit_address(self, bus: &Bus, address: ClientAddress) -> Result<(), ApiError> {
        match self.bucket {
            Some(bucket) => Ok(bus.rate_limits().check(bucket, &address.0.to_string())?),
            None => Ok(()),
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self::MEMBERS
    }
}
