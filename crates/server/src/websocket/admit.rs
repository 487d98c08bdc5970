//! From a request that may be served to a client: its rights, its place on a hub, its session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use fluentcast_broadcast::deflate::Window;
use fluentcast_broadcast::encode::{Format, Protocol, Shape};
use fluentcast_broadcast::hub::{Hub, Start};
use fluentcast_broadcast::session::{Greeting, Session};
use fluentcast_broadcast::view::ViewKey;
use fluentcast_config::settings::{Secret, SlowClient};
use fluentcast_event::limits;
use hyper::StatusCode;
use subtle::ConstantTimeEq;

use super::events;
use super::query::{Pairs, Query};
use super::resubscribe::Resubscriber;
use super::worker::{ClientLimits, ConnectedGuard, NewClient, WorkerPool};
use crate::metrics::Metrics;
use crate::tls::Stream;

/// What is answered instead: a status and a sentence.
pub(super) type Refusal = (StatusCode, String);

/// One output as its clients reach it.
#[derive(Debug)]
pub struct Site {
    /// The URL prefix it answers on; `/` is any path.
    pub path: String,
    /// What a client of the classic stream is sent.
    pub shape: Shape,
    /// What a client must present.
    pub token: Option<Secret>,
    /// Where its events come from.
    pub hub: Arc<Hub>,
    /// What its clients are bound by, slowness aside.
    pub limits: ClientLimits,
    /// What happens to a client that is too slow; `None`: closed if classic, else passed over.
    pub slow_client: Option<SlowClient>,
    /// permessage-deflate is offered.
    pub compress: bool,
    /// Clients at once.
    pub connection_limit: u32,
    /// Clients now.
    pub connected: Arc<AtomicU32>,
}

/// How a client is to be talked to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire {
    pub(super) protocol: Protocol,
    pub(super) format: Format,
    /// permessage-deflate, or gzip over HTTP, was agreed on, with this window.
    pub(super) compress: Option<Window>,
}

/// A client that waits for its socket.
pub(super) struct Admitted {
    worker: fluentcast_broadcast::view::Worker,
    session: Session,
    resubscriber: Option<Box<Resubscriber>>,
    limits: ClientLimits,
    counted: ConnectedGuard,
}

impl Site {
    /// Whether the path is the prefix or below it: `/a` takes `/a` and `/a/b`, not `/ab`.
    pub(super) fn takes(&self, path: &str) -> bool {
        let prefix = self.path.trim_end_matches('/');
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn admits(&self, presented: Option<&str>) -> bool {
        self.token.as_ref().is_none_or(|token| {
            presented.is_some_and(|presented| presented.as_bytes().ct_eq(token.expose().as_bytes()).into())
        })
    }

    /// Admits a client that asks for this with this protocol. Subscribed before it hears of it: what is
    /// published after its handshake reaches it.
    pub(super) fn admit(
        &self,
        wire: Wire,
        pairs: Pairs,
        presented: Option<&str>,
        pool: &WorkerPool,
        metrics: &Arc<Metrics>,
    ) -> Result<Admitted, Refusal> {
        let query =
            Query::read(&pairs, None).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        if !self.admits(query.token.as_deref().or(presented)) {
            return Err((
                StatusCode::UNAUTHORIZED,
                "This stream needs a token: open it with ?token=... in the URL.".to_owned(),
            ));
        }
        let Some(counted) = ConnectedGuard::admit(metrics, &self.connected, self.connection_limit) else {
            return Err((StatusCode::SERVICE_UNAVAILABLE, "Too many clients (connection_limit).".to_owned()));
        };
        let Wire { protocol, format, compress } = wire;
        let fields = query.fields.clone();
        let shape = match protocol {
            Protocol::Classic => Shape {
                format: query.format.unwrap_or(format),
                add_tag: query.add_tag.unwrap_or(self.shape.add_tag),
                add_time: query.add_time.unwrap_or(self.shape.add_time),
                protocol,
                fields,
                compress,
            },
            _ => Shape { protocol, format, add_tag: true, add_time: true, fields, compress },
        };
        let worker = pool.assign();
        let limits = self.limits_of(protocol, &query);
        let Query { tags, filter, max_rate, start, ends, .. } = query;
        let key = ViewKey { shape: shape.clone(), tags, filter, max_rate };
        let opening = self.hub.subscribe(&key, worker, start.unwrap_or(Start::Default), !ends, None);
        let inflates = compress.is_some() && protocol.is_websocket();
        let mut session = Session::new(shape, limits::CLIENT_MESSAGE_BYTES_MAX).inflating(inflates);
        if !protocol.is_websocket() {
            session.preface(&events::head(protocol, &opening.0, compress.is_some()));
        }
        session.begin(opening, Greeting::Hello);
        let may_change = protocol == Protocol::Resumable || limits.slow_client == SlowClient::Sample;
        let resubscriber = may_change.then(|| {
            let hub = Arc::clone(&self.hub);
            Box::new(Resubscriber::new(hub, worker, key, pairs, Instant::now()))
        });
        Ok(Admitted { worker, session, resubscriber, limits, counted })
    }

    fn limits_of(&self, protocol: Protocol, query: &Query) -> ClientLimits {
        let default = if protocol == Protocol::Classic { SlowClient::Disconnect } else { SlowClient::Skip };
        let mut limits = self.limits;
        limits.slow_client = query.slow_client.or(self.slow_client).unwrap_or(default);
        limits.lag_bytes_max = limits.lag_bytes_max.min(query.lag_bytes_max.unwrap_or(u64::MAX));
        if !protocol.is_websocket() {
            limits.ping_interval = limits::HTTP_SIGN_OF_LIFE_INTERVAL;
            limits.ping_timeout = Duration::MAX;
        }
        limits
    }
}

impl Admitted {
    /// Hands the client to its worker.
    pub(super) fn enter(
        self,
        pool: &WorkerPool,
        stream: Stream,
        read_already: Vec<u8>,
        peer: SocketAddr,
    ) -> std::io::Result<()> {
        let Self { worker, session, resubscriber, limits, counted } = self;
        let (stream, tls) = match stream {
            Stream::Plain(stream) => (stream, None),
            Stream::Tls(stream) => {
                let (stream, tls) = stream.into_inner();
                (stream, Some(Box::new(tls)))
            }
        };
        let stream = stream.into_std()?;
        let client = NewClient { stream, tls, peer, session, resubscriber, read_already, limits, counted };
        pool.join(worker, client);
        Ok(())
    }
}
