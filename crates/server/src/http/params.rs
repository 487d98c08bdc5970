//! What a request says beside its path: the parameters of its query, its form, or its body as a whole.
//!
//! Values are bytes: a form may carry MessagePack. Nothing here looks into them.

use bytes::Bytes;
use http_body_util::{BodyDataStream, Full};
use multer::Multipart;
use percent_encoding::percent_decode;

/// The parameters that mean something. Of a repeated one the last counts; the body beats the query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Params {
    /// MessagePack: any number of records or arrays of records.
    pub(super) msgpack: Option<Bytes>,
    /// One JSON document.
    pub(super) json: Option<Bytes>,
    /// JSON documents, one a line.
    pub(super) ndjson: Option<Bytes>,
    /// Seconds for every event of the request.
    pub(super) time: Option<Bytes>,
}

impl Params {
    /// Reads the query, then what the content type says the body is. A content type that is not listed
    /// leaves the body unread.
    ///
    /// # Errors
    /// When the body is no whole multipart form.
    pub(super) async fn read(query: &str, content_type: &str, body: Bytes) -> Result<Self, multer::Error> {
        let mut params = Self::default();
        params.set_all(form_fields(query.as_bytes()));
        match BodyKind::of(content_type) {
            BodyKind::Form => params.set_all(form_fields(&body)),
            BodyKind::Multipart(boundary) => {
                let stream = BodyDataStream::new(Full::new(body));
                let mut form = Multipart::new(stream, boundary);
                while let Some(field) = form.next_field().await? {
                    if let Some(name) = field.name().map(str::to_owned) {
                        params.set(name.as_bytes(), field.bytes().await?);
                    }
                }
            }
            BodyKind::Json => params.json = Some(body),
            BodyKind::Msgpack => params.msgpack = Some(body),
            BodyKind::Ndjson => params.ndjson = Some(body),
            BodyKind::Other => {}
        }
        Ok(params)
    }

    fn set_all(&mut self, fields: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) {
        for (name, value) in fields {
            self.set(&name, value.into());
        }
    }

    fn set(&mut self, name: &[u8], value: Bytes) {
        let slot = match name {
            b"msgpack" => &mut self.msgpack,
            b"json" => &mut self.json,
            b"ndjson" => &mut self.ndjson,
            b"time" => &mut self.time,
            _ => return,
        };
        *slot = Some(value);
    }
}

/// What a content type makes of the body.
#[derive(Debug, PartialEq, Eq)]
enum BodyKind {
    Form,
    Multipart(String),
    Json,
    Msgpack,
    Ndjson,
    Other,
}

impl BodyKind {
    /// Compares prefixes, so that `; charset=utf-8` and the like may follow.
    fn of(content_type: &str) -> Self {
        let is = |prefix: &str| {
            content_type.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if is("application/x-www-form-urlencoded") {
            Self::Form
        } else if is("multipart/form-data") {
            multer::parse_boundary(content_type).map_or(Self::Other, Self::Multipart)
        } else if is("application/json") || is("application/csp-report") {
            Self::Json
        } else if is("application/msgpack") {
            Self::Msgpack
        } else if is("application/x-ndjson") {
            Self::Ndjson
        } else {
            Self::Other
        }
    }
}

/// The fields of a query or of a form, percent-decoded to bytes. (`form_urlencoded` would replace what
/// is not UTF-8, and MessagePack is not.)
pub(super) fn form_fields(form: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    form.split(|&byte| byte == b'&').filter(|field| !field.is_empty()).map(|field| {
        let mut halves = field.splitn(2, |&byte| byte == b'=');
        (unescape(halves.next().unwrap_or_default()), unescape(halves.next().unwrap_or_default()))
    })
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&spaced).collect()
}
