//! A websocket port: HTTP until a client is upgraded, then the bare socket goes to a worker.
//!
//! Several outputs may share a port under different URL prefixes; each is its own world. A request that
//! is no WebSocket gets an answer in words, never a cut connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use bytes::Bytes;
use fluentcast_broadcast::encode::Shape;
use fluentcast_broadcast::hub::Hub;
use fluentcast_broadcast::session::Session;
use fluentcast_broadcast::view::ViewKey;
use fluentcast_config::settings::Secret;
use fluentcast_event::limits;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue,
    SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use subtle::ConstantTimeEq;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::worker::{ClientLimits, ConnectedGuard, NewClient, WorkerPool};
use super::{handshake, page, query::Query};
use crate::metrics::Metrics;

type Answer = Response<Full<Bytes>>;

/// One output as its clients reach it.
#[derive(Debug)]
pub struct Site {
    /// The URL prefix it answers on; `/` is any path.
    pub path: String,
    /// What one message holds.
    pub shape: Shape,
    /// What a client must present.
    pub token: Option<Secret>,
    /// Where its events come from.
    pub hub: Arc<Hub>,
    /// What its clients are bound by.
    pub limits: ClientLimits,
    /// Clients at once.
    pub connection_limit: u32,
    /// Clients now.
    pub connected: Arc<AtomicU32>,
}

impl Site {
    /// Whether the path is the prefix or below it: `/a` takes `/a` and `/a/b`, not `/ab`.
    fn takes(&self, path: &str) -> bool {
        let prefix = self.path.trim_end_matches('/');
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn admits(&self, presented: Option<&str>) -> bool {
        self.token.as_ref().is_none_or(|token| {
            presented.is_some_and(|presented| presented.as_bytes().ct_eq(token.expose().as_bytes()).into())
        })
    }
}

/// What the connections of one port share.
#[derive(Debug)]
pub struct Port {
    sites: Vec<Site>,
    pool: WorkerPool,
    metrics: Arc<Metrics>,
    registry: Arc<Registry>,
}

impl Port {
    /// A port with its outputs.
    #[must_use]
    pub fn new(
        mut sites: Vec<Site>,
        pool: WorkerPool,
        metrics: Arc<Metrics>,
        registry: Arc<Registry>,
    ) -> Self {
        // The longest prefix wins.
        sites.sort_by_key(|site| std::cmp::Reverse(site.path.trim_end_matches('/').len()));
        Self { sites, pool, metrics, registry }
    }

    /// Speaks HTTP on one connection until it ends, is upgraded, or the server stops.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "cannot turn off Nagle's algorithm");
        }
        let service = service_fn(|request| {
            let answer = Arc::clone(&self).answer(request, peer);
            async { Ok::<_, Infallible>(answer) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(limits::REQUEST_HEAD_SECONDS_MAX))
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection to a websocket port ended early");
        }
    }

    fn answer(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        let metrics = Arc::clone(&self.metrics);
        let answer = if handshake::is_wanted(request.headers()) {
            self.upgrade(request, peer).unwrap_or_else(|(status, reason)| sentence(status, &reason))
        } else {
            self.page(&request)
        };
        if answer.status().as_u16() >= 400 {
            metrics.websocket_handshakes_rejected.inc();
        }
        answer
    }

    /// Answers what is no WebSocket.
    fn page(&self, request: &Request<Incoming>) -> Answer {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return sentence(StatusCode::METHOD_NOT_ALLOWED, "Only GET is answered here.");
        }
        match request.uri().path() {
            "/healthz" => sentence(StatusCode::OK, "ok"),
            "/metrics" => self.metrics_page(),
            "/" => {
                let paths: Vec<_> = self.sites.iter().map(|site| site.path.as_str()).collect();
                with_type(StatusCode::OK, "text/html; charset=utf-8", page::html(request.headers(), &paths))
            }
            _ => sentence(
                StatusCode::NOT_FOUND,
                "There is no page here. To watch events, open this URL as a WebSocket; GET / says more.",
            ),
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

    /// Starts the upgrade and returns the answer that announces it.
    fn upgrade(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Answer, (StatusCode, String)> {
        let accepted = handshake::accept(request.method(), request.version(), request.headers(), false)
            .map_err(|refusal| (refusal.status, refusal.reason.to_owned()))?;
        let path = request.uri().path();
        let Some(site) = self.sites.iter().position(|site| site.takes(path)) else {
            return Err((
                StatusCode::NOT_FOUND,
                "No stream answers on this path; GET / names those that do.".to_owned(),
            ));
        };
        let query = Query::parse(request.uri().query().unwrap_or_default())
            .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        let presented = query.token.as_deref().or_else(|| bearer(&request));
        if !self.sites[site].admits(presented) {
            return Err((
                StatusCode::UNAUTHORIZED,
                "This stream needs a token: open it with ?token=... in the URL.".to_owned(),
            ));
        }
        let Site { connected, connection_limit, .. } = &self.sites[site];
        let Some(counted) = ConnectedGuard::admit(&self.metrics, connected, *connection_limit) else {
            return Err((StatusCode::SERVICE_UNAVAILABLE, "Too many clients (connection_limit).".to_owned()));
        };
        // Subscribed before the client hears of it: what is published after its handshake reaches it.
        let worker = self.pool.assign();
        let key = ViewKey { shape: self.sites[site].shape, filter: query.filter };
        let (subscription, cursor) = self.sites[site].hub.subscribe(&key, worker);
        let session = Session::subscribed(subscription, cursor, limits::CLIENT_MESSAGE_BYTES_MAX);
        let limits = self.sites[site].limits;
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            match into_socket(upgraded).await {
                Ok((stream, read_already)) => {
                    self.metrics.websocket_clients_accepted.inc();
                    let client = NewClient { stream, peer, session, read_already, limits, counted };
                    self.pool.join(worker, client);
                }
                Err(error) => tracing::debug!(%peer, %error, "the client left during its handshake"),
            }
        });
        Ok(accepted.response.map(|()| Full::default()))
    }
}

/// The socket under an upgraded connection, and what the client sent right behind its handshake.
async fn into_socket(
    upgrade: impl Future<Output = hyper::Result<Upgraded>>,
) -> std::io::Result<(std::net::TcpStream, Vec<u8>)> {
    let upgraded = tokio::time::timeout(limits::UPGRADE_TIMEOUT, upgrade).await?;
    let upgraded = upgraded.map_err(std::io::Error::other)?;
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| std::io::Error::other("the connection is not the socket that was accepted"))?;
    Ok((parts.io.into_inner().into_std()?, parts.read_buf.to_vec()))
}

/// The token of an `Authorization: Bearer` header.
fn bearer(request: &Request<Incoming>) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// An answer of one line, with the headers that belong to its status (RFC 9110 section 15.5, RFC 6455
/// section 4.4).
fn sentence(status: StatusCode, text: &str) -> Answer {
    let headers: &[(HeaderName, &'static str)] = match status {
        StatusCode::UNAUTHORIZED => &[(WWW_AUTHENTICATE, "Bearer")],
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

fn with_type(status: StatusCode, content_type: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    #[tokio::test(start_paused = true)]
    async fn an_upgrade_that_cannot_be_answered_is_given_up() {
        let error = super::into_socket(std::future::pending()).await.expect_err("nothing came");
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }
}
