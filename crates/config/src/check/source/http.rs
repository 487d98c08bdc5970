//! `@type http`.

use super::super::ports;
use super::super::reader::Reader;
use super::super::transport;
use super::tag;
use crate::parameters::source::HTTP_PARSE;
use crate::settings::HttpSource;
use crate::suggest;

pub(super) fn read(mut reader: Reader<'_, '_>) -> HttpSource {
    // Its linger_timeout is of no use here: responses are complete before a connection closes.
    let tls = transport::read(&mut reader).tls;
    let (time_key, keep_time_key) = parse(&mut reader);
    let http = HttpSource {
        listen: ports::listen(&mut reader, "bind", "http source", None),
        backlog: reader.opt("backlog"),
        body_size_limit: reader.get("body_size_limit"),
        decompression_size_limit: reader.get("decompression_size_limit"),
        keepalive_timeout: reader.get("keepalive_timeout"),
        add_http_headers: reader.get("add_http_headers"),
        add_remote_addr: reader.get("add_remote_addr"),
        add_query_params: reader.get("add_query_params"),
        add_tag_prefix: tag(&mut reader, "add_tag_prefix"),
        cors_allow_origins: reader.opt("cors_allow_origins"),
        cors_allow_credentials: reader.get("cors_allow_credentials"),
        respond_with_empty_img: reader.get("respond_with_empty_img"),
        use_204_response: reader.get("use_204_response"),
        dump_error_log: reader.get("dump_error_log"),
        time_key,
        keep_time_key,
        connection_limit: reader.get("connection_limit"),
        tls,
    };
    let origins = http.cors_allow_origins.as_deref().unwrap_or_default();
    if http.cors_allow_credentials && (origins.is_empty() || origins.iter().any(|origin| origin == "*")) {
        let span = reader.place("cors_allow_credentials").unwrap_or(reader.span());
        reader
            .ctx
            .error("cors-credentials", span, "Cannot enable cors_allow_credentials without specific origins")
            .help("name the origins in `cors_allow_origins`, without `*`");
    }
    reader.finish();
    http
}

fn parse(reader: &mut Reader<'_, '_>) -> (String, bool) {
    // `default` is what the old `format` called it.
    if let Some(name) = reader.child_type("parse").filter(|name| !matches!(name.text, "in_http" | "default"))
    {
        let help = suggest::did_you_mean(name.text, ["in_http"]).unwrap_or_else(|| {
            "leave it out; the content type of a request decides how it is read".to_owned()
        });
        reader
            .ctx
            .error(
                "unknown-type",
                name.span,
                format!("Fluentcast does not have the parser `{}` yet", name.text),
            )
            .help(help);
    }
    let mut parse = reader.enter("parse", &HTTP_PARSE);
    parse.skip(|key| key == "@type");
    let parsed = (parse.get("time_key"), parse.get("keep_time_key"));
    parse.finish();
    parsed
}
