//! What a client of the classic stream can ask for in its URL.

use super::*;

/// The next message as it came: JSON text, or MessagePack as JSON.
fn shown(client: &mut Client) -> String {
    match client::message(&mut client.socket).expect("a message") {
        Message::Text(text) => text.to_string(),
        Message::Binary(bytes) => {
            format!("{:?} {}", bytes[0], rmpv::decode::read_value(&mut &bytes[..]).expect("MessagePack"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_form_of_a_message_is_the_clients_choice() {
    let server = Server::one(Output::default());
    let cases = [
        ("/", r#"[{"n":7,"odd":true,"padding":""}]"#),
        ("/?$add_tag", r#"["t",{"n":7,"odd":true,"padding":""}]"#),
        ("/?$add_tag=true&$add_time=1", r#"["t",7,{"n":7,"odd":true,"padding":""}]"#),
        ("/?$add_tag=0&$fields=n", r#"[{"n":7}]"#),
        ("/?%24format=msgpack&$fields=n,odd", r#"145 [{"n": 7, "odd": true}]"#),
        ("/?$format=msgpack&$add_tag=1&$add_time=true&$fields=n", r#"147 ["t", 7, {"n": 7}]"#),
        (
            "/?$format=json&$filter=record.n%20%3E%206%20%26%26%20tag%20%3D%3D%20%22t%22&$fields=n",
            r#"[{"n":7}]"#,
        ),
    ];
    let mut clients: Vec<_> = cases.iter().map(|(path, _)| server.connect(path)).collect();
    server.publish_numbers(7..8);
    for (client, (path, message)) in clients.iter_mut().zip(cases) {
        assert_eq!(shown(client), message, "{path}");
    }
}

#[test]
fn tags_are_chosen_by_pattern() {
    let server = Server::one(Output::default());
    let mut clients: Vec<_> =
        ["/?$tag=app.**", "/?$tag=app.*&$tag=!app.debug", "/?$tag=!app.**", "/?$tag=app.a%20db&odd=true"]
            .map(|path| server.connect(path))
            .into();
    for (n, tag) in (0..).zip(["app.a", "app.debug", "db", "app.a.b"]) {
        server.publish(0, &tagged(tag, n..n + 1, 0));
    }
    server.publish(0, &tagged("app.a", 11..12, 0));
    server.publish(0, &tagged("db", 13..14, 0));
    let due: [&[u64]; 4] = [&[0, 1, 3, 11], &[0, 11], &[2, 13], &[11, 13]];
    for (client, due) in clients.iter_mut().zip(due) {
        client.expect(due.iter().copied());
    }
}

#[test]
fn the_past_is_there_for_the_classic_stream_as_well() {
    let server = Server::one(Output { history: 2, kept: 50, ..Output::default() });
    server.publish_numbers(0..60);
    let epoch = server.hubs[0].hello().epoch;
    for (path, first) in [
        ("/?".to_owned(), 58),
        ("/?$last=7".to_owned(), 53),
        ("/?$last=0".to_owned(), 60),
        ("/?$last=1000".to_owned(), 10),
        (format!("/?$since={epoch}:55"), 55),
        (format!("/?$since={epoch}:60"), 60),
        (format!("/?$since={epoch}:3"), 10),
        ("/?$since=1970-01-01T00:00:41Z".to_owned(), 41),
        ("/?$since=2m".to_owned(), 60),
    ] {
        let (numbers, end) = server.connect(&format!("{path}&$follow=false")).read_to_end();
        assert_eq!(end, End::Close(1000), "{path}");
        assert!(numbers.iter().copied().eq(first..60), "{path}: {numbers:?}");
    }
    let mut follows = server.connect("/?$last=1");
    server.publish_numbers(60..62);
    follows.expect(59..62);
}

/// Its messages mean nothing, also where the server could act on them.
#[test]
fn what_a_classic_client_says_changes_nothing() {
    let server = Server::one(Output::default());
    for path in ["/", "/?$slow_client=sample"] {
        let mut client = server.connect(path);
        client.socket.send(Message::Text(r#"{"subscribe":{"where":{"odd":true}}}"#.into())).expect("sent");
        client.socket.send(Message::Ping("heard".into())).expect("sent");
        assert!(matches!(client.socket.read(), Ok(Message::Pong(_))), "{path}");
        server.publish_numbers(0..4);
        client.expect(0..4);
    }
}
