use fluentcast_config::settings::{ByteSize, HttpSource};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use self::table::{JSON, rows, with};
use super::*;
use crate::emit::{EmitError, Emitter};
use crate::http::tests::{Client, Kept, request, settings};
use crate::metrics::Metrics;

mod table;

struct Served {
    client: Client<DuplexStream>,
    kept: Arc<Kept>,
    metrics: Arc<Metrics>,
    task: JoinHandle<()>,
}

fn connect(settings: HttpSource, kept: Kept) -> Served {
    let (ours, theirs) = duplex(64 * 1024);
    let (kept, metrics) = (Arc::new(kept), Arc::new(Metrics::default()));
    let context = Context::new(settings, Arc::clone(&kept) as Emitter, Arc::clone(&metrics));
    let peer = SocketAddr::from(([127, 0, 0, 1], 40_000));
    let task = tokio::spawn(serve(ours, peer, Arc::new(context), CancellationToken::new()));
    Served { client: Client(theirs), kept, metrics, task }
}

#[tokio::test(start_paused = true)]
async fn answers_as_fluentd_does() {
    for (settings, sent, (status, headers, body), stays) in rows() {
        let mut served = connect(settings, Kept::default());
        served.client.send(&sent).await;
        let mut reply = served.client.reply().await.expect("an answer");
        assert_eq!(reply.status, format!("HTTP/1.1 {status}").replace("1.1", &sent_version(&sent)), "{sent}");
        if status != "204 No Content" {
            let length = format!("Content-Length: {}", reply.body.len());
            let place = reply.headers.iter().position(|header| *header == length);
            reply.headers.remove(place.unwrap_or_else(|| panic!("no {length}: {sent}")));
        }
        assert_eq!(reply.headers, headers, "{sent}");
        let shown = if body == "GIF" { "GIF" } else { std::str::from_utf8(&reply.body).expect("text") };
        assert_eq!(shown, body, "{sent}");
        let rejected = u64::from(!status.starts_with('2'));
        assert_eq!(served.metrics.http_requests_rejected.get(), rejected, "{sent}");

        let start = Instant::now();
        if stays {
            served.client.send(request("POST /again?json={}", &[], "")).await;
            served.client.reply().await.unwrap_or_else(|| panic!("closed: {sent}"));
        } else {
            assert!(served.client.is_closed().await, "{sent}");
            assert_eq!(start.elapsed(), Duration::ZERO, "{sent}");
        }
    }
}

fn sent_version(sent: &str) -> String {
    if sent.contains("HTTP/1.0") { "1.0".into() } else { "1.1".into() }
}

#[tokio::test]
async fn the_empty_picture_is_fluentds() {
    let mut served = connect(with(|settings| settings.respond_with_empty_img = true), Kept::default());
    served.client.send(request("POST /t?json={}", &[], "")).await;
    let picture = served.client.reply().await.expect("an answer").body;
    let hex: String = picture.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "4749463839610100010080ff00ffffff0000002c00000000010001000002024401003b");
}

#[tokio::test]
async fn what_browsers_send_without_an_origin_brings_nothing() {
    for method in ["GET", "HEAD"] {
        let mut served = connect(settings(), Kept::default());
        served.client.send(format!("{method} /t?json={{}} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(served.client.reply().await.expect("an answer").status, "HTTP/1.1 200 OK");
        assert!(served.kept.events().is_empty(), "{method}");
    }
}

#[tokio::test]
async fn a_page_of_another_host_brings_nothing_unless_it_is_listed() {
    let form = "Content-Type: application/x-www-form-urlencoded";
    let everywhere = with(|settings| settings.listen.host = "0.0.0.0".into());
    let listed = with(|settings| settings.cors_allow_origins = Some(vec!["https://app.example".into()]));
    let any = with(|settings| settings.cors_allow_origins = Some(vec!["*".into()]));
    for (settings, host, origins, status) in [
        (settings(), "localhost:8888", &["https://evil.example"][..], 403),
        (settings(), "localhost:8888", &["null"], 403),
        (settings(), "localhost:8888", &["http://localhost:8080"], 403),
        (settings(), "localhost:8888", &["http://localhost:8888", "http://localhost:8888"], 403),
        (settings(), "localhost:8888", &["http://localhost:8888"], 200),
        (settings(), "127.0.0.1:8888", &["http://127.0.0.1:8888"], 200),
        // A page that has made its name mean this machine.
        (settings(), "evil.example:8888", &["http://evil.example:8888"], 403),
        (everywhere.clone(), "logs.example", &["https://logs.example"], 200),
        (everywhere, "logs.example", &["https://evil.example"], 403),
        (settings(), "whatever", &[], 200),
        (listed, "localhost:8888", &["https://app.example"], 200),
        (any, "localhost:8888", &["https://evil.example"], 200),
    ] {
        let mut served = connect(settings, Kept::default());
        let mut headers = vec![form.to_owned()];
        headers.extend(origins.iter().map(|origin| format!("Origin: {origin}")));
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        let post = request("POST /t", &headers, "json={}").replacen("Host: x", &format!("Host: {host}"), 1);
        served.client.send(post).await;
        let reply = served.client.reply().await.expect("an answer");
        assert!(
            reply.status.starts_with(&format!("HTTP/1.1 {status} ")),
            "{host} {origins:?}: {}",
            reply.status
        );
        let refused = status == 403;
        assert_eq!(served.kept.events().is_empty(), refused, "{host} {origins:?}");
        assert_eq!(served.metrics.http_origins_refused.get(), u64::from(refused), "{host} {origins:?}");
        if refused {
            let told = String::from_utf8(reply.body).expect("text");
            assert!(told.contains("`cors_allow_origins`"), "{told}");
        }
    }
}

#[tokio::test]
async fn a_refused_origin_brings_nothing() {
    let foo = with(|settings| settings.cors_allow_origins = Some(vec!["http://foo.com".into()]));
    let mut served = connect(foo, Kept::default());
    served.client.send(request("POST /t", &[JSON, "Origin: http://bar.com"], "{}")).await;
    assert_eq!(served.client.reply().await.expect("an answer").status, "HTTP/1.1 403 Forbidden");
    assert!(served.kept.events().is_empty());
}

#[tokio::test]
async fn events_that_are_not_accepted_are_an_error_with_the_reason() {
    let kept = Kept { error: Some(EmitError("buffer is full".into())), ..Kept::default() };
    let mut served = connect(settings(), kept);
    served.client.send(request("POST /t", &[JSON], "{}")).await;
    let reply = served.client.reply().await.expect("an answer");
    assert_eq!(reply.status, "HTTP/1.1 500 Internal Server Error");
    assert_eq!(reply.body, b"500 Internal Server Error\nbuffer is full\n");
}

#[tokio::test]
async fn what_is_no_record_is_counted() {
    let mut served = connect(settings(), Kept::default());
    served.client.send(request("POST /t", &[JSON], "[1,{},2]")).await;
    served.client.reply().await.expect("an answer");
    assert_eq!(served.metrics.entries_invalid.get(), 2);
    assert_eq!(served.metrics.batches_received.get(), 1);
    served.client.send(request("POST /t", &[JSON], "[1]")).await;
    served.client.reply().await.expect("an answer");
    assert_eq!(served.metrics.entries_invalid.get(), 3);
    assert_eq!(served.metrics.batches_received.get(), 1);
}

#[tokio::test]
async fn asks_for_a_body_that_waits_to_be_asked_for() {
    let mut served = connect(settings(), Kept::default());
    let head = "POST /t HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    served.client.send(head).await;
    assert_eq!(served.client.reply().await.expect("asked").status, "HTTP/1.1 100 Continue");
    served.client.send("{}").await;
    assert_eq!(served.client.reply().await.expect("an answer").status, "HTTP/1.1 200 OK");
    assert_eq!(served.kept.events(), ["t {}"]);
}

#[tokio::test]
async fn large_and_compressed_bodies_arrive_whole() {
    let mut served = connect(settings(), Kept::default());
    let body = format!("[{}{{}}]", "{\"a\":1},".repeat(20_000));
    served.client.send(request("POST /t", &[JSON], &body)).await;
    assert_eq!(served.client.reply().await.expect("an answer").status, "HTTP/1.1 200 OK");
    assert_eq!(served.kept.events().len(), 20_001);
    assert_eq!(served.metrics.batches_received.get(), 1);

    // As zlib without compression would write it: a stored block.
    let deflate = b"\x78\x01\x01\x02\0\xfd\xff{}\x01\x75\x00\xf9";
    let head = format!(
        "POST /d HTTP/1.1\r\nHost: x\r\n{JSON}\r\nContent-Encoding: deflate\r\nContent-Length: {}\r\n\r\n",
        deflate.len()
    );
    served.client.send(head).await;
    served.client.send(deflate).await;
    assert_eq!(served.client.reply().await.expect("an answer").status, "HTTP/1.1 200 OK");
    assert_eq!(served.kept.events().last().map(String::as_str), Some("d {}"));
}

#[tokio::test]
async fn several_requests_at_once_are_answered_in_turn() {
    let mut served = connect(settings(), Kept::default());
    let both = request("POST /a", &[JSON], "{}") + &request("POST /b", &[], "");
    served.client.send(both).await;
    assert_eq!(served.client.reply().await.expect("an answer").status, "HTTP/1.1 200 OK");
    assert_eq!(served.client.reply().await.expect("an answer").status, "HTTP/1.1 400 Bad Request");
    assert_eq!(served.kept.events(), ["a {}"]);
}

#[tokio::test]
async fn a_sender_that_closes_its_side_is_answered() {
    let mut served = connect(settings(), Kept::default());
    served.client.send(request("POST /t", &[JSON], "{}")).await;
    served.client.0.shutdown().await.expect("closes");
    assert_eq!(served.client.reply().await.expect("an answer").status, "HTTP/1.1 200 OK");
    served.task.await.expect("ends");
}

#[tokio::test]
async fn events_of_a_sender_that_leaves_are_kept() {
    let mut served = connect(settings(), Kept { gate: Semaphore::new(0), ..Kept::default() });
    served.client.send(request("POST /t", &[JSON], "{}")).await;
    while served.metrics.batches_received.get() == 0 {
        tokio::task::yield_now().await;
    }
    drop(served.client);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    served.kept.gate.add_permits(1);
    served.task.await.expect("ends");
    assert_eq!(served.kept.events(), ["t {}"]);
}

#[tokio::test]
async fn a_body_cut_short_brings_nothing() {
    let mut served = connect(settings(), Kept::default());
    served.client.send("POST /t HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 9\r\n\r\n{}\n{}").await;
    served.client.0.shutdown().await.expect("closes");
    assert_eq!(served.client.reply().await, None);
    served.task.await.expect("ends");
    assert!(served.kept.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_connection() {
    for begun in ["", "POST /t HT", "POST /t HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{}"] {
        let mut served = connect(settings(), Kept::default());
        let start = Instant::now();
        served.client.send(begun).await;
        assert!(served.client.is_closed().await, "{begun:?}");
        assert_eq!(start.elapsed().as_secs(), 11, "{begun:?}");
        served.task.await.expect("ends");
    }
    let mut served = connect(settings(), Kept::default());
    served.client.send(request("POST /t", &[JSON], "{}")).await;
    served.client.reply().await.expect("an answer");
    let start = Instant::now();
    assert!(served.client.is_closed().await);
    assert_eq!(start.elapsed().as_secs(), 11);
}

#[tokio::test]
async fn the_longest_timeout_does_not_overflow() {
    let mut served = connect(with(|settings| settings.keepalive_timeout = Duration::MAX), Kept::default());
    served.client.send(request("POST /t", &[JSON], "{}")).await;
    assert_eq!(served.client.reply().await.expect("an answer").status, "HTTP/1.1 200 OK");
}

#[tokio::test(start_paused = true)]
async fn a_slow_pipeline_does_not_end_a_connection() {
    let mut served = connect(settings(), Kept { gate: Semaphore::new(0), ..Kept::default() });
    served.client.send(request("POST /t", &[JSON], "{}")).await;
    sleep(Duration::from_secs(3600)).await;
    served.kept.gate.add_permits(2);
    served.client.reply().await.expect("an answer");
    served.client.send(request("POST /t", &[JSON], "{}")).await;
    served.client.reply().await.expect("the connection was kept");
}

/// Bytes that come one by one, each before the silence is too long.
#[tokio::test(start_paused = true)]
async fn a_drip_ends_a_connection_too() {
    for (begun, expected) in [
        ("POST /t HTTP/1.1\r\nHost: ", 41..=42),
        ("POST /t HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n", 330..=331),
    ] {
        let served = connect(settings(), Kept::default());
        let start = Instant::now();
        let (mut reader, mut writer) = tokio::io::split(served.client.0);
        writer.write_all(begun.as_bytes()).await.expect("room");
        let drip = tokio::spawn(async move {
            while writer.write_u8(b'x').await.is_ok() {
                sleep(Duration::from_secs(9)).await;
            }
        });
        let mut rest = Vec::new();
        let _ = reader.read_to_end(&mut rest).await;
        assert!(expected.contains(&start.elapsed().as_secs()), "{begun}: {:?}", start.elapsed());
        served.task.await.expect("ends");
        drip.abort();
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_counted() {
    for garbage in ["\u{16}\u{3}\u{1}\r\n\r\n", "POST /t\r\n\r\n", "POST /t HTTP/1.1\r\nbad header\r\n\r\n"] {
        let mut served = connect(settings(), Kept::default());
        served.client.send(garbage).await;
        let reply = served.client.reply().await.expect("an answer");
        assert_eq!(reply.status, "HTTP/1.1 400 Bad Request", "{garbage:?}");
        served.task.await.expect("ends");
        assert_eq!(served.metrics.http_requests_rejected.get(), 1, "{garbage:?}");
    }
}

#[tokio::test]
async fn a_head_is_bounded() {
    for (head, status) in [
        (format!("POST /t HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(HTTP_HEAD_BYTES_MAX)), "431"),
        (format!("POST /t HTTP/1.1\r\n{}\r\n", "A: x\r\n".repeat(HTTP_HEADERS_MAX + 1)), "431"),
        (format!("PUT /t HTTP/1.1\r\n{}\r\n", "A: x\r\n".repeat(HTTP_HEADERS_MAX)), "400"),
        (format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000)), "414"),
    ] {
        let Served { client, task, .. } = connect(settings(), Kept::default());
        let (reader, mut writer) = tokio::io::split(client.0);
        let writing = tokio::spawn(async move { writer.write_all(head.as_bytes()).await });
        let reply = Client(tokio::io::join(reader, tokio::io::sink())).reply().await.expect("an answer");
        assert!(reply.status.contains(status), "{}", reply.status);
        task.await.expect("ends");
        let _ = writing.await.expect("ends");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is sent: one of the known statuses or the end of the connection, and no panic.
    #[test]
    fn any_bytes_end_well(
        method in "(POST|GET|OPTIONS|PUT|HEAD|X)",
        target in "/[a/]{0,4}(\\?(time|json)=[0-9{}a]{0,6})?",
        headers in prop::collection::vec(
            "(Content-Type: (application/json|multipart/form-data; boundary=x|text/plain)|Expect: (100-continue|x)\
            |Content-Encoding: (gzip|deflate)|Transfer-Encoding: chunked|Origin: [a-z]{1,3}|Connection: (close|keep-alive)\
            |[ -~]{0,10})",
            0..4,
        ),
        body in prop::collection::vec(any::<u8>(), 0..80),
        length in 0_usize..90,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let mut served = connect(with(|settings| settings.body_size_limit = ByteSize(60)), Kept::default());
            let head: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
            served.client.send(format!("{method} {target} HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n")).await;
            let _ = served.client.0.write_all(&body).await;
            let _ = served.client.0.shutdown().await;
            let mut answers = Vec::new();
            let _ = served.client.0.read_to_end(&mut answers).await;
            served.task.await.expect("no panic");
            let answers = String::from_utf8_lossy(&answers);
            for status in answers.split("HTTP/1.1 ").skip(1) {
                let known = ["100", "200", "400", "403", "413", "417", "500"];
                assert!(known.contains(&&status[..3]), "{status}");
            }
        });
    }
}
