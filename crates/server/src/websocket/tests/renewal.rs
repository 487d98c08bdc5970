//! Clients that present another token while they are connected, and those whose token is taken away.

use serde_json::{Value, json};

use super::signing::{JWT, allowing, hs256, in_seconds};
use super::*;

const SECTIONS: &str = "<token>\nname app\ntoken app-secret\ntag app.**\n</token>\n\
                        <token>\nname all\ntoken all-secret\nredact odd\n</token>\n\
                        <token>\nname few\ntoken few-secret\nconnection_limit 1\n</token>";

fn server() -> Server {
    let sections = format!("{SECTIONS}\n{JWT}");
    Server::one(Output { tokens: Box::leak(sections.into_boxed_str()), kept: 1_000, ..Output::default() })
}

/// Publishes one event with each tag.
fn publish(server: &Server, n: u64) {
    server.publish(0, &tagged("app.x", n..n + 1, 0));
    server.publish(0, &tagged("db", n + 1..n + 2, 0));
}

#[test]
fn another_token_has_its_own_rights_from_then_on() {
    let server = server();
    for form in [Form::Json, Form::Msgpack] {
        let mut reader = server.read(form, "/?token=app-secret&$fields=n,odd");
        reader.told("hello");
        publish(&server, 0);
        reader.expect([0]);
        // Wider in tags, narrower in fields; what was asked for stays.
        reader.authenticate("all-secret");
        assert_eq!(reader.told("authenticated"), json!({}));
        publish(&server, 2);
        for n in [2, 3] {
            match reader.next() {
                Item::Event { record, .. } => assert_eq!(record, json!({ "n": n })),
                other => panic!("{other:?}"),
            }
        }
        // And narrower again, by a signed one.
        reader.authenticate(&hs256(&allowing(&json!({"tag": "db", "filter": "record.n > 5"}))));
        assert!(reader.told("authenticated")["expires_in"].as_u64().is_some_and(|left| left <= 3600));
        publish(&server, 4);
        publish(&server, 6);
        reader.expect([7]);
        // No message goes beyond the present one.
        reader.subscribe(json!({"last": 100, "tag": null, "fields": ["n"]}));
        reader.told("subscribed");
        reader.expect([7]);
        drop(reader);
        server.wait_until_empty();
        server.publish(0, &batch(0..1_000, 0));
    }
    assert_eq!(server.metrics.websocket_tokens_renewed.get(), 4);
}

#[test]
fn the_same_rights_leave_the_stream_as_it_is() {
    let server = server();
    let token = |seconds| hs256(&json!({"exp": in_seconds(seconds), "fluentcast": {"tag": "t"}}));
    let mut reader = server.read(Form::Json, &format!("/?token={}&$since=1970-01-01T00:00:00Z", token(60)));
    reader.told("hello");
    for n in 0..200 {
        server.publish_numbers(n..n + 1);
        reader.authenticate(&token(60 + n));
    }
    let (mut next, mut renewed) = (0, 0);
    while next < 200 || renewed < 200 {
        match reader.next() {
            Item::Event { record, .. } => {
                assert_eq!(record["n"], next);
                next += 1;
            }
            Item::Told(kind, _) if kind == "authenticated" => renewed += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_replay_goes_on_where_it_was_under_the_new_rights() {
    let server = Server::one(Output { tokens: SECTIONS, kept: 100_000, ..Output::default() });
    for n in 0..2_000 {
        let tag = if n % 2 == 0 { "app.x" } else { "db" };
        server.publish(0, &tagged(tag, n..n + 1, 3_000));
    }
    let mut reader = server.read_narrow(Form::Json, "/?token=app-secret&$last=2000");
    reader.told("hello");
    reader.expect([0]);
    reader.authenticate("all-secret");
    // First those of the one, then all of the other; none is missing, and none comes twice.
    let (mut last, mut renewed) = (0, false);
    while last < 1_999 {
        match reader.next() {
            Item::Event { record, .. } => {
                let n = record["n"].as_u64().expect("a number");
                assert!(
                    if renewed { n == last + 1 || n == last + 2 } else { n == last + 2 },
                    "{n} after {last}"
                );
                last = n;
            }
            Item::Told(kind, _) if kind == "authenticated" => renewed = true,
            other => panic!("{other:?}"),
        }
    }
    assert!(renewed);
}

#[test]
fn a_wrong_one_ends_the_connection() {
    let server = server();
    for token in ["", "wrong", &hs256(&json!({"exp": 1, "fluentcast": {}}))] {
        let mut reader = server.read(Form::Json, "/?token=all-secret");
        reader.told("hello");
        reader.authenticate(token);
        reader.told("error");
        reader.expect_end(End::Close(3000));
    }
    assert_eq!(server.metrics.websocket_tokens_refused.get(), 3);
    assert_eq!(server.metrics.websocket_tokens_renewed.get(), 0);
}

#[test]
fn the_end_of_the_connection_moves_with_the_token() {
    let server = server();
    let token = |seconds| hs256(&json!({"exp": in_seconds(seconds), "fluentcast": {}}));
    let mut ended = server.read(Form::Json, &format!("/?token={}", token(2)));
    let mut renewed = server.read(Form::Json, &format!("/?token={}", token(2)));
    let mut cut_short = server.read(Form::Msgpack, "/?token=all-secret");
    for (reader, left) in [(&mut ended, Some(2)), (&mut renewed, Some(2)), (&mut cut_short, None)] {
        let told = reader.told("hello").get("expires_in").and_then(Value::as_u64);
        assert!(told <= left && told.is_some() == left.is_some(), "{told:?}");
    }
    renewed.authenticate(&token(3600));
    assert!(renewed.told("authenticated")["expires_in"].as_u64().is_some_and(|left| left > 3500));
    cut_short.authenticate(&token(2));
    cut_short.told("authenticated");
    ended.expect_end(End::Close(3000));
    cut_short.expect_end(End::Close(3000));
    server.publish_numbers(0..1);
    renewed.expect([0]);
    assert_eq!(server.metrics.websocket_clients_expired.get(), 2);
    // And every other way to present one.
    for form in FORMS {
        let mut reader = server.read(form, &format!("/?token={}", token(2)));
        if form != Form::Lines {
            assert!(reader.told("hello").get("expires_in").is_some(), "{form:?}");
        }
        reader.expect_end(if form.is_websocket() { End::Close(3000) } else { End::Complete });
    }
    drop((ended, renewed, cut_short));
    server.wait_until_empty();
}

#[test]
fn a_signed_token_comes_by_every_way_of_a_token() {
    use base64::Engine as _;
    let server = server();
    let good = hs256(&allowing(&json!({})));
    let forged = good.replace('.', ".A");
    for (token, status) in [(&good, 101), (&forged, 401)] {
        let encoded = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(token);
        for request in [
            upgrade(&format!("/?token={token}"), ""),
            upgrade("/", &format!("Authorization: Bearer {token}\r\n")),
            upgrade("/", &format!("Sec-WebSocket-Protocol: fluentcast.v1.json, bearer.{encoded}\r\n")),
        ] {
            assert_eq!(Http(stream_to(server.address)).ask(&request).status, status, "{request}");
        }
        let request =
            format!("GET /events?$follow=false HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
        let status = if status == 101 { 200 } else { status };
        assert_eq!(Http(stream_to(server.address)).ask(&request).status, status, "{request}");
    }
}

#[test]
fn who_renews_is_no_second_client_of_its_token() {
    let server = server();
    let mut few = server.read(Form::Json, "/?token=few-secret");
    few.told("hello");
    few.authenticate("few-secret");
    few.told("authenticated");
    assert_eq!(server.try_connect("/?token=few-secret").err(), Some(503));
    let mut other = server.read(Form::Json, "/?token=all-secret");
    other.told("hello");
    other.authenticate("few-secret");
    other.told("error");
    other.expect_end(End::Close(1013));
    // With another token it leaves its place.
    few.authenticate("all-secret");
    few.told("authenticated");
    assert!(server.try_connect("/?token=few-secret").is_ok());
    // Signed ones count by their subject.
    let of = |subject: &str, limit: Value| {
        hs256(&json!({"exp": in_seconds(60), "sub": subject, "fluentcast": {"connection_limit": limit}}))
    };
    let mut ann = server.read(Form::Json, &format!("/?token={}", of("ann", json!(2))));
    ann.told("hello");
    ann.authenticate(&of("ann", json!(1)));
    ann.told("authenticated");
    assert_eq!(server.try_connect(&format!("/?token={}", of("ann", json!(1)))).err(), Some(503));
    let second = server.connect(&format!("/?token={}", of("ann", json!(2))));
    assert!(server.try_connect(&format!("/?token={}", of("bob", json!(1)))).is_ok());
    drop((ann, second));
    until("a place is free", || server.try_connect(&format!("/?token={}", of("ann", json!(1)))).is_ok());
}

fn replace(server: &Server, token: Option<&str>, sections: &str) {
    server.grants[0].replace(grants(token, sections), &server.pool);
}

#[test]
fn tokens_that_are_gone_close_their_clients_and_others_notice_nothing() {
    let server = server();
    let signed = hs256(&allowing(&json!({"tag": "t"})));
    let tokens = ["app-secret", "all-secret", "few-secret", &signed];
    let readers = |tokens: &[&str]| -> Vec<Reader> {
        let forms = FORMS.into_iter().cycle();
        let opened = tokens.iter().zip(forms).map(|(token, form)| {
            let mut reader = server.read(form, &format!("/?token={token}"));
            if form != Form::Lines {
                reader.told("hello");
            }
            reader
        });
        opened.collect()
    };
    let mut first = readers(&tokens);
    // `app` may see less now, `few` is gone, `all` is called otherwise and may have fewer clients.
    let sections = format!(
        "<token>\nname app\ntoken app-secret\ntag app.x\n</token>\n\
         <token>\nname everything\ntoken all-secret\nredact odd\nconnection_limit 1\n</token>\n{JWT}"
    );
    replace(&server, None, &sections);
    first[0].expect_end(End::Close(3000));
    first[2].expect_end(End::Complete);
    server.publish_numbers(0..1);
    first[1].expect([0]);
    first[3].expect([0]);
    assert_eq!(server.try_connect("/?token=few-secret").err(), Some(401));
    assert_eq!(server.try_connect("/?token=all-secret").err(), Some(503), "they still count");
    assert!(server.try_connect("/?token=app-secret").is_ok());
    assert_eq!(server.metrics.websocket_clients_revoked.get(), 2);
    // The same again is nothing.
    replace(&server, None, &sections);
    server.publish_numbers(1..2);
    first[1].expect([1]);
    first[3].expect([1]);
    // Another issuer is no longer the one who signed; no tokens at all are another right for everybody.
    replace(&server, None, &sections.replace("leeway 0s", "leeway 0s\nissuer b"));
    first[3].expect_end(End::Complete);
    replace(&server, None, "");
    first[1].expect_end(End::Close(3000));
    let mut open = server.read(Form::Json, "/");
    open.told("hello");
    replace(&server, None, "");
    server.publish_numbers(2..3);
    open.expect([2]);
    replace(&server, Some("old"), "");
    open.expect_end(End::Close(3000));
    drop((first, open));
    server.wait_until_empty();
}

#[test]
fn a_token_that_goes_while_a_client_is_on_its_way_closes_it() {
    let server = server();
    for round in 0..50 {
        let address = server.address;
        let connecting = std::thread::spawn(move || {
            Reader::open(stream_to(address), Form::Json, "/?token=app-secret", "")
        });
        let (before, after) = if round % 2 == 0 { (SECTIONS, JWT) } else { (JWT, SECTIONS) };
        replace(&server, None, &format!("{before}\n{after}"));
        replace(&server, None, JWT);
        // It was refused, and the reader says so by a panic; or let in, and closed.
        if let Ok(mut reader) = connecting.join() {
            while !matches!(reader.next(), Item::End(End::Close(3000))) {}
        }
        replace(&server, None, &format!("{SECTIONS}\n{JWT}"));
    }
    server.wait_until_empty();
}

#[test]
fn a_client_whose_key_is_gone_is_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jwks.json");
    let write = |ids: &[&str]| {
        use base64::Engine as _;
        let secret = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(signing::SECRET);
        let keys: Vec<_> = ids.iter().map(|id| json!({"kty": "oct", "k": secret, "kid": id})).collect();
        let next = path.with_extension("next");
        std::fs::write(&next, json!({ "keys": keys }).to_string()).expect("written");
        std::fs::rename(&next, &path).expect("renamed");
    };
    write(&["a", "b"]);
    let sections = format!("<jwt>\nname a\njwks_file {}\n</jwt>", path.display());
    let server = Server::one(Output { tokens: Box::leak(sections.into_boxed_str()), ..Output::default() });
    let look = || server.grants[0].look(&server.pool, &server.metrics);
    let mut readers = ["a", "b"].map(|id| {
        let header = json!({"alg": "HS256", "kid": id});
        let token = signing::hs256_with(signing::SECRET.as_bytes(), &header, &allowing(&json!({})));
        let mut reader = server.read(Form::Json, &format!("/?token={token}"));
        reader.told("hello");
        reader
    });
    write(&["b"]);
    look();
    readers[0].expect_end(End::Close(3000));
    std::fs::write(&path, "{").expect("written");
    look();
    look();
    assert_eq!(server.metrics.websocket_jwks_unreadable.get(), 1);
    server.publish_numbers(0..1);
    readers[1].expect([0]);
}
