//! Every counter of the process, in one table; registered once, shared by reference.
//!
//! Names follow `fluentcast_<noun>_<unit>_total`; labels are bounded (never a tag or a client).

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

macro_rules! table {
    ($($kind:ident $field:ident $name:literal $help:literal,)*) => {
        /// The counters and gauges of the process.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $(#[doc = concat!($help, ".")] pub $field: $kind,)*
        }

        /// The fields.
        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($field)),*];

        impl Metrics {
            /// Registers every entry of the table under the prefix `fluentcast`.
            pub fn register(&self, registry: &mut Registry) {
                let registry = registry.sub_registry_with_prefix("fluentcast");
                $(registry.register($name, $help, self.$field.clone());)*
            }
        }
    };
}

table! {
    Counter forward_connections "forward_connections" "Forward connections accepted",
    Counter forward_connections_refused "forward_connections_refused" "Forward connections closed at once because connection_limit was reached",
    Counter forward_handshakes "forward_handshakes" "Forward senders that proved to know the shared key (and a password)",
    Counter forward_handshakes_refused "forward_handshakes_refused" "Forward senders turned away by security: wrong key, password or address, no PING, or none in time",
    Counter forward_messages "forward_messages" "Forward messages read, heartbeats aside",
    Counter forward_heartbeats "forward_heartbeats" "Forward heartbeats: nil, UDP and connections that closed without a byte",
    Counter forward_acks "forward_acks" "Forward acks written",
    Counter forward_acks_not_read "forward_acks_not_read" "Forward connections closed because their acks were not read",
    Counter forward_messages_invalid "forward_messages_invalid" "Values on a Forward connection that are no message; the connection stayed open",
    Counter forward_messages_oversize "forward_messages_oversize" "Forward messages dropped because of chunk_size_limit or entry_limit",
    Counter forward_messages_cut "forward_messages_cut" "Forward connections that ended within a message, which was dropped without ack",
    Counter forward_messages_telemetry "forward_messages_telemetry" "Forward messages with metrics or traces of Fluent Bit; acked, not broadcast",
    Counter forward_connections_broken "forward_connections_broken" "Forward connections closed because of broken framing or compression",
    Counter http_connections "http_connections" "Connections accepted by http sources",
    Counter http_connections_refused "http_connections_refused" "Connections of http sources closed at once because connection_limit was reached",
    Counter http_requests "http_requests" "Requests answered by http sources",
    Counter http_origins_refused "http_origins_refused" "Requests of browser pages that may not send to an http source, answered with 403",
    Counter http_requests_rejected "http_requests_rejected" "Requests answered by http sources with a status of 400 or above",
    Counter tls_handshakes "tls_handshakes" "TLS handshakes that succeeded, on any listener",
    Counter tls_handshakes_failed "tls_handshakes_failed" "TLS handshakes that failed: no common version, no valid client certificate, no TLS at all, or too slow; connections that just closed aside",
    Counter tls_reloads "tls_reloads" "Certificates that were loaded anew",
    Counter tls_reload_errors "tls_reload_errors" "New certificates that could not be used; the one before stayed",
    Counter accept_errors "accept_errors" "Failures to accept a connection (such as no file descriptor left); each was followed by a pause and a retry",
    Counter batches_received "batches_received" "Batches handed to the pipeline by sources",
    Counter batches_unmatched "batches_unmatched" "Batches whose tag no rule takes; accepted and dropped, as in Fluentd",
    Counter batches_failed "batches_failed" "Batches an output refused",
    Counter entries_invalid "entries_invalid" "Entries dropped because they were no event (bad time, record not a map, broken MessagePack)",
    Counter events_error "events_error" "Events a filter rejected",
    Counter websocket_connections "websocket_connections" "Connections accepted on websocket ports",
    Counter websocket_connections_refused "websocket_connections_refused" "Connections to websocket ports closed at once because too many were in their handshake",
    Counter websocket_clients_accepted "websocket_clients_accepted" "WebSocket clients that finished the handshake",
    Counter websocket_handshakes_rejected "websocket_handshakes_rejected" "Requests to a websocket port answered with a status of 400 or above",
    Counter websocket_origins_refused "websocket_origins_refused" "Requests of browser pages whose origin may not watch, answered with 403",
    Counter websocket_hosts_refused "websocket_hosts_refused" "Requests for streams by a name that allow_host does not know, answered with 403",
    Counter websocket_answers_not_taken "websocket_answers_not_taken" "Connections to websocket ports closed because an answer was not taken in time",
    Counter websocket_tokens_refused "websocket_tokens_refused" "Clients turned away with 401, or 3000 where they had sent it as a message: no token, a wrong one or an expired one",
    Counter websocket_tokens_busy "websocket_tokens_busy" "Clients turned away because connection_limit of their <token> was reached",
    Counter websocket_tokens_renewed "websocket_tokens_renewed" "Tokens by which connected clients replaced the one they had",
    Counter websocket_jwks_unreadable "websocket_jwks_unreadable" "Changes of a jwks_file that could not be used; the keys before them went on",
    Counter websocket_unauthenticated_refused "websocket_unauthenticated_refused" "Clients without a token turned away because unauthenticated_limit was reached",
    Counter websocket_unauthenticated_timed_out "websocket_unauthenticated_timed_out" "Clients closed with 3000 because they sent no token within authenticate_timeout",
    Counter websocket_clients_revoked "websocket_clients_revoked" "Clients closed with 3000 because their token was taken away or allows something else",
    Counter websocket_clients_expired "websocket_clients_expired" "Clients closed with 3000 because their token expired",
    Counter websocket_clients_lagging "websocket_clients_lagging" "Clients closed with 1013 because they were further behind than client_lag_limit",
    Counter websocket_clients_timed_out "websocket_clients_timed_out" "Clients closed because no pong came within ping_timeout",
    Counter websocket_clients_violating "websocket_clients_violating" "Clients closed because of a protocol error (1002, 1007, 1009) or because they read no answers (1008)",
    Counter websocket_clients_left "websocket_clients_left" "Clients that closed or whose connection ended",
    Gauge websocket_clients "websocket_clients" "WebSocket clients connected now",
    Gauge websocket_clients_unauthenticated "websocket_clients_unauthenticated" "Clients connected now that have not sent a token yet",
    Counter websocket_events "websocket_events" "Events published by websocket outputs",
    Counter websocket_sent_bytes "websocket_sent_bytes" "Bytes written to WebSocket clients",
    Counter websocket_dropped_bytes "websocket_dropped_bytes" "Bytes not delivered to clients that were closed for lag, timeout or at the drain deadline",
    Counter websocket_events_skipped "websocket_events_skipped" "Events that slow clients were passed over (slow_client skip or sample), counted per client",
    Counter websocket_events_left_out "websocket_events_left_out" "Events left out of a stream because of $max_rate, counted once for all clients that ask for the same",
    Counter websocket_filters_given_up "websocket_filters_given_up" "Events that a filter expression could not decide within its steps and that were not sent, counted per filter",
    Counter websocket_publish_waits "websocket_publish_waits" "Times a sender had to wait because the threads that write to clients had enough to do",
    Counter history_events "history_events" "Events written into histories on disk",
    Counter history_events_not_stored "history_events_not_stored" "Events that could not be written into a history on disk; they were sent live and not acked",
    Counter history_sync_errors "history_sync_errors" "Syncs of a history on disk that failed or took too long; their events were not acked",
    Counter json_floats_not_finite "json_floats_not_finite" "NaN and infinite floats written as null",
    Counter json_strings_repaired "json_strings_repaired" "Strings whose invalid UTF-8 was replaced by U+FFFD in JSON",
    Counter file_events "file_events" "Events written by file outputs",
    Counter file_write_errors "file_write_errors" "Failed writes of file outputs; what was not written is retried",
    Counter file_events_dropped "file_events_dropped" "Events a file output gave up: refused at total_limit_size, tag not usable in the path, or not writable by the end of the stop",
    Counter stdout_events "stdout_events" "Events written to the standard output",
    Counter stdout_events_dropped "stdout_events_dropped" "Events that could not be written to the standard output (such as: its reader has gone)",
}

#[cfg(test)]
mod tests;
