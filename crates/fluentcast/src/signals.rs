//! TERM and INT: the first begins a careful stop, the second ends the process at once. HUP has certificates
//! read again. USR1 and USR2, on which Fluentd flushes and reloads, are answered in the log and change
//! nothing: by default they would end the process.

use std::io;

use fluentcast_server::tls::Renewal;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::logging::LogWriter;

/// Exit code after a second signal: the stop was not clean.
const EXIT_CUT_SHORT: i32 = 1;

/// A token that the first signal cancels.
pub(crate) fn stop_on_signal(log: LogWriter, renewal: Renewal) -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::warn!(
                signal = SignalKind::hangup().as_raw_value(),
                "certificates are read again; to apply a changed configuration, start anew"
            );
            renewal.now();
        }
    });
    for kind in [SignalKind::user_defined1(), SignalKind::user_defined2()] {
        let mut received = signal(kind)?;
        tokio::spawn(async move {
            while received.recv().await.is_some() {
                tracing::warn!(
                    signal = kind.as_raw_value(),
                    "this signal does nothing: to apply a changed configuration, start anew"
                );
            }
        });
    }
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    tokio::spawn(async move {
        let name = next(&mut terminate, &mut interrupt).await;
        tracing::info!(signal = name, "stopping; a second signal ends at once");
        cancel.cancel();
        let name = next(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = name, "stopped before everything was done");
        log.finish();
        std::process::exit(EXIT_CUT_SHORT);
    });
    Ok(stop)
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "TERM",
        _ = interrupt.recv() => "INT",
    }
}
