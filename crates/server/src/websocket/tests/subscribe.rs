//! Messages by which a client changes what it is sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use super::*;

#[test]
fn a_subscribe_replaces_what_it_names_and_nothing_else() {
    for form in [Form::Json, Form::Msgpack] {
        let server = Server::one(Output { kept: 100, ..Output::default() });
        let mut reader = server.read(form, "/?odd=true&$tag=t");
        let epoch = reader.told("hello")["epoch"].clone();
        server.publish_numbers(0..10);
        reader.expect((1..10).step_by(2));

        reader.subscribe(json!({"where": {"odd": false}}));
        let version = env!("CARGO_PKG_VERSION");
        let subscribed = json!({"epoch": epoch, "seq": 10, "oldest": 1, "version": version});
        assert_eq!(reader.told("subscribed"), subscribed);
        server.publish(0, &tagged("u", 10..20, 0));
        server.publish_numbers(20..24);
        reader.expect([20, 22]);

        reader.subscribe(json!({"tag": ["u", "v"]}));
        assert_eq!(reader.told("subscribed")["seq"], 24);
        server.publish_numbers(24..30);
        server.publish(0, &tagged("u", 30..34, 0));
        reader.expect([30, 32]);

        reader.subscribe(json!({"tag": null, "where": null, "last": 3}));
        reader.told("subscribed");
        reader.expect(31..34);

        reader.subscribe(json!({"since": 5, "where": {"n": [7, "8", 32], "gone": null}}));
        reader.told("subscribed");
        reader.expect([7, 8, 32]);

        reader.subscribe(json!({"since": format!("{}:31", reader.epoch), "where": {}}));
        reader.told("subscribed");
        reader.expect(31..34);

        reader
            .subscribe(json!({"since": "1970-01-01T00:00:30Z", "filter": "record.n != 31", "fields": ["n"]}));
        reader.told("subscribed");
        for n in [30, 32, 33] {
            match reader.next() {
                Item::Event { record, .. } => assert_eq!(record, json!({ "n": n })),
                other => panic!("{other:?}"),
            }
        }
        reader.subscribe(json!({"filter": null, "fields": null, "max_rate": 1_000}));
        reader.told("subscribed");
        server.publish_numbers(34..36);
        reader.expect(34..36);
        drop(reader);
        server.wait_until_empty();
    }
}

#[test]
fn a_message_that_makes_no_sense_is_answered_and_the_stream_goes_on() {
    let server = Server::one(Output { kept: 10, ..Output::default() });
    for form in [Form::Json, Form::Msgpack] {
        let mut reader = server.read(form, "/?odd=true");
        reader.told("hello");
        let long = "x".repeat(60_000);
        for (message, named) in [
            ("hello", "{\"subscribe\":{...}}"),
            ("{\"subscribe\":[]}", "{\"subscribe\":{...}}"),
            ("{\"subscribe\":{\"tags\":\"a\"}}", "`tags`"),
            ("{\"subscribe\":{\"tag\":\"/[/\"}}", "`$tag`"),
            ("{\"subscribe\":{\"filter\":\"record.a ==\"}}", "`$filter`"),
            ("{\"subscribe\":{\"since\":\"yesterday\"}}", "`$since=yesterday`"),
            ("{\"subscribe\":{\"since\":1,\"last\":1}}", "give one of them"),
            ("{\"subscribe\":{\"where\":{\"$tag\":\"a\"}}}", "`$tag`"),
            (&format!("{{\"subscribe\":{{\"{long}\":1}}}}"), "xxx…"),
        ] {
            reader.say(Message::Text(message.into()));
            let told = reader.told("error");
            let sentence = told["message"].as_str().expect("a sentence");
            assert!(sentence.contains(named) && sentence.len() < 2_000, "{message}: {told}");
        }
        server.publish_numbers(0..4);
        reader.expect([1, 3]);
    }
}

#[test]
fn a_message_may_come_in_pieces_right_behind_the_handshake() {
    let server = Server::one(Output::default());
    let mut stream = stream_to(server.address);
    let protocol = "Sec-WebSocket-Protocol: fluentcast.v1.json\r\n";
    let pieces = [
        masked(0x01, br#"{"subscribe":{"wh"#),
        masked(0x89, b"between"),
        masked(0x00, br#"ere":{"odd":true}"#),
        masked(0x80, b"}}"),
        masked(0x81, br#"{"subscribe":{"tag":"t"}}"#),
    ];
    stream.write_all(&[upgrade("/", protocol).into_bytes(), pieces.concat()].concat()).expect("sent");
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    let mut socket = WebSocket::from_raw_socket(stream, Role::Client, None);
    for kind in ["hello", "subscribed", "subscribed"] {
        let message = client::message(&mut socket).expect("a message");
        assert!(message.to_text().expect("text").starts_with(&format!("{{\"{kind}\":")), "{message:?}");
    }
    server.publish_numbers(0..4);
    let message = client::message(&mut socket).expect("a message").to_string();
    assert!(message.starts_with("{\"events\":[[2,") && message.contains(",[4,"), "{message}");
}

#[test]
fn a_message_that_is_too_long_ends_the_connection() {
    let server = Server::one(Output::default());
    let mut reader = server.read(Form::Json, "/");
    reader.told("hello");
    reader.say(Message::Text("x".repeat(70_000).into()));
    reader.expect_end(End::Close(1009));
}

/// What was published before a change comes before its answer, what comes after it after: whoever changes
/// from everything to everything gets each event once, or is told that it was too far behind; and one that
/// says where to go on gets everything from there.
#[test]
fn nothing_is_lost_between_two_subscriptions() {
    let server = Server::one(Output { kept: 1_000_000, ..Output::default() });
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut next = 0;
            while !done.load(Ordering::SeqCst) {
                server.publish(0, &batch(next..next + 3, 0));
                next += 3;
            }
        });
        let readers: Vec<_> = [Form::Json, Form::Msgpack]
            .into_iter()
            .map(|form| server.read(form, "/"))
            .map(|reader| scope.spawn(|| change_often(reader)))
            .collect();
        let ended: Vec<_> = readers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        ended.into_iter().for_each(|ended| ended.expect("a reader"));
    });
    server.wait_until_empty();
}

fn change_often(mut reader: Reader) {
    let mut next_seq = reader.told("hello")["seq"].as_u64().expect("a number") + 1;
    for change in 0..200 {
        // Another view for every second change.
        let mut body = json!({"where": {"gone": null}, "max_rate": 100_000_000 + change / 2});
        let since = (change % 3 == 0).then_some(next_seq - 1);
        body["since"] = since.into();
        reader.subscribe(body);
        loop {
            match reader.next() {
                Item::Event { seq, .. } => {
                    assert_eq!(seq, next_seq);
                    next_seq += 1;
                }
                Item::Told(kind, gap) if kind == "gap" => {
                    assert_eq!((&gap["from"], &gap["reason"]), (&json!(next_seq), &json!("slow")));
                    next_seq = gap["to"].as_u64().expect("a number") + 1;
                }
                Item::Told(kind, body) if kind == "subscribed" => {
                    match since {
                        Some(since) => next_seq = since + 1,
                        None => assert_eq!(body["seq"], next_seq - 1),
                    }
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
