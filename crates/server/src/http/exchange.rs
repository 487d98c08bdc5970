//! One request and its answer, in the order Fluentd decides: size, method, origin, body, records, emit.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use fluentcast_event::EventTime;
use fluentcast_event::limits::HTTP_BODY_READ_TIMEOUT;
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::header::{CONTENT_LENGTH, EXPECT};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};

use super::Context;
use super::cors::{self, Cors};
use super::intake::{Intake, Refusal, Whole, bytes_of};
use super::respond::{self, Answer};

/// What somebody who sees it in the console of a browser can do about it.
const FOREIGN: &str = "pages of another host may not send here; `cors_allow_origins` of the http source names those \
                       that may";

/// One request after another of one connection.
#[derive(Clone)]
pub(super) struct Exchange {
    /// What the source is.
    pub(super) context: Arc<Context>,
    /// Who is connected.
    pub(super) peer: IpAddr,
    /// Set when an answer goes out before the request was read to its end.
    pub(super) unread: Arc<AtomicBool>,
}

/// The body did not arrive whole; there is nobody to answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Abandoned {
    #[error("the connection broke in the middle of a body")]
    Broken,
    #[error("a body took longer than {HTTP_BODY_READ_TIMEOUT:?}")]
    TimedOut,
}

impl Exchange {
    /// Answers one request.
    ///
    /// # Errors
    /// [`Abandoned`]: the connection ends without an answer.
    pub(super) async fn answer<B: Body<Data = Bytes>>(
        self,
        request: Request<B>,
    ) -> Result<Answer, Abandoned> {
        let (parts, body) = request.into_parts();
        let answer = match self.read(&parts, body).await? {
            Ok(body) => self.decide(parts, body).await,
            Err(refusal) => {
                self.unread.store(true, Ordering::Relaxed);
                refusal
            }
        };
        let metrics = &self.context.metrics;
        metrics.http_requests.inc();
        if answer.status().as_u16() >= 400 {
            metrics.http_requests_rejected.inc();
        }
        Ok(answer)
    }

    /// Reads the body, or refuses to.
    async fn read<B: Body<Data = Bytes>>(
        &self,
        parts: &Parts,
        body: B,
    ) -> Result<Result<Bytes, Answer>, Abandoned> {
        let limit = usize::try_from(self.context.settings.body_size_limit.0).unwrap_or(usize::MAX);
        if let Some(refusal) = refuse_early(parts, limit) {
            return Ok(Err(refusal));
        }
        let body = tokio::time::timeout(HTTP_BODY_READ_TIMEOUT, read_body(body, limit));
        match body.await {
            Ok(Ok(Some(body))) => Ok(Ok(body)),
            Ok(Ok(None)) => Ok(Err(respond::too_large())),
            Ok(Err(_)) => Err(Abandoned::Broken),
            Err(_) => Err(Abandoned::TimedOut),
        }
    }

    async fn decide(&self, parts: Parts, body: Bytes) -> Answer {
        let settings = &self.context.settings;
        match parts.method {
            // Health checks of load balancers; a `json` in the query is not read. Nor that of a HEAD, with which
            // browsers let any page ask without saying where it is from.
            Method::GET | Method::HEAD => return respond::closing(respond::empty(StatusCode::OK)),
            Method::OPTIONS => {
                return respond::closing(match cors::preflight(settings, &parts.headers) {
                    Some(headers) => {
                        let mut answer = respond::empty(StatusCode::OK);
                        answer.headers_mut().extend(headers);
                        answer
                    }
                    None => respond::empty(StatusCode::FORBIDDEN),
                });
            }
            _ => {}
        }
        let cors = Cors::of(settings, &parts.headers);
        let mut answer = match cors {
            Cors::Refused => respond::closing(respond::empty(StatusCode::FORBIDDEN)),
            Cors::Foreign => respond::closing(respond::explained(StatusCode::FORBIDDEN, FOREIGN)),
            _ => self.accept(parts, body).await,
        };
        if matches!(cors, Cors::Refused | Cors::Foreign) {
            self.context.metrics.http_origins_refused.inc();
        }
        cors.apply(answer.headers_mut());
        answer
    }

    /// Takes the events in and emits them.
    async fn accept(&self, parts: Parts, body: Bytes) -> Answer {
        let Parts { uri, headers, .. } = parts;
        let whole = Whole { uri, headers, body, peer: self.peer, received: EventTime::now() };
        let intake = match self.take_in(whole).await {
            Ok(intake) => intake,
            Err(Refusal::BadRequest(message)) => {
                self.context.log_bad_request(self.peer, &message);
                return respond::explained(StatusCode::BAD_REQUEST, &message);
            }
            Err(Refusal::Undecodable(error)) => {
                self.context.log_bad_request(self.peer, &error);
                return respond::closing(respond::empty(StatusCode::BAD_REQUEST));
            }
            Err(error @ Refusal::Failed(_)) => {
                self.context.log_bad_request(self.peer, &error);
                return respond::explained(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string());
            }
        };
        let metrics = &self.context.metrics;
        metrics.entries_invalid.inc_by(intake.skipped);
        if let Some(batch) = intake.batch {
            metrics.batches_received.inc();
            if let Err(error) = self.context.emitter.emit(batch).await {
                self.context.log_failed_emit(self.peer, &error);
                return respond::explained(StatusCode::INTERNAL_SERVER_ERROR, &error.0);
            }
        }
        respond::accepted(&self.context.settings)
    }

    async fn take_in(&self, whole: Whole) -> Result<Intake, Refusal> {
        let settings = Arc::clone(&self.context.settings);
        if !whole.is_heavy() {
            return whole.take_in(&settings).await;
        }
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || runtime.block_on(whole.take_in(&settings))).await?
    }
}

/// What the head alone decides. A body that is too large by its own word is not asked for.
fn refuse_early(parts: &Parts, limit: usize) -> Option<Answer> {
    let expects = parts.headers.get(EXPECT).map(|value| value.as_bytes());
    if expects.is_some_and(|expects| !expects.eq_ignore_ascii_case(b"100-continue")) {
        return Some(respond::closing(respond::empty(StatusCode::EXPECTATION_FAILED)));
    }
    let length = std::str::from_utf8(bytes_of(&parts.headers, CONTENT_LENGTH)).ok();
    let length = length.and_then(|length| length.parse::<usize>().ok())?;
    // Fluentd takes a body of exactly the limit, but does not ask for one.
    let over = length > limit || (expects.is_some() && length == limit);
    over.then(respond::too_large)
}

/// Reads a body of at most `limit` bytes; `None` when it is larger. Pieces are copied together, since
/// many small ones cost far more than their bytes.
async fn read_body<B: Body<Data = Bytes>>(body: B, limit: usize) -> Result<Option<Bytes>, B::Error> {
    let mut body = std::pin::pin!(body);
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else { continue };
        if piece.len() > limit - whole.len() {
            return Ok(None);
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(Some(piece));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(Some(whole.freeze()))
}
