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

/// Unpadded base64 that forgives padding, as the specification asks.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Seeds that were published: RFC 8032 section 7.1, the Matrix specification's appendix
/// "Cryptographic Test Vectors", and the documentation of ruma.
const PUBLISHED_SEEDS: [&str; 7] = [
    "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusA5yuf2A",
    "TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs",
    "xaqN8/n4Nfm9ssJL3MC6oRaTCIfGPQ/vSP7+/f9yPfc",
    "9eV2fPFTMZUXYw8ib4hhrb2dImYUlnTK82sKeLmP+uU",
    "gz/mJAkjexnkJpKyN8NQMJqHEZwCtk5fJ+sFm5mJDEI",
    "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1",
    "2NjO+1/bGGeDvf7Qf4PiJ/YvTNXV2mIPc/tA0T+6tgQ",
];

static PUBLISHED_KEYS: LazyLock<Vec<[u8; 32]>> = LazyLock::new(|| {
    let seeds = PUBLISHED_SEEDS.iter().filter_map(|seed| decode_32(seed));
    seeds
        .map(|seed| {
            ed25519_dalek::SigningKey::from_bytes(&seed)
                .verifying_key()
                .to_bytes()
        })
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
        let mut words = text
            .lines()
            .next()
            .unwrap_or_default()
            .split_ascii_whitespace();
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
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Whether a public key, ours or a peer's, must not be trusted: not a key at all, of small order,
/// or with a published secret (CVE-2026-24044 is such a leak).
#[must_use]
pub fn is_insecure_public_key(bytes: &[u8]) -> bool {
    let key = <&[u8; 32]>::try_from(bytes)
        .ok()
        .map(VerifyingKey::from_bytes);
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
