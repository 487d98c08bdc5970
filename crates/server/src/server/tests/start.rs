//! Everything is bound before anything is served, and who stands in the way is named.

use super::*;

fn source(kind: &str, address: SocketAddr) -> String {
    format!("<source>\n  @type {kind}\n  bind {}\n  port {}\n</source>\n", address.ip(), address.port())
}

fn websocket(address: SocketAddr) -> String {
    format!("<match **>\n  @type websocket\n  host {}\n  port {}\n</match>\n", address.ip(), address.port())
}

fn refusal(config: &str) -> String {
    Server::bind(&settings(config), "host").err().expect("it cannot start").to_string()
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_line_and_what_to_do() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let configs = [
        ("forward", source("forward", taken)),
        ("http", source("http", taken)),
        ("websocket", websocket(taken)),
    ];
    for (kind, config) in configs {
        let error = refusal(&config);
        assert!(error.starts_with("t.conf:4:"), "{error}");
        let port = taken.port();
        assert!(
            error.contains(&format!("cannot listen on {kind} port {port} (127.0.0.1:{port})")),
            "{error}"
        );
        assert!(error.contains("another program uses this port"), "{error}");
    }
}

#[tokio::test]
async fn an_address_of_another_machine_is_named_too() {
    // An address for documentation: no machine has it.
    let error = refusal(&websocket("192.0.2.1:0".parse().unwrap()));
    assert!(error.contains("192.0.2.1") && error.contains("this machine has no such address"), "{error}");
}

#[tokio::test]
async fn nothing_is_served_when_something_cannot_be_bound() {
    // An address that no other test uses.
    let host = Ipv4Addr::new(127, 41, 0, 1);
    let free = std::net::TcpListener::bind((host, 0)).unwrap().local_addr().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let first = source("forward", free);
    refusal(&[first.clone(), websocket(other.local_addr().unwrap())].concat());
    assert!(TcpStream::connect(free).await.is_err());
    // It is not for its own sake that the first one is not there.
    let _server = bind(&first);
    assert!(TcpStream::connect(free).await.is_ok());
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_named_with_its_line() {
    let error = refusal("\n<match **>\n  @type file\n  path /dev/null/x\n</match>\n");
    assert!(error.starts_with("t.conf:2:") && error.contains("/dev/null"), "{error}");
}

#[tokio::test]
async fn outputs_with_different_paths_share_a_port() {
    let free = std::net::TcpListener::bind((Ipv4Addr::new(127, 41, 0, 2), 0)).unwrap().local_addr().unwrap();
    let output = |tag: &str, path: &str| {
        websocket(free).replace("<match **>", &format!("<match {tag}>\n  path {path}"))
    };
    let server = bind(&[output("a", "/a"), output("b", "/b")].concat());
    assert_eq!(server.listening().len(), 1);
    // Of two that leave the port to the system each has its own.
    let any = output("a", "/").replace(&free.port().to_string(), "0");
    assert_eq!(bind(&[any.clone(), any.replace("match a", "match b")].concat()).listening().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_bound_before_anything_is_served() {
    let server = bind(&[SOURCES, WEBSOCKET].concat());
    let kinds: Vec<_> = server.listening().iter().map(|listening| listening.kind).collect();
    assert_eq!(kinds, ["forward", "http", "websocket"]);
    let [forward, http, websocket] =
        ["forward", "http", "websocket"].map(|kind| address(server.listening(), kind));
    // Everybody can connect already; nobody is heard.
    let mut sender = TcpStream::connect(forward).await.unwrap();
    sender.write_all(&message(1)).await.unwrap();
    let mut poster = TcpStream::connect(http).await.unwrap();
    poster.write_all(b"GET /t?json={} HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let client = tokio::task::spawn_blocking(move || watch(websocket));
    let metrics = Arc::clone(&server.metrics);
    let connections = || {
        metrics.forward_connections.get()
            + metrics.http_connections.get()
            + metrics.websocket_connections.get()
    };
    assert_eq!(connections(), 0);

    let running = Running::start(server, NO_BOUNDS);
    assert_eq!(read(&mut sender, ACK_BYTES).await, ack(1));
    assert_eq!(read(&mut poster, 15).await, b"HTTP/1.1 200 OK");
    until(|| running.metrics.websocket_clients_accepted.get() == 1).await;
    assert_eq!(connections(), 3);
    assert_eq!(running.metrics.websocket_clients.get(), 1);
    running.stop.cancel();
    assert!(running.ended().await);
    assert_eq!(client.await.unwrap().1, Some(1001));
    assert_eq!(metrics.websocket_clients.get(), 0);
}
