//! The codes of what the checks find. They are stable: people search for them and scripts test for them.

/// Every code, and what it stands for.
pub const CODES: &[(&str, &str)] = &[
    ("bad-origin", "an `allow_origin` that no browser sends"),
    ("bad-path", "a path that cannot be used as one"),
    ("bad-pattern", "a tag pattern that cannot be compiled"),
    ("bad-template", "a template of `record_transformer` that cannot be used"),
    ("bad-token", "a `<token>` section that says nothing, or something wrong"),
    ("chunk-keys", "chunk keys of a `<buffer>` that do not fit"),
    ("client-address", "a `<client>` without one address, or with one that is none"),
    ("client-cert-off", "CAs whose certificates nobody is asked for"),
    ("cors-credentials", "`cors_allow_credentials` without explicit origins"),
    ("duplicate-id", "an `@id` used twice"),
    ("duplicate-key", "a key of `grep` used twice"),
    ("empty-key", "an empty `shared_key`"),
    ("empty-tag", "an empty tag or tag prefix"),
    ("empty-token", "an empty `token`"),
    ("fluent-log-empty", "a section for Fluentd's own log, which receives nothing here"),
    ("history-conflict", "parameters of `<history>` that do not go together"),
    ("history-short", "a `<history>` that keeps fewer events than `buffered_messages` asks for"),
    ("hostname-conflict", "`source_hostname_key` with `resolve_hostname false`"),
    ("ignored-parameter", "a parameter of Fluentd that does nothing here"),
    ("ignored-section", "a section of Fluentd that does nothing here"),
    ("invalid-value", "a value that is not of the parameter's type"),
    ("keepalive-conflict", "`send_keepalive_packet` with `deny_keepalive`"),
    ("label-name", "a `<label>` without a name, or named `@ROOT`"),
    ("label-twice", "two `<label>` sections of one name"),
    ("legacy-name", "an old way to write something"),
    ("misleading-value", "a value that Fluentd reads otherwise than a person would"),
    ("missing-label", "a `relabel` without `@label`"),
    ("missing-parameter", "a parameter that must be set"),
    ("missing-section", "a section that must be there"),
    ("missing-type", "a plugin without `@type`"),
    ("name-twice", "one parameter written under two of its names"),
    ("nil-value", "`use_nil`, or an empty YAML value, where something must be"),
    ("not-encrypted", "a WebSocket reachable from other machines with a token and without TLS"),
    ("not-yet", "something of Fluentd that is not there yet and must not be ignored"),
    ("one-process", "several workers: one process serves them all"),
    ("open-to-everyone", "a WebSocket reachable from other machines without a token"),
    ("out-of-range", "a number outside its bounds"),
    ("path-placeholder", "placeholders in a path that cannot be filled in there"),
    ("path-twice", "a directory that two outputs want for themselves"),
    ("port-range", "a port outside 0 to 65535"),
    ("port-twice", "an address used twice"),
    ("relabel-loop", "labels that hand events round in a circle"),
    ("ruby-code", "Ruby code, which cannot be run"),
    ("section-twice", "a section that may stand only once"),
    ("store-order", "`ignore_if_prev_success` on the first `<store>`"),
    ("system-twice", "two `<system>` sections"),
    ("tls-version", "a version of TLS that is not spoken, or not as it is written"),
    ("token-twice", "two `<token>` sections of one name or secret"),
    ("unknown-label", "a `@label` that names no `<label>`"),
    ("unknown-parameter", "a parameter nobody knows"),
    ("unknown-section", "a section nobody knows"),
    ("unknown-type", "a plugin, format or parser that is not there"),
    ("unknown-user", "a name in `users` that no `<user>` has"),
    ("unreachable-filter", "a `<filter>` behind the `<match>` that takes its events"),
    ("unreachable-match", "a `<match>` behind another that takes its events"),
    ("user-auth-off", "users where nobody is asked who he is"),
    ("worker-range", "a `<worker>` that there is none of"),
];

pub(super) fn is_known(code: &str) -> bool {
    CODES.binary_search_by(|(known, _)| (*known).cmp(code)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_and_unique() {
        assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
