use fluentcast_config::settings::{LineFormat, TimeFormat, Zone};
use fluentcast_event::json::Mended;
use fluentcast_event::{Event, EventTime, msgpack};
use proptest::prelude::*;

use super::Formatter;
use super::time::{Clock, ISO_8601};

/// A record from JSON-like pairs of name and raw MessagePack.
fn record(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write_map_head(&mut out, u32::try_from(fields.len()).unwrap_or(u32::MAX));
    for (name, value) in fields {
        msgpack::write_str(&mut out, name);
        out.extend_from_slice(value);
    }
    out
}

fn text(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write_str(&mut out, text);
    out
}

fn zone(name: &str) -> Zone {
    Zone::Named(name.to_owned())
}

fn time_format(format: Option<&str>, zone: Zone) -> TimeFormat {
    TimeFormat { format: format.map(str::to_owned), zone }
}

fn out_file(delimiter: &str, zone: Zone) -> LineFormat {
    let (output_tag, output_time, time) = (true, true, time_format(None, zone));
    LineFormat::OutFile { delimiter: delimiter.to_owned(), output_tag, output_time, time }
}

const TIME: EventTime = EventTime { seconds: 1_500_000_000, nanos: 123_456_789 };

fn line(format: &LineFormat, tag: &str, record: &[u8]) -> String {
    let mut out = Vec::new();
    let event = Event { time: TIME, record };
    let mended = Formatter::new(format).expect("known zone").append(&mut out, tag, &event);
    assert_eq!(mended, Ok(Mended::default()));
    String::from_utf8(out).expect("UTF-8")
}

fn strftime(format: &str, zone: &Zone, time: EventTime) -> String {
    let mut out = Vec::new();
    Clock::new(format, zone).expect("known zone").append(&mut out, time);
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn out_file_is_time_tag_and_json() {
    let record = record(&[("action", &text("login")), ("user", &[6])]);
    let json = r#"{"action":"login","user":6}"#;
    for (zone, time) in [
        (zone("+00:00"), "2017-07-14T02:40:00+00:00"),
        (Zone::Utc, "2017-07-14T02:40:00Z"),
        (zone("Asia/Tokyo"), "2017-07-14T11:40:00+09:00"),
        (zone("-0330"), "2017-07-13T23:10:00-03:30"),
        (zone("+05"), "2017-07-14T07:40:00+05:00"),
    ] {
        assert_eq!(line(&out_file("\t", zone), "foo.bar", &record), format!("{time}\tfoo.bar\t{json}\n"));
    }
    let bare = LineFormat::OutFile {
        delimiter: ",".to_owned(),
        output_tag: false,
        output_time: false,
        time: time_format(None, Zone::Utc),
    };
    assert_eq!(line(&bare, "foo.bar", &record), format!("{json}\n"));
}

#[test]
fn stdout_has_nanoseconds_and_json_stands_alone() {
    let record = record(&[("m", &text("x"))]);
    let stdout = |format| LineFormat::Stdout { time: time_format(format, zone("+00:00")) };
    assert_eq!(
        line(&stdout(None), "a.b", &record),
        "2017-07-14 02:40:00.123456789 +0000 a.b: {\"m\":\"x\"}\n"
    );
    assert_eq!(line(&stdout(Some("%s")), "a.b", &record), "1500000000 a.b: {\"m\":\"x\"}\n");
    assert_eq!(line(&LineFormat::Json, "a.b", &record), "{\"m\":\"x\"}\n");
}

#[test]
fn a_tag_cannot_begin_a_line_or_a_column() {
    let record = record(&[]);
    assert_eq!(
        line(&out_file("\t", Zone::Utc), "a\n2017\tb\r", &record),
        "2017-07-14T02:40:00Z\ta 2017 b \t{}\n"
    );
    assert_eq!(line(&out_file(",", Zone::Utc), "a,b", &record), "2017-07-14T02:40:00Z,a b,{}\n");
    let stdout = LineFormat::Stdout { time: time_format(Some("T"), Zone::Utc) };
    assert_eq!(line(&stdout, "a\nb", &record), "T a b: {}\n");
}

fn ltsv() -> LineFormat {
    LineFormat::Ltsv { delimiter: "\t".to_owned(), label_delimiter: ":".to_owned() }
}

#[test]
fn ltsv_writes_every_kind_of_value() {
    let nested = record(&[("x", &[0x92, 1, 0xc0])]);
    let record = record(&[
        ("a", &[1]),
        ("h", &text("x:y")),
        ("nil", &[0xc0]),
        ("yes", &[0xc3]),
        ("f", &[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
        ("m", &nested),
    ]);
    assert_eq!(line(&ltsv(), "t", &record), "a:1\th:x:y\tnil:\tyes:true\tf:1.5\tm:{\"x\":[1,null]}\n");
}

#[test]
fn ltsv_keeps_the_first_position_and_the_last_value_of_a_duplicate() {
    let record = record(&[("a", &[1]), ("b", &[2]), ("a", &[3])]);
    assert_eq!(line(&ltsv(), "t", &record), "a:3\tb:2\n");
}

#[test]
fn ltsv_values_and_labels_stay_in_their_field() {
    let record = record(&[("a\tb\n", &text("1\tadmin:true\r\nnext"))]);
    assert_eq!(line(&ltsv(), "t", &record), "a b :1 admin:true  next\n");
    let wide = LineFormat::Ltsv { delimiter: "||".to_owned(), label_delimiter: "=".to_owned() };
    let record = self::record(&[("a", &text("1||b=2|")), ("c", &[3])]);
    assert_eq!(line(&wide, "t", &record), "a=1 b=2|||c=3\n");
}

#[test]
fn single_value_is_the_value_itself() {
    let single =
        |key: &str, add_newline| LineFormat::SingleValue { message_key: key.to_owned(), add_newline };
    let record = record(&[("message", &text("one\ntwo")), ("n", &[7]), ("n", &[8]), ("m", &[0x91, 1])]);
    assert_eq!(line(&single("message", true), "t", &record), "one\ntwo\n");
    assert_eq!(line(&single("message", false), "t", &record), "one\ntwo");
    assert_eq!(line(&single("n", true), "t", &record), "8\n");
    assert_eq!(line(&single("m", true), "t", &record), "[1]\n");
    assert_eq!(line(&single("absent", true), "t", &record), "\n");
}

#[test]
fn what_was_mended_is_told() {
    let nan = [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0];
    let record = record(&[("a", &nan), ("b", &nan)]);
    let (mut out, event) = (Vec::new(), Event { time: TIME, record: &record });
    for format in [LineFormat::Json, ltsv(), out_file("\t", Zone::Utc)] {
        let mended = Formatter::new(&format).expect("known zone").append(&mut out, "t", &event);
        assert_eq!(mended, Ok(Mended { not_finite: 2, invalid_utf8: 0 }), "{format:?}");
    }
}

#[test]
fn an_unsound_record_leaves_nothing_behind() {
    for format in [out_file("\t", Zone::Utc), LineFormat::Json, ltsv()] {
        let mut out = b"before".to_vec();
        let event = Event { time: TIME, record: &[0x81, 0xa1] };
        assert!(Formatter::new(&format).expect("known zone").append(&mut out, "t", &event).is_err());
        assert_eq!(out, b"before");
    }
}

#[test]
fn strftime_is_rubys() {
    // As Ruby documents Time#strftime, for Time.at(1500000000, 123456789, :nsec).localtime("+09:00").
    for (format, expected) in [
        ("%Y-%m-%d %H:%M:%S", "2017-07-14 11:40:00"),
        ("%L", "123"),
        ("%N", "123456789"),
        ("%3N.%6N.%12N", "123.123456.123456789000"),
        ("%9L", "123456789"),
        ("%Y%m%dT%H%M%S.%3N%z", "20170714T114000.123+0900"),
        ("%:z %::z", "+09:00 +09:00:00"),
        ("%s.%L", "1500000000.123"),
        ("%c", "Fri Jul 14 11:40:00 2017"),
        ("%x|%X|%D|%F|%T|%R|%r", "07/14/17|11:40:00|07/14/17|2017-07-14|11:40:00|11:40|11:40:00 AM"),
        ("%v", "14-JUL-2017"),
        ("%a %A %b %B %h %^a %^B", "Fri Friday Jul July Jul FRI JULY"),
        ("%-d %_m %e %-m %05d %y %C %j", "14  7 14 7 00014 17 20 195"),
        ("%I %l %k %p %P %#p", "11 11 11 AM am am"),
        ("%u %w %U %W %V %G %g", "5 5 28 28 28 2017 17"),
        ("100%%", "100%"),
        ("%n%t", "\n\t"),
        ("%Ey %Od", "17 14"),
        // Ruby knows none of these and writes them as they stand.
        ("%i %Q %q %f %.f %", "%i %Q %q %f %.f %"),
        ("%é", "%é"),
        ("", ""),
        ("%iso8601", "2017-07-14T11:40:00+09:00"),
    ] {
        assert_eq!(strftime(format, &zone("+09:00"), TIME), expected, "{format}");
    }
    assert_eq!(strftime("%iso8601", &Zone::Utc, TIME), "2017-07-14T02:40:00Z");
}

#[test]
fn summer_time_is_followed_and_times_outside_the_calendar_are_the_nearest_inside() {
    let berlin = zone("Europe/Berlin");
    let at = EventTime::from_seconds;
    assert_eq!(strftime(ISO_8601, &berlin, at(1_711_846_799)), "2024-03-31T01:59:59+01:00");
    assert_eq!(strftime(ISO_8601, &berlin, at(1_711_846_800)), "2024-03-31T03:00:00+02:00");
    assert_eq!(strftime("%Y", &Zone::Utc, at(i64::MAX)), "9999");
    assert_eq!(strftime("%Y", &Zone::Utc, at(i64::MIN)), "-9999");
    assert_eq!(strftime(ISO_8601, &Zone::Utc, at(-1)), "1969-12-31T23:59:59+00:00");
}

#[test]
fn an_unknown_zone_is_an_error_that_helps() {
    let error = Formatter::new(&out_file("\t", zone("Mars/Olympus"))).expect_err("no such zone");
    assert!(error.to_string().contains("Mars/Olympus") && error.to_string().contains("tzdata"), "{error}");
}

proptest! {
    /// The cached second never shows: one clock for all times writes what a fresh clock each writes.
    #[test]
    fn the_cache_is_invisible(times in prop::collection::vec((0_i64..4, 0_u32..1_000_000_000), 1..20)) {
        let format = "%S.%L %N %s";
        let mut clock = Clock::new(format, &Zone::Utc).expect("UTC");
        for (seconds, nanos) in times {
            let (time, mut out) = (EventTime { seconds, nanos }, Vec::new());
            clock.append(&mut out, time);
            prop_assert_eq!(String::from_utf8(out).expect("UTF-8"), strftime(format, &Zone::Utc, time));
        }
    }

    /// Whatever a format says, it compiles and renders.
    #[test]
    fn any_format_is_accepted(format in "([%a-zA-Z0-9:#^_.-]|\\PC)*", seconds in any::<i64>()) {
        strftime(&format, &Zone::Utc, EventTime::from_seconds(seconds));
    }

    /// However a sender chooses its strings, one event is one line with as many columns as it has fields.
    #[test]
    fn strings_never_leave_their_field(tag in any::<String>(), value in any::<String>()) {
        let record = record(&[("a", &text(&value)), (&value, &text(&tag))]);
        let fields = if value == "a" { 1 } else { 2 };
        for (format, columns) in [(out_file("\t", Zone::Utc), 3), (ltsv(), fields), (LineFormat::Json, 1)] {
            let line = line(&format, &tag, &record);
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(line.matches('\t').count(), columns - 1);
        }
    }
}
