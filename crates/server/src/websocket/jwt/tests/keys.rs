//! Where keys come from, and what becomes of those who came by one that is gone.

use std::fs;

use super::*;

/// The public keys of `testdata/jwt`, as a set has them.
fn public_keys() -> (Value, Value) {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
    use ring::signature::{KeyPair as _, RsaKeyPair};
    let read = |name: &str| fs::read(testdata(name)).expect("a key");
    let rsa = RsaKeyPair::from_pkcs8(&read("rsa.pk8")).expect("a key");
    let ring::rsa::PublicKeyComponents::<Vec<u8>> { n, e } = rsa.public().into();
    let random = ring::rand::SystemRandom::new();
    let signing = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let p256 = ring::signature::EcdsaKeyPair::from_pkcs8(signing, &read("p256.pk8"), &random).expect("a key");
    let (x, y) = p256.public_key().as_ref()[1..].split_at(32);
    (
        json!({"kty": "RSA", "n": BASE64.encode(n), "e": BASE64.encode(e), "use": "sig", "alg": "RS256"}),
        json!({"kty": "EC", "crv": "P-256", "x": BASE64.encode(x), "y": BASE64.encode(y)}),
    )
}

fn named(mut key: Value, id: &str) -> Value {
    key["kid"] = json!(id);
    key
}

fn oct(bytes: usize) -> Value {
    use base64::Engine as _;
    json!({"kty": "oct", "k": base64::prelude::BASE64_URL_SAFE_NO_PAD.encode("s".repeat(bytes)), "kid": "oct"})
}

struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { path: folder.path().join("jwks.json"), _folder: folder }
    }

    /// As whoever rotates keys should: the new file takes the place of the old one.
    fn write(&self, keys: &[Value]) {
        let next = self.path.with_extension("next");
        fs::write(&next, json!({ "keys": keys }).to_string()).expect("written");
        fs::rename(&next, &self.path).expect("renamed");
    }

    fn issuer(&self) -> io::Result<Issuer> {
        issuer(&format!("jwks_file {}", self.path.display()))
    }
}

#[test]
fn of_a_set_the_kid_chooses_and_nothing_else() {
    let file = File::new();
    let (rsa, p256) = public_keys();
    // Keys for other things, and of other kinds, are no mistake.
    let others = [
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "ed"}),
        json!({"kty": "EC", "crv": "secp256k1", "x": "a", "y": "b", "kid": "k"}),
        json!({"kty": "new", "kid": "new"}),
        json!({"kty": "RSA", "n": rsa["n"], "e": "AQAB", "use": "enc", "kid": "enc"}),
        json!({"kty": "RSA", "n": rsa["n"], "e": "AQAB", "alg": "PS256", "kid": "ps"}),
        json!(5),
    ];
    file.write(&[&others[..], &[named(rsa.clone(), "r"), named(p256, "e"), oct(32)]].concat());
    let set = file.issuer().expect("a set");
    let rs = |kid: Value| rs256(&json!({"alg": "RS256", "kid": kid}), &good());
    assert!(judge(&set, &rs(json!("r")), now()).is_ok());
    assert!(judge(&set, &es256(&json!({"alg": "ES256", "kid": "e"}), &good()), now()).is_ok());
    let by_secret =
        |kid| hs256_with("s".repeat(32).as_bytes(), &json!({"alg": "HS256", "kid": kid}), &good());
    assert!(judge(&set, &by_secret("oct"), now()).is_ok());
    for token in [
        rs(json!("e")),
        rs(json!("oct")),
        rs(json!("enc")),
        rs(json!("ps")),
        rs(json!("")),
        rs(json!("R")),
        rs(json!(["r"])),
        by_secret("r"),
        // Nobody tries them one after the other.
        rs256(&json!({"alg": "RS256"}), &good()),
    ] {
        assert_eq!(refused(&set, &token), JwtError::NotSigned, "{token}");
    }
    // Where there is one only, nothing need be chosen; but a name that it does not have is another's.
    file.write(&[named(rsa, "r")]);
    let one = file.issuer().expect("a set");
    assert!(judge(&one, &rs256(&json!({"alg": "RS256"}), &good()), now()).is_ok());
    assert_eq!(refused(&one, &rs(json!("s"))), JwtError::NotSigned);
}

#[test]
fn keys_that_cannot_be_used_stop_the_start() {
    let file = File::new();
    let (rsa, _) = public_keys();
    let told = |issuer: io::Result<Issuer>| issuer.expect_err("no keys").to_string();
    assert!(told(file.issuer()).contains("No such file"));
    for (text, problem) in [
        ("", "no JSON Web Key Set"),
        ("{}", "`keys` is missing"),
        ("{\"keys\":{}}", "`keys` is missing"),
        ("{\"keys\":[]}", "no key for HS256"),
        ("{\"keys\":[{\"kty\":\"new\"}]}", "no key for HS256"),
        (&json!({"keys": [rsa, rsa]}).to_string(), "its `kid`"),
        (&json!({"keys": [named(rsa.clone(), "a"), named(rsa.clone(), "a")]}).to_string(), "its `kid`"),
        (&json!({"keys": [oct(31)]}).to_string(), "less than 32 bytes"),
        (&json!({"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}).to_string(), "key 1"),
        (&json!({"keys": vec![5; 65]}).to_string(), "more than 64 keys"),
        (&format!("{{\"keys\":[{}]}}", " ".repeat(300_000)), "longer than 262144 bytes"),
    ] {
        fs::write(&file.path, text).expect("written");
        let told = told(file.issuer());
        assert!(told.contains(problem), "{problem}: {told}");
    }
    let path = file.path.display().to_string();
    let public = format!("public_key_file {path}");
    let secret = format!("secret_file {path}");
    let pem = fs::read_to_string(testdata("rsa.pub.pem")).expect("a key");
    let other_curve = fs::read_to_string(testdata("p384.pub.pem")).expect("a key");
    let private = pem.replace("PUBLIC", "PRIVATE");
    for (lines, text, problem) in [
        (&public, SECRET, "no public key for RS256 or ES256"),
        (&public, &other_curve, "no public key for RS256 or ES256"),
        (&public, &private, "it is a private key"),
        // With which anybody could sign.
        (&secret, &pem, "Use `public_key_file`"),
        (&secret, &private, "Use `public_key_file`"),
        (&secret, " short \n", "less than 32 bytes"),
    ] {
        fs::write(&file.path, text).expect("written");
        let told = told(issuer(lines));
        assert!(told.contains(problem), "{problem}: {told}");
    }
    fs::write(&file.path, format!("  {SECRET}\n")).expect("written");
    assert!(judge(&issuer(&secret).expect("a secret"), &hs256(&good()), now()).is_ok());
}

#[test]
fn a_changed_set_is_read_again_and_who_came_by_a_key_that_is_gone_loses_it() {
    let file = File::new();
    let (rsa, p256) = public_keys();
    let (rs, es) = (
        rs256(&json!({"alg": "RS256", "kid": "r"}), &good()),
        es256(&json!({"alg": "ES256", "kid": "e"}), &good()),
    );
    file.write(&[named(rsa.clone(), "r")]);
    let issuer = file.issuer().expect("a set");
    let by_rsa = judge(&issuer, &rs, now()).expect("a good token").standing;
    assert!(judge(&issuer, &es, now()).is_err());
    assert!(!issuer.look().expect("nothing to read"));
    // One more key costs nobody anything.
    file.write(&[named(p256.clone(), "e"), named(rsa.clone(), "r")]);
    assert!(!issuer.look().expect("a set"));
    let by_p256 = judge(&issuer, &es, now()).expect("a good token").standing;
    assert!(judge(&issuer, &rs, now()).is_ok() && !by_rsa.is_revoked());
    // What cannot be used changes nothing, and is told once.
    fs::write(&file.path, "{").expect("written");
    assert!(issuer.look().is_err());
    assert!(!issuer.look().expect("the same as before"));
    fs::remove_file(&file.path).expect("removed");
    assert!(issuer.look().is_err());
    assert!(judge(&issuer, &rs, now()).is_ok() && !by_rsa.is_revoked());
    // A key that is gone is nobody's any more; nor is one that became another under its name.
    file.write(&[named(p256, "r")]);
    assert!(issuer.look().expect("a set"));
    assert!(by_rsa.is_revoked() && by_p256.is_revoked());
    assert_eq!(refused(&issuer, &rs), JwtError::NotSigned);
    assert_eq!(refused(&issuer, &es), JwtError::NotSigned);
}
