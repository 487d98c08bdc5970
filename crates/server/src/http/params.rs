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

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(query: &str, content_type: &str, body: &[u8]) -> Params {
        Params::read(query, content_type, Bytes::copy_from_slice(body)).await.expect("sound")
    }

    fn json(text: &str) -> Params {
        Params { json: Some(Bytes::copy_from_slice(text.as_bytes())), ..Params::default() }
    }

    #[test]
    fn tells_the_body_by_the_start_of_the_content_type() {
        for (content_type, expected) in [
            ("application/x-www-form-urlencoded", BodyKind::Form),
            ("application/x-www-form-urlencoded; charset=UTF-8", BodyKind::Form),
            ("multipart/form-data; boundary=x", BodyKind::Multipart("x".into())),
            ("multipart/form-data; boundary=\"a b\"", BodyKind::Multipart("a b".into())),
            ("multipart/form-data", BodyKind::Other),
            ("application/json", BodyKind::Json),
            ("application/json; charset=utf-8", BodyKind::Json),
            ("Application/JSON", BodyKind::Json),
            ("application/csp-report", BodyKind::Json),
            ("application/msgpack", BodyKind::Msgpack),
            ("application/x-ndjson", BodyKind::Ndjson),
            ("text/plain", BodyKind::Other),
            ("application/jso", BodyKind::Other),
            (" application/json", BodyKind::Other),
            ("", BodyKind::Other),
            ("é", BodyKind::Other),
        ] {
            assert_eq!(BodyKind::of(content_type), expected, "{content_type:?}");
        }
    }

    #[tokio::test]
    async fn takes_a_body_as_one_parameter() {
        let body = Bytes::from_static(b"body");
        let params = Params::default();
        for (content_type, expected) in [
            ("application/json", json("body")),
            ("application/csp-report", json("body")),
            ("application/msgpack", Params { msgpack: Some(body.clone()), ..params.clone() }),
            ("application/x-ndjson", Params { ndjson: Some(body), ..params.clone() }),
            ("text/plain", params.clone()),
            ("", params),
        ] {
            assert_eq!(read("", content_type, b"body").await, expected, "{content_type:?}");
        }
    }

    #[tokio::test]
    async fn takes_query_and_form_apart() {
        assert_eq!(read("json=%7B%22a%22:+1%7D&x=1&&time=5=6", "", b"").await, {
            Params { time: Some(Bytes::from_static(b"5=6")), ..json("{\"a\": 1}") }
        });
        assert_eq!(read("msgpack=%81%a1k%FF", "", b"").await.msgpack.as_deref(), Some(&b"\x81\xa1k\xff"[..]));
        assert_eq!(read("json&time=%zz", "", b"").await, {
            Params { time: Some(Bytes::from_static(b"%zz")), ..json("") }
        });
        assert_eq!(read("json=1&json=2", "", b"").await, json("2"));
        let form = "application/x-www-form-urlencoded";
        assert_eq!(read("json=query&time=1", form, br#"json={"action":"login","user":6}"#).await, {
            Params { time: Some(Bytes::from_static(b"1")), ..json(r#"{"action":"login","user":6}"#) }
        });
        assert_eq!(read("json=query", "application/json", b"body").await, json("body"));
    }

    #[tokio::test]
    async fn takes_multipart_forms_apart() {
        let body = b"preamble\r\n--x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{\"a\":1}\r\n\
            --x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nno\r\n\
            --x\r\nContent-Disposition: form-data; name=\"msgpack\"; filename=\"m\"\r\n\
            Content-Type: application/octet-stream\r\n\r\n\x80\xff\r\n--x--\r\n";
        let params = read("json=query&time=7", "multipart/form-data; boundary=x", body).await;
        assert_eq!(params.json.as_deref(), Some(&b"{\"a\":1}"[..]));
        assert_eq!(params.msgpack.as_deref(), Some(&b"\x80\xff"[..]));
        assert_eq!(params.time.as_deref(), Some(&b"7"[..]));
        let cut = Bytes::copy_from_slice(&body[..80]);
        assert!(Params::read("", "multipart/form-data; boundary=x", cut).await.is_err());
    }
}
