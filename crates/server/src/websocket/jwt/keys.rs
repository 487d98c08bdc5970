//! The keys of an issuer: from a secret, a PEM file or a JSON Web Key Set.

use std::io::{self, Read as _};
use std::path::Path;

use fluentcast_config::settings::{JwtKey, Secret};
use fluentcast_event::limits::{
    JWKS_KEYS_MAX, JWT_SECRET_BYTES_MIN, KEY_FILE_BYTES_MAX, TOKEN_FILE_BYTES_MAX,
};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use pkcs8::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;

use super::super::grants::Standing;

/// A key, and the only algorithm it is for.
#[derive(Debug)]
pub(super) struct Key {
    /// `kid`, in a set.
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
    /// Of those who came by a token that it has signed.
    pub(super) standing: Standing,
}

/// Those of one issuer; never empty.
#[derive(Debug)]
pub(super) struct Keys {
    keys: Vec<Key>,
    /// They are of a set, in which `kid` chooses.
    are_a_set: bool,
}

impl Key {
    fn new(id: Option<String>, algorithm: Algorithm, decoding: DecodingKey) -> Self {
        Self { id, algorithm, decoding, standing: Standing::default() }
    }

    fn is_like(&self, other: &Self) -> bool {
        use DecodingKeyKind::{RsaModulusExponent, SecretOrDer};
        let same_bytes = match (self.decoding.kind(), other.decoding.kind()) {
            (SecretOrDer(one), SecretOrDer(other)) => one == other,
            (RsaModulusExponent { n, e }, RsaModulusExponent { n: other_n, e: other_e }) => {
                n == other_n && e == other_e
            }
            _ => false,
        };
        same_bytes && self.id == other.id && self.algorithm == other.algorithm
    }
}

impl Keys {
    /// Reads them from where the section says.
    pub(super) fn read(key: &JwtKey) -> io::Result<Self> {
        match key {
            JwtKey::Secret(secret) => Self::of_secret(secret),
            JwtKey::SecretFile(path) => {
                let text = read(path, TOKEN_FILE_BYTES_MAX)?;
                Self::of_secret(&Secret::new(text.trim().to_owned()))
            }
            JwtKey::PublicKeyFile(path) => Self::of_pem(read(path, KEY_FILE_BYTES_MAX)?.as_bytes()),
            JwtKey::JwksFile(path) => Self::of_set(read(path, KEY_FILE_BYTES_MAX)?.as_bytes()),
        }
    }

    fn of_secret(secret: &Secret) -> io::Result<Self> {
        let secret = secret.expose();
        if secret.contains("-----BEGIN") {
            return Err(io::Error::other(
                "it is a key in PEM, not a secret: who has a public key could sign with it. Use `public_key_file`",
            ));
        }
        if secret.len() < JWT_SECRET_BYTES_MIN {
            let told = format!(
                "a secret of less than {JWT_SECRET_BYTES_MIN} bytes can be found by trying: `openssl rand -hex 32` makes one"
            );
            return Err(io::Error::other(told));
        }
        let decoding = DecodingKey::from_secret(secret.as_bytes()).map_err(io::Error::other)?;
        Ok(Self { keys: vec![Key::new(None, Algorithm::HS256, decoding)], are_a_set: false })
    }

    fn of_pem(pem: &[u8]) -> io::Result<Self> {
        if String::from_utf8_lossy(pem).contains("PRIVATE KEY") {
            return Err(io::Error::other(
                "it is a private key, which only the issuer should have: \
                 `openssl pkey -in KEY -pubout` makes the public one of it",
            ));
        }
        let found = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok().and_then(|der| of_der(&der));
        let Some((algorithm, decoding)) = found else {
            let told =
                "it is no public key for RS256 or ES256 in PEM (`-----BEGIN PUBLIC KEY-----`; RSA or P-256)";
            return Err(io::Error::other(told));
        };
        Ok(Self { keys: vec![Key::new(None, algorithm, decoding)], are_a_set: false })
    }

    /// Reads a set. Keys for something else (encryption, other algorithms) may stand in it, and are none here.
    pub(super) fn of_set(json: &[u8]) -> io::Result<Self> {
        let bad = |problem: &dyn std::fmt::Display| {
            io::Error::other(format!("it is no JSON Web Key Set: {problem}"))
        };
        let set: serde_json::Value = serde_json::from_slice(json).map_err(|error| bad(&error))?;
        let listed =
            set.get("keys").and_then(serde_json::Value::as_array).ok_or_else(|| bad(&"`keys` is missing"))?;
        if listed.len() > JWKS_KEYS_MAX {
            return Err(io::Error::other(format!("it has more than {JWKS_KEYS_MAX} keys")));
        }
        let mut keys: Vec<Key> = Vec::new();
        for (index, value) in listed.iter().enumerate() {
            // One that cannot be read is one of a kind that is not known.
            let Ok(jwk) = serde_json::from_value::<Jwk>(value.clone()) else { continue };
            let Some(algorithm) = algorithm_of(&jwk) else { continue };
            let decoding = DecodingKey::from_jwk(&jwk)
                .map_err(|error| io::Error::other(format!("key {}: {error}", index + 1)))?;
            if algorithm == Algorithm::HS256
                && decoding.try_get_as_bytes().is_ok_and(|secret| secret.len() < JWT_SECRET_BYTES_MIN)
            {
                let told = format!("key {}: a secret of less than {JWT_SECRET_BYTES_MIN} bytes", index + 1);
                return Err(io::Error::other(told));
            }
            let key = Key::new(jwk.common.key_id, algorithm, decoding);
            if keys.iter().any(|known| known.id == key.id) {
                let told = format!("key {}: its `kid` is that of another, or both have none", index + 1);
                return Err(io::Error::other(told));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(io::Error::other("it has no key for HS256, RS256 or ES256"));
        }
        Ok(Self { keys, are_a_set: true })
    }

    /// The key that a token must be signed with which names this one.
    pub(super) fn choose(&self, id: Option<&str>) -> Option<&Key> {
        match (id, self.keys.as_slice()) {
            // Outside of a set there is nothing to choose, whatever the issuer calls its key.
            (_, [only]) if !self.are_a_set => Some(only),
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(_), keys) => keys.iter().find(|key| key.id.as_deref() == id),
        }
    }

    /// Who came by a key that was there before stands as before.
    pub(super) fn inherit(&mut self, before: &Self) {
        for key in &mut self.keys {
            if let Some(same) = before.keys.iter().find(|known| known.is_like(key)) {
                key.standing = same.standing.clone();
            }
        }
    }

    /// The standing of each.
    pub(super) fn standings(&self) -> impl Iterator<Item = &Standing> {
        self.keys.iter().map(|key| &key.standing)
    }
}

/// A public key, and what it is for.
fn of_der(der: &[u8]) -> Option<(Algorithm, DecodingKey)> {
    let info = SubjectPublicKeyInfoRef::try_from(der).ok()?;
    let key = info.subject_public_key.as_bytes()?;
    match info.algorithm.oid {
        RSA => Some((Algorithm::RS256, DecodingKey::from_rsa_der(key))),
        EC if info.algorithm.parameters_oid().ok()? == P256 => {
            Some((Algorithm::ES256, DecodingKey::from_ec_der(key)))
        }
        _ => None,
    }
}

/// `rsaEncryption` (RFC 8017), `id-ecPublicKey` and the curve P-256 (RFC 5480).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// What a key of a set is for; `None`: nothing that is done here.
fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return None;
    }
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKey(_) => (Algorithm::HS256, KeyAlgorithm::HS256),
        _ => return None,
    };
    jwk.common.key_algorithm.is_none_or(|said| said == name).then_some(algorithm)
}

/// A file of text, with a bound.
fn read(path: &Path, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("it is longer than {bytes_max} bytes")));
    }
    Ok(text)
}
