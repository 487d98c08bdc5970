//! Pages of browsers: which may watch, and what they may read of an answer.

use fluentcast_config::origin::WebOrigin;

use super::*;

const APP: &str = "https://app.example";

fn listed() -> AllowedOrigins {
    AllowedOrigins::Listed(vec![WebOrigin::parse(APP).expect("an origin")])
}

fn ask(server: &Server, request: &str) -> http::Answer {
    Http(stream_to(server.address)).ask(request)
}

fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: logs.example:8080\r\n{headers}\r\n")
}

#[test]
fn a_handshake_of_another_origin_is_refused_whatever_its_protocol_and_token() {
    let server = Server::one(Output { token: Some("secret"), allow_origin: listed(), ..Output::default() });
    let shake = |origin: &str, protocol: &str, path: &str| {
        let protocol = if protocol.is_empty() {
            String::new()
        } else {
            format!("Sec-WebSocket-Protocol: {protocol}\r\n")
        };
        let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
        upgrade(path, &format!("{origin}{protocol}")).replace("Host: x", "Host: logs.example:8080")
    };
    for protocol in ["", "chat", "fluentcast.v1.json", "fluentcast.v1.msgpack"] {
        for (origin, path, status) in [
            ("https://evil.example", "/?token=secret", 403),
            ("https://evil.example", "/", 403),
            ("null", "/?token=secret", 403),
            ("http://logs.example:8080", "/?token=secret", 101),
            ("http://logs.example:8080", "/", 401),
            (APP, "/?token=secret", 101),
            (APP, "/?token=wrong", 401),
            ("", "/?token=secret", 101),
            ("", "/", 401),
        ] {
            let answer = ask(&server, &shake(origin, protocol, path));
            // There a token may come as the first message: of whoever may open the WebSocket.
            let asked = status == 401 && path == "/" && protocol.starts_with("fluentcast.");
            let status = if asked { 101 } else { status };
            assert_eq!(answer.status, status, "{origin} {protocol} {path}");
            if status == 403 {
                assert!(answer.body.contains(&format!("`allow_origin {origin}`")), "{}", answer.body);
                assert!(!answer.body.contains("secret"), "{}", answer.body);
            }
        }
    }
    assert_eq!(server.metrics.websocket_origins_refused.get(), 12);
    server.wait_until_empty();
}

#[test]
fn a_page_that_may_watch_may_read_what_is_answered() {
    let server =
        Server::one(Output { token: Some("secret"), allow_origin: listed(), kept: 5, ..Output::default() });
    let origin = format!("Origin: {APP}\r\n");
    let exposed = "fluentcast-epoch, fluentcast-seq, fluentcast-oldest";
    for (path, status) in
        [("/events?$follow=false&token=secret", 200), ("/events?$last=x&token=secret", 400), ("/events", 401)]
    {
        let answer = ask(&server, &request(if status == 200 { "HEAD" } else { "GET" }, path, &origin));
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.headers["access-control-allow-origin"], APP, "{path}");
        assert_eq!(answer.headers["access-control-expose-headers"], exposed, "{path}");
        assert_eq!(answer.headers["vary"], "origin", "{path}");
    }
    let mut stream = stream_to(server.address);
    stream.write_all(request("GET", "/events?$follow=false&token=secret", &origin).as_bytes()).expect("sent");
    let head = read_head(&mut stream);
    assert!(head.contains(&format!("\r\naccess-control-allow-origin: {APP}\r\n")), "{head}");
    assert!(head.contains(&format!("\r\naccess-control-expose-headers: {exposed}\r\n")), "{head}");
    assert!(head.contains("\r\nvary: origin, accept, accept-encoding\r\n"), "{head}");

    // Nobody else is told that, and a program is told nothing of origins.
    let evil = ask(&server, &request("GET", "/events?token=secret", "Origin: https://evil.example\r\n"));
    assert_eq!((evil.status, &*evil.headers["vary"]), (403, "origin"));
    assert!(!evil.headers.contains_key("access-control-allow-origin"));
    let program = ask(&server, &request("HEAD", "/events?token=secret", ""));
    assert_eq!(program.status, 200);
    assert!(!program.headers.contains_key("access-control-allow-origin"));
    server.wait_until_empty();
}

#[test]
fn a_browser_that_asks_first_is_told_what_a_page_may_send() {
    let server = Server::start(vec![
        Output { path: "/a", allow_origin: listed(), token: Some("secret"), ..Output::default() },
        Output { path: "/b", allow_origin: AllowedOrigins::Any, ..Output::default() },
    ]);
    let asks = "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: authorization\r\n";
    let preflight =
        |path, origin: &str| ask(&server, &request("OPTIONS", path, &format!("Origin: {origin}\r\n{asks}")));
    for (path, origin, allowed) in [("/a/events", APP, APP), ("/b/events", "https://evil.example", "*")] {
        let answer = preflight(path, origin);
        assert_eq!(answer.status, 204);
        assert_eq!(answer.headers["access-control-allow-origin"], allowed);
        assert_eq!(answer.headers["access-control-allow-methods"], "GET, HEAD");
        assert_eq!(answer.headers["access-control-allow-headers"], "authorization, last-event-id");
    }
    let refused = preflight("/a/events", "https://evil.example");
    assert_eq!(refused.status, 403);
    assert!(!refused.headers.contains_key("access-control-allow-origin"));
    assert_eq!(preflight("/c/events", APP).status, 404);
    assert_eq!(ask(&server, &request("OPTIONS", "/a/events", "")).status, 405);
}

#[test]
fn a_stream_is_served_by_the_names_that_are_allowed() {
    let named = || AllowedHosts::Named(vec!["logs.example".to_owned()]);
    let server = Server::one(Output { allow_host: named(), kept: 5, ..Output::default() });
    let mut refused = 0;
    for (host, served) in [
        ("localhost:8080", true),
        ("127.0.0.1:8080", true),
        ("[::1]:8080", true),
        ("logs.example:8080", true),
        // A page of that name, which its owner lets mean this machine: of the same host, by all it says.
        ("evil.example:8080", false),
        ("logs.example.evil.example", false),
    ] {
        let by = |text: String| text.replace("Host: x", &format!("Host: {host}"));
        let origin = format!("Origin: http://{host}\r\n");
        let get = format!("HEAD /events?$follow=false HTTP/1.1\r\nHost: {host}\r\n\r\n");
        for request in [by(upgrade("/", &origin)), by(upgrade("/", "")), get] {
            let answer = ask(&server, &request);
            assert_eq!(answer.status == 403, !served, "{request}");
            if !served {
                refused += 1;
                assert!(
                    answer.status == 403 && answer.body.contains("`allow_host`")
                        || request.starts_with("HEAD")
                );
            }
            assert_eq!(server.metrics.websocket_hosts_refused.get(), refused, "{request}");
        }
        // What has no events is there by any name.
        let page = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(ask(&server, &page).status, 200);
    }
    // Programs of old leave it away.
    let old = ask(&server, "GET /events HTTP/1.0\r\n\r\n");
    assert_eq!(old.status, 505, "not refused for its name");
    server.wait_until_empty();
}
