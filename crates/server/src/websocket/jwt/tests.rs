//! Which tokens are believed. What follows for clients is in `websocket/tests`.

use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::websocket::tests::signing::{SECRET, es256, hs256, hs256_with, rs256, unsigned};
use crate::websocket::tests::websocket;

mod claims;
mod keys;

/// Claims that are good at [`NOW`].
fn good() -> Value {
    json!({"exp": 1_700_000_100, "fluentcast": {"tag": "app.**"}})
}

fn now() -> SystemTime {
    at(1_700_000_000)
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn testdata(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../testdata/jwt", name].iter().collect()
}

/// The issuer of such a section.
fn issuer(lines: &str) -> io::Result<Issuer> {
    Issuer::new(&websocket(&format!("<jwt>\nname a\n{lines}\n</jwt>")).jwts.remove(0))
}

fn shared(more: &str) -> Issuer {
    issuer(&format!("secret {SECRET}\n{more}")).expect("an issuer")
}

fn public(file: &str) -> Issuer {
    issuer(&format!("public_key_file {}", testdata(file).display())).expect("an issuer")
}

fn judge(issuer: &Issuer, token: &str, now: SystemTime) -> Result<Believed, JwtError> {
    issuer.believe(&Secret::new(token.to_owned()), now)
}

#[track_caller]
fn refused(issuer: &Issuer, token: &str) -> JwtError {
    judge(issuer, token, now()).expect_err("it must not be believed")
}

/// The claims of RFC 7515's examples do not say what they allow; that much is read of a sound signature only.
#[test]
fn the_examples_of_rfc_7515_are_signed_as_they_say() {
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jwks.json");
    for (name, key, header, signature) in [
        (
            "A.1",
            json!({"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}),
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        (
            "A.2",
            json!({"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}),
            "eyJhbGciOiJSUzI1NiJ9",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            "A.3",
            json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}),
            "eyJhbGciOiJFUzI1NiJ9",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
    ] {
        std::fs::write(&path, json!({"keys": [key]}).to_string()).expect("written");
        let issuer = issuer(&format!("jwks_file {}\nleeway 0s", path.display())).expect(name);
        let token = format!("{header}.{CLAIMS}.{signature}");
        let until = |seconds| judge(&issuer, &token, at(seconds)).expect_err(name);
        assert!(
            matches!(until(1_300_819_379), JwtError::Claim(told) if told.contains("`fluentcast`")),
            "{name}"
        );
        assert_eq!(until(1_300_819_380), JwtError::Expired, "{name}");
        // Each part is signed: with another first letter it is nobody's.
        for start in [0, header.len() + 1, header.len() + CLAIMS.len() + 2] {
            let mut forged = token.clone().into_bytes();
            forged[start + 5] ^= 1;
            let forged = String::from_utf8(forged).expect("text");
            assert_eq!(refused(&issuer, &forged), JwtError::NotSigned, "{name} {forged}");
        }
    }
}

#[test]
fn each_key_believes_what_was_signed_for_it() {
    let (rsa, p256, shared) = (public("rsa.pub.pem"), public("p256.pub.pem"), shared(""));
    for (issuer, token) in [
        (&shared, hs256(&good())),
        (&rsa, rs256(&json!({"alg": "RS256"}), &good())),
        (&p256, es256(&json!({"alg": "ES256", "typ": "JWT", "kid": "whatever it is called there"}), &good())),
    ] {
        let believed = judge(issuer, &token, now()).expect("a good token");
        // The default of `leeway`.
        assert_eq!(believed.expires, at(1_700_000_130));
        assert_eq!(believed.subject, None);
    }
}

#[test]
fn no_key_is_taken_for_another_and_nothing_goes_unsigned() {
    let (rsa, p256, shared) = (public("rsa.pub.pem"), public("p256.pub.pem"), shared(""));
    let pem = std::fs::read(testdata("rsa.pub.pem")).expect("the key");
    let der = pem_contents(&pem);
    let hs = json!({"alg": "HS256"});
    let none = ["none", "None", "NONE", "nOnE", ""].map(|alg| unsigned(&json!({"alg": alg}), &good()) + ".");
    let forged: Vec<String> = [
        // What everybody may know of a public key is no secret: as it is in the file, trimmed, and as it is inside.
        hs256_with(&pem, &hs, &good()),
        hs256_with(pem.trim_ascii(), &hs, &good()),
        hs256_with(&der, &hs, &good()),
        hs256_with(b"", &hs, &good()),
        // The right key, but another algorithm in the head.
        rs256(&json!({"alg": "PS256"}), &good()),
        rs256(&json!({"alg": "RS512"}), &good()),
        rs256(&json!({"alg": "HS256"}), &good()),
        es256(&json!({"alg": "RS256"}), &good()),
        es256(&json!({"alg": "ES384"}), &good()),
        hs256_with(SECRET.as_bytes(), &json!({"alg": "RS256"}), &good()),
        hs256_with(SECRET.as_bytes(), &json!({"alg": "HS512"}), &good()),
        hs256_with(SECRET.as_bytes(), &json!({}), &good()),
        // What must be understood is not; and a key that it brings along.
        hs256_with(SECRET.as_bytes(), &json!({"alg": "HS256", "crit": ["b64"], "b64": false}), &good()),
        hs256_with(SECRET.as_bytes(), &json!({"alg": "HS256", "crit": ["exp"]}), &good()),
        hs256_with(b"mine", &json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "bWluZQ"}}), &good()),
        // No token at all.
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        unsigned(&hs, &good()),
        format!("{}.x.y", hs256(&good())),
        hs256(&good()).replace('.', ". "),
    ]
    .into_iter()
    .chain(none)
    .collect();
    for token in &forged {
        for issuer in [&rsa, &p256, &shared] {
            assert_eq!(refused(issuer, token), JwtError::NotSigned, "{token}");
        }
    }
    // Each other's.
    for (issuer, token) in [
        (&shared, rs256(&json!({"alg": "RS256"}), &good())),
        (&rsa, es256(&json!({"alg": "ES256"}), &good())),
        (&p256, hs256(&good())),
        (&rsa, hs256(&good())),
    ] {
        assert_eq!(refused(issuer, &token), JwtError::NotSigned);
    }
    let long = json!({"exp": 1_700_000_100, "x": "x".repeat(JWT_BYTES_MAX), "fluentcast": {}});
    assert_eq!(refused(&shared, &hs256(&long)), JwtError::TooLong);
}

fn pem_contents(pem: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let text = std::str::from_utf8(pem).expect("text");
    let body: String = text.lines().filter(|line| !line.starts_with("---")).collect();
    base64::prelude::BASE64_STANDARD.decode(body).expect("base64")
}

#[test]
fn times_count_by_the_clock_with_leeway() {
    let claims = |exp: Value, nbf: Value| {
        let mut claims = json!({"exp": exp, "nbf": nbf, "fluentcast": {}});
        let members = claims.as_object_mut().expect("a map");
        members.retain(|_, value| !value.is_null());
        hs256(&claims)
    };
    let judged = |leeway: &str, token: &str| {
        judge(&shared(&format!("leeway {leeway}")), token, now()).map(|believed| believed.expires)
    };
    let (before, present, after) = (json!(1_699_999_990), json!(1_700_000_000), json!(1_700_000_010));
    for (leeway, exp, nbf, expected) in [
        ("0s", &after, Value::Null, Ok(at(1_700_000_010))),
        ("0s", &json!(1_700_000_010.9), Value::Null, Ok(at(1_700_000_010))),
        ("0s", &present, Value::Null, Err(JwtError::Expired)),
        ("0s", &before, Value::Null, Err(JwtError::Expired)),
        ("10s", &before, Value::Null, Err(JwtError::Expired)),
        ("11s", &before, Value::Null, Ok(at(1_700_000_001))),
        ("0s", &after, present.clone(), Ok(at(1_700_000_010))),
        ("0s", &after, json!(1_700_000_001), Err(JwtError::NotYet)),
        ("9s", &after, after.clone(), Err(JwtError::NotYet)),
        ("10s", &after, after.clone(), Ok(at(1_700_000_020))),
    ] {
        assert_eq!(judged(leeway, &claims(exp.clone(), nbf.clone())), expected, "{leeway} {exp} {nbf}");
    }
    // Without an end, or with one that is none, a token is none.
    for exp in
        [Value::Null, json!("1700000010"), json!(-1), json!(true), json!(1e300), json!(u64::MAX), json!([])]
    {
        let told = judged("0s", &claims(exp.clone(), Value::Null));
        assert!(matches!(&told, Err(JwtError::Claim(told)) if told.contains("`exp`")), "{exp}: {told:?}");
    }
    for nbf in [json!("x"), json!(-1), json!({})] {
        let told = judged("0s", &claims(after.clone(), nbf.clone()));
        assert!(matches!(&told, Err(JwtError::Claim(told)) if told.contains("`nbf`")), "{nbf}: {told:?}");
    }
}

#[test]
fn it_must_be_by_whom_and_for_whom_the_section_says() {
    let strict = shared("issuer https://a.example, b\naudience fluentcast, logs");
    let lax = shared("");
    let with = |iss: Value, aud: Value| {
        let mut claims = good();
        for (name, value) in [("iss", iss), ("aud", aud)] {
            if !value.is_null() {
                claims[name] = value;
            }
        }
        hs256(&claims)
    };
    for (iss, aud, by_strict, by_lax) in [
        (json!("b"), json!("logs"), true, false),
        (json!("https://a.example"), json!(["other", "fluentcast"]), true, false),
        (json!("b"), Value::Null, false, true),
        (json!("b"), json!([]), false, false),
        (json!("b"), json!("logs "), false, false),
        (json!("b"), json!({"fluentcast": 1}), false, false),
        (json!("https://a.example/"), json!("logs"), false, false),
        (Value::Null, json!("logs"), false, false),
        (json!(5), json!("logs"), false, false),
        (json!("c"), Value::Null, false, true),
        (Value::Null, Value::Null, false, true),
    ] {
        let token = with(iss.clone(), aud.clone());
        assert_eq!(judge(&strict, &token, now()).is_ok(), by_strict, "{iss} {aud}");
        assert_eq!(judge(&lax, &token, now()).is_ok(), by_lax, "{iss} {aud}");
    }
}
