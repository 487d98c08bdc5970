//! Signed tokens: what nobody has signed is never believed, whatever it says; what was signed is believed only if it
//! says, in its place, until when it is good and what it allows.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use fluentcast_config::settings::{Jwt, JwtKey, Secret};
use fluentcast_server::websocket::jwt::{Believed, Issuer, keys_in_set};
use libfuzzer_sys::fuzz_target;
use ring::hmac;
use serde_json::Value;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const HEAD: &[u8] = br#"{"alg":"HS256"}"#;
const CLAIMS: &[u8] = br#"{"exp":1700000100,"fluentcast":{}}"#;

static ISSUERS: LazyLock<[Issuer; 3]> = LazyLock::new(|| {
    let file =
        |name: &str| -> PathBuf { [env!("CARGO_MANIFEST_DIR"), "../testdata/jwt", name].iter().collect() };
    [
        JwtKey::Secret(Secret::new(SECRET.to_owned())),
        JwtKey::PublicKeyFile(file("rsa.pub.pem")),
        JwtKey::PublicKeyFile(file("p256.pub.pem")),
    ]
    .map(|key| {
        let jwt = Jwt {
            name: "a".to_owned(),
            key,
            issuers: Vec::new(),
            audiences: Vec::new(),
            claim: "fluentcast".to_owned(),
            leeway: Duration::ZERO,
            origin: Default::default(),
        };
        Issuer::new(&jwt).expect("the keys of the tests")
    })
});

fuzz_target!(|data: &[u8]| {
    let _ = keys_in_set(data);
    let text = String::from_utf8_lossy(data);
    for issuer in &*ISSUERS {
        assert!(believe(issuer, &text).is_none(), "believed, and nobody has signed it");
        assert!(believe(issuer, &unsigned(data, CLAIMS)).is_none());
        assert!(believe(issuer, &unsigned(HEAD, data)).is_none());
    }
    // As claims: whoever has the secret may say anything, and is understood or refused.
    if let Some(believed) = believe(&ISSUERS[0], &signed(HEAD, data)) {
        let claims: Value = serde_json::from_slice(data).expect("it was understood");
        assert!(claims["exp"].is_number() && claims["fluentcast"].is_object(), "{claims}");
        assert!(believed.expires > now());
        let restricts = claims["fluentcast"].as_object().is_some_and(|rights| !rights.is_empty());
        let everything = Default::default();
        let allows_all = believed.allowed.rights == everything && believed.allowed.connection_limit.is_none();
        assert_eq!(restricts, !allows_all, "{claims}");
    }
    // As a head: it says how it is signed, and is believed only where that is so.
    if believe(&ISSUERS[0], &signed(data, CLAIMS)).is_some() {
        let head: Value = serde_json::from_slice(data).expect("it was understood");
        assert_eq!(head["alg"], "HS256");
    }
    for issuer in &ISSUERS[1..] {
        assert!(believe(issuer, &signed(data, CLAIMS)).is_none(), "a public key is no secret");
    }
});

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn believe(issuer: &Issuer, token: &str) -> Option<Believed> {
    issuer.believe(&Secret::new(token.to_owned()), now()).ok()
}

fn message(head: &[u8], claims: &[u8]) -> String {
    format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(head), BASE64_URL_SAFE_NO_PAD.encode(claims))
}

fn unsigned(head: &[u8], claims: &[u8]) -> String {
    message(head, claims) + "."
}

fn signed(head: &[u8], claims: &[u8]) -> String {
    let message = message(head, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref()))
}
