//! The answers: status, content type, body, and whether the connection ends.

use bytes::Bytes;
use fluentcast_config::settings::HttpSource;
use http_body_util::Full;
use hyper::ext::ReasonPhrase;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// An answer ready to be written.
pub(super) type Answer = Response<Full<Bytes>>;

/// A transparent picture of one pixel, the one Fluentd sends.
const EMPTY_GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\xff\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// The events were accepted.
pub(super) fn accepted(settings: &HttpSource) -> Answer {
    if settings.respond_with_empty_img {
        answer(StatusCode::OK, "image/gif; charset=utf-8", Bytes::from_static(EMPTY_GIF))
    } else if settings.use_204_response {
        empty(StatusCode::NO_CONTENT)
    } else {
        empty(StatusCode::OK)
    }
}

/// A status with its name and a reason in the body, as Fluentd words them.
pub(super) fn explained(status: StatusCode, message: &str) -> Answer {
    answer(status, "text/plain", format!("{} {}\n{message}\n", status.as_u16(), name(status)).into())
}

/// A status without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    answer(status, "text/plain", Bytes::new())
}

/// The body is over `body_size_limit`. Ends the connection: the rest of the body is not read.
pub(super) fn too_large() -> Answer {
    let mut answer = answer(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", Bytes::from_static(b"Too large"));
    // Newer standards word it "Content Too Large"; scripts that look for Fluentd's words still find them.
    answer.extensions_mut().insert(ReasonPhrase::from_static(b"Request Entity Too Large"));
    closing(answer)
}

/// The same answer as the last one of its connection.
pub(super) fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn name(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or_default()
}
