//! Signatures, checked by ring: what `jsonwebtoken` is given to check them with.
//!
//! Each kind of key goes with one algorithm. Whatever a token says of itself, a public key never checks an HMAC,
//! and nothing passes for unsigned: there is no other pair here.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// Nothing is signed here, and no key is made of another.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring what signatures are checked with in this process. The first time counts.
pub(super) fn install() {
    // An error says that it was there before.
    let _ = RING.install_default();
}

struct Ring {
    algorithm: Algorithm,
    key: Key,
}

enum Key {
    Shared(hmac::Key),
    RsaDer(UnparsedPublicKey<Vec<u8>>),
    RsaNumbers(RsaPublicKeyComponents<Vec<u8>>),
    P256(UnparsedPublicKey<Vec<u8>>),
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    use AlgorithmFamily::{Ec, Hmac, Rsa};
    use DecodingKeyKind::{RsaModulusExponent, SecretOrDer};
    let algorithm = *algorithm;
    let key = match (algorithm, key.family(), key.kind()) {
        (Algorithm::HS256, Hmac, SecretOrDer(secret)) => {
            Key::Shared(hmac::Key::new(hmac::HMAC_SHA256, secret))
        }
        (Algorithm::RS256, Rsa, SecretOrDer(der)) => {
            Key::RsaDer(UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.clone()))
        }
        (Algorithm::RS256, Rsa, RsaModulusExponent { n, e }) => {
            Key::RsaNumbers(RsaPublicKeyComponents { n: n.clone(), e: e.clone() })
        }
        (Algorithm::ES256, Ec, SecretOrDer(point)) => {
            Key::P256(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.clone()))
        }
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    Ok(Box::new(Ring { algorithm, key }))
}

impl Verifier<Vec<u8>> for Ring {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let checked = match &self.key {
            Key::Shared(key) => hmac::verify(key, message, signature),
            Key::RsaDer(key) | Key::P256(key) => key.verify(message, signature),
            Key::RsaNumbers(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        checked.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Ring {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
