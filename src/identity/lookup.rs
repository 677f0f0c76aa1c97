//! Who owns an address.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ruma::OwnedUserId;
use ruma_identity_service_api::lookup::{
    IdentifierHashingAlgorithm, get_hash_parameters, lookup_3pid,
};
use sha2::{Digest, Sha256};

use crate::{Access, Address, Identity, IdentityError};

impl Identity {
    /// The user who owns an address, if the server knows one.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub async fn owner(
        &self,
        access: Access<'_>,
        address: &Address,
    ) -> Result<Option<OwnedUserId>, IdentityError> {
        let details = self.call(access, get_hash_parameters::v2::Request::new()).await?;
        let pepper = details.lookup_pepper;
        let (algorithm, asked) = if details.algorithms.contains(&IdentifierHashingAlgorithm::Sha256)
        {
            (IdentifierHashingAlgorithm::Sha256, hashed(address, &pepper))
        } else {
            (IdentifierHashingAlgorithm::None, plain(address))
        };
        let request = lookup_3pid::v2::Request::new(algorithm, pepper, vec![asked.clone()]);
        let mut answer = self.call(access, request).await?;
        Ok(answer.mappings.remove(&asked))
    }
}

fn plain(Address { medium, address }: &Address) -> String {
    format!("{address} {medium}")
}

/// The address as identity servers that hash know it (specification, `POST /lookup`).
fn hashed(address: &Address, pepper: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{} {pepper}", plain(address))))
}

#[cfg(test)]
mod tests {
    use ruma::thirdparty::Medium;

    use super::*;

    #[test]
    fn hashes_are_those_of_the_specification() {
        let alice = Address { medium: Medium::Email, address: "alice@example.com".to_owned() };
        assert_eq!(hashed(&alice, "matrixrocks"), "4kenr7N9drpCJ4AfalmlGQVsOn3o2RHjkADUpXJWZUc");
        let phone = Address { medium: Medium::Msisdn, address: "18005552067".to_owned() };
        assert_eq!(hashed(&phone, "matrixrocks"), "nlo35_T5fzSGZzJApqu8lgIudJvmOQtDaHtr-I4rU7I");
    }
}
