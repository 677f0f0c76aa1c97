//! The server's ed25519 key: made, kept as a text file, and used to sign.
//!
//! A key that anybody could guess is refused wherever it comes from. The secret is never printed.

use std::sync::LazyLock;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ed25519_dalek::{Signer, VerifyingKey};
use hearth_base::Random;
use ruma::{
    CanonicalJsonObject, OwnedServerSigningKeyId, ServerName, ServerSigningKeyId,
    SigningKeyAlgorithm,
    signatures::{JsonError, KeyPair, Signature, sign_json},
};

/// Characters of the random part of a new key's version.
const VERSION_RANDOM_CHARS: usize = 4;
/// Fewest different bytes of a seed that was drawn at random (the chance of fewer is below 2⁻⁵⁰).
const SEED_DISTINCT_BYTES_MIN: usize = 16;
/// Longest version of a key in bytes.
const VERSION_BYTES_MAX: usize = 64;

/// Unpadded base64 that forgives padding, and stray bits as the specification's vectors have.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Seeds that were published: RFC 8032 section 7.1, the Matrix specification's appendix
/// "Cryptographic Test Vectors", and the documentation of ruma.
const PUBLISHED_SEEDS: [&str; 7] = [
    "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs",
    "xaqN9D+fg3vtt0QvMdy3sWbThTUHbwlLhc46LgtEWPc",
    "9eV2fPFTMZUXYw8iaHa4bIFgzFg7wBN0TGvyVfXMDuU",
    "gz/mJAkje51i7HdYdSCRHpp1nOwdGXVbfakBuW3KPUI",
    "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1",
    "2OjO919uwYS3oMP7tR/g+In9i9M1dXaYg9z+0DRP7q0",
];

static PUBLISHED_KEYS: LazyLock<Vec<[u8; 32]>> = LazyLock::new(|| {
    let seeds = PUBLISHED_SEEDS.iter().filter_map(|seed| decode_32(seed));
    seeds
        .map(|seed| ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes())
        .collect()
});

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The file is not `ed25519 <version> <unpadded base64 of 32 bytes>`.
    #[error("the signing key file is not `ed25519 <version> <base64 seed>`")]
    Malformed,
    /// Anybody could know this key: published, trivial, or hardly random.
    #[error("the signing key is known to be insecure; delete it to have a new one made")]
    Insecure,
}

/// The ed25519 key that signs events and requests of this server.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    id: OwnedServerSigningKeyId,
}

impl SigningKey {
    /// A new key with an id like `ed25519:a_x3Fq`.
    ///
    /// # Errors
    /// [`SigningKeyError::Insecure`] when the source of randomness is broken.
    pub fn generate(random: &Random) -> Result<Self, SigningKeyError> {
        let version = format!("a_{}", random.alphanumeric(VERSION_RANDOM_CHARS));
        Self::from_seed(&random.bytes(), &version)
    }

    /// Reads what [`SigningKey::to_bytes`] wrote, which is also Synapse's format of the first line.
    ///
    /// # Errors
    /// See [`SigningKeyError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SigningKeyError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SigningKeyError::Malformed)?;
        let mut words = text.lines().next().unwrap_or_default().split_ascii_whitespace();
        let (Some("ed25519"), Some(version), Some(seed), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(SigningKeyError::Malformed);
        };
        Self::from_seed(&decode_32(seed).ok_or(SigningKeyError::Malformed)?, version)
    }

    fn from_seed(seed: &[u8; 32], version: &str) -> Result<Self, SigningKeyError> {
        if version.len() > VERSION_BYTES_MAX {
            return Err(SigningKeyError::Malformed);
        }
        let id = ServerSigningKeyId::parse(format!("ed25519:{version}"))
            .map_err(|_| SigningKeyError::Malformed)?;
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        if is_trivial(seed) || is_insecure_public_key(key.verifying_key().as_bytes()) {
            return Err(SigningKeyError::Insecure);
        }
        Ok(Self { key, id })
    }

    /// One line of text for a file that only the server can read.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let seed = BASE64.encode(self.key.as_bytes());
        format!("ed25519 {} {seed}\n", self.id.key_name()).into_bytes()
    }

    /// The key id, `ed25519:<version>`.
    #[must_use]
    pub fn id(&self) -> &ServerSigningKeyId {
        &self.id
    }

    /// The public key in unpadded base64.
    #[must_use]
    pub fn public_key_base64(&self) -> String {
        BASE64.encode(self.key.verifying_key().as_bytes())
    }

    /// Signs any JSON object in the name of `server_name` (specification, appendix "Signing
    /// JSON"), adding to its `signatures`.
    ///
    /// # Errors
    /// When the object has a `signatures` that is not an object of objects.
    pub fn sign_json(
        &self,
        server_name: &ServerName,
        object: &mut CanonicalJsonObject,
    ) -> Result<(), JsonError> {
        sign_json(server_name.as_str(), self, object)
    }
}

impl KeyPair for SigningKey {
    fn sign(&self, message: &[u8]) -> Signature {
        let id = ruma::SigningKeyId::from_parts(
            SigningKeyAlgorithm::Ed25519,
            self.id.key_name().as_str().into(),
        );
        Signature::new(id, self.key.sign(message).to_bytes().to_vec())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Whether a public key, ours or a peer's, must not be trusted: not a key at all, of small order,
/// or with a published secret (CVE-2026-24044 is such a leak).
#[must_use]
pub fn is_insecure_public_key(bytes: &[u8]) -> bool {
    let key = <&[u8; 32]>::try_from(bytes).ok().map(VerifyingKey::from_bytes);
    let Some(Ok(key)) = key else { return true };
    key.is_weak() || PUBLISHED_KEYS.contains(key.as_bytes())
}

/// Repeated bytes, short periods and counters all have few different bytes or equal steps.
fn is_trivial(seed: &[u8; 32]) -> bool {
    let distinct = seed.iter().collect::<std::collections::BTreeSet<_>>().len();
    let mut steps = seed.windows(2).map(|pair| match pair {
        [first, second] => second.wrapping_sub(*first),
        _ => 0,
    });
    let first_step = steps.next();
    distinct < SEED_DISTINCT_BYTES_MIN || steps.all(|step| Some(step) == first_step)
}

fn decode_32(base64: &str) -> Option<[u8; 32]> {
    BASE64.decode(base64).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use ruma::{
        RoomVersionId,
        serde::Base64,
        server_name,
        signatures::{PublicKeyMap, PublicKeySet, Verified, sign_event, verify_event, verify_json},
    };

    use super::*;
    use crate::test_room::{ALICE, TestRoom};

    /// The key of the specification's appendix "Cryptographic Test Vectors", past the refusal.
    fn published_key() -> SigningKey {
        let seed = decode_32("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1").unwrap();
        SigningKey {
            key: ed25519_dalek::SigningKey::from_bytes(&seed),
            id: ServerSigningKeyId::parse("ed25519:1").unwrap(),
        }
    }

    fn keys_of(key: &SigningKey) -> PublicKeyMap {
        let public = Base64::parse(key.public_key_base64()).unwrap();
        let set = PublicKeySet::from([(key.id().to_string(), public)]);
        PublicKeyMap::from([("hearth.test".to_owned(), set)])
    }

    #[test]
    fn the_specifications_vectors_hold() {
        let key = published_key();
        assert_eq!(key.public_key_base64(), "XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI");
        let mut object = CanonicalJsonObject::new();
        key.sign_json(server_name!("domain"), &mut object).unwrap();
        let signature = concat!(
            "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76L",
            "Trr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"
        );
        assert_eq!(
            serde_json::to_value(&object).unwrap(),
            serde_json::json!({ "signatures": { "domain": { "ed25519:1": signature } } })
        );

        let event = r#"{
            "auth_events": [], "content": {}, "depth": 3,
            "hashes": { "sha256": "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos" },
            "origin": "domain", "origin_server_ts": 1000000, "prev_events": [],
            "room_id": "!x:domain", "sender": "@a:domain", "type": "X"
        }"#;
        let mut event: CanonicalJsonObject = serde_json::from_str(event).unwrap();
        let rules = &ruma::room_version_rules::RedactionRules::V1;
        sign_event("domain", &key, &mut event, rules).unwrap();
        assert!(serde_json::to_string(&event).unwrap().contains(
            "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg"
        ));
    }

    #[test]
    fn what_is_signed_verifies_and_tampering_shows() {
        let mut room = TestRoom::new(&RoomVersionId::V11, "public");
        let message = room.message(ALICE).unwrap();
        let keys = keys_of(&room.key);
        let mut object = message.to_object().unwrap();
        assert_eq!(verify_event(&keys, &object, room.rules).unwrap(), Verified::All);
        object.insert("content".to_owned(), CanonicalJsonObject::new().into());
        assert_eq!(verify_event(&keys, &object, room.rules).unwrap(), Verified::Signatures);
        object.insert("depth".to_owned(), ruma::int!(1).into());
        verify_event(&keys, &object, room.rules).unwrap_err();

        let mut json = CanonicalJsonObject::from([("one".to_owned(), ruma::int!(1).into())]);
        room.key.sign_json(server_name!("hearth.test"), &mut json).unwrap();
        verify_json(&keys, &json).unwrap();
    }

    #[test]
    fn a_key_survives_its_file() {
        let key = SigningKey::generate(&Random::system()).unwrap();
        let again = SigningKey::from_bytes(&key.to_bytes()).unwrap();
        assert_eq!(again.id(), key.id());
        assert_eq!(again.public_key_base64(), key.public_key_base64());
        assert!(key.id().as_str().starts_with("ed25519:a_"));
        assert!(!is_insecure_public_key(&BASE64.decode(key.public_key_base64()).unwrap()));
    }

    #[test]
    fn files_that_hold_no_key_are_refused() {
        let good = SigningKey::generate(&Random::system()).unwrap().to_bytes();
        let long = format!("ed25519 {} {}", "a".repeat(65), BASE64.encode([1; 32]));
        for bad in
            ["", "ed25519", "ed25519 a_1", "ed25519 a_1 AAAA", "rsa a_1 AAAA", &long, "\u{0}"]
        {
            let refused = SigningKey::from_bytes(bad.as_bytes());
            assert!(matches!(refused, Err(SigningKeyError::Malformed)), "{bad}");
        }
        let (_, truncated) = good.split_first().unwrap();
        SigningKey::from_bytes(truncated).unwrap_err();
        SigningKey::from_bytes(&[0xff; 40]).unwrap_err();
    }

    #[test]
    fn keys_that_anybody_could_know_are_refused() {
        let counter: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let period: [u8; 32] = std::array::from_fn(|index| u8::try_from(index % 8).unwrap());
        let trivial = [[0; 32], [0xff; 32], [0x42; 32], counter, period].map(|s| BASE64.encode(s));
        for seed in trivial.iter().map(String::as_str).chain(PUBLISHED_SEEDS) {
            let refused = SigningKey::from_bytes(format!("ed25519 a_1 {seed}").as_bytes());
            assert!(matches!(refused, Err(SigningKeyError::Insecure)), "{seed}");
        }
        assert!(is_insecure_public_key(&[0; 32]));
        assert!(is_insecure_public_key(&[1; 31]));
        // The public keys that RFC 8032 gives for its tests 1 and SHA(abc).
        for hex in [
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        ] {
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let public: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            assert!(PUBLISHED_KEYS.iter().any(|key| *key == *public), "{hex}");
        }
        let published = BASE64.decode("XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI").unwrap();
        assert!(is_insecure_public_key(&published));
    }

    #[test]
    fn debug_hides_the_secret() {
        let key = SigningKey::generate(&Random::seeded(3)).unwrap();
        let text = String::from_utf8(key.to_bytes()).unwrap();
        let seed = text.split_whitespace().next_back().unwrap();
        assert!(!format!("{key:?}").contains(seed));
        assert!(!format!("{key:?}").contains(&format!("{:?}", key.key.as_bytes())));
    }
}
