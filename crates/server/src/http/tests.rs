//! The source on real sockets, and what the tests of its layers share.

use std::time::Duration;

use fluentcast_config::settings::{ByteSize, HttpSource, Listen};

/// The defaults, on a port that the system chooses.
pub(super) fn settings() -> HttpSource {
    HttpSource {
        listen: Listen { host: "127.0.0.1".into(), port: 0, origin: Default::default() },
        backlog: None,
        body_size_limit: ByteSize(32 << 20),
        decompression_size_limit: ByteSize(256 << 20),
        keepalive_timeout: Duration::from_secs(10),
        add_http_headers: false,
        add_remote_addr: false,
        add_query_params: false,
        add_tag_prefix: None,
        cors_allow_origins: None,
        cors_allow_credentials: false,
        respond_with_empty_img: false,
        use_204_response: false,
        dump_error_log: true,
        time_key: "time".into(),
        keep_time_key: false,
        connection_limit: 100,
    }
}
