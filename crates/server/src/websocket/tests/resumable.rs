//! The numbered streams: what is said first, how events come, and how a client goes on after a cut.

use std::thread;

use serde_json::{Value, json};

use super::*;

#[test]
fn first_it_is_told_where_the_stream_stands() {
    let server = Server::one(Output { history: 2, kept: 5, ..Output::default() });
    server.publish_numbers(0..20);
    let epoch = server.hubs[0].hello().epoch.to_string();
    for form in FORMS {
        let mut reader = server.read(form, "/");
        let expected = match form {
            Form::Json => "sec-websocket-protocol: fluentcast.v1.json\r\n",
            Form::Msgpack => "sec-websocket-protocol: fluentcast.v1.msgpack\r\n",
            Form::EventStream => "content-type: text/event-stream; charset=utf-8\r\n",
            Form::Lines => "content-type: application/x-ndjson; charset=utf-8\r\n",
        };
        assert!(reader.head.to_lowercase().contains(expected), "{}", reader.head);
        if form != Form::Lines {
            let version = env!("CARGO_PKG_VERSION");
            let hello = json!({"epoch": epoch, "seq": 20, "oldest": 16, "version": version});
            assert_eq!(reader.told("hello"), hello);
        }
        assert_eq!(reader.epoch, epoch, "{form:?}");
        for n in 18..20 {
            let record = json!({"n": n, "odd": n % 2 == 1, "padding": ""});
            let time = f64::from(u32::try_from(n).expect("small"));
            assert_eq!(reader.next(), Item::Event { seq: n + 1, tag: "t".to_owned(), time, record });
        }
    }
}

#[test]
fn events_that_come_together_are_one_message() {
    let server = Server::one(Output::default());
    for form in FORMS {
        let mut reader = server.read(form, "/?odd=true");
        if form != Form::Lines {
            reader.told("hello");
        }
        let before = reader.messages;
        server.publish_numbers(0..100);
        reader.expect((1..100).step_by(2));
        assert_eq!(reader.messages, before + 1, "{form:?}");
    }
}

#[test]
fn what_is_gone_is_told_before_the_first_event() {
    let server = Server::one(Output { kept: 10, ..Output::default() });
    server.publish_numbers(0..50);
    let epoch = server.hubs[0].hello().epoch;
    for form in FORMS {
        let mut expired = server.read(form, &format!("/?$since={epoch}:30&$follow=false"));
        let mut unknown = server.read(form, "/?$since=0123456789abcdef:30&$follow=false&odd=true");
        let mut all_there = server.read(form, &format!("/?$since={epoch}:40&$follow=false"));
        let mut nothing = server.read(form, &format!("/?$since={epoch}:50&$follow=false"));
        if form != Form::Lines {
            for reader in [&mut expired, &mut unknown, &mut all_there, &mut nothing] {
                reader.told("hello");
            }
        }
        assert_eq!(expired.told("gap"), json!({"from": 31, "to": 40, "reason": "expired"}));
        expired.expect(40..50);
        let gap = json!({"epoch": "0123456789abcdef", "from": 31, "to": null, "reason": "epoch"});
        assert_eq!(unknown.told("gap"), gap);
        assert_eq!(unknown.told("gap"), json!({"from": 1, "to": 40, "reason": "expired"}));
        unknown.expect((41..50).step_by(2));
        all_there.expect(40..50);
        let end = if form.is_websocket() { End::Close(1000) } else { End::Complete };
        [expired, unknown, all_there, nothing].iter_mut().for_each(|reader| reader.expect_end(end));
    }
    server.wait_until_empty();
}

#[test]
fn a_stream_may_begin_at_a_time() {
    let server = Server::one(Output { kept: 30, ..Output::default() });
    server.publish_numbers(0..50);
    let mut readers: Vec<_> = FORMS
        .into_iter()
        .map(|form| {
            let paths = ["1970-01-01T00:00:44.5Z", "1970-01-01T01:00:00%2B01:00", "1h"];
            let mut readers = paths.map(|time| server.read(form, &format!("/?$since={time}")));
            if form != Form::Lines {
                for reader in &mut readers {
                    reader.told("hello");
                }
            }
            readers
        })
        .collect();
    server.publish_numbers(99..100);
    for [within, before, after] in &mut readers {
        within.expect((45..50).chain([99]));
        // Whether there were others of that time nobody knows any more.
        assert_eq!(before.told("gap"), json!({"from": 1, "to": 20, "reason": "expired"}));
        before.expect((20..50).chain([99]));
        after.expect([99]);
    }
}

/// What is wanted of which events, with which numbers.
type Wanted = (&'static str, fn(u64) -> bool);

const WANTED: [Wanted; 3] = [("", |_| true), ("&odd=true", |n| n % 2 == 1), ("&$tag=a.*", |n| n % 3 == 0)];

const EVENTS: u64 = 6_000;
const CUTS: u64 = 25;

/// Whoever is cut and goes on behind the last event it has gets each event once and in order.
#[test]
fn a_client_that_is_cut_goes_on_without_gap_or_duplicate() {
    let server = Server::one(Output { kept: EVENTS, ..Output::default() });
    thread::scope(|scope| {
        for form in FORMS {
            for (query, wanted) in WANTED {
                let server = &server;
                scope.spawn(move || {
                    let got = read_with_cuts(server, form, query);
                    let due = (0..EVENTS).filter(|n| wanted(*n));
                    assert!(got.iter().copied().eq(due), "{form:?} {query}: {} events", got.len());
                });
            }
        }
        for first in (0..EVENTS).step_by(3) {
            server.publish(0, &tagged("a.x", first..first + 1, 0));
            server.publish(0, &tagged("b.x", first + 1..first + 3, 0));
        }
        // For each of those who wait an event that says that this is all.
        server.publish(0, &tagged("a.x", EVENTS + 1..EVENTS + 2, 0));
    });
    server.wait_until_empty();
}

fn read_with_cuts(server: &Server, form: Form, query: &str) -> Vec<u64> {
    let epoch = server.hubs[0].hello().epoch;
    let mut random = Random(0x9e37_79b9 + query.len() as u64);
    let (mut got, mut position) = (Vec::new(), format!("{epoch}:0"));
    for cut in 0..=CUTS {
        let mut reader = server.read(form, &format!("/?$since={position}{query}"));
        let mut left = if cut == CUTS { u64::MAX } else { random.below(2 * EVENTS / CUTS / 2) };
        while left > 0 {
            match reader.next() {
                Item::Event { record, .. } => {
                    let n = record["n"].as_u64().expect("a number");
                    if n > EVENTS {
                        return got;
                    }
                    got.push(n);
                    position = reader.position();
                    left -= 1;
                }
                Item::Told(kind, _) if kind == "hello" => {}
                other => panic!("{other:?}"),
            }
        }
        if random.below(2) == 0 { reader.reset() } else { drop(reader) }
    }
    got
}

#[test]
fn a_position_that_is_none_is_refused() {
    let server = Server::one(Output::default());
    for (path, named) in [
        ("/events?$since=17", "`$since=17`: a number needs its epoch"),
        ("/events?$since=yesterday", "`$since=yesterday`"),
        ("/events?$since=5m&$last=1", "give one of them"),
        ("/events?$last=x", "`$last=x`"),
        ("/events?$filter=record.a%20%3D%3D", "`$filter`"),
        ("/events?$fields=a,,b", "`$fields`"),
        ("/events?$wrong=1", "Unknown parameter `$wrong`"),
    ] {
        let mut http = Http(stream_to(server.address));
        let answer = http.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body.contains(named), "{path}: {}", answer.body);
        let upgrade =
            upgrade(&path.replace("/events", "/"), "Sec-WebSocket-Protocol: fluentcast.v1.json\r\n");
        let answer = http.ask(&upgrade);
        assert_eq!((answer.status, answer.body.contains(named)), (400, true), "{path}: {}", answer.body);
    }
    server.wait_until_empty();
}

/// The epoch of a server without a history on disk is its own.
#[test]
fn another_server_has_another_epoch() {
    let epochs: Vec<Value> = (0..2)
        .map(|_| Server::one(Output::default()).read(Form::Json, "/").told("hello")["epoch"].clone())
        .collect();
    assert_ne!(epochs[0], epochs[1]);
}
