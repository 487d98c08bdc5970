//! Which plugins there are, and what to say about the others.

use super::context::Context;
use super::plugin::Plugin;
use crate::parameters::{Section, filter, output, source};
use crate::suggest;

/// What a plugin is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Source,
    Filter,
    Output,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Filter => "filter",
            Self::Output => "output",
        }
    }

    fn directive(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Filter => "filter",
            Self::Output => "match",
        }
    }

    /// How Fluentd helps out.
    fn by_fluentd(self) -> &'static str {
        match self {
            Self::Source => "read it and forward the events here",
            Self::Filter => "do this and forward the events here",
            Self::Output => "send the events there",
        }
    }

    /// The plugins there are.
    fn sections(self) -> &'static [&'static Section] {
        match self {
            Self::Source => &[&source::FORWARD, &source::HTTP, &source::SAMPLE],
            Self::Filter => &[&filter::GREP, &filter::RECORD_TRANSFORMER, &filter::STDOUT],
            Self::Output => &[
                &output::websocket::WEBSOCKET,
                &output::COPY,
                &output::FILE,
                &output::STDOUT,
                &output::RELABEL,
                &output::NULL,
            ],
        }
    }

    /// Their names.
    pub(super) fn names(self) -> Vec<&'static str> {
        self.sections().iter().map(|section| section.type_name()).collect()
    }

    /// Plugins of Fluentd, and well-known others, that are not here.
    fn elsewhere(self) -> &'static [&'static str] {
        match self {
            Self::Source => &[
                "debug_agent",
                "dstat",
                "dummy_http",
                "exec",
                "gc_stat",
                "http_pull",
                "kafka",
                "kafka_group",
                "kubernetes_events",
                "mongo_tail",
                "monitor_agent",
                "mqtt",
                "mysql_replicator",
                "object_space",
                "prometheus",
                "prometheus_monitor",
                "prometheus_output_monitor",
                "prometheus_tail_monitor",
                "rabbitmq",
                "redis",
                "s3",
                "sql",
                "sqs",
                "syslog",
                "systemd",
                "tail",
                "tcp",
                "udp",
                "unix",
                "windows_eventlog",
                "windows_eventlog2",
            ],
            Self::Filter => &[
                "concat",
                "detect_exceptions",
                "dedot",
                "geoip",
                "kubernetes_metadata",
                "parser",
                "prometheus",
                "record_modifier",
                "rewrite_tag_filter",
                "throttle",
                "typecast",
            ],
            Self::Output => &[
                "azure-storage-append-blob",
                "bigquery",
                "bigquery_insert",
                "buffer",
                "cloudwatch_logs",
                "datadog",
                "detect_exceptions",
                "elasticsearch",
                "elasticsearch_dynamic",
                "exec",
                "exec_filter",
                "flowcounter",
                "forest",
                "forward",
                "gcs",
                "gelf",
                "google_cloud",
                "http",
                "influxdb",
                "kafka",
                "kafka2",
                "kafka_buffered",
                "kinesis_firehose",
                "kinesis_streams",
                "loggly",
                "logzio_buffered",
                "loki",
                "mongo",
                "mongo_replset",
                "mqtt",
                "newrelic",
                "opensearch",
                "opensearch_data_stream",
                "prometheus",
                "rdkafka2",
                "redis",
                "record_modifier",
                "record_reformer",
                "remote_syslog",
                "rewrite_tag_filter",
                "roundrobin",
                "s3",
                "secondary_file",
                "slack",
                "splunk_hec",
                "sql",
                "sqs",
                "stdout_buffered",
                "sumologic",
                "syslog",
                "tagomoris",
                "webhdfs",
                "zabbix",
            ],
        }
    }
}

/// Reports a type that is not there.
pub(super) fn unknown(ctx: &mut Context<'_>, plugin: &Plugin<'_>, role: Role) {
    let name = plugin.type_name.text;
    let span = plugin.type_name.span;
    let word = role.word();
    let names = role.names();
    if role.elsewhere().contains(&name) {
        ctx.error("unknown-type", span, format!("Fluentcast does not have the {word} `{name}` yet"))
            .help(format!("there are {}; until then let Fluentd {}", names.join(", "), role.by_fluentd()));
        return;
    }
    let message = format!("unknown {word} type `{name}`");
    let others = [Role::Source, Role::Filter, Role::Output];
    let elsewhere = others.iter().find(|other| other.sections().iter().any(|section| section.has_type(name)));
    let help = if let Some(near) = suggest::nearest(name, names.iter().copied()) {
        format!("did you mean `{near}`?")
    } else if let Some(other) = elsewhere {
        format!(
            "`{name}` is for a <{}>; for a <{}> there are {}",
            other.directive(),
            role.directive(),
            names.join(", ")
        )
    } else {
        format!("there are {}", names.join(", "))
    };
    ctx.error("unknown-type", span, message).help(help);
}
