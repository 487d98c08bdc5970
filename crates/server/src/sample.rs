//! The `sample` source: made-up events at a steady rate, for demonstrations and for load.
//!
//! It waits for each batch to be accepted. What it could not send in time it does not catch up on
//! beyond one second: load from here must never arrive as a burst that nobody asked for.

use std::sync::Arc;
use std::time::Duration;

use fluentcast_config::settings::SampleSource;
use fluentcast_event::from_json::{self, JsonError};
use fluentcast_event::limits::{SAMPLE_BATCH_EVENTS_MAX, SAMPLE_TICK};
use fluentcast_event::msgpack::{self, ReadError, Reader, Value};
use fluentcast_event::{Batch, BatchBuilder, EventTime, Tag};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::emit::Emitter;
use crate::metrics::Metrics;

/// Why a sample is no record.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// There is none.
    #[error("sample: there is no record")]
    Empty,
    /// It is not JSON.
    #[error("sample: {record}: {error}")]
    Json {
        /// The text.
        record: String,
        /// What is wrong with it.
        error: JsonError,
    },
    /// It is JSON, but no object.
    #[error("sample: {0}: a record is a JSON object")]
    NotAnObject(String),
}

/// A source ready to run.
#[derive(Debug)]
pub struct Sample {
    tag: Tag,
    /// The records in turn, without the field that counts.
    templates: Vec<Template>,
    rate: u32,
    size: u32,
    /// The name of the field that counts, as MessagePack.
    counter_key: Option<Vec<u8>>,
    /// Events made so far.
    made: u64,
}

/// A record's fields as MessagePack.
#[derive(Debug, Default)]
struct Template {
    fields: u32,
    pairs: Vec<u8>,
}

impl Sample {
    /// Encodes the records, once.
    ///
    /// # Errors
    /// [`SampleError`] names the record that is none.
    pub fn new(settings: &SampleSource) -> Result<Self, SampleError> {
        if settings.records.is_empty() {
            return Err(SampleError::Empty);
        }
        let counter = settings.auto_increment_key.as_deref();
        let templates = settings.records.iter().map(|record| Template::new(record, counter));
        Ok(Self {
            tag: settings.tag.as_str().into(),
            templates: templates.collect::<Result<_, _>>()?,
            rate: settings.rate,
            size: settings.size,
            counter_key: counter.map(|key| {
                let mut encoded = Vec::new();
                msgpack::write_str(&mut encoded, key);
                encoded
            }),
            made: 0,
        })
    }

    /// Emits until shutdown.
    pub async fn run(mut self, emitter: Emitter, metrics: Arc<Metrics>, shutdown: CancellationToken) {
        let Some(tick) = tick(self.rate) else { return shutdown.cancelled().await };
        let mut pace = Pace { rate: self.rate.into(), given: 0 };
        let mut ticks = interval(tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let start = Instant::now();
        let mut failing = false;
        loop {
            // Shutdown first: a tick may always be due.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let mut events = pace.due(start.elapsed()) * u64::from(self.size);
            while events > 0 && !shutdown.is_cancelled() {
                let count = events.min(SAMPLE_BATCH_EVENTS_MAX);
                events -= count;
                metrics.batches_received.inc();
                let outcome = emitter.emit(self.make(count, EventTime::now())).await;
                match &outcome {
                    Err(error) if !failing => {
                        tracing::warn!(tag = %self.tag, %error, "sample events are not accepted");
                    }
                    Ok(()) if failing => tracing::info!(tag = %self.tag, "sample events are accepted again"),
                    _ => {}
                }
                failing = outcome.is_err();
                // A pipeline that never waits must not keep this thread from other tasks.
                tokio::task::consume_budget().await;
            }
        }
    }

    /// The next `count` events.
    fn make(&mut self, count: u64, now: EventTime) -> Batch {
        let mut batch = BatchBuilder::new(self.tag.clone(), now);
        let mut record = Vec::new();
        for number in self.made..self.made + count {
            let turn = number % self.templates.len() as u64;
            let template = &self.templates[usize::try_from(turn).unwrap_or_default()];
            record.clear();
            msgpack::write_map_head(&mut record, template.fields + u32::from(self.counter_key.is_some()));
            record.extend_from_slice(&template.pairs);
            if let Some(key) = &self.counter_key {
                record.extend_from_slice(key);
                msgpack::write_uint(&mut record, number);
            }
            batch.push(now, &record);
        }
        self.made += count;
        batch.finish()
    }
}

impl Template {
    fn new(record: &str, counter: Option<&str>) -> Result<Self, SampleError> {
        let mut encoded = Vec::new();
        from_json::append(&mut encoded, record.as_bytes())
            .map_err(|error| SampleError::Json { record: record.into(), error })?;
        Self::without(&encoded, counter).ok().flatten().ok_or_else(|| SampleError::NotAnObject(record.into()))
    }

    /// The fields of a map but for one; `None` when the value is no map.
    fn without(record: &[u8], left_out: Option<&str>) -> Result<Option<Self>, ReadError> {
        let mut reader = Reader::new(record);
        let Value::Map(len) = reader.read()? else { return Ok(None) };
        let mut template = Self::default();
        for _ in 0..len {
            let (key, value) = (reader.skip()?, reader.skip()?);
            let Value::Str(name) = Reader::new(key).read()? else { return Ok(None) };
            if left_out.is_some_and(|left_out| left_out.as_bytes() == name) {
                continue;
            }
            template.fields += 1;
            template.pairs.extend_from_slice(key);
            template.pairs.extend_from_slice(value);
        }
        Ok(Some(template))
    }
}

/// How often to look what is due; `None` at a rate of 0.
fn tick(rate: u32) -> Option<Duration> {
    // Rounded up: a tick that is early by a nanosecond finds nothing due.
    let nanos = 1_000_000_000_u64.div_ceil(u64::from(rate).max(1));
    (rate > 0).then(|| Duration::from_nanos(nanos).max(SAMPLE_TICK))
}

/// How many emits are due.
#[derive(Debug)]
struct Pace {
    /// Emits per second.
    rate: u64,
    /// Emits given out or forgiven.
    given: u64,
}

impl Pace {
    /// The emits that fell due since the last call, the first one at once; at most those of one second.
    fn due(&mut self, elapsed: Duration) -> u64 {
        let wanted = elapsed.as_nanos() * u128::from(self.rate) / 1_000_000_000 + 1;
        let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
        let due = wanted - self.given;
        self.given = wanted;
        due.min(self.rate)
    }
}

#[cfg(test)]
mod tests;
