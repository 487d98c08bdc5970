//! From a request that may be served to a client: its rights, its place on a hub, its session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant, SystemTime};

use fluentcast_broadcast::deflate::Window;
use fluentcast_broadcast::encode::{Format, Protocol, Shape};
use fluentcast_broadcast::hub::{Hub, Start};
use fluentcast_broadcast::session::{Greeting, Session};
use fluentcast_config::origin::AllowedOrigins;
use fluentcast_config::settings::{Secret, SlowClient};
use fluentcast_event::limits;
use hyper::StatusCode;

use super::events;
use super::grants::{Granted, Grants};
use super::origin::Cors;
use super::query::{self, Pairs, Query};
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
    /// What a client must present, and what it may then see.
    pub grants: Grants,
    /// Which pages of a browser may watch, besides its own.
    pub allow_origin: AllowedOrigins,
    /// Where its events come from.
    pub hub: Arc<Hub>,
    /// What its clients are bound by, slowness aside.
    pub limits: ClientLimits,
    /// What happens to a client that is too slow; `None`: closed if classic, else passed over.
    pub slow_client: Option<SlowClient>,
    /// permessage-deflate is offered.
    pub compress: bool,
    /// The live page is served.
    pub ui: bool,
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

/// What a client came with.
pub(super) struct Asking {
    pub(super) wire: Wire,
    pub(super) pairs: Pairs,
    /// A token, elsewhere than among the pairs.
    pub(super) presented: Option<Secret>,
    /// What the answer says to the page it is from.
    pub(super) cors: Cors,
}

/// A client that waits for its socket.
pub(super) struct Admitted {
    worker: fluentcast_broadcast::view::Worker,
    session: Session,
    resubscriber: Option<Box<Resubscriber>>,
    limits: ClientLimits,
    expires: Option<SystemTime>,
    counted: ConnectedGuard,
}

impl Site {
    /// Whether the path is the prefix or below it: `/a` takes `/a` and `/a/b`, not `/ab`.
    pub(super) fn takes(&self, path: &str) -> bool {
        let prefix = self.path.trim_end_matches('/');
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether nobody may watch without a token.
    pub(super) fn asks_for_a_token(&self) -> bool {
        self.grants.are_needed()
    }

    /// Admits a client that asks for this with this protocol. Subscribed before it hears of it: what is
    /// published after its handshake reaches it.
    pub(super) fn admit(
        &self,
        asking: Asking,
        pool: &WorkerPool,
        metrics: &Arc<Metrics>,
    ) -> Result<Admitted, Refusal> {
        let Asking { wire, pairs, presented, cors } = asking;
        // Before anything is read that costs something.
        let presented = query::token(&pairs).or(presented);
        let granted = self.grants.grant(presented.as_ref(), SystemTime::now(), metrics)?;
        let query =
            Query::read(&pairs, None).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        let Granted { rights, expires, place } = granted;
        let counted = ConnectedGuard::admit(metrics, &self.connected, self.connection_limit, place);
        let Some(counted) = counted else {
            return Err((StatusCode::SERVICE_UNAVAILABLE, "Too many clients (connection_limit).".to_owned()));
        };
        let shape = self.shape_of(wire, &query);
        let worker = pool.assign();
        let limits = self.limits_of(wire.protocol, &query);
        let (start, ends) = (query.start, query.ends);
        let key = rights.view(&shape, query);
        let opening = self.hub.subscribe(&key, worker, start.unwrap_or(Start::Default), !ends, None);
        let Wire { protocol, compress, .. } = wire;
        let inflates = compress.is_some() && protocol.is_websocket();
        let mut session =
            Session::new(key.shape.clone(), limits::CLIENT_MESSAGE_BYTES_MAX).inflating(inflates);
        if !protocol.is_websocket() {
            session.preface(&events::head(protocol, &opening.0, compress.is_some(), &cors));
        }
        session.begin(opening, Greeting::Hello);
        let may_change = protocol == Protocol::Resumable || limits.slow_client == SlowClient::Sample;
        let resubscriber = may_change.then(|| {
            let hub = Arc::clone(&self.hub);
            Box::new(Resubscriber::new(hub, worker, key, pairs, rights, Instant::now()))
        });
        Ok(Admitted { worker, session, resubscriber, limits, expires, counted })
    }

    /// The form of what it is sent, fields aside.
    fn shape_of(&self, wire: Wire, query: &Query) -> Shape {
        let Wire { protocol, format, compress } = wire;
        match protocol {
            Protocol::Classic => Shape {
                format: query.format.unwrap_or(format),
                add_tag: query.add_tag.unwrap_or(self.shape.add_tag),
                add_time: query.add_time.unwrap_or(self.shape.add_time),
                protocol,
                fields: None,
                compress,
            },
            _ => Shape { protocol, format, add_tag: true, add_time: true, fields: None, compress },
        }
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
        let Self { worker, session, resubscriber, limits, expires, counted } = self;
        let (stream, tls) = match stream {
            Stream::Plain(stream) => (stream, None),
            Stream::Tls(stream) => {
                let (stream, tls) = stream.into_inner();
                (stream, Some(Box::new(tls)))
            }
        };
        let stream = stream.into_std()?;
        let client =
            NewClient { stream, tls, peer, session, resubscriber, read_already, limits, expires, counted };
        pool.join(worker, client);
        Ok(())
    }
}
