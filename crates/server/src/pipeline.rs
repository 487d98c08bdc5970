//! From a source to the outputs: the rules of a scope, its filters in order, the output of the first
//! match.
//!
//! A tag that no rule takes is a success, as in Fluentd. An output that fails sends its batch to
//! `<label @ERROR>` if there is one (the source sees success), else the error goes back to the source.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fluentcast_broadcast::hub::Hub;
use fluentcast_config::settings::ScopeId;
use fluentcast_event::limits::{PEER_FAULT_LOG_INTERVAL, RELABEL_HOPS_MAX};
use fluentcast_event::route::RouteTable;
use fluentcast_event::{Batch, json};

use crate::emit::{Emit, EmitError, Emitted, Emitter};
use crate::file::FileOutput;
use crate::filters::{self, Rejected};
use crate::metrics::Metrics;
use crate::ratelimit::Gate;
use crate::stdout::Stdout;

/// Index of a filter of a [`Pipeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FilterId(pub(crate) usize);

/// Index of an output of a [`Pipeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputId(pub(crate) usize);

/// A filter that runs.
#[derive(Debug)]
pub(crate) enum Filter {
    /// Changes or drops events.
    Rewrite(filters::Filter),
    /// Prints them and passes them on.
    Stdout(Arc<Stdout>),
}

/// An output that runs.
#[derive(Debug)]
pub(crate) enum Output {
    /// To WebSocket clients.
    Websocket(Arc<Hub>),
    /// To several outputs.
    Copy(Vec<Store>),
    /// Into files.
    File(Arc<FileOutput>),
    /// To standard output.
    Stdout(Arc<Stdout>),
    /// Nowhere.
    Null,
    /// Through the rules of a label.
    Relabel(ScopeId),
}

/// An output of a copy.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) output: OutputId,
    pub(crate) ignore_error: bool,
    pub(crate) ignore_if_prev_success: bool,
}

/// The rules of the root or a label.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) name: String,
    pub(crate) rules: RouteTable<FilterId, OutputId>,
    /// Batches that no rule took.
    pub(crate) unmatched: AtomicU64,
}

/// All scopes with their filters and outputs.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) outputs: Vec<Output>,
    /// The names of the outputs for messages: their type and place.
    pub(crate) output_names: Vec<String>,
    pub(crate) error_scope: Option<ScopeId>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) failures: Gate,
    pub(crate) rejections: Gate,
}

/// How a batch came to where it is.
#[derive(Clone, Copy, Debug, Default)]
struct Path {
    /// Labels it was handed on to.
    hops: usize,
    /// It is in `@ERROR` already: what fails here is not routed again.
    failed_before: bool,
}

/// A future that may lead to itself: relabel, copy.
type Boxed<'a> = Pin<Box<dyn Future<Output = Result<(), EmitError>> + Send + 'a>>;

impl Pipeline {
    /// The way in for a source whose events meet the rules of this scope.
    pub fn emitter(self: &Arc<Self>, scope: ScopeId) -> Emitter {
        Arc::new(Entry { pipeline: Arc::clone(self), scope })
    }

    async fn run(&self, scope: ScopeId, mut batch: Batch, path: Path) -> Result<(), EmitError> {
        let rules = &self.scopes[scope.0];
        let route = rules.rules.resolve(batch.tag.as_str());
        for id in &route.filters {
            batch = self.filter(*id, batch, path).await;
        }
        let Some(output) = route.output else {
            self.note_unmatched(rules, &batch);
            return Ok(());
        };
        let Err(error) = self.deliver(output, &batch, path).await else { return Ok(()) };
        match self.error_scope.filter(|_| !path.failed_before) {
            Some(errors) => {
                if let Some(suppressed) = self.failures.pass() {
                    tracing::warn!(%error, tag = %batch.tag, suppressed, "send an error event stream to @ERROR");
                }
                self.boxed(errors, batch, Path { failed_before: true, hops: path.hops + 1 }).await
            }
            None => Err(error),
        }
    }

    fn boxed(&self, scope: ScopeId, batch: Batch, path: Path) -> Boxed<'_> {
        Box::pin(self.run(scope, batch, path))
    }

    async fn filter(&self, id: FilterId, batch: Batch, path: Path) -> Batch {
        match &self.filters[id.0] {
            Filter::Rewrite(filter) => {
                let filtered = filter.apply(&batch);
                self.metrics.entries_invalid.inc_by(filtered.invalid);
                if !filtered.errors.is_empty() {
                    self.reject(&batch, filtered.errors, path).await;
                }
                filtered.batch
            }
            Filter::Stdout(stdout) => {
                stdout.deliver(&batch).await;
                batch
            }
        }
    }

    /// Events that a filter could not handle go to `@ERROR` with their tag, or into the log.
    async fn reject(&self, batch: &Batch, errors: Vec<Rejected>, path: Path) {
        self.metrics.events_error.inc_by(errors.len() as u64);
        let mut entries = Vec::new();
        for Rejected { entry, reason } in errors {
            if let Some(suppressed) = self.rejections.pass() {
                let event = describe(&Batch { entries: entry.clone(), ..batch.clone() });
                tracing::warn!(reason, tag = %batch.tag, event, suppressed, "a filter rejected an event");
            }
            entries.extend_from_slice(&entry);
        }
        if let Some(scope) = self.error_scope.filter(|_| !path.failed_before) {
            let rejected = Batch { entries: entries.into(), ..batch.clone() };
            let path = Path { failed_before: true, hops: path.hops + 1 };
            if let Err(error) = self.boxed(scope, rejected, path).await {
                self.note_failure(&error);
            }
        }
    }

    fn note_failure(&self, error: &EmitError) {
        self.metrics.batches_failed.inc();
        if let Some(suppressed) = self.failures.pass() {
            tracing::warn!(%error, suppressed, "emit transaction failed");
        }
    }

    /// Logs at Fluentd's rhythm: the 1st, 2nd, 4th … 256th batch, then every 512th.
    fn note_unmatched(&self, scope: &Scope, batch: &Batch) {
        self.metrics.batches_unmatched.inc();
        let count = scope.unmatched.fetch_add(1, Ordering::Relaxed) + 1;
        if (count < 512 && count.is_power_of_two()) || count.is_multiple_of(512) {
            tracing::warn!(tag = %batch.tag, scope = scope.name, count, "no patterns matched");
        }
    }

    fn deliver<'a>(&'a self, id: OutputId, batch: &'a Batch, path: Path) -> Boxed<'a> {
        Box::pin(async move {
            let delivered = match &self.outputs[id.0] {
                Output::Websocket(hub) => {
                    self.publish(hub, batch).await;
                    Ok(())
                }
                Output::File(file) => file.deliver(batch).map_err(|error| error.to_string()),
                Output::Stdout(stdout) => {
                    stdout.deliver(batch).await;
                    Ok(())
                }
                Output::Null => Ok(()),
                Output::Copy(stores) => return self.copy(stores, batch, path).await,
                Output::Relabel(_) if path.hops >= RELABEL_HOPS_MAX => Err(format!(
                    "handed on through more than {RELABEL_HOPS_MAX} labels: relabel goes in a circle"
                )),
                Output::Relabel(scope) => {
                    let path = Path { hops: path.hops + 1, ..path };
                    return self.run(*scope, batch.clone(), path).await;
                }
            };
            delivered.map_err(|error| EmitError(format!("{}: {error}", self.output_names[id.0])))
        })
    }

    async fn publish(&self, hub: &Hub, batch: &Batch) {
        let published = hub.publish(batch).await;
        self.metrics.websocket_events.inc_by(published.events);
        self.metrics.entries_invalid.inc_by(published.invalid);
        self.metrics.json_floats_not_finite.inc_by(u64::from(published.mended.not_finite));
        self.metrics.json_strings_repaired.inc_by(u64::from(published.mended.invalid_utf8));
        if published.invalid > 0
            && let Some(suppressed) = self.rejections.pass()
        {
            tracing::warn!(tag = %batch.tag, entries = published.invalid, suppressed, "entries dropped: they are no events");
        }
    }

    /// Every store gets the batch, whatever became of the others (Fluentd stops at the first failure).
    /// The first failure that is not to be ignored is the copy's.
    async fn copy(&self, stores: &[Store], batch: &Batch, path: Path) -> Result<(), EmitError> {
        let mut result = Ok(());
        let mut previous_succeeded = false;
        for store in stores {
            if store.ignore_if_prev_success && previous_succeeded {
                continue;
            }
            let delivered = self.deliver(store.output, batch, path).await;
            previous_succeeded = delivered.is_ok();
            match delivered {
                Err(error) if store.ignore_error => {
                    self.metrics.batches_failed.inc();
                    if let Some(suppressed) = self.failures.pass() {
                        tracing::error!(%error, suppressed, "ignore emit error");
                    }
                }
                other => result = result.and(other),
            }
        }
        result
    }
}

/// An event as text for the log; only its beginning.
fn describe(batch: &Batch) -> String {
    /// Characters of a record that the log shows.
    const SHOWN_MAX: usize = 512;
    let mut record = Vec::new();
    if let Some(Ok(event)) = batch.events().next()
        && json::write_value(&mut record, event.record).is_ok()
    {
        return String::from_utf8_lossy(&record).chars().take(SHOWN_MAX).collect();
    }
    "(not readable)".to_owned()
}

/// One scope of a pipeline, as a source sees it.
struct Entry {
    pipeline: Arc<Pipeline>,
    scope: ScopeId,
}

impl Emit for Entry {
    fn emit(&self, batch: Batch) -> Emitted<'_> {
        Box::pin(async move {
            let result = self.pipeline.run(self.scope, batch, Path::default()).await;
            if let Err(error) = &result {
                self.pipeline.note_failure(error);
            }
            result
        })
    }
}

impl Pipeline {
    /// Gates for messages a peer can cause at will.
    pub(crate) fn gate() -> Gate {
        Gate::new(PEER_FAULT_LOG_INTERVAL)
    }
}

#[cfg(test)]
mod tests;
