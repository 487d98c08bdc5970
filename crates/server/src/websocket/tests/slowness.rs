//! Clients that do not keep up, on real sockets: whatever they do not get they are told of, and counted.

use super::*;

const LAG_BYTES_MAX: u64 = 64 * 1024;

fn server(slow_client: Option<SlowClient>) -> Server {
    let output = Output { slow_client, ..Output::default() };
    Server::one(Output { limits: ClientLimits { lag_bytes_max: LAG_BYTES_MAX, ..output.limits }, ..output })
}

/// Publishes until the client that does not read has been passed over; returns the number of events.
fn publish_until_skipped(server: &Server, mut next: u64) -> u64 {
    let skipped = server.metrics.websocket_events_skipped.get();
    while server.metrics.websocket_events_skipped.get() == skipped {
        server.publish(0, &batch(next..next + 50, 1000));
        next += 50;
    }
    next
}

#[test]
fn who_is_passed_over_is_told_of_every_event_it_did_not_get() {
    for form in FORMS {
        let server = server(None);
        let mut reader = server.read_narrow(form, "/");
        let mut sent = 0;
        for _ in 0..3 {
            sent = publish_until_skipped(&server, sent);
        }
        let account = reader.account(sent);
        assert!(account.gaps >= 1 && account.received.len() > 10, "{form:?}: {account:?}");
        // Then it is live again.
        server.publish_numbers(sent..sent + 5);
        reader.expect(sent..sent + 5);
        assert_eq!(server.metrics.websocket_clients_lagging.get(), 0);
        drop(reader);
        server.wait_until_empty();
    }
}

#[test]
fn with_a_filter_the_gap_says_how_many_would_have_passed() {
    let server = server(None);
    let mut reader = server.read_narrow(Form::Json, "/?odd=true");
    let sent = publish_until_skipped(&server, 0);
    let account = reader.account(sent / 2);
    assert_eq!(account.received.len() as u64 + account.in_gaps, sent / 2);
}

#[test]
fn a_classic_client_may_be_passed_over_too_and_what_it_missed_is_counted() {
    let server = server(Some(SlowClient::Skip));
    let mut client = server.connect_narrow();
    let sent = publish_until_skipped(&server, 0);
    server.publish_numbers(sent..sent + 1);
    let mut numbers = Vec::new();
    while numbers.last() != Some(&sent) {
        numbers.push(client.receive().expect("an event"));
    }
    assert!(numbers.is_sorted_by(|a, b| a < b));
    assert_eq!(numbers.len() as u64 + server.metrics.websocket_events_skipped.get(), sent + 1);
}

#[test]
fn whoever_wants_may_be_closed_and_limited_further() {
    let server = server(Some(SlowClient::Skip));
    for form in FORMS {
        let before = server.metrics.websocket_clients_lagging.get();
        let mut reader = server.read_narrow(form, "/?$slow_client=disconnect&$client_lag_limit=2000");
        let mut next = 0;
        while server.metrics.websocket_clients_lagging.get() == before {
            server.publish(0, &batch(next..next + 50, 1000));
            next += 50;
        }
        let end = loop {
            if let Item::End(end) = reader.next() {
                break end;
            }
        };
        // An answer without its end is one that was broken off.
        let broken_off = matches!(end, End::Cut | End::Reset);
        assert!(if form.is_websocket() { end == End::Close(1013) } else { broken_off }, "{form:?}: {end:?}");
    }
    server.wait_until_empty();
}

#[test]
fn a_client_that_is_sampled_is_told_how_many_were_left_out() {
    for form in FORMS {
        let server = server(None);
        let mut reader = server.read_narrow(form, "/?$slow_client=sample");
        let mut sent = publish_until_skipped(&server, 0);
        for _ in 0..20 {
            server.publish(0, &batch(sent..sent + 100, 100));
            sent += 100;
        }
        let account = reader.account(sent);
        assert!(account.gaps >= 1 && account.left_out > 0, "{form:?}: {account:?}");
    }
}

#[test]
fn a_maximal_rate_holds_and_what_is_left_out_is_told_though_nothing_comes() {
    let server = Server::one(Output::default());
    let mut readers = FORMS.map(|form| server.read(form, "/?$max_rate=20"));
    let mut filtered = FORMS.map(|form| server.read(form, "/?$max_rate=20&odd=true"));
    let begin = Instant::now();
    for first in (0..5_000).step_by(100) {
        server.publish(0, &batch(first..first + 100, 0));
    }
    let seconds = begin.elapsed().as_secs_f64();
    let most = 20.0 * (seconds + 0.2) + 1.0;
    for (readers, sent) in [(&mut readers, 5_000), (&mut filtered, 2_500)] {
        for reader in readers {
            let account = reader.account(sent);
            assert!(!account.received.is_empty() && account.gaps == 0);
            assert!(account.received.len() as f64 <= most, "{} in {seconds} s", account.received.len());
        }
    }
}

#[test]
fn messages_keep_the_flush_interval_apart() {
    let interval = Duration::from_millis(200);
    let server = Server::one(Output { flush_interval: interval, ..Output::default() });
    let mut reader = server.read(Form::Json, "/");
    reader.told("hello");
    let begin = Instant::now();
    for n in 0..40 {
        server.publish_numbers(n..n + 1);
        std::thread::sleep(PAUSE);
    }
    reader.expect(0..40);
    // The first at once, then one for each interval that has begun.
    let most = 2 + begin.elapsed().as_millis() / interval.as_millis();
    assert!(u128::from(reader.messages - 1) <= most, "{} messages, {most} at most", reader.messages - 1);
}

#[test]
fn who_asks_on_and_on_without_reading_is_closed_with_1008() {
    const ASKED: usize = 60_000;
    let server = Server::one(Output::default());
    for form in [Form::Json, Form::Msgpack] {
        let mut flooding = server.read_narrow(form, "/");
        let question = masked(0x81, br#"{"subscribe":5}"#).repeat(1000);
        for _ in 0..ASKED / 1000 {
            flooding.send_raw(&question);
        }
        flooding.told("hello");
        let mut answers = 0;
        let end = loop {
            match flooding.next() {
                Item::Told(kind, _) if kind == "error" => answers += 1,
                Item::End(end) => break end,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(end, End::Close(1008));
        assert!(answers < ASKED, "{answers}");
    }
    // One that reads may ask as often as it likes.
    let mut reader = server.read(Form::Json, "/");
    reader.told("hello");
    for _ in 0..2_000 {
        reader.say(Message::Text(r#"{"subscribe":5}"#.into()));
        reader.told("error");
    }
    drop(reader);
    server.wait_until_empty();
    assert_eq!(server.metrics.websocket_clients_violating.get(), 2);
}
