//! Secrets as they are compared: by their SHA-256, in constant time.
//!
//! What is compared has the same length whatever was presented, and says nothing of the secret when the
//! comparison should leak where it stopped after all.

use fluentcast_config::settings::Secret;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The SHA-256 of a secret.
#[derive(Clone)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of this secret.
    #[must_use]
    pub fn of(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.expose().as_bytes()).into())
    }

    /// One that was made elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest itself, for what is no secret.
    #[must_use]
    pub fn into_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Whether both are of the same secret.
    #[must_use]
    pub fn equals(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

/// Not even the digest: that of a weak secret can be guessed.
impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("xxxxxx")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_fips_180_and_is_not_shown() {
        let digest = Digest::of(&Secret::new("abc".to_owned()));
        let hex: String = digest.0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(format!("{digest:?}"), "xxxxxx");
        assert!(bool::from(digest.equals(&Digest::from_bytes(digest.0))));
        assert!(!bool::from(digest.equals(&Digest::of(&Secret::new("abd".to_owned())))));
    }
}
