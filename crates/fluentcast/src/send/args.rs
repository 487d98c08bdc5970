//! The flags of `fluentcast send`.

use clap::Args;

use crate::dial::Trust;

/// Send records from standard input to a Forward port, as fluent-cat does.
///
/// Each record becomes an event with this tag and the present time. What has been read goes out at once, so that
/// `tail -f file | fluentcast send TAG` is prompt. A line that is no record is told with its number and left out; the
/// others are sent, and the exit code is 1. Without --ack, what the server has not taken when the connection breaks is
/// lost, and the exit code is 1.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  echo '{\"action\":\"login\",\"user\":6}' | fluentcast send app.web
  tail -F app.json | fluentcast send app.web --host logs.example --ack
  fluentcast send copy --msgpack < records.msgpack")]
pub(crate) struct SendArgs {
    /// The tag of all events, such as app.web.
    #[arg(value_name = "TAG")]
    pub(super) tag: String,

    /// Standard input is JSON: an object on each line (the default).
    #[arg(long, conflicts_with = "msgpack")]
    json: bool,

    /// Standard input is MessagePack: one map after the other, or arrays [time, map] with times of their own.
    #[arg(long)]
    pub(super) msgpack: bool,

    /// Where to send to.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub(super) host: String,

    /// The port of a `forward` source, or of Fluentd or Fluent Bit.
    #[arg(short, long, value_name = "PORT", default_value_t = 24224)]
    pub(super) port: u16,

    /// Speak TLS, as a `forward` source with `<transport tls>` does.
    #[arg(long)]
    pub(super) tls: bool,

    #[command(flatten)]
    pub(super) trust: Trust,

    /// Ask for acks, and send again what was not acked when the connection breaks. An event may then arrive twice,
    /// and none is lost. The exit code is 0 when everything was acked.
    #[arg(long)]
    pub(super) ack: bool,

    /// How long the server may take nothing, or ack nothing, before it is given up.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(super) timeout: u32,
}
