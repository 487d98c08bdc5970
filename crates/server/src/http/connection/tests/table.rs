//! Requests and the answers Fluentd gives to them.

use fluentcast_config::settings::{ByteSize, HttpSource};

use crate::http::tests::{request, settings};

pub(super) const JSON: &str = "Content-Type: application/json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const PLAIN: &str = "Content-Type: text/plain";

pub(super) fn with(change: impl FnOnce(&mut HttpSource)) -> HttpSource {
    let mut settings = settings();
    change(&mut settings);
    settings
}

/// A row: the source, the request, the answer (status, headers but for the length, body), and whether
/// the connection stays open.
pub(super) type Row = (HttpSource, String, (&'static str, Vec<&'static str>, &'static str), bool);

pub(super) fn rows() -> Vec<Row> {
    let missing = "400 Bad Request\n'json', 'ndjson' or 'msgpack' parameter is required\n";
    let no_number = "400 Bad Request\ncan't convert String into an exact number\n";
    let close = "Connection: close";
    let foo = || with(|settings| settings.cors_allow_origins = Some(vec!["http://foo.com".into()]));
    let any = || with(|settings| settings.cors_allow_origins = Some(vec!["*".into()]));
    let credentials = || HttpSource { cors_allow_credentials: true, ..foo() };
    let preflight = [
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: X-A",
        "Origin: http://foo.com",
    ];
    let limited = || with(|settings| settings.body_size_limit = ByteSize(100));
    let chunked = "POST /t HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    vec![
        (settings(), request("POST /app.log", &[FORM], r#"json={"a":1}"#), ("200 OK", vec![PLAIN], ""), true),
        (settings(), request("POST /app.log", &[JSON], "{bad"), ("200 OK", vec![PLAIN], ""), true),
        (settings(), request("PUT /t", &[JSON], r#"{"a":9}"#), ("200 OK", vec![PLAIN], ""), true),
        (settings(), request("PATCH /t", &[JSON], "{}"), ("200 OK", vec![PLAIN], ""), true),
        (
            settings(),
            "DELETE /t HTTP/1.1\r\nHost: x\r\n\r\n".into(),
            ("400 Bad Request", vec![PLAIN], missing),
            true,
        ),
        (
            settings(),
            request("POST /t", &[PLAIN], r#"{"a":7}"#),
            ("400 Bad Request", vec![PLAIN], missing),
            true,
        ),
        (
            settings(),
            request("POST /t", &[JSON], r#"{"time":"1"}"#),
            ("400 Bad Request", vec![PLAIN], no_number),
            true,
        ),
        (
            settings(),
            request("POST /t", &[JSON, "Content-Encoding: gzip"], "notgzip"),
            ("400 Bad Request", vec![close, PLAIN], ""),
            false,
        ),
        (
            settings(),
            request("POST /t", &[JSON, "Content-Encoding: br"], "{}"),
            ("200 OK", vec![PLAIN], ""),
            true,
        ),
        (
            settings(),
            "GET /app.log?json={} HTTP/1.1\r\nHost: x\r\n\r\n".into(),
            ("200 OK", vec![close, PLAIN], ""),
            false,
        ),
        (settings(), request("POST /t", &[JSON, close], "{}"), ("200 OK", vec![close, PLAIN], ""), false),
        // HTTP/1.0 ends unless asked not to.
        (settings(), "POST /t?json={} HTTP/1.0\r\n\r\n".into(), ("200 OK", vec![PLAIN], ""), false),
        (
            settings(),
            "POST /t?json={} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n".into(),
            ("200 OK", vec!["Connection: keep-alive", PLAIN], ""),
            true,
        ),
        (
            with(|settings| settings.use_204_response = true),
            request("POST /t", &[JSON], "{}"),
            ("204 No Content", vec![PLAIN], ""),
            true,
        ),
        (
            HttpSource { use_204_response: true, respond_with_empty_img: true, ..settings() },
            request("POST /t", &[JSON], "{}"),
            ("200 OK", vec!["Content-Type: image/gif; charset=utf-8"], "GIF"),
            true,
        ),
        (
            settings(),
            request("POST /t", &["Expect: foo"], ""),
            ("417 Expectation Failed", vec![close, PLAIN], ""),
            false,
        ),
        (
            limited(),
            request("POST /t", &[JSON], &"x".repeat(200)),
            ("413 Request Entity Too Large", vec![close, PLAIN], "Too large"),
            false,
        ),
        (
            limited(),
            format!("{chunked}64\r\n{}\r\n1\r\nx\r\n0\r\n\r\n", "x".repeat(100)),
            ("413 Request Entity Too Large", vec![close, PLAIN], "Too large"),
            false,
        ),
        (limited(), request("POST /t", &[JSON], &" ".repeat(100)), ("200 OK", vec![PLAIN], ""), true),
        // Not asked for, although it would just fit.
        (
            limited(),
            "POST /t HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n".into(),
            ("413 Request Entity Too Large", vec![close, PLAIN], "Too large"),
            false,
        ),
        (settings(), request("OPTIONS /t", &preflight, ""), ("403 Forbidden", vec![close, PLAIN], ""), false),
        (
            foo(),
            request("OPTIONS /t", &preflight, ""),
            (
                "200 OK",
                vec![
                    "Access-Control-Allow-Headers: X-A",
                    "Access-Control-Allow-Methods: POST",
                    "Access-Control-Allow-Origin: http://foo.com",
                    close,
                    PLAIN,
                    "Vary: origin",
                ],
                "",
            ),
            false,
        ),
        (foo(), request("OPTIONS /t", &preflight[1..], ""), ("403 Forbidden", vec![close, PLAIN], ""), false),
        (
            any(),
            request("POST /t", &[JSON], "{}"),
            ("200 OK", vec!["Access-Control-Allow-Origin: *", PLAIN], ""),
            true,
        ),
        (foo(), request("POST /t", &[JSON], "{}"), ("200 OK", vec![PLAIN, "Vary: origin"], ""), true),
        (
            foo(),
            request("POST /t", &[JSON, "Origin: http://foo.com.evil.org"], "{}"),
            ("403 Forbidden", vec![close, PLAIN, "Vary: origin"], ""),
            false,
        ),
        (
            credentials(),
            request("POST /t", &["Origin: http://foo.com"], ""),
            (
                "400 Bad Request",
                vec![
                    "Access-Control-Allow-Credentials: true",
                    "Access-Control-Allow-Origin: http://foo.com",
                    PLAIN,
                    "Vary: origin",
                ],
                missing,
            ),
            true,
        ),
    ]
}
