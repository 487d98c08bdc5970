//! `GET /events`: streams for those without WebSocket.

use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;

use super::*;

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

#[test]
fn lines_end_with_the_last_chunk_when_nobody_follows() {
    let server = Server::one(Output { kept: 10, ..Output::default() });
    server.publish_numbers(0..20);
    let mut stream = stream_to(server.address);
    stream.write_all(get("/events?$last=2&$follow=false", "").as_bytes()).expect("sent");
    let head = read_head(&mut stream);
    let epoch = server.hubs[0].hello().epoch;
    assert_eq!(
        head,
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson; charset=utf-8\r\ncache-control: no-store\r\n\
             vary: origin, accept, accept-encoding\r\nx-content-type-options: nosniff\r\ntransfer-encoding: chunked\r\nx-accel-buffering: no\r\nfluentcast-epoch: {epoch}\r\n\
             fluentcast-seq: 20\r\nfluentcast-oldest: 11\r\nconnection: close\r\n\r\n"
        )
    );
    let mut body = String::new();
    stream.read_to_string(&mut body).expect("an orderly end");
    let lines = "{\"seq\":19,\"tag\":\"t\",\"time\":18,\"record\":{\"n\":18,\"odd\":false,\"padding\":\"\"}}\n\
                 {\"seq\":20,\"tag\":\"t\",\"time\":19,\"record\":{\"n\":19,\"odd\":true,\"padding\":\"\"}}\n";
    assert_eq!(body, format!("{:08x}\r\n{lines}\r\n0\r\n\r\n", lines.len()));
    server.wait_until_empty();
    assert_eq!(server.metrics.websocket_clients_left.get(), 1);
}

#[test]
fn server_sent_events_carry_ids_by_which_a_browser_goes_on() {
    let server = Server::one(Output { kept: 10, ..Output::default() });
    let mut stream = stream_to(server.address);
    stream.write_all(get("/events?$tag=t", "Accept: text/event-stream\r\n").as_bytes()).expect("sent");
    assert!(read_head(&mut stream).contains("text/event-stream"));
    server.publish_numbers(3..4);
    let epoch = server.hubs[0].hello().epoch;
    let version = env!("CARGO_PKG_VERSION");
    // One that is cut before the first event goes on from here.
    let hello = format!(
        "event: hello\nid: {epoch}:0\ndata: {{\"epoch\":\"{epoch}\",\"seq\":0,\"oldest\":1,\"version\":\"{version}\"}}\n\n"
    );
    let event = format!(
        "id: {epoch}:1\ndata: {{\"tag\":\"t\",\"time\":3,\"record\":{{\"n\":3,\"odd\":true,\"padding\":\"\"}}}}\n\n"
    );
    let expected = [hello, event].map(|text| format!("{:08x}\r\n{text}\r\n", text.len())).concat();
    let mut got = vec![0; expected.len()];
    stream.read_exact(&mut got).expect("two chunks");
    assert_eq!(String::from_utf8_lossy(&got), expected);
    drop(stream);

    server.publish_numbers(4..8);
    // What it has goes before what its URL still says.
    for path in ["/", "/?$last=1", "/?$since=1h", "/?odd=true&$since=0123456789abcdef:1"] {
        let id = format!("Last-Event-ID: {epoch}:2\r\n");
        let mut reader = Reader::open(stream_to(server.address), Form::EventStream, path, &id);
        reader.told("hello");
        reader.expect((5..8).step_by(if path.contains("odd") { 2 } else { 1 }));
    }
    let answer = Http(stream_to(server.address)).ask(&get("/events", "Last-Event-ID: 17\r\n"));
    assert_eq!((answer.status, answer.body.contains("`$since=17`")), (400, true), "{}", answer.body);
    server.wait_until_empty();
}

#[test]
fn a_stream_that_goes_on_is_compressed_for_whoever_takes_gzip() {
    let server = Server::one(Output { kept: 100, ..Output::default() });
    server.publish_numbers(0..50);
    let gzip = "Accept-Encoding: br, gzip\r\n";
    let readers = [Form::EventStream, Form::Lines]
        .map(|form| Reader::open(stream_to(server.address), form, "/?$last=50", gzip));
    server.publish_numbers(50..60);
    for reader in readers {
        assert!(reader.head.contains("content-encoding: gzip\r\n"), "{}", reader.head);
        let mut text = BufReader::new(GzDecoder::new(reader.into_chunks())).lines();
        let numbers = std::iter::from_fn(|| text.next()).filter_map(|line| {
            let line = line.expect("text");
            let (_, number) = line.split_once("\"n\":")?;
            number.split(',').next().and_then(|number| number.parse::<u64>().ok())
        });
        assert!(numbers.take(60).eq(0..60));
    }
}

/// What is sent to a client is shared parts, replays of its own and notices in between; at the end stands the checksum
/// of all of it.
#[test]
fn what_ends_is_whole_for_whoever_takes_gzip() {
    let mut server = Server::one(Output { kept: 100, ..Output::default() });
    server.publish_numbers(0..120);
    let gzip = "Accept-Encoding: gzip\r\n";
    let read = |reader: Reader| {
        assert!(reader.head.contains("content-encoding: gzip\r\n"), "{}", reader.head);
        let mut text = String::new();
        let mut chunks = reader.into_chunks();
        // Refuses another checksum or length than that of what it has read.
        GzDecoder::new(&mut chunks).read_to_string(&mut text).expect("a whole stream");
        assert_eq!(chunks.read(&mut [0]).expect("the last chunk"), 0);
        text
    };
    let open = |form, path: &str| Reader::open(stream_to(server.address), form, path, gzip);
    for form in [Form::EventStream, Form::Lines] {
        for (path, events, gaps) in [
            ("/?$last=50&$follow=false", 50, 0),
            ("/?$since=1970-01-01T00:00:00Z&$follow=false", 100, 1),
            ("/?$last=5&n=nothing&$follow=false", 0, 0),
        ] {
            let text = read(open(form, path));
            let told = (text.matches("\"n\":").count(), text.matches("\"reason\":\"expired\"").count());
            assert_eq!(told, (events, gaps), "{path}: {text}");
        }
    }
    let follows = [Form::EventStream, Form::Lines].map(|form| open(form, "/?$last=50"));
    server.publish_numbers(120..130);
    let workers = server.workers.take().expect("not drained yet");
    let drained = std::thread::spawn(move || workers.drain(Instant::now() + DEADLINE));
    for reader in follows {
        assert_eq!(read(reader).matches("\"n\":").count(), 60);
    }
    drained.join().expect("drained");
}

#[test]
fn what_is_no_stream_is_answered_in_words_and_the_connection_goes_on() {
    let server = Server::start(vec![
        Output { path: "/a", token: Some("secret"), ..Output::default() },
        Output { path: "/b", connection_limit: 1, ..Output::default() },
    ]);
    let mut http = Http(stream_to(server.address));
    let bearer = "Authorization: Bearer secret\r\n";
    for (request, status, named) in [
        (get("/a/events", ""), 401, "token"),
        (get("/a/events?token=wrong", bearer), 401, "token"),
        (get("/a/events?$last=x&token=secret", ""), 400, "`$last=x`"),
        (get("/b/events", "Accept: image/png\r\n"), 406, "text/event-stream"),
        (get("/b/events", "Accept: text/html\r\n"), 406, "application/x-ndjson"),
        (get("/events", ""), 404, "GET / names"),
        (get("/c/events", ""), 404, "GET / names"),
        (get("/b/events/", ""), 404, "GET / says more"),
        (get("/b/events", "").replace("GET", "POST"), 405, "Only GET"),
        (get("/b/events", "").replace("GET", "HEAD"), 200, ""),
        (get("/a/events", bearer).replace("GET", "HEAD"), 200, ""),
    ] {
        let answer = http.ask(&request);
        assert_eq!(answer.status, status, "{request}");
        assert!(answer.body.contains(named), "{request}: {}", answer.body);
    }
    assert_eq!(server.metrics.websocket_handshakes_rejected.get(), 9);
    let mut old = Http(stream_to(server.address));
    assert_eq!(old.ask(&get("/b/events", "").replace("1.1", "1.0")).status, 505);

    let mut by_header = Reader::open(stream_to(server.address), Form::Lines, "/a", bearer);
    let mut by_url = server.read(Form::EventStream, "/a?token=secret");
    let mut only = server.read(Form::Lines, "/b");
    assert_eq!(http.ask(&get("/b/events", "")).status, 503);
    for output in 0..2 {
        server.publish(output, &batch(0..1, 0));
    }
    by_url.told("hello");
    for reader in [&mut by_header, &mut by_url, &mut only] {
        reader.expect([0]);
    }
    drop(only);
    // A client that has left is counted out though nothing was sent to it.
    until("a place is free", || http.ask(&get("/b/events", "").replace("GET", "HEAD")).status == 200);
    drop((by_header, by_url));
    server.wait_until_empty();
}

#[test]
fn what_comes_behind_the_request_is_not_read_as_another() {
    let server = Server::one(Output::default());
    let behind = format!("{}{}", get("/healthz", ""), "x".repeat(100_000));
    for form in [Form::EventStream, Form::Lines] {
        let mut reader = server.read(form, "/");
        reader.send_raw(behind.as_bytes());
        if form == Form::EventStream {
            reader.told("hello");
        }
        server.publish_numbers(0..3);
        reader.expect(0..3);
        reader.reset();
    }
    let mut stream = stream_to(server.address);
    stream.write_all(format!("{}{behind}", get("/events", "")).as_bytes()).expect("sent");
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 200 "));
    drop(stream);
    server.wait_until_empty();
}

#[test]
fn a_stop_ends_the_answer_after_its_last_event() {
    let mut server = Server::one(Output { kept: 1_000, ..Output::default() });
    server.publish(0, &batch(0..1_000, 1000));
    let mut readers: Vec<_> =
        FORMS.into_iter().map(|form| server.read_narrow(form, "/?$last=1000")).collect();
    let workers = server.workers.take().expect("not drained yet");
    let drained = std::thread::spawn(move || workers.drain(Instant::now() + DEADLINE));
    for (reader, form) in readers.iter_mut().zip(FORMS) {
        if form != Form::Lines {
            reader.told("hello");
        }
        reader.expect(0..1_000);
        reader.expect_end(if form.is_websocket() { End::Close(1001) } else { End::Complete });
    }
    drop(readers);
    drained.join().expect("drained");
    server.wait_until_empty();
}
