//! From a source to the outputs: the rules of a scope, its filters in order, the output of the first
//! match.
//!
//! A tag that no rule takes is a success, as in Fluentd. An output that fails sends its batch to
//! `<label @ERROR>` if there is one (the source sees success), else the error goes back to the source.

use std::future::Future;
use std::iter;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fluentcast_broadcast::hub::{Counts, Hub};
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
    pub(crate) logs: Logs,
}

/// One gate per kind of line that events can cause.
#[derive(Debug)]
pub(crate) struct Logs {
    failed: Gate,
    failed_to_error: Gate,
    failed_ignored: Gate,
    rejected: Gate,
    no_events: Gate,
}

impl Default for Logs {
    fn default() -> Self {
        let gate = || Gate::new(PEER_FAULT_LOG_INTERVAL);
        Self {
            failed: gate(),
            failed_to_error: gate(),
            failed_ignored: gate(),
            rejected: gate(),
            no_events: gate(),
        }
    }
}

/// Where a batch is, and which scopes handed it on to there.
#[derive(Clone, Copy, Debug)]
struct Path<'a> {
    scope: ScopeId,
    from: Option<&'a Path<'a>>,
    /// It is in `@ERROR`, or came from there: what fails is not routed again.
    after_error: bool,
}

impl Path<'_> {
    /// The scopes, the last one first.
    fn scopes(&self) -> impl Iterator<Item = ScopeId> {
        iter::successors(Some(self), |path| path.from).map(|path| path.scope)
    }
}

/// A future that may lead to itself: relabel, copy.
type Boxed<'a> = Pin<Box<dyn Future<Output = Result<(), EmitError>> + Send + 'a>>;

impl Pipeline {
    /// The way in for a source whose events meet the rules of this scope.
    pub fn emitter(self: &Arc<Self>, scope: ScopeId) -> Emitter {
        Arc::new(Entry { pipeline: Arc::clone(self), scope })
    }

    fn path<'a>(&self, scope: ScopeId, from: Option<&'a Path<'a>>) -> Path<'a> {
        let after_error = from.is_some_and(|from| from.after_error) || self.error_scope == Some(scope);
        Path { scope, from, after_error }
    }

    /// `@ERROR`, for what fails on this path.
    fn path_to_error(&self, path: &Path<'_>) -> Option<Path<'static>> {
        self.error_scope.filter(|_| !path.after_error).map(|scope| self.path(scope, None))
    }

    async fn run(&self, mut batch: Batch, path: &Path<'_>) -> Result<(), EmitError> {
        let scope = &self.scopes[path.scope.0];
        let route = scope.rules.resolve(batch.tag.as_str());
        for id in &route.filters {
            batch = self.filter(*id, batch, path).await?;
        }
        let Some(output) = route.output else {
            self.note_unmatched(scope, &batch);
            return Ok(());
        };
        if batch.entries.is_empty() {
            return Ok(());
        }
        let Err(error) = self.deliver(output, &batch, path).await else { return Ok(()) };
        let Some(to_error) = self.path_to_error(path) else { return Err(error) };
        if let Some(suppressed) = self.logs.failed_to_error.pass() {
            tracing::warn!(%error, tag = %batch.tag, suppressed, "send an error event stream to @ERROR");
        }
        self.run_boxed(batch, &to_error).await
    }

    fn run_boxed<'a>(&'a self, batch: Batch, path: &'a Path<'a>) -> Boxed<'a> {
        Box::pin(self.run(batch, path))
    }

    async fn filter(&self, id: FilterId, batch: Batch, path: &Path<'_>) -> Result<Batch, EmitError> {
        match &self.filters[id.0] {
            Filter::Rewrite(filter) => {
                let filtered = filter.apply(&batch);
                self.metrics.entries_invalid.inc_by(filtered.invalid);
                if !filtered.errors.is_empty() {
                    self.reject(&batch, filtered.errors, path).await?;
                }
                Ok(filtered.batch)
            }
            Filter::Stdout(stdout) => {
                stdout.deliver(&batch).await;
                Ok(batch)
            }
        }
    }

    /// Events that a filter could not handle go to `@ERROR` with their tag, or else into the log.
    ///
    /// # Errors
    /// When `@ERROR` does not take them; the rest of the batch has not gone on yet.
    async fn reject(&self, batch: &Batch, errors: Vec<Rejected>, path: &Path<'_>) -> Result<(), EmitError> {
        self.metrics.events_error.inc_by(errors.len() as u64);
        let mut entries = Vec::new();
        for Rejected { entry, reason } in errors {
            entries.extend_from_slice(&entry);
            if let Some(suppressed) = self.logs.rejected.pass() {
                let event = describe(&Batch { entries: entry, ..batch.clone() });
                tracing::warn!(reason, tag = %batch.tag, event, suppressed, "a filter rejected an event");
            }
        }
        let Some(to_error) = self.path_to_error(path) else { return Ok(()) };
        self.run_boxed(Batch { entries: entries.into(), ..batch.clone() }, &to_error).await
    }

    fn note_unmatched(&self, scope: &Scope, batch: &Batch) {
        self.metrics.batches_unmatched.inc();
        let count = scope.unmatched.fetch_add(1, Ordering::Relaxed) + 1;
        if is_unmatched_logged(count) {
            tracing::warn!(tag = %batch.tag, scope = scope.name, count, "no patterns matched");
        }
    }

    fn deliver<'a>(&'a self, id: OutputId, batch: &'a Batch, path: &'a Path<'a>) -> Boxed<'a> {
        Box::pin(async move {
            let delivered = match &self.outputs[id.0] {
                Output::Websocket(hub) => self.publish(hub, batch).await,
                Output::File(file) => file.deliver(batch).map_err(|error| error.to_string()),
                Output::Stdout(stdout) => {
                    stdout.deliver(batch).await;
                    Ok(())
                }
                Output::Null => Ok(()),
                Output::Copy(stores) => return self.copy(stores, batch, path).await,
                Output::Relabel(scope) => match self.hand_on(*scope, path) {
                    Ok(path) => return self.run(batch.clone(), &path).await,
                    Err(error) => Err(error),
                },
            };
            delivered.map_err(|error| {
                self.metrics.batches_failed.inc();
                EmitError(format!("{}: {error}", self.output_names[id.0]))
            })
        })
    }

    /// The path on into a label. A label that the batch is in already would take it the same way
    /// again: the tag, which decides on the way, never changes.
    fn hand_on<'a>(&self, scope: ScopeId, path: &'a Path<'a>) -> Result<Path<'a>, String> {
        if path.scopes().any(|passed| passed == scope) {
            let name = |scope: ScopeId| self.scopes[scope.0].name.as_str();
            let mut names: Vec<_> = iter::once(scope).chain(path.scopes()).map(name).collect();
            names.reverse();
            return Err(format!("relabel goes in a circle: {}", names.join(" > ")));
        }
        if path.scopes().count() > RELABEL_HOPS_MAX {
            return Err(format!("relabel through more than {RELABEL_HOPS_MAX} labels"));
        }
        Ok(self.path(scope, Some(path)))
    }

    async fn publish(&self, hub: &Arc<Hub>, batch: &Batch) -> Result<(), String> {
        let published = if hub.has_journal() {
            // A task of its own: a source that is cut off must not leave events stored and not sent.
            let (hub, batch) = (Arc::clone(hub), batch.clone());
            let task = tokio::spawn(async move { hub.publish(&batch).await });
            task.await.map_err(|error| error.to_string())?
        } else {
            hub.publish(batch).await
        };
        self.metrics.websocket_events.inc_by(published.events);
        self.metrics.entries_invalid.inc_by(published.invalid);
        let Counts { mended, left_out, given_up } = published.counts;
        self.metrics.json_floats_not_finite.inc_by(mended.not_finite.into());
        self.metrics.json_strings_repaired.inc_by(mended.invalid_utf8.into());
        self.metrics.websocket_events_left_out.inc_by(left_out);
        self.metrics.websocket_filters_given_up.inc_by(given_up);
        self.metrics.websocket_publish_waits.inc_by(published.waits);
        if published.invalid > 0
            && let Some(suppressed) = self.logs.no_events.pass()
        {
            tracing::warn!(tag = %batch.tag, entries = published.invalid, suppressed, "entries dropped: they are no events");
        }
        published.stored.map_err(|error| error.to_string())
    }

    /// Every store gets the batch, whatever became of the others (Fluentd stops at the first failure).
    /// The failures that are not to be ignored are the copy's.
    async fn copy(&self, stores: &[Store], batch: &Batch, path: &Path<'_>) -> Result<(), EmitError> {
        let mut errors = Vec::new();
        let mut previous_succeeded = false;
        for store in stores {
            if store.ignore_if_prev_success && previous_succeeded {
                // As in Fluentd: who was skipped has not succeeded.
                previous_succeeded = false;
                continue;
            }
            let delivered = self.deliver(store.output, batch, path).await;
            previous_succeeded = delivered.is_ok();
            match delivered {
                Ok(()) => {}
                Err(EmitError(error)) if !store.ignore_error => errors.push(error),
                Err(error) => {
                    if let Some(suppressed) = self.logs.failed_ignored.pass() {
                        tracing::error!(%error, tag = %batch.tag, suppressed, "ignore emit error");
                    }
                }
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(EmitError(errors.join("; "))) }
    }
}

/// Fluentd's rhythm: the 1st, 2nd, 4th … 256th batch, then every 512th.
fn is_unmatched_logged(count: u64) -> bool {
    (count < 512 && count.is_power_of_two()) || count.is_multiple_of(512)
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
            let Self { pipeline, scope } = self;
            let tag = batch.tag.clone();
            let result = pipeline.run(batch, &pipeline.path(*scope, None)).await;
            if let Err(error) = &result
                && let Some(suppressed) = pipeline.logs.failed.pass()
            {
                tracing::warn!(%error, %tag, suppressed, "emit transaction failed");
            }
            result
        })
    }
}

#[cfg(test)]
mod tests;
