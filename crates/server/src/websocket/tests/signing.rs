//! Who signs tokens for these tests.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{hmac, rand};
use serde_json::{Value, json};

/// A secret for HS256, and a section that believes it.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const JWT: &str = "<jwt>\nname a\nsecret 0123456789abcdef0123456789abcdef\nleeway 0s\n</jwt>";

const RSA: &[u8] = include_bytes!("../../../../../testdata/jwt/rsa.pk8");
const P256: &[u8] = include_bytes!("../../../../../testdata/jwt/p256.pk8");

/// The head and the claims of a token, without a signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn with(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

pub(crate) fn hs256_with(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    with(&message, hmac::sign(&key, message.as_bytes()).as_ref())
}

/// Signed with [`SECRET`].
pub(crate) fn hs256(claims: &Value) -> String {
    hs256_with(SECRET.as_bytes(), &json!({"alg": "HS256"}), claims)
}

pub(crate) fn rs256(header: &Value, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let key = RsaKeyPair::from_pkcs8(RSA).expect("a key");
    let mut signature = vec![0; key.public().modulus_len()];
    let random = rand::SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).expect("signed");
    with(&message, &signature)
}

pub(crate) fn es256(header: &Value, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let random = rand::SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, P256, &random).expect("a key");
    with(&message, key.sign(&random, message.as_bytes()).expect("signed").as_ref())
}

/// So many seconds from now, as a claim.
pub(crate) fn in_seconds(seconds: u64) -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() + seconds
}

/// Claims that allow this for an hour.
pub(crate) fn allowing(rights: &Value) -> Value {
    json!({"exp": in_seconds(3600), "fluentcast": rights})
}
