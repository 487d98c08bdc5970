//! `<transport>` of everything that listens.

use super::Default::{Is, Unset};
use super::{Kind, Parameter, Section, Subsection};

/// The section, wherever it may stand.
pub(super) const SECTION: Subsection = Subsection::new(
    "transport",
    "`<transport tls>`: encrypted; without it, or with `<transport tcp>`, in the clear",
);

const LINGER_TIMEOUT: Parameter =
    Parameter::new("linger_timeout", Kind::Time(0), Unset, "As `linger_timeout` of `forward`, and stronger");

const RECEIVE_BUFFER_SIZE: Parameter = Parameter::ignored("receive_buffer_size", "the system sizes it");

const VERSION: Kind = Kind::Choice(&["TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"]);

const NO_CA: &str =
    "certificates are not made here: make one, such as with `openssl req -x509`, and name it in `cert_path`";

/// `<transport tcp>`.
pub const TCP: Section =
    Section::new("transport tcp", "In the clear; the default.", &[LINGER_TIMEOUT, RECEIVE_BUFFER_SIZE]);

/// `<transport tls>`.
pub const TLS: Section = Section::new(
    "transport tls",
    "TLS 1.2 and 1.3, of `forward`, `http` and `websocket`. Files are read anew when they change, and on HUP: new \
     connections get the new certificate, old ones go on; a file that cannot be used is told, and the old one stays. \
     Outputs that share a port must say the same.",
    &[
        Parameter::new(
            "cert_path",
            Kind::Text,
            Unset,
            "PEM file: the certificate, then those between it and its CA; must be set",
        ),
        Parameter::new(
            "private_key_path",
            Kind::Text,
            Unset,
            "PEM file of the certificate's key; must be set",
        ),
        Parameter::new(
            "private_key_passphrase",
            Kind::Secret,
            Unset,
            "What that key is encrypted with (PKCS#8, as `openssl pkcs8 -topk8` writes it)",
        ),
        Parameter::new(
            "client_cert_auth",
            Kind::Bool,
            Is("false"),
            "Who connects must have a certificate from a CA in `ca_path`",
        ),
        Parameter::new("ca_path", Kind::Text, Unset, "PEM file of these CAs"),
        Parameter::new(
            "version",
            VERSION,
            Unset,
            "`TLSv1_3`: only that. `TLSv1_2`: that and newer, as when not set (in Fluentd: only 1.2)",
        ),
        Parameter::new(
            "min_version",
            VERSION,
            Unset,
            "The oldest version, with `max_version`; beats `version`",
        ),
        Parameter::new("max_version", VERSION, Unset, "The newest version, with `min_version`"),
        Parameter::new(
            "ensure_fips",
            Kind::Bool,
            Is("false"),
            "`true` is refused: the cryptography here is not certified",
        ),
        LINGER_TIMEOUT,
        RECEIVE_BUFFER_SIZE,
        Parameter::ignored(
            "ciphers",
            "the suites of TLS 1.2 and 1.3 that are offered are all safe, and fixed",
        ),
        Parameter::refused("cert_verifier", "ruby-code", "it names Ruby code, which cannot be run"),
        Parameter::refused("insecure", "not-yet", NO_CA),
        Parameter::refused("ca_cert_path", "not-yet", NO_CA),
        Parameter::refused("ca_private_key_path", "not-yet", NO_CA),
        Parameter::refused("ca_private_key_passphrase", "not-yet", NO_CA),
        Parameter::refused("generate_private_key_length", "not-yet", NO_CA),
        Parameter::refused("generate_cert_country", "not-yet", NO_CA),
        Parameter::refused("generate_cert_state", "not-yet", NO_CA),
        Parameter::refused("generate_cert_locality", "not-yet", NO_CA),
        Parameter::refused("generate_cert_common_name", "not-yet", NO_CA),
        Parameter::refused("generate_cert_expiration", "not-yet", NO_CA),
        Parameter::refused("generate_cert_digest", "not-yet", NO_CA),
    ],
);
