use std::io::Write;
use std::net::Ipv4Addr;

use fluentcast_event::json;
use hyper::header::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::http::tests::settings;

const NOW: EventTime = EventTime::from_seconds(1_700_000_000);

fn at(seconds: i64, nanos: u32) -> EventTime {
    EventTime { seconds, nanos }
}

fn whole(target: &str, headers: &[(&str, &str)], body: &[u8]) -> Whole {
    let header = |&(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().expect("a name"), HeaderValue::from_str(value).expect("a value"))
    };
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter().map(header) {
        map.append(name, value);
    }
    Whole {
        uri: target.parse().expect("a target"),
        headers: map,
        body: Bytes::copy_from_slice(body),
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        received: NOW,
    }
}

/// The tag and the events as time and JSON; `None` without a batch.
type Seen = Option<(String, Vec<(EventTime, String)>)>;

fn seen(intake: &Intake) -> Seen {
    let batch = intake.batch.as_ref()?;
    assert_eq!(batch.received, NOW);
    let events = batch.events().map(|event| {
        let event = event.expect("an event");
        let mut text = Vec::new();
        json::write_value(&mut text, event.record).expect("sound");
        (event.time, String::from_utf8(text).expect("UTF-8"))
    });
    Some((batch.tag.as_str().to_owned(), events.collect()))
}

fn events(tag: &str, events: &[(EventTime, &str)]) -> Seen {
    Some((tag.into(), events.iter().map(|&(time, text)| (time, text.to_owned())).collect()))
}

async fn take_in(whole: Whole, settings: &HttpSource) -> Result<Seen, String> {
    whole.take_in(settings).await.as_ref().map(seen).map_err(ToString::to_string)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).expect("into memory");
    encoder.finish().expect("into memory")
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const MISSING: &str = "'json', 'ndjson' or 'msgpack' parameter is required";

#[tokio::test]
async fn takes_in_what_fluentd_takes_in() {
    for (target, content_type, body, expected) in [
        ("/app.log", FORM, r#"json={"a":1}"#, Ok(events("app.log", &[(NOW, r#"{"a":1}"#)]))),
        (
            "/app.log",
            JSON,
            r#"[{"a":3},{"a":4,"time":5}]"#,
            Ok(events("app.log", &[(NOW, r#"{"a":3}"#), (at(5, 0), r#"{"a":4}"#)])),
        ),
        ("/app.log", JSON, "{bad", Ok(None)),
        ("/app.log", JSON, "", Ok(None)),
        ("/app.log", JSON, "null", Ok(None)),
        ("/app.log", JSON, "[]", Ok(None)),
        ("/app.log", JSON, r#"[1,{"a":5}]"#, Ok(events("app.log", &[(NOW, r#"{"a":5}"#)]))),
        (
            "/x/y/z?time=1518756037.5",
            "application/json; charset=utf-8",
            r#"{"a":6}"#,
            Ok(events("x.y.z", &[(at(1_518_756_037, 500_000_000), r#"{"a":6}"#)])),
        ),
        (
            "/n",
            NDJSON,
            "{\"n\":1}\n{\"n\":2}\r\n\n{bad\n{\"n\":3}\n",
            Ok(events("n", &[(NOW, r#"{"n":1}"#), (NOW, r#"{"n":2}"#), (NOW, r#"{"n":3}"#)])),
        ),
        ("/t", "text/plain", r#"{"a":7}"#, Err(MISSING)),
        ("/t", "", "", Err(MISSING)),
        ("/t", FORM, "", Err(MISSING)),
        ("/t", "multipart/form-data", "json=1", Err(MISSING)),
        (
            "/t?time=abc",
            JSON,
            r#"{"a":14,"time":1500000000}"#,
            Ok(events("t", &[(NOW, r#"{"a":14,"time":1500000000}"#)])),
        ),
        ("/t", JSON, r#"{"a":15,"time":"1500000000"}"#, Err("can't convert String into an exact number")),
        (
            "/t",
            JSON,
            r#"{"a":16,"time":1500000000.25}"#,
            Ok(events("t", &[(at(1_500_000_000, 250_000_000), r#"{"a":16}"#)])),
        ),
        ("/t", JSON, r#"{"a":24,"time":null}"#, Ok(events("t", &[(NOW, r#"{"a":24}"#)]))),
        ("/t", JSON, r#"{"a":1}{"b":2}"#, Ok(None)),
        ("/t", FORM, r#"json={"a":26}&time=1500000001"#, {
            Ok(events("t", &[(at(1_500_000_001, 0), r#"{"a":26}"#)]))
        }),
        ("/t?time=1500000000.123456789", JSON, "{}", {
            Ok(events("t", &[(at(1_500_000_000, 123_456_700), "{}")]))
        }),
        ("/t?time=0", JSON, r#"{"time":5}"#, Ok(events("t", &[(NOW, r#"{"time":5}"#)]))),
        ("/t?time=", JSON, "{}", Ok(events("t", &[(NOW, "{}")]))),
        ("/t?json={%22a%22:1}", "text/plain", "ignored", Ok(events("t", &[(NOW, r#"{"a":1}"#)]))),
        ("/t?msgpack=%81%A1a%01&json={}", "", "", Ok(events("t", &[(NOW, r#"{"a":1}"#)]))),
        ("/t?ndjson={}%0A{}&json={%22a%22:1}", "", "", Ok(events("t", &[(NOW, r#"{"a":1}"#)]))),
        ("/t", FORM, "ndjson={}%0D%0A{}", Ok(events("t", &[(NOW, "{}"), (NOW, "{}")]))),
        ("/t", "application/msgpack", "\u{1}", Ok(None)),
        ("/t", "application/csp-report", "{}", Ok(events("t", &[(NOW, "{}")]))),
        (
            "/foo/bar",
            FORM,
            r#"json={"action":"login","user":6}"#,
            Ok(events("foo.bar", &[(NOW, r#"{"action":"login","user":6}"#)])),
        ),
        ("/", JSON, "{}", Ok(events("", &[(NOW, "{}")]))),
        ("/a%20b/c", JSON, "{}", Ok(events("a%20b.c", &[(NOW, "{}")]))),
        ("/a/b/", JSON, "{}", Ok(events("a.b", &[(NOW, "{}")]))),
        ("/a//b", JSON, "{}", Ok(events("a..b", &[(NOW, "{}")]))),
        ("//a//b/", JSON, "{}", Ok(events(".b", &[(NOW, "{}")]))),
        ("http://host:1/a/b?time=0", JSON, "{}", Ok(events("a.b", &[(NOW, "{}")]))),
    ] {
        let headers = [("content-type", content_type)];
        let headers = if content_type.is_empty() { &[][..] } else { &headers };
        let outcome = take_in(whole(target, headers, body.as_bytes()), &settings()).await;
        assert_eq!(outcome, expected.map_err(str::to_owned), "{target} {content_type} {body}");
    }
}

#[tokio::test]
async fn unpacks_before_it_looks() {
    let plain = br#"{"a":20}"#;
    let expected = || Ok(events("t", &[(NOW, r#"{"a":20}"#)]));
    let packed = gzip(plain);
    for (encoding, body, expected) in [
        ("gzip", &packed[..], expected()),
        ("br", plain, expected()),
        ("GZIP", plain, expected()),
        ("gzip", b"notgzip", Err("the body is not sound gzip: unexpected end of file".to_owned())),
    ] {
        let headers = [("content-type", JSON), ("content-encoding", encoding)];
        let outcome = take_in(whole("/t", &headers, body), &settings()).await;
        assert_eq!(outcome, expected, "{encoding} {body:?}");
    }
    let headers = [("content-type", FORM), ("content-encoding", "gzip")];
    let form = gzip(br#"json={"a":20}"#);
    assert_eq!(take_in(whole("/t", &headers, &form), &settings()).await, expected());

    let mut narrow = settings();
    narrow.decompression_size_limit.0 = 7;
    let headers = [("content-type", JSON), ("content-encoding", "gzip")];
    let outcome = whole("/t", &headers, &packed).take_in(&narrow).await;
    assert!(matches!(outcome, Err(Refusal::Undecodable(DecodeError::TooLarge(7)))), "{outcome:?}");
}

#[tokio::test]
async fn adds_what_the_settings_ask_for() {
    let mut all = settings();
    (all.add_http_headers, all.add_query_params, all.add_remote_addr) = (true, true, true);
    all.add_tag_prefix = Some("pre".into());
    let headers = [("content-type", JSON), ("x-a-b", "1"), ("x-a-b", "2")];
    let outcome = take_in(whole("/t?q=1&x-y=2&time=5&q=3", &headers, br#"{"QUERY_Q":0}"#), &all).await;
    let record = r#"{"HTTP_CONTENT_TYPE":"application/json","HTTP_X_A_B":["1","2"],"QUERY_Q":"3","QUERY_X_Y":"2","QUERY_TIME":"5","REMOTE_ADDR":"127.0.0.1"}"#;
    assert_eq!(outcome, Ok(events("pre.t", &[(at(5, 0), record)])));
}

#[tokio::test]
async fn believes_the_first_forwarded_address() {
    let mut source = settings();
    source.add_remote_addr = true;
    for (forwarded, expected) in [
        ("1.2.3.4, 5.6.7.8", "1.2.3.4"),
        ("1.2.3.4", "1.2.3.4"),
        (" nonsense ,x", "nonsense"),
        ("", "127.0.0.1"),
        (",1.2.3.4", "127.0.0.1"),
    ] {
        let headers = [("content-type", JSON), ("x-forwarded-for", forwarded)];
        let record = format!(r#"{{"REMOTE_ADDR":"{expected}"}}"#);
        let outcome = take_in(whole("/t", &headers, b"{}"), &source).await;
        assert_eq!(outcome, Ok(events("t", &[(NOW, &record)])), "{forwarded:?}");
    }
    let mut mapped = whole("/t", &[("content-type", JSON)], b"{}");
    mapped.peer = "::ffff:10.0.0.1".parse().expect("an address");
    assert_eq!(take_in(mapped, &source).await, Ok(events("t", &[(NOW, r#"{"REMOTE_ADDR":"10.0.0.1"}"#)])));
}

#[tokio::test]
async fn refuses_a_cut_form_and_a_long_tag() {
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    let body = b"--x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{\"a\":1}";
    let outcome = take_in(whole("/t", &headers, body), &settings()).await.expect_err("cut");
    assert!(outcome.starts_with("broken multipart form: "), "{outcome}");

    let target = format!("/{}", "a".repeat(5000));
    let outcome = take_in(whole(&target, &[("content-type", JSON)], b"{}"), &settings()).await;
    assert_eq!(outcome, Err("the tag is longer than 4096 bytes".into()));
}

#[test]
fn knows_the_heavy_ones() {
    assert!(!whole("/", &[], &[0; HTTP_INLINE_BODY_BYTES_MAX]).is_heavy());
    assert!(whole("/", &[], &[0; HTTP_INLINE_BODY_BYTES_MAX + 1]).is_heavy());
    assert!(whole("/", &[("content-encoding", "gzip")], b"").is_heavy());
    assert!(!whole("/", &[("content-encoding", "br")], b"").is_heavy());
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[\\[\\]{}\",:0-9aet \n.-]{0,60}".prop_map(String::into_bytes),
        "(json|msgpack|ndjson|time)=[%0-9a-f{}&=+;-]{0,40}".prop_map(String::into_bytes),
        "(--x(--)?\r\n|name=\"json\"|Content-Disposition: form-data; |\r\n|a|\\{\\}){0,12}"
            .prop_map(String::into_bytes),
        any::<i64>().prop_map(|time| format!("{{\"time\":{time}}}").into_bytes()),
        prop::collection::vec(any::<u8>(), 0..50).prop_map(|body| gzip(&body)),
    ]
}

fn any_query() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "\\?(time|json|msgpack|ndjson|x)=[-%0-9a-fE.{}&=+_]{0,20}",
        any::<f64>().prop_map(|time| format!("?time={time:e}")),
    ]
}

proptest! {
    /// Whatever arrives: a batch of readable events, or a refusal, and no panic.
    #[test]
    fn any_request_ends_well(
        path in "/[a/.%]{0,8}",
        query in any_query(),
        content_type in prop::sample::select(vec![
            FORM, JSON, NDJSON, "application/msgpack", "multipart/form-data; boundary=x", "text/plain", "",
        ]),
        encoding in prop::sample::select(vec!["", "gzip", "deflate", "br"]),
        body in any_body(),
        adds in any::<bool>(),
    ) {
        let mut source = settings();
        (source.add_http_headers, source.add_query_params, source.add_remote_addr) = (adds, adds, adds);
        let headers = [("content-type", content_type), ("content-encoding", encoding)];
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let request = whole(&format!("{path}{query}"), &headers, &body);
        let outcome = runtime.block_on(request.take_in(&source));
        if let Ok(Intake { batch: Some(batch), .. }) = outcome {
            for event in batch.events() {
                let event = event.expect("what is emitted is readable");
                let mut text = Vec::new();
                json::write_value(&mut text, event.record).expect("sound");
                let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
                prop_assert!(json.is_object());
            }
        }
    }
}
