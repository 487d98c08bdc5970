//! The vectors of Fluentd's own conversions, each row once.

use super::*;

const LENIENT: Strictness = Strictness::Lenient;
const STRICT: Strictness = Strictness::Strict;

/// Value and whether it comes with a warning.
fn both<T>(converted: Result<Converted<T>, Advice>) -> (T, bool) {
    let converted = converted.unwrap();
    (converted.value, converted.misleading.is_some())
}

#[test]
fn integers() {
    for (text, value, misleading) in [
        ("10", 10, false),
        ("1_000", 1000, false),
        ("-3", -3, false),
        ("+3", 3, false),
        ("1.9", 1, true),
        ("abc", 0, true),
        ("", 0, true),
        ("0x10", 0, true),
        ("08", 8, false),
        ("1__0", 1, true),
        ("_1", 0, true),
        ("9223372036854775807", i64::MAX, false),
    ] {
        assert_eq!(both(integer(text, LENIENT)), (value, misleading), "{text}");
    }
    assert!(integer("9223372036854775808", LENIENT).is_err());
}

#[test]
fn strict_integers() {
    for (text, value) in
        [("0x10", 16), ("0b11", 3), ("017", 15), ("0o17", 15), ("-3", -3), ("1_000", 1000), ("0", 0)]
    {
        assert_eq!(both(integer(text, STRICT)), (value, false), "{text}");
    }
    for text in ["abc", "", "1.9", "08", "1__0", "_1", "1_", "0x", "--3", "0x-3"] {
        let error = integer(text, STRICT).unwrap_err();
        assert_eq!(error.message, format!("invalid value for Integer(): {text:?}"));
    }
}

#[test]
fn floats() {
    for (text, value, misleading) in [
        ("1e3", 1000.0, false),
        ("x", 0.0, true),
        ("", 0.0, true),
        ("0.5", 0.5, false),
        (".5", 0.5, false),
        ("-1.5e-2", -0.015, false),
        ("1.", 1.0, true),
        ("1e", 1.0, true),
        ("1.5x", 1.5, true),
    ] {
        assert_eq!(both(float(text, LENIENT)), (value, misleading), "{text}");
    }
    assert!(float("1e999", LENIENT).is_err());
    assert!(float("x", STRICT).is_err());
    assert!(float("", STRICT).is_err());
    assert_eq!(both(float("1.5", STRICT)), (1.5, false));
}

#[test]
fn sizes() {
    for (text, value, misleading) in [
        ("1k", 1024, false),
        ("1K", 1024, false),
        ("1kb", 1024, false),
        ("1KiB", 1024, false),
        ("2m", 2_097_152, false),
        ("3g", 3 << 30, false),
        ("1t", 1 << 40, false),
        ("10b", 10, false),
        ("10", 10, false),
        ("1_000", 1000, false),
        ("-1", -1, false),
        ("1 k", 1, true),
        ("1.5k", 5120, true),
        ("1m5k", 5120, true),
        ("-1k", 1024, true),
        ("1_000k", 0, true),
        ("", 0, true),
        ("lots", 0, true),
    ] {
        assert_eq!(both(size(text, LENIENT)), (value, misleading), "{text}");
    }
    assert!(size("9999999999999999t", LENIENT).is_err());
    assert!(size("lots", STRICT).is_err());
    assert_eq!(
        size("1.5k", LENIENT).unwrap().misleading.unwrap().help.unwrap(),
        "for 1536 bytes write `1536`"
    );
}

#[test]
fn times() {
    for (text, value, misleading) in [
        ("90s", 90.0, false),
        ("2m", 120.0, false),
        ("1h", 3600.0, false),
        ("1d", 86_400.0, false),
        ("0.5", 0.5, false),
        ("30", 30.0, false),
        ("-1", -1.0, false),
        ("10min", 600.0, false),
        ("30sec", 30.0, false),
        ("1e3", 1000.0, false),
        ("1.5s", 5.0, true),
        ("500ms", 30_000.0, true),
        ("1h30m", 1800.0, true),
        ("1M", 1.0, true),
        ("1w", 1.0, true),
        ("", 0.0, true),
        ("30 m", 30.0, true),
        ("soon", 0.0, true),
    ] {
        assert_eq!(both(time(text, LENIENT)), (value, misleading), "{text}");
    }
    assert!(time("9999999999999999d", LENIENT).is_err());
    assert!(time("soon", STRICT).is_err());
}

#[test]
fn misleading_times_say_what_they_mean() {
    let advice = time("500ms", LENIENT).unwrap().misleading.unwrap();
    assert_eq!(advice.message, "`500ms` is read as 30000 seconds (500 minutes), as Fluentd does");
    assert_eq!(advice.help.unwrap(), "for 0.5 seconds write `0.5`");
    let advice = time("1h30m", LENIENT).unwrap().misleading.unwrap();
    assert_eq!(advice.help.unwrap(), "for 5400 seconds (90 minutes) write `5400s`");
}

#[test]
fn booleans() {
    for text in ["true", "yes", "", "# note", "#"] {
        assert_eq!(boolean(text), Ok(true), "{text}");
    }
    for text in ["false", "no"] {
        assert_eq!(boolean(text), Ok(false), "{text}");
    }
    for (text, hint) in [
        ("TRUE", "`true`"),
        ("1", "`true`"),
        ("on", "`true`"),
        ("0", "`false`"),
        ("off", "`false`"),
        ("maybe", "`true` or"),
    ] {
        let help = boolean(text).unwrap_err().help.unwrap();
        assert!(help.contains(hint), "{text}: {help}");
    }
}

#[test]
fn lists() {
    for (text, elements) in [
        ("a , b", vec!["a", "b"]),
        ("a,,b", vec!["a", "", "b"]),
        ("a,b,,", vec!["a", "b"]),
        ("", vec![]),
        ("[1,2]", vec!["1", "2"]),
        ("[\"a, b\",true]", vec!["a, b", "true"]),
    ] {
        assert_eq!(list(text).unwrap(), elements, "{text}");
    }
    assert!(list("[a]").is_err());
}

#[test]
fn maps() {
    let pairs = |text: &str| -> Vec<(String, Option<String>)> { map(text).unwrap() };
    let pair = |key: &str, value: Option<&str>| vec![(key.to_owned(), value.map(str::to_owned))];
    assert_eq!(pairs("a:b:c"), pair("a", Some("b:c")));
    assert_eq!(pairs("a"), pair("a", None));
    assert_eq!(pairs("a: b"), pair("a", Some(" b")));
    assert_eq!(pairs("{\"a\":1}"), pair("a", Some("1")));
    assert_eq!(pairs("{\"a\":null}"), pair("a", None));
    assert_eq!(pairs("a:1 , b:2").len(), 2);
    assert!(map("{a}").is_err());
}

#[test]
fn choices() {
    assert_eq!(choice("a", &["a", "c"]), Ok("a"));
    assert_eq!(choice("b", &["a", "c"]).unwrap_err().message, "valid options are a,c but got `b`");
    assert_eq!(choice("info ", &["info", "warn"]).unwrap_err().help.unwrap(), "did you mean `info`?");
}

#[test]
fn modes() {
    assert_eq!(octal("0644"), Ok(0o644));
    assert_eq!(octal("755"), Ok(0o755));
    assert!(octal("rw-").is_err());
    assert!(octal("77777").is_err());
    assert!(octal("-644").is_err());
}

fn matches(pattern: &str, text: &str) -> bool {
    regexp(pattern).unwrap().0.is_match(text).unwrap()
}

#[test]
fn regular_expressions() {
    assert!(matches("/a/im", "xAx"));
    assert!(matches("/a.b/m", "a\nb"));
    assert!(!matches("/a.b/", "a\nb"));
    assert!(matches("a.b", "axb"));
    assert!(matches("/a/x", "a"), "an unknown flag is ignored");
    assert!(matches("/^b$/", "a\nb\nc"), "Ruby's anchors are those of lines");
    assert!(matches("/a/b/", "a/b"));
    assert!(matches(r"/(?!x)\h+(?<n>z)/", "ffz"));
    for text in ["/a/imx", "/a", "/", "/(/", "("] {
        assert!(regexp(text).is_err(), "{text}");
    }
}

#[test]
fn a_pattern_that_explodes_is_stopped() {
    let regex = regexp(r"/^(a|a)*(?=b)\1$/").unwrap();
    assert!(regex.0.is_match(&format!("{}c", "a".repeat(40))).is_err());
}

#[test]
fn time_zones() {
    use crate::settings::Zone;
    for (text, long) in [("+09:00", "+09:00"), ("-0330", "-03:30"), ("+09", "+09:00"), ("UTC", "UTC")] {
        assert_eq!(zone(text), Ok(Zone::Named(long.to_owned())), "{text}");
    }
    for text in ["", "+9", "+99:00", "+09:60", "+09:0", "+:0900", "Nowhere/Land", "../etc/passwd", "+é"] {
        assert!(zone(text).is_err(), "{text}");
    }
}
