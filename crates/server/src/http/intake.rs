//! From a whole request to a batch: everything between reading the body and emitting. No sockets here.

use std::net::IpAddr;

use bytes::Bytes;
use fluentcast_config::settings::HttpSource;
use fluentcast_event::limits::{HTTP_ADDED_BYTES_MAX, HTTP_INLINE_BODY_BYTES_MAX};
use fluentcast_event::{Batch, EventTime};
use hyper::header::{AsHeaderName, CONTENT_ENCODING, CONTENT_TYPE};
use hyper::{HeaderMap, Uri};

use super::added::Added;
use super::decode::{self, DecodeError};
use super::params::Params;
use super::records::{Gatherer, Rules};
use super::{tag, time};

/// A request whose body has arrived.
#[derive(Debug)]
pub struct Whole {
    /// Its target.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as sent.
    pub body: Bytes,
    /// Who sent it.
    pub peer: IpAddr,
    /// When.
    pub received: EventTime,
}

/// What a request brought.
#[derive(Debug)]
pub struct Intake {
    /// Its events; `None`: there were none, which is no error.
    pub batch: Option<Batch>,
    /// Values that were no records.
    pub skipped: u64,
}

/// Why a request brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The body cannot be unpacked: 400 without a body.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// 400 with this message.
    #[error("{0}")]
    BadRequest(String),
    /// A fault of ours: 500.
    #[error("the request was not processed: {0}")]
    Failed(#[from] tokio::task::JoinError),
}

impl Whole {
    /// True when taking the request apart would keep a thread from other work.
    pub(super) fn is_heavy(&self) -> bool {
        self.body.len() > HTTP_INLINE_BODY_BYTES_MAX
            || decode::is_known(bytes_of(&self.headers, CONTENT_ENCODING))
    }

    /// Takes the request apart. It never waits: the only asynchronous part reads a form from memory.
    ///
    /// # Errors
    /// [`Refusal`]: no event of the request is accepted.
    pub async fn take_in(self, settings: &HttpSource) -> Result<Intake, Refusal> {
        let limit = settings.decompression_size_limit.0;
        let body = decode::decode(bytes_of(&self.headers, CONTENT_ENCODING), self.body, limit)?;
        let query = self.uri.query().unwrap_or_default();
        let content_type = String::from_utf8_lossy(bytes_of(&self.headers, CONTENT_TYPE));
        let params = Params::read(query, &content_type, body)
            .await
            .map_err(|error| Refusal::BadRequest(format!("broken multipart form: {error}")))?;
        let tag = tag::from_path(self.uri.path(), settings.add_tag_prefix.as_deref())
            .map_err(Refusal::BadRequest)?;
        let added = Added::of(settings, &self.headers, query, self.peer);
        let time =
            params.time.as_deref().map(time::from_parameter).transpose().map_err(Refusal::BadRequest)?;
        let rules = Rules {
            time_key: &settings.time_key,
            keep_time_key: settings.keep_time_key,
            // A parameter that reads as 0 still keeps the records' own times out.
            time: time.map(|time| time.unwrap_or(self.received)),
            added: &added,
            added_bytes_max: HTTP_ADDED_BYTES_MAX,
        };
        let mut gatherer = Gatherer::new(tag, self.received, rules);
        gather(&mut gatherer, &params).map_err(Refusal::BadRequest)?;
        let (batch, skipped) = gatherer.finish();
        Ok(Intake { batch, skipped })
    }
}

fn gather(gatherer: &mut Gatherer<'_>, params: &Params) -> Result<(), String> {
    if let Some(msgpack) = &params.msgpack {
        gatherer.msgpack(msgpack)
    } else if let Some(json) = &params.json {
        gatherer.json(json)
    } else if let Some(ndjson) = &params.ndjson {
        gatherer.ndjson(ndjson)
    } else {
        Err("'json', 'ndjson' or 'msgpack' parameter is required".into())
    }
}

/// The bytes of a header (of a repeated one the first), empty when there is none.
pub(super) fn bytes_of(headers: &HeaderMap, name: impl AsHeaderName) -> &[u8] {
    headers.get(name).map_or(b"", |value| value.as_bytes())
}

#[cfg(test)]
mod tests;
