//! Any request to the `http` source: each body of each content type, with each encoding. What comes out is
//! sound, bounded by what came in, and the same however the body was packed.

#![no_main]

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use fluentcast_config::check::check;
use fluentcast_config::load::{Environment, load_text};
use fluentcast_config::settings::{HttpSource, SourceKind};
use fluentcast_event::EventTime;
use fluentcast_event::msgpack::{Reader, Value};
use fluentcast_server::http::intake::{Refusal, Whole};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

const CONFIG: &str = "
<source>
  @type http
  port 0
  decompression_size_limit 64k
</source>
<source>
  @type http
  port 0
  decompression_size_limit 64k
  add_http_headers true
  add_query_params true
  add_remote_addr true
  add_tag_prefix up
  keep_time_key true
  time_key t
</source>
";

/// As in `CONFIG`.
const DECOMPRESSED_BYTES_MAX: usize = 64 << 10;

const CONTENT_TYPES: [&str; 8] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json",
    "application/msgpack",
    "application/x-ndjson",
    "application/csp-report",
    "text/plain",
    "",
];

static SETTINGS: LazyLock<Vec<HttpSource>> = LazyLock::new(|| {
    let mut loaded = load_text("fuzz.conf", CONFIG, &Environment::default());
    let settings = check(&loaded.root, &loaded.sources, &mut loaded.diagnostics);
    let sources = settings.expect("a sound configuration").sources.into_iter();
    sources
        .filter_map(|source| if let SourceKind::Http(http) = source.kind { Some(http) } else { None })
        .collect()
});

/// What a request brought: tag, entries, values that were no records; or its refusal in words.
type Seen = Result<(Option<(String, Vec<u8>)>, u64), String>;

fuzz_target!(|data: &[u8]| {
    // How, then target and header on a line each, then the body.
    let [how, rest @ ..] = data else { return };
    let mut parts = rest.splitn(3, |byte| *byte == b'\n');
    let (Some(target), Some(header), Some(body)) = (parts.next(), parts.next(), parts.next()) else { return };
    let settings = &SETTINGS[usize::from(how >> 7)];
    let content_type = CONTENT_TYPES[usize::from(how & 7)];
    let request = |encoding: &'static str, body: Vec<u8>| {
        take_in(settings, target, header, content_type, encoding, body)
    };
    let Some(plain) = request("", body.to_vec()) else { return };
    if let Ok((batch, skipped)) = &plain {
        assert!(*skipped <= body.len() as u64 + target.len() as u64);
        assert!(
            batch.as_ref().is_none_or(|(tag, entries)| !entries.is_empty() && tag.len() <= target.len() + 3)
        );
    }
    if content_type.starts_with("application/json") {
        as_form(settings, target, header, body, &plain);
    }
    // Where headers become fields, the one that says how it is packed does.
    if how & 0x08 != 0 && !settings.add_http_headers && body.len() <= DECOMPRESSED_BYTES_MAX {
        assert_eq!(request("gzip", gzip(body)).as_ref(), Some(&plain));
        assert_eq!(request("deflate", zlib(body)).as_ref(), Some(&plain));
    }
    // Bytes that promise to be packed.
    request("gzip", body.to_vec());
    request("deflate", body.to_vec());
});

/// A JSON body and the same as the only field of a form.
fn as_form(settings: &HttpSource, target: &[u8], header: &[u8], body: &[u8], plain: &Seen) {
    let mut form = b"json=".to_vec();
    for byte in body {
        write!(form, "%{byte:02x}").expect("into memory");
    }
    let seen = take_in(settings, target, header, CONTENT_TYPES[0], "", form);
    // What a query says about MessagePack comes first; headers that become fields differ.
    if !String::from_utf8_lossy(target).contains("m") && !target.contains(&b'%') && !settings.add_http_headers
    {
        assert_eq!(seen.as_ref(), Some(plain));
    }
}

fn take_in(
    settings: &HttpSource,
    target: &[u8],
    header: &[u8],
    content_type: &str,
    encoding: &'static str,
    body: Vec<u8>,
) -> Option<Seen> {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_bytes(header).ok()?);
    headers.append("x-twice", HeaderValue::from_static("1"));
    headers.append("x-twice", HeaderValue::from_bytes(header).ok()?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).ok()?);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    let whole = Whole {
        uri: target.try_into().ok()?,
        headers,
        body: body.into(),
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        received: EventTime::from_seconds(1_700_000_000),
    };
    // It never waits.
    let mut taking = pin!(whole.take_in(settings));
    let Poll::Ready(taken) = taking.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it waits for something");
    };
    Some(match taken {
        Ok(intake) => {
            if let Some(batch) = &intake.batch {
                for event in batch.events() {
                    let event = event.expect("a readable event");
                    assert!(event.time.nanos < 1_000_000_000);
                    let mut record = Reader::new(event.record);
                    assert!(matches!(record.read(), Ok(Value::Map(_))), "a record is a map");
                }
            }
            Ok((
                intake.batch.map(|batch| (batch.tag.as_str().to_owned(), batch.entries.to_vec())),
                intake.skipped,
            ))
        }
        Err(refusal @ (Refusal::BadRequest(_) | Refusal::Undecodable(_))) => Err(refusal.to_string()),
        Err(fault) => panic!("a fault of ours: {fault}"),
    })
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("into memory");
    encoder.finish().expect("into memory")
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("into memory");
    encoder.finish().expect("into memory")
}
