use std::fmt::Write as _;

use super::*;
use crate::tail::message::Message;

fn line_of(event: &str, colors: bool) -> String {
    let mut out = Vec::new();
    let Ok(Message::Event(event)) = Message::read(event.as_bytes()) else { panic!("no event: {event}") };
    Pretty::new(TimeZone::UTC, colors).append(&mut out, &event);
    String::from_utf8(out).expect("UTF-8")
}

fn shown(tag: &str, time: &str, record: &str) -> String {
    let tag = serde_json::to_string(tag).expect("JSON");
    line_of(&format!(r#"{{"seq":1,"tag":{tag},"time":{time},"record":{record}}}"#), false)
}

#[test]
fn records_as_people_read_them() {
    for (record, line) in [
        (r#"{"action":"login","user":6}"#, "action=login user=6"),
        (r#"{"user":6,"message":"it works","level":"info"}"#, "INFO it works user=6"),
        (r#"{"Msg":"m","message":5,"SEVERITY":"Warning"}"#, "WARNING m message=5"),
        (r#"{"level":30,"lvl":"x"}"#, "30 lvl=x"),
        (r#"{"level":{"a":1},"log":"from docker\n"}"#, r#"from docker level={"a":1}"#),
        (r#"{"level":"a level is not that long","n":null}"#, r#"level="a level is not that long" n=null"#),
        (
            r#"{"text":"a b","empty":"","eq":"a=b","list":[1,{"x":"y z"}],"f":0.5,"path":"/a?b","q":"say \"hi\""}"#,
            r#"text="a b" empty="" eq="a=b" list=[1,{"x":"y z"}] f=0.5 path=/a?b q="say \"hi\"""#,
        ),
        (r#"{"a key":1,"":2}"#, r#""a key"=1 ""=2"#),
        ("{}", ""),
    ] {
        let due = format!("2023-11-14 22:13:20.250 app.web {line}").trim_end().to_owned();
        assert_eq!(shown("app.web", "1700000000.25", record), format!("{due}\n"), "{record}");
    }
}

#[test]
fn times() {
    for (time, line) in [
        ("0", "1970-01-01 00:00:00.000"),
        ("-0.5", "1969-12-31 23:59:59.500"),
        ("1700000000.999999999", "2023-11-14 22:13:20.999"),
        ("999999999999999", "999999999999999"),
    ] {
        assert_eq!(shown("t", time, "{}"), format!("{line} t\n"));
    }
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let mut out = Vec::new();
    let line = br#"{"seq":1,"tag":"t","time":0,"record":{}}"#;
    let Ok(Message::Event(event)) = Message::read(line) else { panic!("no event") };
    Pretty::new(zone, false).append(&mut out, &event);
    assert_eq!(String::from_utf8_lossy(&out), "1970-01-01 02:00:00.000 t\n");
}

#[test]
fn a_hostile_record_is_one_harmless_line() {
    let evil = "\u{1b}]0;gone\u{7}\u{1b}[2J\u{9b}31m\u{202e}\r\n\u{2028}\u{85}\u{7f}<script>";
    // As JSON escapes it, and raw as far as JSON allows that.
    let raw: String = evil.chars().filter(|c| *c >= ' ').collect();
    let escaped = serde_json::to_string(evil).expect("JSON");
    for text in [format!("\"{raw}\""), escaped] {
        for name in ["level", "message", "log", "other"] {
            let record = format!(r#"{{"{name}":{text},{text}:[{text},{{{text}:{text}}}]}}"#);
            for colors in [false, true] {
                let tag = serde_json::to_string(evil).expect("JSON");
                let line = line_of(&format!(r#"{{"seq":1,"tag":{tag},"time":1,"record":{record}}}"#), colors);
                let own = line.replace("\u{1b}[", "");
                let own = if colors { own } else { line.clone() };
                let bad: Vec<char> =
                    own.trim_end_matches('\n').chars().filter(|c| escape::is_hostile(*c)).collect();
                assert!(bad.is_empty(), "{bad:?} in {line:?}");
                assert!(line.contains(r"\u202E"), "{line:?}");
                // Of sequences only those that colour.
                assert!(line.split("\u{1b}[").skip(1).all(|part| {
                    part.split('m')
                        .next()
                        .is_some_and(|codes| codes.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'))
                }));
            }
        }
    }
}

#[test]
fn a_huge_record_is_cut_and_says_so() {
    let long = format!(r#"{{"message":"{}","n":1}}"#, "ä".repeat(1_000_000));
    let line = shown("t", "1", &long);
    assert!(line.chars().count() < PRETTY_RECORD_CHARS_MAX + 100);
    assert!(line.ends_with("ä… (998005 more characters)\n"), "{}", &line[line.len() - 60..]);

    let mut many = String::from("{");
    for n in 0..5000 {
        write!(many, r#"{}"key{n}":{n}"#, if n > 0 { "," } else { "" }).expect("memory");
    }
    let line = line_of(&format!(r#"{{"seq":1,"tag":"t","time":1,"record":{many}}}}}"#), true);
    assert!(line.contains("more characters") && line.len() < 10 * PRETTY_RECORD_CHARS_MAX);

    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert!(shown("t", "1", &deep).contains("a=[[[["));
}

#[test]
fn colours_tell_levels_and_tags_apart_and_change_no_text() {
    let event = |level: &str, tag: &str| {
        format!(r#"{{"seq":1,"tag":"{tag}","time":1,"record":{{"level":"{level}","message":"m","k":"v"}}}}"#)
    };
    let error = line_of(&event("error", "a"), true);
    assert!(error.contains("\u{1b}[1m\u{1b}[31mERROR\u{1b}[0m m "), "{error:?}");
    assert!(line_of(&event("warn", "a"), true).contains("\u{1b}[33mWARN\u{1b}[0m"));
    let plain = line_of(&event("error", "a"), false);
    let stripped = error.replace('\u{1b}', "");
    let stripped =
        ["[0m", "[1m", "[2m", "[31m", "[36m"].iter().fold(stripped, |text, code| text.replace(code, ""));
    let stripped =
        ["[34m", "[35m", "[94m", "[95m", "[96m"].iter().fold(stripped, |text, code| text.replace(code, ""));
    assert_eq!(stripped, plain);
    let colors: std::collections::HashSet<_> =
        (0..100).map(|n| format!("{}", tag_style(&format!("app.{n}")).render())).collect();
    assert_eq!(colors.len(), TAG_COLORS.len());
}
