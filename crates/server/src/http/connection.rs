//! One connection: hyper between the socket and the exchanges.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fluentcast_event::limits::{
    HTTP_HEAD_BYTES_MAX, HTTP_HEAD_READ_TIMEOUT, HTTP_HEADERS_MAX, HTTP_READ_BUFFER_BYTES_MAX,
    HTTP_SILENCE_MAX,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::exchange::Exchange;
use super::guard::Guard;

/// Serves requests until either side closes. On shutdown a request that has begun is still answered.
pub(super) async fn serve<S>(socket: S, peer: SocketAddr, context: Arc<Context>, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let unread = Arc::new(AtomicBool::new(false));
    // As in Fluentd, where a clock of whole seconds ticks past the timeout: never sooner than it says.
    let patience = context.settings.keepalive_timeout.min(HTTP_SILENCE_MAX) + Duration::from_secs(1);
    let exchange = Exchange { context: Arc::clone(&context), peer: peer.ip(), unread: Arc::clone(&unread) };
    let service = service_fn(move |request| exchange.clone().answer(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience + HTTP_HEAD_READ_TIMEOUT)
        .max_header_size(HTTP_HEAD_BYTES_MAX)
        .max_headers(HTTP_HEADERS_MAX)
        .max_buf_size(HTTP_READ_BUFFER_BYTES_MAX)
        .auto_date_header(false)
        .title_case_headers(true)
        // A sender that closes its side and waits for the answer, or does not wait, is still a sender.
        .half_close(true)
        .serve_connection(TokioIo::new(Guard::new(socket, patience, unread)), service);
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        if error.is_parse() {
            context.metrics.http_requests.inc();
            context.metrics.http_requests_rejected.inc();
        }
        tracing::debug!(%peer, %error, "an HTTP connection ended early");
    }
}

#[cfg(test)]
mod tests;
