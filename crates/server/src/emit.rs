//! The seam between sources and the pipeline.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use fluentcast_event::Batch;

/// Why a batch was not accepted. The source tells its sender (HTTP 500; Forward closes without ack).
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct EmitError(pub String);

/// What [`Emit::emit`] returns.
pub type Emitted<'a> = Pin<Box<dyn Future<Output = Result<(), EmitError>> + Send + 'a>>;

/// Takes batches for one scope.
pub trait Emit: Send + Sync {
    /// Sends a batch through the rules of the scope. Returns when it is where the configuration says
    /// it must be; waiting is how the pipeline pushes back on a source. No rule for the tag is a
    /// success (Fluentd acks it).
    fn emit(&self, batch: Batch) -> Emitted<'_>;
}

/// A source's way into the pipeline. Cheap to clone.
pub type Emitter = Arc<dyn Emit>;
