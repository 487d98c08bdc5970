//! What a port answers before, instead of and right after an upgrade.

use socket2::SockRef;

use super::*;

#[test]
fn a_refused_handshake_says_why_and_the_connection_goes_on() {
    let server = Server::start(vec![Output { path: "/a", ..Output::default() }]);
    let mut http = Http(stream_to(server.address));
    let good = upgrade("/a", "");
    for (request, status, body) in [
        (good.replace("Connection: Upgrade\r\n", ""), 400, "`Connection: Upgrade` is missing"),
        (good.replace("Upgrade: websocket", "Upgrade: h2c"), 400, "`Upgrade: websocket` is missing"),
        (good.replace("NhbXBsZ", ""), 400, "16 bytes in base64"),
        (good.replace("Version: 13", "Version: 8"), 426, "`Sec-WebSocket-Version: 13`"),
        (good.replace("Sec-WebSocket-Version: 13\r\n", ""), 426, "`Sec-WebSocket-Version: 13`"),
        (good.replace("GET", "PUT"), 400, "must be a GET"),
        (upgrade("/a?x=1&$tags=t", ""), 400, "`$tags`"),
        (upgrade("/ab", ""), 404, "GET / names"),
        (upgrade("/", ""), 404, "GET / names"),
    ] {
        let answer = http.ask(&request);
        assert_eq!(answer.status, status, "{request}");
        assert!(answer.body.contains(body), "{request}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        if status == 426 {
            assert_eq!(answer.headers["sec-websocket-version"], "13");
            assert_eq!(answer.headers["upgrade"], "websocket");
            assert_eq!(answer.headers["connection"], "Upgrade");
        }
    }
    assert_eq!(server.metrics.websocket_handshakes_rejected.get(), 9);
    assert_eq!(http.ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").body, "ok\n");
    assert_eq!(http.ask(&good).status, 101);
    let Http(stream) = http;
    let mut client = Client { socket: WebSocket::from_raw_socket(stream, Role::Client, None) };
    server.publish_numbers(0..1);
    client.expect([0]);
    drop(client);
    server.wait_until_empty();
}

#[test]
fn who_opens_no_websocket_gets_a_page() {
    let server = Server::one(Output { ui: false, ..Output::default() });
    let mut http = Http(stream_to(server.address));
    let mut get = |line: &str| http.ask(&format!("{line} HTTP/1.1\r\nHost: example:8080\r\n\r\n"));
    let page = get("GET /");
    assert_eq!((page.status, &*page.headers["content-type"]), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("ws://example:8080/"), "{}", page.body);
    let head = get("HEAD /");
    assert_eq!((head.status, &head.headers["content-length"]), (200, &page.body.len().to_string()));
    assert_eq!(get("GET /healthz?x").body, "ok\n");
    assert_eq!(get("HEAD /healthz").headers["content-length"], "3");
    let metrics = get("GET /metrics").body;
    assert!(metrics.contains("\nfluentcast_websocket_clients 0\n") && metrics.ends_with("# EOF\n"));
    assert_eq!(get("GET /nothing").status, 404);
    let post = get("POST /");
    assert_eq!((post.status, &*post.headers["allow"]), (405, "GET, HEAD"));
    assert_eq!(get("GET /healthz").status, 200, "the connection goes on");
}

#[test]
fn metrics_are_for_this_machine_where_events_need_a_token() {
    let get = |headers: &str| format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    let by_proxy = "X-Forwarded-For: 192.0.2.1\r\n";
    for (sections, by_a_proxy) in [("", 200), ("<token>\nname a\ntoken a-secret\n</token>", 403)] {
        let server = Server::one(Output { tokens: sections, ..Output::default() });
        let mut http = Http(stream_to(server.address));
        assert_eq!(http.ask(&get("")).status, 200);
        let answer = http.ask(&get(by_proxy));
        assert_eq!(answer.status, by_a_proxy, "{sections}");
        assert!(by_a_proxy == 200 || answer.body.contains("`metrics_token`"), "{}", answer.body);
        let open = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{by_proxy}\r\n");
        assert_eq!(http.ask(&open).status, 200);
    }
}

#[test]
fn one_of_the_offered_subprotocols_is_answered() {
    let server = Server::one(Output::default());
    for (offered, chosen) in [
        ("", None),
        ("Sec-WebSocket-Protocol: chat\r\n", Some("chat")),
        ("Sec-WebSocket-Protocol: a, b\r\n", Some("a")),
        ("Sec-WebSocket-Protocol: bearer.x,b\r\nSec-WebSocket-Protocol: c\r\n", Some("b")),
        ("Sec-WebSocket-Protocol: fluentcast.v9.json\r\n", None),
        ("Sec-WebSocket-Protocol: a, fluentcast.v1.msgpack\r\n", Some("fluentcast.v1.msgpack")),
    ] {
        let answer = Http(stream_to(server.address)).ask(&upgrade("/", offered));
        assert_eq!(answer.status, 101);
        let protocol = answer.headers.get("sec-websocket-protocol").map(String::as_str);
        assert_eq!(protocol, chosen, "{offered:?}");
    }
}

#[test]
fn a_token_is_asked_for_before_anything_is_kept() {
    let server = Server::one(Output { token: Some("a b+c&é"), ..Output::default() });
    let encoded = "a%20b%2Bc%26%C3%A9";
    let bearer = |token| upgrade("/", &format!("Authorization: {token}\r\n"));
    for (request, status) in [
        (upgrade(&format!("/?token={encoded}"), ""), 101),
        (upgrade(&format!("/x?foo=1&token={encoded}"), ""), 101),
        (upgrade("/?token=a+b%2bc%26%c3%a9", ""), 101),
        (upgrade(&format!("/?token=wrong&token={encoded}"), ""), 101),
        (upgrade(&format!("/?token={encoded}&token=wrong"), ""), 401),
        (upgrade(&format!("/?token={encoded}x"), ""), 401),
        (upgrade("/?token=", ""), 401),
        (upgrade("/?token", ""), 401),
        (upgrade("/", ""), 401),
        (upgrade("/?Token=a", ""), 401),
        (bearer("Bearer a b+c&"), 401),
        (bearer("Basic YQ=="), 401),
    ] {
        let mut http = Http(stream_to(server.address));
        let answer = http.ask(&request);
        assert_eq!(answer.status, status, "{request}");
        if status == 401 {
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            assert!(answer.body.contains("?token="), "{}", answer.body);
        }
    }
    server.wait_until_empty();
    let server = Server::one(Output { token: Some("secret"), ..Output::default() });
    for (scheme, status) in [("Bearer secret", 101), ("bearer  secret", 101), ("Bearer Secret", 401)] {
        assert_eq!(Http(stream_to(server.address)).ask(&bearer(scheme)).status, status, "{scheme}");
    }
    assert_eq!(server.metrics.websocket_handshakes_rejected.get(), 1);
    // The only header that a browser's script can put a token in, as base64url.
    for (offered, status, chosen) in [
        ("bearer.c2VjcmV0", 101, None),
        ("bearer.c2VjcmV0, chat", 101, Some("chat")),
        ("fluentcast.v1.json, bearer.c2VjcmV0", 101, Some("fluentcast.v1.json")),
        ("bearer.c2VjcmV0eA", 401, None),
        ("bearer.secret", 401, None),
        ("chat", 401, None),
    ] {
        let offer = format!("Sec-WebSocket-Protocol: {offered}\r\n");
        let answer = Http(stream_to(server.address)).ask(&upgrade("/", &offer));
        let protocol = answer.headers.get("sec-websocket-protocol").map(String::as_str);
        assert_eq!((answer.status, protocol), (status, chosen), "{offered}");
    }
}

#[test]
fn outputs_on_one_port_are_worlds_of_their_own() {
    let output = |path| Output { path, ..Output::default() };
    let server = Server::start(vec![output("/a"), output("/a/b/"), output("/c")]);
    let mut clients: Vec<_> =
        ["/a", "/a/", "/a/x?odd=true", "/a/b", "/a/b/c", "/c"].map(|path| server.connect(path)).into();
    assert_eq!(server.try_connect("/ab").err(), Some(404));
    for (output, number) in [(0, 11), (1, 21), (2, 31)] {
        server.publish(output, &batch(number..number + 1, 0));
    }
    let got: Vec<_> = clients.iter_mut().map(|client| client.receive()).collect();
    assert_eq!(got, [11, 11, 11, 21, 21, 31].map(Ok));
    // Nothing else was on its way.
    for output in 0..3 {
        server.publish(output, &batch(99..100, 0));
    }
    clients.iter_mut().for_each(|client| client.expect([99]));
}

#[test]
fn a_client_more_than_connection_limit_is_told_and_another_takes_the_place_of_one_that_left() {
    let server = Server::start(vec![
        Output { path: "/a", connection_limit: 2, ..Output::default() },
        Output { path: "/b", ..Output::default() },
    ]);
    let first = server.connect("/a");
    let _second = server.connect("/a");
    assert_eq!(server.try_connect("/a").err(), Some(503));
    let _other = server.connect("/b");
    drop(first);
    until("a place is free", || server.try_connect("/a").is_ok());
}

#[test]
fn what_comes_right_behind_the_handshake_counts() {
    let server = Server::one(Output { history: 1, ..Output::default() });
    server.publish_numbers(7..8);
    let ping_and_close = [masked(0x89, b"hi"), masked(0x88, b"\x03\xe8")].concat();
    let mut stream = stream_to(server.address);
    stream.write_all(&[upgrade("/", "").as_bytes(), &ping_and_close].concat()).expect("sent");
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    let mut got = Vec::new();
    stream.read_to_end(&mut got).expect("an orderly end");
    let answers = b"\x8a\x02hi\x88\x02\x03\xe8";
    assert!(got.ends_with(answers), "{got:x?}");
    server.wait_until_empty();
}

#[test]
fn clients_that_connect_and_are_gone_leave_nothing() {
    let server = Server::one(Output { history: 10, ..Output::default() });
    server.publish_numbers(0..10);
    for round in 0..60 {
        match round % 4 {
            0 => server.connect("/").reset(),
            1 => drop(server.connect("/?odd=true")),
            2 => {
                // Gone before the answer.
                let mut stream = stream_to(server.address);
                stream.write_all(upgrade("/?odd=false", "").as_bytes()).expect("sent");
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("linger");
            }
            _ => drop(stream_to(server.address)),
        }
    }
    server.wait_until_empty();
}
