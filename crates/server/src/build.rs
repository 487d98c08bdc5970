//! From checked settings to what runs: opens files and makes hubs, pipelines and sites. Binds nothing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use fluentcast_broadcast::encode::{Format, Protocol, Shape};
use fluentcast_broadcast::history::{Bounds, Journal};
use fluentcast_broadcast::hub::{Hub, Options};
use fluentcast_config::settings::{self, FilterKind, Listen, OutputKind, Rule, Settings, SlowClient, Tls};
use fluentcast_event::route::{self, RouteTable};

use crate::file::FileOutput;
use crate::filters;
use crate::history::DiskHistory;
use crate::metrics::Metrics;
use crate::pipeline::{Filter, FilterId, Logs, Output, OutputId, Pipeline, Scope, Store};
use crate::stdout::Stdout;
use crate::websocket::admit::Site;
use crate::websocket::grants::Grants;
use crate::websocket::worker::{ClientLimits, WorkerPool};

/// What cannot be built, and which line of the configuration asked for it.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {what}: {error}")]
pub struct BuildError {
    /// The place in the configuration.
    pub origin: settings::Origin,
    /// What was tried.
    pub what: String,
    /// What the system said.
    pub error: io::Error,
}

/// The outputs that share one websocket port.
#[derive(Debug)]
pub struct PortPlan {
    /// Where it listens.
    pub listen: Listen,
    /// What it speaks.
    pub tls: Option<Box<Tls>>,
    /// Its outputs.
    pub sites: Vec<Site>,
}

/// Everything but sources and sockets.
#[derive(Debug)]
pub struct Built {
    /// The rules with their filters and outputs.
    pub pipeline: Arc<Pipeline>,
    /// The websocket ports to open.
    pub ports: Vec<PortPlan>,
    /// File outputs, whose tasks are to be run.
    pub files: Vec<Arc<FileOutput>>,
    /// Standard output, if anything prints there.
    pub stdouts: Vec<Arc<Stdout>>,
    /// Histories on disk.
    pub histories: Vec<Arc<DiskHistory>>,
}

/// Builds everything but sources and sockets.
///
/// # Errors
/// When a file output cannot write where it should.
pub fn build(
    settings: &Settings,
    hostname: &str,
    pool: &WorkerPool,
    metrics: &Arc<Metrics>,
) -> Result<Built, BuildError> {
    let mut builder = Builder {
        pool,
        metrics,
        filters: Vec::new(),
        outputs: Vec::new(),
        output_names: Vec::new(),
        ports: Vec::new(),
        files: Vec::new(),
        stdouts: Vec::new(),
        histories: Vec::new(),
        hostname,
    };
    let scopes = settings.scopes.iter().map(|scope| builder.scope(scope)).collect::<Result<_, _>>()?;
    let pipeline = Pipeline {
        scopes,
        filters: builder.filters,
        outputs: builder.outputs,
        output_names: builder.output_names,
        error_scope: settings.error_scope,
        metrics: Arc::clone(metrics),
        logs: Logs::default(),
    };
    Ok(Built {
        pipeline: Arc::new(pipeline),
        ports: builder.ports,
        files: builder.files,
        stdouts: builder.stdouts,
        histories: builder.histories,
    })
}

struct Builder<'a> {
    pool: &'a WorkerPool,
    metrics: &'a Arc<Metrics>,
    hostname: &'a str,
    filters: Vec<Filter>,
    outputs: Vec<Output>,
    output_names: Vec<String>,
    ports: Vec<PortPlan>,
    files: Vec<Arc<FileOutput>>,
    stdouts: Vec<Arc<Stdout>>,
    histories: Vec<Arc<DiskHistory>>,
}

impl Builder<'_> {
    fn scope(&mut self, scope: &settings::Scope) -> Result<Scope, BuildError> {
        let rules = scope.rules.iter().map(|rule| match rule {
            Rule::Filter(filter) => {
                let built = self.filter(filter)?;
                self.filters.push(built);
                Ok(route::Rule::Filter(filter.pattern.clone(), FilterId(self.filters.len() - 1)))
            }
            Rule::Match(rule) => Ok(route::Rule::Match(rule.pattern.clone(), self.output(&rule.output)?)),
        });
        let rules = RouteTable::new(rules.collect::<Result<_, _>>()?);
        Ok(Scope { name: scope.name.clone(), rules, unmatched: AtomicU64::new(0) })
    }

    fn filter(&mut self, filter: &settings::Filter) -> Result<Filter, BuildError> {
        Ok(match &filter.kind {
            FilterKind::Stdout(format) => Filter::Stdout(self.stdout(format, &filter.origin)?),
            FilterKind::Grep(grep) => {
                Filter::Rewrite(filters::Filter::Grep(filters::grep::Filter::new(grep)))
            }
            FilterKind::RecordTransformer(transformer) => {
                let filter = filters::record_transformer::Filter::new(transformer, self.hostname).map_err(
                    |error| BuildError {
                        origin: filter.origin.clone(),
                        what: "cannot use a template".to_owned(),
                        error: io::Error::other(error),
                    },
                )?;
                Filter::Rewrite(filters::Filter::RecordTransformer(filter))
            }
        })
    }

    fn stdout(
        &mut self,
        format: &settings::LineFormat,
        origin: &settings::Origin,
    ) -> Result<Arc<Stdout>, BuildError> {
        let opened = Stdout::new(format, Arc::clone(self.metrics)).map_err(|error| BuildError {
            origin: origin.clone(),
            what: "cannot print to standard output".to_owned(),
            error,
        })?;
        let stdout = Arc::new(opened);
        self.stdouts.push(Arc::clone(&stdout));
        Ok(stdout)
    }

    fn output(&mut self, output: &settings::Output) -> Result<OutputId, BuildError> {
        let (kind, built) = match &output.kind {
            OutputKind::Websocket(websocket) => {
                ("websocket", Output::Websocket(self.websocket(websocket, &output.origin)?))
            }
            OutputKind::Copy(stores) => ("copy", Output::Copy(self.stores(stores)?)),
            OutputKind::File(file) => ("file", Output::File(self.file(file, &output.origin)?)),
            OutputKind::Stdout(format) => ("stdout", Output::Stdout(self.stdout(format, &output.origin)?)),
            OutputKind::Null => ("null", Output::Null),
            OutputKind::Relabel(scope) => ("relabel", Output::Relabel(*scope)),
        };
        self.outputs.push(built);
        self.output_names.push(match &output.id {
            Some(id) => format!("{kind} [{id}]"),
            None => format!("{kind} at {}", output.origin),
        });
        Ok(OutputId(self.outputs.len() - 1))
    }

    fn stores(&mut self, stores: &[settings::Store]) -> Result<Vec<Store>, BuildError> {
        let built = stores.iter().map(|store| {
            Ok(Store {
                output: self.output(&store.output)?,
                ignore_error: store.ignore_error,
                ignore_if_prev_success: store.ignore_if_prev_success,
            })
        });
        built.collect()
    }

    fn file(
        &mut self,
        file: &settings::FileOutput,
        origin: &settings::Origin,
    ) -> Result<Arc<FileOutput>, BuildError> {
        let opened = FileOutput::open(file, Arc::clone(self.metrics)).map_err(|error| BuildError {
            origin: origin.clone(),
            what: format!("cannot write to {}", file.path),
            error,
        })?;
        let opened = Arc::new(opened);
        self.files.push(Arc::clone(&opened));
        Ok(opened)
    }

    /// Makes the output's hub and puts its site on its port, shared with those at the same address.
    fn websocket(
        &mut self,
        websocket: &settings::Websocket,
        origin: &settings::Origin,
    ) -> Result<Arc<Hub>, BuildError> {
        let on_disk = self.disk_history(websocket, origin)?;
        let options = Options {
            buffered_messages: websocket.buffered_messages as u64,
            bounds: bounds(websocket),
            journal: on_disk.map(|history| history as Arc<dyn Journal>),
            flush_interval: websocket.flush_interval,
            workers: self.pool.len(),
        };
        let hub = Arc::new(Hub::new(options, Arc::new(self.pool.clone())));
        let site = Site {
            path: websocket.path.clone(),
            shape: Shape {
                protocol: Protocol::Classic,
                format: if websocket.use_msgpack { Format::Msgpack } else { Format::Json },
                add_tag: websocket.add_tag,
                add_time: websocket.add_time,
                fields: None,
                compress: None,
            },
            grants: Grants::of(websocket.token.as_ref(), &websocket.tokens)?,
            allow_origin: websocket.allow_origin.clone(),
            hub: Arc::clone(&hub),
            limits: ClientLimits {
                lag_bytes_max: websocket.client_lag_limit.0,
                // Each client's own; see `Site::slow_client`.
                slow_client: SlowClient::Disconnect,
                ping_interval: websocket.ping_interval,
                ping_timeout: websocket.ping_timeout,
            },
            slow_client: websocket.slow_client,
            compress: websocket.compress,
            ui: websocket.ui,
            connection_limit: websocket.connection_limit,
            connected: Arc::default(),
        };
        let same = |plan: &&mut PortPlan| {
            let (ours, theirs) = (&websocket.listen, &plan.listen);
            ours.port != 0 && ours.port == theirs.port && ours.host == theirs.host
        };
        match self.ports.iter_mut().find(same) {
            Some(plan) => plan.sites.push(site),
            None => {
                let (listen, tls) = (websocket.listen.clone(), websocket.tls.clone());
                self.ports.push(PortPlan { listen, tls, sites: vec![site] });
            }
        }
        Ok(hub)
    }

    fn disk_history(
        &mut self,
        websocket: &settings::Websocket,
        origin: &settings::Origin,
    ) -> Result<Option<Arc<DiskHistory>>, BuildError> {
        let Some(settings) = &websocket.history else { return Ok(None) };
        let Some(path) = &settings.path else { return Ok(None) };
        let opened = DiskHistory::open(settings, path, Arc::clone(self.metrics));
        let history = Arc::new(opened.map_err(|error| BuildError {
            origin: origin.clone(),
            what: format!("cannot keep a history in {}", path.display()),
            error,
        })?);
        self.histories.push(Arc::clone(&history));
        Ok(Some(history))
    }
}

/// What of an output's events is kept.
fn bounds(websocket: &settings::Websocket) -> Bounds {
    match &websocket.history {
        None => Bounds { events: Some(websocket.buffered_messages as u64), ..Bounds::default() },
        Some(history) => {
            Bounds { events: history.events, bytes: history.size.map(|size| size.0), age: history.age }
        }
    }
}
