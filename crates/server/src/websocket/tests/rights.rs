//! What a client gets under a token is within what the token allows, whatever it asks for.

use std::num::NonZeroU32;
use std::time::SystemTime;

use fluentcast_broadcast::filter::{FilterIndex, Verdict};
use fluentcast_event::Event;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::jwt::claims::Allowed;
use super::super::query::{Pairs, Query};
use super::super::rights::Rights;
use super::*;

const LIMITED: &str = "<token>\nname limited\ntoken limited-secret\ntag app.** !app.hidden\n\
                       filter record.level != \"debug\"\nredact secret, user.password\n</token>\n\
                       <token>\nname few\ntoken few-secret\nfields n, level\nmax_rate 1000000\n</token>";

fn records(tag: &str, records: &[&str]) -> Batch {
    let mut builder = BatchBuilder::new(Tag::from(tag), EventTime::now());
    for json in records {
        let mut record = Vec::new();
        from_json::append(&mut record, json.as_bytes()).expect("JSON");
        builder.push(EventTime::from_seconds(1), &record);
    }
    builder.finish()
}

/// Publishes what some may see and some not; the record's `n` says which it is.
fn publish(server: &Server) {
    server.publish(0, &records("db", &[r#"{"n":1,"level":"info"}"#]));
    server.publish(0, &records("app.hidden", &[r#"{"n":2,"level":"info"}"#]));
    server.publish(
        0,
        &records(
            "app.x",
            &[
                r#"{"n":3,"level":"debug"}"#,
                r#"{"n":4,"level":"info","secret":"s","user":{"id":7,"password":"p"},"user.password":"q"}"#,
                r#"{"n":5,"level":"info","secret":"t"}"#,
            ],
        ),
    );
}

/// The next record; how far the history reaches is not the matter here.
fn next_record(reader: &mut Reader) -> Value {
    loop {
        match reader.next() {
            Item::Event { record, .. } => return record,
            Item::Told(kind, _) if kind == "gap" => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn rights_hold_for_every_form_and_every_way_to_ask() {
    let server = Server::one(Output { tokens: LIMITED, kept: 100, ..Output::default() });
    publish(&server);
    let four = json!({"n": 4, "level": "info", "user": {"id": 7}});
    let five = json!({"n": 5, "level": "info"});
    let all = [four.clone(), five.clone()];
    for form in FORMS {
        for (query, expected) in [
            ("$since=1970-01-01T00:00:00Z", &all[..]),
            ("$last=100", &all),
            ("$last=100&$tag=**", &all),
            ("$last=100&$tag=db&$tag=app.**", &all),
            ("$last=100&level=debug&level=info", &all),
            ("$last=100&$fields=n,secret,user", &[json!({"n": 4, "user": {"id": 7}}), json!({"n": 5})]),
            // What is not sent cannot be asked for, either.
            ("$last=100&n=4&secret", std::slice::from_ref(&four)),
            ("$last=100&$filter=!has(record.secret)", &all),
        ] {
            let mut reader = server.read(form, &format!("/?token=limited-secret&{query}"));
            if form != Form::Lines {
                reader.told("hello");
            }
            for record in expected {
                assert_eq!(next_record(&mut reader), *record, "{form:?} {query}");
            }
            // Live ones follow, and nothing is between.
            server.publish(0, &records("app.x", &[r#"{"n":4,"level":"info","user":{"id":7},"secret":"u"}"#]));
            let live = next_record(&mut reader);
            assert_eq!((&live["n"], live.get("secret")), (&json!(4), None), "{form:?} {query}");
            drop(reader);
        }
        server.wait_until_empty();
        // The history again as it was.
        server.publish(0, &batch(0..100, 0));
        publish(&server);
    }
}

#[test]
fn no_message_widens_what_a_token_allows() {
    let server = Server::one(Output { tokens: LIMITED, kept: 100, ..Output::default() });
    publish(&server);
    for form in [Form::Json, Form::Msgpack] {
        let mut reader = server.read(form, "/?token=limited-secret&$last=0");
        reader.told("hello");
        for message in [
            json!({"last": 100}),
            json!({"since": 0}),
            json!({"since": "1970-01-01T00:00:00Z", "tag": null, "filter": null, "fields": null, "where": null}),
            json!({"last": 100, "tag": ["**", "db"]}),
            json!({"last": 100, "filter": "true || record.level == \"debug\""}),
            json!({"last": 100, "where": {"level": ["debug", "info"]}}),
            json!({"last": 100, "fields": ["n", "level", "secret", "user"]}),
            json!({"last": 100, "max_rate": 1_000_000}),
        ] {
            reader.subscribe(message.clone());
            reader.told("subscribed");
            for n in [4, 5] {
                let record = next_record(&mut reader);
                assert_eq!(record["n"], json!(n), "{message}");
                assert!(
                    !record.to_string().contains("secret") && !record.to_string().contains("password"),
                    "{record}"
                );
            }
            server.publish(0, &records("app.hidden", &[r#"{"n":2,"level":"info"}"#]));
            server.publish(0, &records("app.x", &[r#"{"n":3,"level":"debug"}"#]));
        }
        // Nobody finds out by asking what is in a field that is not there.
        for filter in [
            "record.secret == \"s\"",
            "record.secret != \"s\"",
            "record.user.password == \"p\"",
            "has(record.secret)",
        ] {
            let or_last = format!("({filter}) || record.n == 99");
            reader.subscribe(json!({"last": 100, "filter": or_last}));
            reader.told("subscribed");
            server.publish(0, &records("app.x", &[r#"{"n":99,"level":"info","secret":"s"}"#]));
            assert_eq!(next_record(&mut reader)["n"], json!(99), "{filter}");
            // The next begins with a history that shows nothing else.
            server.publish(0, &batch(0..100, 0));
            publish(&server);
        }
        reader.subscribe(json!({"token": "few-secret"}));
        assert!(
            reader.told("error")["message"]
                .as_str()
                .expect("text")
                .contains("`token` cannot be subscribed to")
        );
    }
    let mut few = server.read(Form::Json, "/?token=few-secret&$filter=record.n%20==%204&$last=100");
    few.told("hello");
    assert_eq!(next_record(&mut few), json!({"n": 4, "level": "info"}));
}

#[test]
fn a_client_whose_token_expires_is_told_so() {
    for protocol in [Protocol::Resumable, Protocol::Classic] {
        let limits = ClientLimits {
            lag_bytes_max: u64::MAX,
            slow_client: SlowClient::Disconnect,
            ping_interval: Duration::ZERO,
            ping_timeout: DEADLINE,
        };
        let key = everything(Shape { protocol, ..CLASSIC });
        let hour = SystemTime::now() + Duration::from_secs(3600);
        let start = fluentcast_broadcast::hub::Start::Default;
        let mut lasting =
            fixture::Fixture::until(fixture::Fixture::hub(0), key.clone(), start, limits, Some(hour));
        assert_eq!(lasting.deadline_passes(0), super::super::client::Turn::Rest);
        assert_eq!(
            (lasting.client.deadline(), lasting.client.session.closing()),
            (Some(lasting.at(60)), None)
        );
        let past = SystemTime::now() - Duration::from_secs(1);
        let mut expired = fixture::Fixture::until(fixture::Fixture::hub(0), key, start, limits, Some(past));
        assert_eq!(expired.deadline_passes(0), super::super::client::Turn::More);
        assert_eq!(expired.client.session.closing(), Some(fluentcast_broadcast::close::CloseReason::Expired));
    }
}

#[test]
fn a_connection_ends_with_its_token() {
    // The configuration has a time; the test needs one that comes soon.
    let soon = jiff::Timestamp::now() + Duration::from_secs(2);
    let sections = format!("<token>\nname a\ntoken a-secret\nexpires {soon}\n</token>");
    let server = Server::one(Output { tokens: Box::leak(sections.into_boxed_str()), ..Output::default() });
    let mut readers: Vec<_> = FORMS.into_iter().map(|form| server.read(form, "/?token=a-secret")).collect();
    for (reader, form) in readers.iter_mut().zip(FORMS) {
        if form != Form::Lines {
            reader.told("hello");
        }
        reader.expect_end(if form.is_websocket() { End::Close(3000) } else { End::Complete });
    }
    drop(readers);
    server.wait_until_empty();
    assert_eq!(server.metrics.websocket_clients_expired.get(), FORMS.len() as u64);
    assert_eq!(server.try_connect("/?token=a-secret").err(), Some(401));
}

const FIELDS: [&str; 6] = ["level", "secret", "user", "user.secret", "user.id", "list"];

const EXPRESSIONS: [&str; 9] = [
    "record.level == \"a\"",
    "record.level != \"a\"",
    "record.secret == \"a\"",
    "!has(record.secret) || record.secret == \"b\"",
    "record.user.secret in [\"a\", \"b\"]",
    "size(record) > 2",
    "\"secret\" in record && record.level == \"a\"",
    "tag == \"app.a\" || record[\"user.secret\"] == \"a\"",
    "record.user.id == \"b\"",
];

const TAGS: [&str; 6] = ["app.a", "app.b", "db", "app.**", "**", "!app.b"];

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!("a")), Just(json!("b")), Just(json!(null)), Just(json!(1))]
}

fn record() -> impl Strategy<Value = Value> {
    let field =
        |name: &'static str| prop::option::of(value().prop_map(move |value| (name.to_owned(), value)));
    let user = prop::option::of((field("secret"), field("id"))).prop_map(|user| {
        user.map(|(secret, id)| ("user".to_owned(), Value::Object(secret.into_iter().chain(id).collect())))
    });
    let list = prop::option::of(value()).prop_map(|value| {
        value.map(|value| ("list".to_owned(), json!([{"secret": value, "id": 1}, [value]])))
    });
    (field("level"), field("secret"), user, field("user.secret"), list)
        .prop_map(|(a, b, c, d, e)| Value::Object([a, b, c, d, e].into_iter().flatten().collect()))
}

/// What a client may ask for.
fn pairs() -> impl Strategy<Value = Pairs> {
    let condition = (prop::sample::select(&FIELDS[..]), prop_oneof![Just(None), Just(Some("a".to_owned()))])
        .prop_map(|(name, value)| (name.to_owned(), value));
    let pair = |name: &'static str, texts: &'static [&'static str]| {
        prop::sample::select(texts).prop_map(move |text| (name.to_owned(), Some(text.to_owned())))
    };
    (
        prop::collection::vec(condition, 0..3),
        prop::collection::vec(pair("$tag", &TAGS), 0..3),
        prop::option::of(pair("$filter", &EXPRESSIONS)),
        prop::option::of(pair("$fields", &["secret", "level,user", "user.secret,list", "user.id"])),
        prop::option::of(pair("$max_rate", &["1", "1000"])),
    )
        .prop_map(|(conditions, tags, filter, fields, rate)| {
            conditions.into_iter().chain(tags).chain(filter).chain(fields).chain(rate).collect()
        })
}

/// A `<token>` section, and its tags, filter, fields and redacted fields by themselves.
#[derive(Clone, Debug)]
struct Section {
    tags: Vec<&'static str>,
    filter: Option<&'static str>,
    fields: Option<&'static str>,
    redact: Option<&'static str>,
}

fn section() -> impl Strategy<Value = Section> {
    (
        prop::collection::vec(prop::sample::select(&TAGS[..]), 0..3),
        prop::option::of(prop::sample::select(&EXPRESSIONS[..])),
        prop::option::of(prop::sample::select(&["level", "level,user", "user.id,list"][..])),
        prop::option::of(prop::sample::select(&["secret", "user.secret,list.secret", "user,secret"][..])),
    )
        .prop_map(|(tags, filter, fields, redact)| Section { tags, filter, fields, redact })
}

impl Section {
    fn text(&self) -> String {
        let line = |name: &str, value: Option<String>| {
            value.map_or(String::new(), |value| format!("{name} {value}\n"))
        };
        let quoted = self.filter.map(|filter| format!("'{filter}'"));
        let tags = (!self.tags.is_empty()).then(|| self.tags.join(" "));
        format!(
            "<token>\nname a\ntoken a-secret\nmax_rate 10\n{}{}{}{}</token>",
            line("tag", tags),
            line("filter", quoted),
            line("fields", self.fields.map(str::to_owned)),
            line("redact", self.redact.map(str::to_owned))
        )
    }
}

fn packed(record: &Value) -> Vec<u8> {
    let mut packed = Vec::new();
    from_json::append(&mut packed, record.to_string().as_bytes()).expect("JSON");
    packed
}

/// What a client with this view is sent for an event, as bytes of the record.
fn sent(key: &ViewKey, tag: &str, record: &Value) -> Option<Vec<u8>> {
    let (tag, packed) = (Tag::from(tag), packed(record));
    let event = Event { time: EventTime::from_seconds(1), record: &packed };
    let judged = key.filter.judge(&tag, &event) == Verdict::Passes;
    // The hub asks an index; it must find the same.
    let mut index = FilterIndex::default();
    index.insert(&key.filter, &0);
    let mut found = false;
    index.matching(&tag, &event, |_| found = true);
    assert_eq!(found, judged, "{key:?} {record}");
    if !judged || !key.tags.takes(tag.as_str()) {
        return None;
    }
    let Some(fields) = &key.shape.fields else { return Some(packed) };
    let mut out = Vec::new();
    fields.write(&packed, &mut out).expect("a sound record");
    Some(out)
}

/// Names of rights, and what is none.
const NAMES: [&str; 8] =
    ["tag", "filter", "fields", "redact", "max_rate", "connection_limit", "tags", "expires"];

/// A claim of a signed token: the rights of a section, or whatever else could stand there.
fn claim() -> impl Strategy<Value = (String, Value)> {
    let text = |texts: &'static [&'static str]| prop::sample::select(texts).prop_map(|text| json!(text));
    let list = |texts: &'static [&'static str]| {
        prop::collection::vec(prop::sample::select(texts), 0..3).prop_map(|texts| json!(texts))
    };
    let junk = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!({"tag": "**"})),
        Just(json!([null])),
        Just(json!([["app.a"]])),
        Just(json!("")),
        Just(json!(0)),
        Just(json!(-1)),
        Just(json!(1.5)),
        any::<u64>().prop_map(|number| json!(number)),
        "[a-z*!/., ]{0,6}".prop_map(|text| json!(text)),
    ];
    let named = |name: &'static str| Just(name.to_owned());
    prop_oneof![
        (named("tag"), text(&["app.a", "app.** !app.b", "!db", "db app.b"])),
        (named("tag"), list(&["app.a", "app.**", "!app.b", "", "**", "a b"])),
        (named("filter"), text(&EXPRESSIONS)),
        (named("fields"), text(&["level", "level, user", "user.id,list"])),
        (named("fields"), list(&["level", "user", "user.id", ""])),
        (named("redact"), text(&["secret", "user.secret,list.secret", "user,secret"])),
        (named("redact"), list(&["secret", "user.secret", "list", ""])),
        (named("max_rate"), (1..100_u32).prop_map(|rate| json!(rate))),
        (prop::sample::select(&NAMES[..]).prop_map(str::to_owned), junk),
    ]
}

/// What one is sent, as JSON.
fn shown(key: &ViewKey, tag: &str, record: &Value) -> Option<Value> {
    let mut text = Vec::new();
    fluentcast_event::json::write_value(&mut text, &sent(key, tag, record)?).expect("a sound record");
    Some(serde_json::from_slice(&text).expect("JSON"))
}

/// Whether one is the other without some of its fields.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|of| is_part(value, of)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_part(part, whole))
        }
        (part, whole) => part == whole,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever is added to what a signed token says, sound or not: the token is refused, or its holder may see no
    /// more than before. And what a claim names is never passed over.
    #[test]
    fn no_claim_widens_what_the_others_allow(
        claims in prop::collection::vec(claim(), 0..4), (name, value) in claim(), asked in pairs(),
        tag in prop::sample::select(&["app.a", "app.b", "db"][..]), record in record(),
    ) {
        let before: serde_json::Map<String, Value> =
            claims.into_iter().filter(|(known, _)| *known != name).collect();
        let mut after = before.clone();
        after.insert(name.clone(), value.clone());
        let (Ok(before), Ok(after)) = (Allowed::read(&before), Allowed::read(&after)) else { return Ok(()) };
        let query = Query::read(&asked, None).expect("a query");
        let key = |rights: &Rights| rights.view(&CLASSIC, query.clone());
        let (wide, narrow) = (key(&before.rights), key(&after.rights));
        prop_assert!(narrow.max_rate.unwrap_or(NonZeroU32::MAX) <= wide.max_rate.unwrap_or(NonZeroU32::MAX));
        prop_assert!(after.connection_limit.unwrap_or(u32::MAX) <= before.connection_limit.unwrap_or(u32::MAX));
        prop_assert!(
            before.rights != after.rights || before.connection_limit != after.connection_limit,
            "{name}: {value} was passed over"
        );
        // A filter of the client's own may pass more when there is less to see (`!has(record.secret)`), but only
        // what the token lets it see anyway; so this is asked of the rights themselves.
        let most = |rights: &Rights| rights.view(&CLASSIC, Query::default());
        if let Some(part) = shown(&narrow, tag, &record) {
            let own = shown(&most(&after.rights), tag, &record);
            prop_assert!(own.is_some_and(|own| is_part(&part, &own)), "{part}");
        }
        if let Some(part) = shown(&most(&after.rights), tag, &record) {
            let whole = shown(&most(&before.rights), tag, &record);
            prop_assert!(whole.is_some_and(|whole| is_part(&part, &whole)), "{name}: {value} shows {part}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// What passes would pass for one who asks for nothing; what is sent is no more than that one is sent;
    /// and what that one is not sent makes no difference.
    #[test]
    fn what_is_sent_is_within_the_rights(
        section in section(), asked in pairs(), tag in prop::sample::select(&["app.a", "app.b", "db"][..]),
        record in record(), other in record(),
    ) {
        let token = tokens(&section.text()).remove(0);
        let rights = Rights::of(&token).expect("patterns");
        let query = Query::read(&asked, None).expect("a query");
        let key = rights.view(&CLASSIC, query.clone());
        let most = rights.view(&CLASSIC, Query::default());
        prop_assert!(key.max_rate.is_some_and(|rate| rate.get() <= 10));
        let (got, most_of_it) = (sent(&key, tag, &record), sent(&most, tag, &record));
        // The rights by a model of their own: patterns, expression and fields asked one by one.
        let allowed = TagChoice::parse(section.tags.iter().copied()).expect("patterns").takes(tag)
            && section.filter.is_none_or(|filter| {
                let expression = fluentcast_expression::Expression::parse(filter).expect("an expression");
                expression.matches(tag, EventTime::from_seconds(1), &packed(&record))
            });
        prop_assert_eq!(most_of_it.is_some(), allowed);
        if let Some(got) = &got {
            let most_of_it = most_of_it.as_ref().expect("it is allowed");
            // What a client gets is what it would get of the most there is for it.
            let of_most = match &query.fields {
                None => most_of_it.clone(),
                Some(fields) => {
                    let mut out = Vec::new();
                    fields.write(most_of_it, &mut out).expect("a sound record");
                    out
                }
            };
            prop_assert_eq!(got, &of_most);
            let mut text = Vec::new();
            fluentcast_event::json::write_value(&mut text, most_of_it).expect("a sound record");
            let shown: Value = serde_json::from_slice(&text).expect("JSON");
            if section.redact.is_some_and(|names| names.split(',').any(|name| name == "secret")) {
                prop_assert!(shown.get("secret").is_none(), "{}", shown);
            }
            if section.fields == Some("level") {
                prop_assert!(shown.as_object().expect("a map").keys().all(|name| name == "level"), "{}", shown);
            }
        }
        // Two events that look the same to one who may see no more are the same to whatever is asked.
        if most_of_it.is_some() && most_of_it == sent(&most, tag, &other) {
            prop_assert_eq!(got, sent(&key, tag, &other));
        }
    }
}
