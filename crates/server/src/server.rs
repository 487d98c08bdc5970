//! The life of a server: everything is built, then everything is bound, then everything is served; and
//! the stop in the same care: no new senders and clients, what was received is finished and acked,
//! files are flushed, clients are sent the rest and closed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluentcast_config::settings::{self, Listen, Settings, Source, SourceKind};
use fluentcast_event::limits::{
    CLIENTS_STOP_TIMEOUT, FILES_STOP_TIMEOUT, HANDSHAKES_AT_ONCE_MAX, SOURCES_STOP_TIMEOUT,
    WEBSOCKET_WORKERS_MAX,
};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::accept::{self, Admission};
use crate::build::{self, BuildError, Built, PortPlan};
use crate::emit::Emitter;
use crate::forward::{Door, UnknownHost};
use crate::history::DiskHistory;
use crate::metrics::Metrics;
use crate::sample::{Sample, SampleError};
use crate::stdout::Stdout;
use crate::tls::{self, Acceptor, Renewal, TlsError};
use crate::websocket::listener::Port;
use crate::websocket::worker::Workers;
use crate::{forward, http};

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An output cannot do its work.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An address cannot be listened on.
    #[error("{}: cannot listen on {kind} port {} ({}:{}): {error}{}", at.origin, at.port, at.host, at.port, hint(error))]
    Bind {
        /// `forward`, `http`, `websocket`.
        kind: &'static str,
        /// The address and its place in the configuration.
        at: Box<Listen>,
        /// What the system said.
        error: io::Error,
    },
    /// A sample's record is none.
    #[error("{origin}: {error}")]
    Sample {
        /// The place in the configuration.
        origin: settings::Origin,
        /// What is wrong with it.
        error: SampleError,
    },
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A host of `<security>` is not known.
    #[error(transparent)]
    Host(#[from] UnknownHost),
    /// The system has no thread or epoll left.
    #[error("cannot start the websocket workers: {0}")]
    Workers(io::Error),
}

/// What to do about a port that cannot be had.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another program uses this port: stop it, or choose another `port`",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege: choose a higher `port`",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address: correct `bind` or `host`",
        _ => "",
    }
}

/// An address that is listened on.
#[derive(Clone, Debug)]
pub struct Listening {
    /// `forward`, `http`, `websocket`.
    pub kind: &'static str,
    /// The address.
    pub address: SocketAddr,
}

/// A server that holds all its sockets and serves none of them yet.
pub struct Server {
    listening: Vec<Listening>,
    sources: Vec<(BoundSource, Emitter)>,
    ports: Vec<(TcpListener, Arc<Port>, SocketAddr)>,
    built: Built,
    workers: Workers,
    metrics: Arc<Metrics>,
    acceptors: Vec<Arc<Acceptor>>,
    renewal: Renewal,
}

enum BoundSource {
    Forward(forward::Bound, Box<settings::ForwardSource>),
    Http(http::Bound, settings::HttpSource),
    Sample(Sample),
}

impl Server {
    /// Opens files and binds every address, in the order of the configuration. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`]. Nothing has been served then.
    pub fn bind(settings: &Settings, hostname: &str) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::default());
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let registry = Arc::new(registry);
        let workers = Workers::start(worker_count(), &metrics).map_err(StartError::Workers)?;
        let pool = workers.pool();
        let mut built = build::build(settings, hostname, &pool, &metrics)?;
        let sources_of = settings.sources.iter();
        let prepared =
            sources_of.map(|source| Prepared::of(source, &metrics)).collect::<Result<Vec<_>, _>>()?;
        let plans = built.ports.drain(..).map(|plan| {
            let acceptor = Acceptor::of(plan.tls.as_deref(), &metrics)?;
            Ok((plan, acceptor))
        });
        let plans = plans.collect::<Result<Vec<_>, StartError>>()?;
        let of_sources = prepared.iter().map(|prepared| &prepared.acceptor);
        let acceptors = of_sources.chain(plans.iter().map(|(_, acceptor)| acceptor));
        let acceptors = acceptors.flatten().cloned().collect();
        let mut listening = Vec::new();
        let mut sources = Vec::new();
        for (source, prepared) in settings.sources.iter().zip(prepared) {
            let bound = bind_source(source, prepared, &mut listening)?;
            sources.push((bound, built.pipeline.emitter(source.scope)));
        }
        let mut ports = Vec::new();
        for (PortPlan { listen, sites, .. }, acceptor) in plans {
            let (listener, address) = bind_port(&listen)?;
            listening.push(Listening { kind: "websocket", address });
            let histories = built.histories.clone();
            let metrics_token = settings.system.metrics_token.as_ref();
            let (metrics, registry) = (Arc::clone(&metrics), Arc::clone(&registry));
            let port = Port::new(sites, pool.clone(), histories, metrics, registry, metrics_token);
            ports.push((listener, Arc::new(port.behind(acceptor)), address));
        }
        let renewal = Renewal::default();
        Ok(Self { listening, sources, ports, built, workers, metrics, acceptors, renewal })
    }

    /// What is listened on, in the order of the configuration: sources, then websocket ports.
    #[must_use]
    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// The same, with certificates that this renews, too.
    #[must_use]
    pub fn renewed_by(self, renewal: Renewal) -> Self {
        Self { renewal, ..self }
    }

    /// Serves until `stop` is cancelled, then stops with care and within named bounds. Returns `false`
    /// when something that should never end ended by itself, which stops the rest too: a server must
    /// not go on deaf.
    pub async fn run(self, stop: CancellationToken) -> bool {
        self.run_within(stop, STOP_BOUNDS).await
    }

    async fn run_within(self, stop: CancellationToken, bounds: StopBounds) -> bool {
        let Self { sources, ports, built, workers, metrics, acceptors, renewal, .. } = self;
        let mut intake = JoinSet::new();
        let stop_intake = CancellationToken::new();
        if !acceptors.is_empty() {
            intake.spawn(tls::renew(acceptors, renewal, stop_intake.clone()));
        }
        for (source, emitter) in sources {
            intake.spawn(serve_source(source, emitter, Arc::clone(&metrics), stop_intake.clone()));
        }
        for (listener, port, address) in ports {
            intake.spawn(serve_port(listener, port, address, Arc::clone(&metrics), stop_intake.clone()));
        }
        let mut files = JoinSet::new();
        let stop_files = CancellationToken::new();
        for file in &built.files {
            files.spawn(Arc::clone(file).run(stop_files.clone()));
        }
        let orderly = tokio::select! {
            () = stop.cancelled() => true,
            Some(ended) = intake.join_next() => {
                tracing::error!(?ended, "a source or a websocket port ended by itself; stopping");
                false
            }
            Some(ended) = files.join_next() => {
                tracing::error!(?ended, "a file output ended by itself; stopping");
                false
            }
        };
        let started = Instant::now();
        stop_intake.cancel();
        finish(&mut intake, started + bounds.sources, "sources and listeners").await;
        stop_files.cancel();
        finish(&mut files, started + bounds.files, "file outputs").await;
        finish_stdouts(&built.stdouts, started + bounds.files).await;
        let deadline = started + bounds.clients;
        if let Err(error) = tokio::task::spawn_blocking(move || workers.drain(deadline)).await {
            tracing::error!(%error, "the websocket workers could not be stopped");
        }
        let histories = built.histories;
        let closed =
            tokio::task::spawn_blocking(move || DiskHistory::close(histories.iter().map(AsRef::as_ref)));
        if let Err(error) = closed.await {
            tracing::error!(%error, "the histories could not be closed");
        }
        orderly
    }
}

/// Until when each step of the stop may go on, counted from its beginning.
#[derive(Clone, Copy, Debug)]
struct StopBounds {
    sources: Duration,
    files: Duration,
    clients: Duration,
}

const STOP_BOUNDS: StopBounds =
    StopBounds { sources: SOURCES_STOP_TIMEOUT, files: FILES_STOP_TIMEOUT, clients: CLIENTS_STOP_TIMEOUT };

/// One worker for two processors, each with its share of the clients. More workers would each find less
/// to write when they come round, and a write costs far more than the events it carries; the other
/// processors read, decode and encode.
fn worker_count() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors / 2).clamp(1, WEBSOCKET_WORKERS_MAX)
}

/// What a source needs besides its port. All of it is had before any port is taken.
#[derive(Default)]
struct Prepared {
    acceptor: Option<Arc<Acceptor>>,
    door: Option<Door>,
}

impl Prepared {
    fn of(source: &Source, metrics: &Arc<Metrics>) -> Result<Self, StartError> {
        Ok(match &source.kind {
            SourceKind::Forward(settings) => {
                let acceptor = Acceptor::of(settings.tls.as_deref(), metrics)?;
                Self { acceptor, door: Door::of(settings)? }
            }
            SourceKind::Http(settings) => {
                Self { acceptor: Acceptor::of(settings.tls.as_deref(), metrics)?, door: None }
            }
            SourceKind::Sample(_) => Self::default(),
        })
    }
}

fn bind_source(
    source: &Source,
    prepared: Prepared,
    listening: &mut Vec<Listening>,
) -> Result<BoundSource, StartError> {
    let fail = |kind, at: &Listen, error| StartError::Bind { kind, at: Box::new(at.clone()), error };
    match &source.kind {
        SourceKind::Forward(settings) => {
            let bound =
                forward::Bound::bind(settings).map_err(|error| fail("forward", &settings.listen, error))?;
            listening.push(Listening { kind: "forward", address: bound.local_addr() });
            let bound = bound.behind(prepared.acceptor, prepared.door);
            Ok(BoundSource::Forward(bound, Box::new(settings.clone())))
        }
        SourceKind::Http(settings) => {
            let bound = http::bind(settings).map_err(|error| fail("http", &settings.listen, error))?;
            listening.push(Listening { kind: "http", address: bound.local_addr() });
            Ok(BoundSource::Http(bound.behind(prepared.acceptor), settings.clone()))
        }
        SourceKind::Sample(settings) => Sample::new(settings)
            .map(BoundSource::Sample)
            .map_err(|error| StartError::Sample { origin: source.origin.clone(), error }),
    }
}

fn bind_port(listen: &Listen) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = accept::listen(listen, None).and_then(TcpListener::from_std).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|error| StartError::Bind { kind: "websocket", at: Box::new(listen.clone()), error })
}

async fn serve_source(source: BoundSource, emitter: Emitter, metrics: Arc<Metrics>, stop: CancellationToken) {
    match source {
        BoundSource::Forward(bound, settings) => {
            forward::serve(bound, *settings, emitter, metrics, stop).await;
        }
        BoundSource::Http(bound, settings) => http::serve(bound, settings, emitter, metrics, stop).await,
        BoundSource::Sample(sample) => sample.run(emitter, metrics, stop).await,
    }
}

async fn serve_port(
    listener: TcpListener,
    port: Arc<Port>,
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let admission = Admission {
        name: format!("websocket {address}"),
        connection_limit: HANDSHAKES_AT_ONCE_MAX,
        accepted: metrics.websocket_connections.clone(),
        refused: metrics.websocket_connections_refused.clone(),
        errors: metrics.accept_errors.clone(),
    };
    let stop_connections = stop.clone();
    accept::serve(listener, admission, stop, move |stream, peer| {
        Arc::clone(&port).serve(stream, peer, stop_connections.clone())
    })
    .await;
}

/// Waits for tasks that were told to end; at the deadline cuts and names them.
async fn finish(tasks: &mut JoinSet<()>, deadline: Instant, name: &str) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of the {name} failed");
            }
        }
    };
    if tokio::time::timeout_at(deadline.into(), all).await.is_err() {
        tracing::warn!("{name} were not done at the deadline and are cut off");
        tasks.shutdown().await;
    }
}

async fn finish_stdouts(stdouts: &[Arc<Stdout>], deadline: Instant) {
    for stdout in stdouts {
        if tokio::time::timeout_at(deadline.into(), stdout.drain()).await.is_err() {
            tracing::warn!("standard output is not read: what waited for it is lost");
        }
    }
}

#[cfg(test)]
mod tests;
