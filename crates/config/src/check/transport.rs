//! `<transport>` of everything that listens.

use std::path::PathBuf;
use std::time::Duration;

use super::plugin::argument;
use super::reader::Reader;
use crate::parameters::transport::{TCP, TLS};
use crate::settings::{Tls, TlsFile, TlsVersion};
use crate::tree::Element;

/// What a `<transport>` says.
#[derive(Default)]
pub(super) struct Transport {
    pub(super) tls: Option<Box<Tls>>,
    pub(super) linger_timeout: Option<Duration>,
}

/// Reads the section; without one it is TCP.
pub(super) fn read(plugin: &mut Reader<'_, '_>) -> Transport {
    let Some(element) = plugin.child("transport") else { return Transport::default() };
    let (protocol, span) = argument(element);
    match protocol {
        "" | "tcp" => {
            let mut reader = Reader::new(plugin.ctx, &TCP, element);
            let linger_timeout = reader.opt("linger_timeout");
            reader.finish();
            Transport { tls: None, linger_timeout }
        }
        "tls" => tls(plugin, element),
        other => {
            plugin
                .ctx
                .error("invalid-value", span, format!("unknown transport `{other}`"))
                .help("write `<transport tcp>` or `<transport tls>`");
            Transport::default()
        }
    }
}

fn tls<'a>(plugin: &mut Reader<'_, 'a>, element: &'a Element) -> Transport {
    let mut reader = Reader::new(plugin.ctx, &TLS, element);
    let certificate = file(&mut reader, "cert_path");
    let private_key = file(&mut reader, "private_key_path");
    let span = reader.span();
    if certificate.is_none() && element.param("cert_path").is_none() {
        reader
            .ctx
            .error("missing-parameter", span, "no valid cert options configured. specify 'cert_path'")
            .help("name the PEM files of the certificate and its key: `cert_path` and `private_key_path`");
    } else if private_key.is_none() && element.param("private_key_path").is_none() {
        let message = "'private_key_path' parameter is required with 'cert_path'";
        reader
            .ctx
            .error("missing-parameter", span, message)
            .help("name the PEM file of the certificate's key");
    }
    let passphrase = reader.opt("private_key_passphrase");
    let client_ca = client_ca(&mut reader);
    let versions = versions(&mut reader);
    if reader.get("ensure_fips") {
        let span = reader.place("ensure_fips").unwrap_or(reader.span());
        reader
            .ctx
            .error("not-yet", span, "the cryptography here is not certified for FIPS")
            .help("remove `ensure_fips`, or put a proxy that is certified in front");
    }
    let linger_timeout = reader.opt("linger_timeout");
    reader.finish();
    let tls = certificate.zip(private_key).map(|(certificate, private_key)| {
        Box::new(Tls { certificate, private_key, passphrase, client_ca, versions })
    });
    Transport { tls, linger_timeout }
}

/// A path that is not empty.
fn file(reader: &mut Reader<'_, '_>, parameter: &'static str) -> Option<TlsFile> {
    let path: String = reader.opt(parameter)?;
    let span = reader.place(parameter).unwrap_or(reader.span());
    if path.is_empty() {
        let message = format!("{parameter}: the path is empty");
        reader.ctx.error("bad-path", span, message).help("name a PEM file");
        return None;
    }
    Some(TlsFile { parameter, path: PathBuf::from(path), origin: reader.ctx.origin(span) })
}

fn client_ca(reader: &mut Reader<'_, '_>) -> Option<TlsFile> {
    let wanted: bool = reader.get("client_cert_auth");
    let ca = file(reader, "ca_path");
    match (wanted, &ca) {
        (true, None) => {
            let span = reader.place("client_cert_auth").unwrap_or(reader.span());
            reader
                .ctx
                .error("missing-parameter", span, "client_cert_auth without 'ca_path': nobody could connect")
                .help("name the PEM file of the CAs whose certificates are accepted: `ca_path`");
        }
        (false, Some(_)) => {
            let span = reader.place("ca_path").unwrap_or(reader.span());
            reader
                .ctx
                .warning("client-cert-off", span, "nobody is asked for a certificate of these CAs")
                .help("add `client_cert_auth true`, or remove `ca_path`");
        }
        _ => {}
    }
    ca.filter(|_| wanted)
}

/// What is spoken: 1.2 and 1.3, within what the section allows.
fn versions(reader: &mut Reader<'_, '_>) -> (TlsVersion, TlsVersion) {
    let all = (TlsVersion::V1_2, TlsVersion::V1_3);
    let (version, min, max): (Option<String>, Option<String>, Option<String>) =
        (reader.opt("version"), reader.opt("min_version"), reader.opt("max_version"));
    let place = |reader: &Reader<'_, '_>, name| reader.place(name).unwrap_or(reader.span());
    match (min, max) {
        (None, None) => match version.as_deref() {
            None => all,
            Some("TLSv1_3") => (TlsVersion::V1_3, TlsVersion::V1_3),
            Some("TLSv1_2") => {
                let span = place(reader, "version");
                let message = "TLSv1_2 stands for 1.2 and newer here; in Fluentd it excludes 1.3";
                reader
                    .ctx
                    .note("tls-version", span, message)
                    .help("write `min_version TLSv1_2` and `max_version TLSv1_2` to exclude 1.3");
                all
            }
            Some(old) => {
                let span = place(reader, "version");
                too_old(reader, span, old);
                all
            }
        },
        (Some(min), Some(max)) => {
            let span = place(reader, "max_version");
            let Some(newest) = spoken(&max) else {
                too_old(reader, span, &max);
                return all;
            };
            let oldest = spoken(&min).unwrap_or_else(|| {
                let span = place(reader, "min_version");
                let message = format!("{min} is not spoken here: the oldest is TLSv1_2");
                reader.ctx.warning("tls-version", span, message).help("write `min_version TLSv1_2`");
                TlsVersion::V1_2
            });
            if oldest > newest {
                let message = "max_version is older than min_version";
                reader.ctx.error("tls-version", span, message).help("exchange the two");
            }
            (oldest, newest)
        }
        (Some(_), None) | (None, Some(_)) => {
            let span = reader.place("min_version").or(reader.place("max_version")).unwrap_or(reader.span());
            let message = "both of 'min_version' and 'max_version' must be set, or none";
            reader.ctx.error("tls-version", span, message).help("add the other one");
            all
        }
    }
}

fn too_old(reader: &mut Reader<'_, '_>, span: crate::source::Span, version: &str) {
    let message = format!("{version} is broken and not spoken here");
    reader.ctx.error("tls-version", span, message).help("write `TLSv1_2` or `TLSv1_3`, or leave it out");
}

fn spoken(version: &str) -> Option<TlsVersion> {
    match version {
        "TLSv1_2" => Some(TlsVersion::V1_2),
        "TLSv1_3" => Some(TlsVersion::V1_3),
        _ => None,
    }
}
