//! A websocket port: HTTP until a client is upgraded, then the bare socket goes to a worker.
//!
//! Several outputs may share a port under different URL prefixes; each is its own world. A request that
//! is no WebSocket gets an answer in words, never a cut connection.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fluentcast_broadcast::deflate::Window;
use fluentcast_broadcast::encode::{Format, Protocol};
use fluentcast_config::settings::Secret;
use fluentcast_event::limits;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue,
    SEC_WEBSOCKET_VERSION, UPGRADE, VARY, WWW_AUTHENTICATE,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::admit::{Admitted, Asking, Refusal, Site, Wire};
use super::origin::{self, Cors};
use super::scrape::Scraping;
use super::worker::WorkerPool;
use super::{events, handshake, page, query, ui};
use crate::history::DiskHistory;
use crate::metrics::Metrics;
use crate::tls::{self, Acceptor, Stream};

type Answer = Response<Full<Bytes>>;

/// What the connections of one port share.
#[derive(Debug)]
pub struct Port {
    sites: Vec<Site>,
    pool: WorkerPool,
    /// Every one of the process: it is ready as a whole or not.
    histories: Vec<Arc<DiskHistory>>,
    metrics: Arc<Metrics>,
    registry: Arc<Registry>,
    /// Who may read the metrics.
    scraping: Scraping,
    acceptor: Option<Arc<Acceptor>>,
}

impl Port {
    /// A port with its outputs.
    #[must_use]
    pub fn new(
        mut sites: Vec<Site>,
        pool: WorkerPool,
        histories: Vec<Arc<DiskHistory>>,
        metrics: Arc<Metrics>,
        registry: Arc<Registry>,
        metrics_token: Option<&Secret>,
    ) -> Self {
        // The longest prefix wins.
        sites.sort_by_key(|site| std::cmp::Reverse(site.path.trim_end_matches('/').len()));
        let scraping = Scraping::new(metrics_token, sites.iter().any(Site::asks_for_a_token));
        Self { sites, pool, histories, metrics, registry, scraping, acceptor: None }
    }

    /// The same, encrypted by this acceptor.
    #[must_use]
    pub fn behind(self, acceptor: Option<Arc<Acceptor>>) -> Self {
        Self { acceptor, ..self }
    }

    /// Speaks HTTP on one connection until it ends, becomes a stream, or the server stops.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        let Some(stream) = tls::secure(self.acceptor.as_deref(), stream, peer, &stop).await else { return };
        let admission = Arc::new(Admission::default());
        let service = service_fn(|request| std::future::ready(self.answer(&request, peer, &admission)));
        let mut connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(limits::REQUEST_HEAD_SECONDS_MAX))
            .serve_connection(TokioIo::new(stream), service);
        let ended = tokio::select! {
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => ended,
            () = admission.stuck() => return tracing::debug!(%peer, "the client left during its handshake"),
            () = stop.cancelled() => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                poll_fn(|context| connection.poll_without_shutdown(context)).await
            }
        };
        match (admission.take(), ended) {
            (Some(admitted), _) => {
                let parts = connection.into_parts();
                self.metrics.websocket_clients_accepted.inc();
                let stream = parts.io.into_inner();
                if let Err(error) = admitted.enter(&self.pool, stream, parts.read_buf.to_vec(), peer) {
                    tracing::debug!(%peer, %error, "a client's socket cannot be handed on");
                }
            }
            (None, Ok(())) => close(connection.into_parts().io.into_inner()).await,
            (None, Err(error)) => {
                tracing::debug!(%peer, %error, "connection to a websocket port ended early");
            }
        }
    }

    /// Answers a request. After an admission the connection is no longer HTTP's: a stream over HTTP
    /// writes its own answer, so there is none for hyper to write.
    fn answer(
        &self,
        request: &Request<Incoming>,
        peer: SocketAddr,
        admission: &Admission,
    ) -> Result<Answer, BecomesStream> {
        let answer = if handshake::is_wanted(request.headers()) {
            self.upgrade(request, admission).map(Some)
        } else if let Some(output) = events::output_path(request.uri().path()) {
            self.events_for_pages(request, output, admission)
        } else {
            Ok(Some(self.page(request, peer)))
        };
        let answer = answer.unwrap_or_else(|(status, reason)| Some(sentence(status, &reason)));
        let answer = answer.ok_or(BecomesStream)?;
        if answer.status().as_u16() >= 400 {
            self.metrics.websocket_handshakes_rejected.inc();
        }
        Ok(answer)
    }

    /// Answers what is no WebSocket.
    fn page(&self, request: &Request<Incoming>, peer: SocketAddr) -> Answer {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return sentence(StatusCode::METHOD_NOT_ALLOWED, "Only GET is answered here.");
        }
        match request.uri().path() {
            "/healthz" => sentence(StatusCode::OK, "ok"),
            "/readyz" => {
                let troubles: Vec<_> =
                    self.histories.iter().filter_map(|history| history.trouble()).collect();
                if troubles.is_empty() {
                    sentence(StatusCode::OK, "ready")
                } else {
                    sentence(StatusCode::SERVICE_UNAVAILABLE, &troubles.join("\n"))
                }
            }
            "/metrics" => self.metrics_for(request, peer),
            path => self.live_page(request).unwrap_or_else(|| match path {
                "/" => {
                    let page = page::html(request.headers(), &self.sites, self.acceptor.is_some());
                    with_type(StatusCode::OK, "text/html; charset=utf-8", page)
                }
                _ => sentence(
                    StatusCode::NOT_FOUND,
                    "There is no page here. To watch events, open this URL as a WebSocket; GET / says more.",
                ),
            }),
        }
    }

    /// A file of the live page, if the path is below an output that serves it.
    fn live_page(&self, request: &Request<Incoming>) -> Option<Answer> {
        let uri = request.uri();
        let site = self.sites.iter().find(|site| site.takes(uri.path())).filter(|site| site.ui)?;
        let rest = uri.path().strip_prefix(site.path.trim_end_matches('/'))?;
        ui::answer(rest, uri, request.headers())
    }

    /// The metrics, for whoever may read them.
    fn metrics_for(&self, request: &Request<Incoming>, peer: SocketAddr) -> Answer {
        let pairs = query::pairs(request.uri().query().unwrap_or_default());
        let presented = query::token(&pairs).or_else(|| bearer(request));
        match self.scraping.judge(peer, request.headers(), presented.as_ref()) {
            Ok(()) => self.metrics_page(),
            Err((status, reason)) => sentence(status, &reason),
        }
    }

    fn metrics_page(&self) -> Answer {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => {
                with_type(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text)
            }
            Err(error) => sentence(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    /// Admits a WebSocket client and returns the answer that tells it.
    fn upgrade(&self, request: &Request<Incoming>, admission: &Admission) -> Result<Answer, Refusal> {
        let path = request.uri().path();
        // Judged before the path: what is no WebSocket is told that first.
        let compress = self.sites.iter().find(|site| site.takes(path)).is_some_and(|site| site.compress);
        let accepted = handshake::accept(request.method(), request.version(), request.headers(), compress)
            .map_err(|refusal| (refusal.status, refusal.reason.to_owned()))?;
        let site = self.site(path)?;
        let cors = self.judge_origin(site, request)?;
        let wire = match accepted.format {
            None => {
                Wire { protocol: Protocol::Classic, format: site.shape.format, compress: accepted.compress }
            }
            Some(format) => Wire { protocol: Protocol::Resumable, format, compress: accepted.compress },
        };
        let by_protocol = handshake::presented_token(request.headers());
        let presented = bearer(request).or(by_protocol);
        let pairs = query::pairs(request.uri().query().unwrap_or_default());
        let asking = Asking { wire, pairs, presented, cors };
        let admitted = site.admit(asking, &self.pool, &self.metrics)?;
        admission.set(admitted);
        Ok(accepted.response.map(|()| Full::default()))
    }

    /// Streams over HTTP, as pages of browsers need it: the origin is judged first, and a page that may watch
    /// may read whatever is answered.
    fn events_for_pages(
        &self,
        request: &Request<Incoming>,
        output: &str,
        admission: &Admission,
    ) -> Result<Option<Answer>, Refusal> {
        let site = self.site(output)?;
        let cors = self.judge_origin(site, request)?;
        let answer = if origin::is_preflight(request.method(), request.headers()) {
            Ok(Some(preflight()))
        } else {
            self.events(request, site, cors.clone(), admission)
        };
        let answer = answer.unwrap_or_else(|(status, reason)| Some(sentence(status, &reason)));
        Ok(answer.map(|mut answer| {
            cors.apply(answer.headers_mut());
            answer
        }))
    }

    /// Judges which page asks, and counts a refusal.
    fn judge_origin(&self, site: &Site, request: &Request<Incoming>) -> Result<Cors, Refusal> {
        origin::judge(&site.allow_origin, request.headers()).inspect_err(|_| {
            self.metrics.websocket_origins_refused.inc();
        })
    }

    /// Admits a client that streams over HTTP; `None`: its answer is written by its session.
    fn events(
        &self,
        request: &Request<Incoming>,
        site: &Site,
        cors: Cors,
        admission: &Admission,
    ) -> Result<Option<Answer>, Refusal> {
        let head_only = request.method() == Method::HEAD;
        if request.method() != Method::GET && !head_only {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "Only GET is answered here.".to_owned()));
        }
        if request.version() < Version::HTTP_11 {
            return Err((StatusCode::HTTP_VERSION_NOT_SUPPORTED, "A stream needs HTTP/1.1.".to_owned()));
        }
        let protocol = events::protocol(request.headers()).ok_or_else(|| {
            let offered = "Streams are text/event-stream or application/x-ndjson.";
            (StatusCode::NOT_ACCEPTABLE, offered.to_owned())
        })?;
        let mut pairs = query::pairs(request.uri().query().unwrap_or_default());
        if let Some(id) = request.headers().get(events::LAST_EVENT_ID).and_then(|id| id.to_str().ok()) {
            pairs.retain(|(name, _)| name != "$since" && name != "$last");
            pairs.push(("$since".to_owned(), Some(id.to_owned())));
        }
        let compress = events::takes_gzip(request.headers()).then(Window::default);
        let wire = Wire { protocol, format: Format::Json, compress };
        let asking = Asking { wire, pairs, presented: bearer(request), cors };
        let admitted = site.admit(asking, &self.pool, &self.metrics)?;
        if head_only {
            return Ok(Some(with_type(StatusCode::OK, events::content_type(protocol), String::new())));
        }
        admission.set(admitted);
        Ok(None)
    }

    /// The output whose streams are under this path.
    fn site(&self, path: &str) -> Result<&Site, Refusal> {
        let found = self.sites.iter().find(|site| site.takes(path));
        found.ok_or_else(|| {
            let told = "No stream answers on this path; GET / names those that do.";
            (StatusCode::NOT_FOUND, told.to_owned())
        })
    }
}

/// A connection's client, once it is admitted.
#[derive(Default)]
struct Admission {
    admitted: Mutex<Option<Admitted>>,
    set: Notify,
}

impl Admission {
    fn set(&self, admitted: Admitted) {
        *self.admitted.lock().unwrap_or_else(PoisonError::into_inner) = Some(admitted);
        self.set.notify_one();
    }

    fn take(&self) -> Option<Admitted> {
        self.admitted.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ends when a client is admitted and its answer does not get through to the socket.
    async fn stuck(&self) {
        self.set.notified().await;
        tokio::time::sleep(limits::UPGRADE_TIMEOUT).await;
    }
}

/// Ends hyper's part in a connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is a stream now")]
struct BecomesStream;

/// Ends a connection after its last answer.
async fn close(mut stream: Stream) {
    if let Err(error) = stream.shutdown().await {
        tracing::debug!(%error, "a connection could not be shut down");
    }
}

/// The token of an `Authorization: Bearer` header.
fn bearer(request: &Request<Incoming>) -> Option<Secret> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::new(token.trim().to_owned()))
}

/// An answer of one line, with the headers that belong to its status (RFC 9110 section 15.5, RFC 6455
/// section 4.4).
fn sentence(status: StatusCode, text: &str) -> Answer {
    let headers: &[(HeaderName, &'static str)] = match status {
        StatusCode::UNAUTHORIZED => &[(WWW_AUTHENTICATE, "Bearer")],
        StatusCode::FORBIDDEN => &[(VARY, "origin")],
        StatusCode::METHOD_NOT_ALLOWED => &[(ALLOW, "GET, HEAD")],
        StatusCode::UPGRADE_REQUIRED => {
            &[(CONNECTION, "Upgrade"), (UPGRADE, "websocket"), (SEC_WEBSOCKET_VERSION, "13")]
        }
        _ => &[],
    };
    let mut answer = with_type(status, "text/plain; charset=utf-8", format!("{text}\n"));
    for (name, value) in headers {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The answer to a page's browser that asks whether the page may ask.
fn preflight() -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    origin::allow(answer.headers_mut());
    answer
}

fn with_type(status: StatusCode, content_type: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
