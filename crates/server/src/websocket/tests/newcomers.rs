//! Clients that come without a token and say it in their first message.

use serde_json::{Value, json};

use super::signing::{JWT, allowing, hs256};
use super::*;

const TOKEN: &str = "<token>\nname a\ntoken a-secret\ntag app.**\n</token>";

fn server(output: Output) -> Server {
    let tokens = if output.tokens.is_empty() { TOKEN } else { output.tokens };
    Server::one(Output { tokens, kept: 100, ..output })
}

fn newcomers(server: &Server) -> i64 {
    server.metrics.websocket_clients_unauthenticated.get()
}

/// The bytes of a handshake, what is asked before anything else, a token with a mask, and what follows.
#[test]
fn a_token_may_be_the_first_message() {
    let server = server(Output { authenticate_timeout: Duration::from_secs(12), ..Output::default() });
    server.publish(0, &tagged("app.x", 0..3, 0));
    server.publish(0, &tagged("db", 3..5, 0));
    for (protocol, opcode, asked, message) in [
        (
            "fluentcast.v1.json",
            0x81,
            b"\x81\x1e{\"authenticate\":{\"within\":12}}".to_vec(),
            br#"{"authenticate":{"token":"a-secret"}}"#.to_vec(),
        ),
        (
            "fluentcast.v1.msgpack",
            0x82,
            b"\x82\x17\x81\xacauthenticate\x81\xa6within\x0c".to_vec(),
            b"\x81\xacauthenticate\x81\xa5token\xa8a-secret".to_vec(),
        ),
    ] {
        let mut stream = stream_to(server.address);
        let offer = format!("Sec-WebSocket-Protocol: {protocol}\r\n");
        stream.write_all(upgrade("/?$last=2&odd=true", &offer).as_bytes()).expect("sent");
        let head = read_head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 101 ") && head.contains(protocol), "{head}");
        let mut got = vec![0; asked.len()];
        stream.read_exact(&mut got).expect("a frame");
        assert_eq!(got, asked, "{}", String::from_utf8_lossy(&got));
        assert_eq!((server.clients(), newcomers(&server), server.hubs[0].views()), (0, 1, 0));
        stream.write_all(&masked(opcode, &message)).expect("sent");
        let mut socket = WebSocket::from_raw_socket(stream, Role::Client, None);
        let first = client::message(&mut socket).expect("a message");
        assert!(first.into_data().windows(5).any(|bytes| bytes == b"hello"), "{protocol}");
        assert_eq!((server.clients(), newcomers(&server)), (1, 0));
        drop(socket);
        server.wait_until_empty();
    }
}

#[test]
fn what_the_url_asked_for_counts_with_the_rights_of_the_token() {
    let sections = format!("{TOKEN}\n{JWT}");
    let server = server(Output { tokens: Box::leak(sections.into_boxed_str()), ..Output::default() });
    server.publish(0, &tagged("app.x", 0..6, 0));
    server.publish(0, &tagged("db", 6..8, 0));
    let by_jwt = hs256(&allowing(&json!({"tag": "app.**", "filter": "record.n != 1"})));
    for form in [Form::Json, Form::Msgpack] {
        for (token, expected) in [("a-secret", &[1, 3, 5][..]), (&by_jwt, &[3, 5])] {
            let mut reader = server.read(form, "/?odd=true&$last=100&$tag=**&$follow=false");
            assert_eq!(reader.told("authenticate"), json!({"within": DEADLINE.as_secs()}));
            reader.authenticate(token);
            let hello = reader.told("hello");
            assert_eq!(hello.get("expires_in").is_some(), token != "a-secret", "{hello}");
            reader.expect(expected.iter().copied());
            reader.expect_end(End::Close(1000));
        }
    }
    server.wait_until_empty();
}

#[test]
fn nothing_comes_before_a_token_and_nothing_is_kept() {
    let server = server(Output::default());
    let mut reader = server.read(Form::Json, "/?$last=100");
    reader.told("authenticate");
    server.publish(0, &tagged("app.x", 0..3, 0));
    // What makes no sense, and what must come later, is told so; and costs no event, no view, nothing but time.
    for (message, named) in [
        ("{}", "`"),
        ("hello", "authenticate"),
        (r#"{"subscribe":{"last":10}}"#, "A token is needed first"),
        (r#"{"authenticate":{"token":5}}"#, "`token`, a text"),
    ] {
        reader.say(Message::Text(message.into()));
        let told = reader.told("error")["message"].as_str().expect("a text").to_owned();
        assert!(named == "`" || told.contains(named), "{message}: {told}");
        assert_eq!((server.hubs[0].views(), server.clients(), newcomers(&server)), (0, 0, 1));
    }
    reader.authenticate("a-secret");
    reader.told("hello");
    reader.expect(0..3);
}

#[test]
fn a_wrong_token_ends_the_connection_and_is_counted() {
    let sections = format!(
        "{TOKEN}\n{JWT}\n<token>\nname old\ntoken old-secret\nexpires 2000-01-01T00:00:00Z\n</token>"
    );
    let server = server(Output { tokens: Box::leak(sections.into_boxed_str()), ..Output::default() });
    let expired = hs256(&json!({"exp": 1, "fluentcast": {}}));
    let wrong = hs256(&allowing(&json!({"tags": "app.**"})));
    let forged = format!("{}x", hs256(&allowing(&json!({}))));
    for (token, named) in [
        ("", "needs a token"),
        ("a-secre", "needs a token"),
        ("old-secret", "has expired"),
        (&expired, "it has expired"),
        (&wrong, "`tags`: there is no such right"),
        (&forged, "not signed with a key"),
    ] {
        for form in [Form::Json, Form::Msgpack] {
            let mut reader = server.read(form, "/");
            reader.told("authenticate");
            reader.authenticate(token);
            let told = reader.told("error")["message"].as_str().expect("a text").to_owned();
            assert!(told.contains(named), "{token}: {told}");
            assert!(token.is_empty() || !told.contains(token), "{told}");
            reader.expect_end(End::Close(3000));
        }
    }
    assert_eq!(server.metrics.websocket_tokens_refused.get(), 12);
    server.wait_until_empty();
}

#[test]
fn who_sends_no_token_in_time_is_closed() {
    let server = server(Output { authenticate_timeout: Duration::from_millis(20), ..Output::default() });
    let mut silent = server.read(Form::Json, "/");
    // Neither messages nor pings are a token.
    let mut talking = server.read(Form::Msgpack, "/");
    talking.send_raw(&[masked(0x89, b"ping"), masked(0x82, b"\x80")].concat());
    silent.told("authenticate");
    silent.expect_end(End::Close(3000));
    talking.told("authenticate");
    while let Item::Told(kind, _) = talking.next() {
        assert_eq!(kind, "error");
    }
    server.wait_until_empty();
    assert_eq!(server.metrics.websocket_unauthenticated_timed_out.get(), 2);
    assert_eq!(server.metrics.websocket_tokens_refused.get(), 0);
}

#[test]
fn there_are_no_more_of_them_than_the_limit_says() {
    let server = server(Output { unauthenticated_limit: 2, ..Output::default() });
    let offer = "Sec-WebSocket-Protocol: fluentcast.v1.json\r\n";
    let status = |path| Http(stream_to(server.address)).ask(&upgrade(path, offer)).status;
    let mut readers = [Form::Json, Form::Msgpack].map(|form| server.read(form, "/"));
    for reader in &mut readers {
        reader.told("authenticate");
    }
    assert_eq!(status("/"), 503);
    assert_eq!(server.metrics.websocket_unauthenticated_refused.get(), 1);
    // Those who bring it along are not in their way, nor the other way round.
    assert_eq!(status("/?token=a-secret"), 101);
    assert_eq!(status("/?token=wrong"), 401);
    readers[0].authenticate("a-secret");
    readers[0].told("hello");
    let third = server.read(Form::Json, "/");
    assert_eq!(status("/"), 503);
    drop(third);
    until("a place is free", || status("/") == 101);
    drop(readers);
    server.wait_until_empty();
    // 0: none at all, as before there were any.
    let none = Server::one(Output { tokens: TOKEN, unauthenticated_limit: 0, ..Output::default() });
    assert_eq!(Http(stream_to(none.address)).ask(&upgrade("/", offer)).status, 401);
    assert_eq!(none.metrics.websocket_tokens_refused.get(), 1);
}

#[test]
fn only_the_resumable_stream_waits_for_a_token() {
    let server = server(Output::default());
    for request in [
        upgrade("/", ""),
        upgrade("/", "Sec-WebSocket-Protocol: chat\r\n"),
        "GET /events HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".to_owned(),
        // An empty token is a wrong one.
        upgrade("/?token=", "Sec-WebSocket-Protocol: fluentcast.v1.json\r\n"),
    ] {
        assert_eq!(Http(stream_to(server.address)).ask(&request).status, 401, "{request}");
    }
    // Where none is needed none is asked for; one that comes all the same changes nothing.
    let open = Server::one(Output::default());
    let mut reader = open.read(Form::Json, "/");
    reader.told("hello");
    reader.authenticate("whatever");
    assert_eq!(reader.told("authenticated"), json!({}));
}

#[test]
fn what_a_newcomer_may_send_is_short() {
    let server = server(Output::default());
    let mut reader = server.read(Form::Json, "/");
    reader.told("authenticate");
    let long = json!({"authenticate": {"token": "x".repeat(40_000)}}).to_string();
    reader.say(Message::Text(long.into()));
    reader.expect_end(End::Close(1009));
    // Nor may it come in pieces without an end; each is small.
    let mut stream = stream_to(server.address);
    let offer = "Sec-WebSocket-Protocol: fluentcast.v1.json\r\n";
    stream.write_all(upgrade("/", offer).as_bytes()).expect("sent");
    read_head(&mut stream);
    let pieces = [masked(0x01, &[b' '; 120]), masked(0x00, &[b' '; 120]).repeat(300)].concat();
    stream.write_all(&pieces).expect("sent");
    let mut socket = WebSocket::from_raw_socket(stream, Role::Client, None);
    client::message(&mut socket).expect("it is asked for a token");
    assert_eq!(client::message(&mut socket), Err(End::Close(1009)));
    drop((reader, socket));
    server.wait_until_empty();
}

#[test]
fn what_comes_right_behind_the_token_counts() {
    let server = server(Output::default());
    let mut stream = stream_to(server.address);
    let offer = "Sec-WebSocket-Protocol: fluentcast.v1.json\r\n";
    let said = [
        masked(0x01, br#"{"authenticate":{"to"#),
        masked(0x89, b"between"),
        masked(0x80, br#"ken":"a-secret"}}"#),
        masked(0x81, br#"{"subscribe":{"where":{"odd":true}}}"#),
    ];
    stream.write_all(&[upgrade("/", offer).into_bytes(), said.concat()].concat()).expect("sent");
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    let mut socket = WebSocket::from_raw_socket(stream, Role::Client, None);
    for kind in ["authenticate", "hello", "subscribed"] {
        let message = client::message(&mut socket).expect("a message");
        assert!(message.to_text().expect("text").starts_with(&format!("{{\"{kind}\":")), "{message:?}");
    }
    server.publish(0, &tagged("app.x", 0..2, 0));
    let message = client::message(&mut socket).expect("a message").to_string();
    assert!(message.starts_with("{\"events\":[[2,"), "{message}");
}

#[test]
fn a_mistake_in_the_url_and_a_full_house_are_told_after_the_token() {
    let server = server(Output { connection_limit: 1, ..Output::default() });
    for (path, named, code) in [
        ("/?$tags=x", "`$tags`", 1008),
        ("/?$since=yesterday", "`$since=yesterday`", 1008),
        ("/", "Too many clients", 1013),
    ] {
        let _watching = (code == 1013).then(|| {
            let mut first = server.read(Form::Json, "/?token=a-secret");
            first.told("hello");
            first
        });
        let mut reader = server.read(Form::Json, path);
        reader.told("authenticate");
        reader.authenticate("a-secret");
        let told = reader.told("error");
        assert!(told["message"].as_str().expect("a text").contains(named), "{told}");
        reader.expect_end(End::Close(code));
    }
    server.wait_until_empty();
}

#[test]
fn a_stop_sends_newcomers_away_too() {
    let mut server = server(Output::default());
    let mut readers = [Form::Json, Form::Msgpack].map(|form| server.read(form, "/"));
    for reader in &mut readers {
        reader.told("authenticate");
    }
    let workers = server.workers.take().expect("workers");
    let drained = std::thread::spawn(move || workers.drain(Instant::now() + DEADLINE));
    for reader in &mut readers {
        reader.expect_end(End::Close(1001));
    }
    drained.join().expect("drained");
    server.wait_until_empty();
}

#[test]
fn a_place_of_a_token_is_given_back() {
    let sections = "<token>\nname a\ntoken a-secret\nconnection_limit 1\n</token>";
    let server = server(Output { tokens: sections, ..Output::default() });
    let enter = |reader: &mut Reader| -> Value {
        reader.told("authenticate");
        reader.authenticate("a-secret");
        match reader.next() {
            Item::Told(kind, body) => json!([kind, body]),
            other => panic!("{other:?}"),
        }
    };
    let mut first = server.read(Form::Json, "/");
    assert_eq!(enter(&mut first)[0], "hello");
    let mut second = server.read(Form::Json, "/");
    assert_eq!(enter(&mut second)[0], "error");
    second.expect_end(End::Close(1013));
    assert_eq!(server.metrics.websocket_tokens_busy.get(), 1);
    drop(first);
    until("the place is free", || enter(&mut server.read(Form::Json, "/"))[0] == "hello");
}
