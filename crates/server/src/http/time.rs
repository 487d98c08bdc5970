//! The time of an event that came over HTTP: the parameter `time`, or a field of its record.

use fluentcast_event::EventTime;
use fluentcast_event::msgpack::{Reader, Value};

/// Reads the parameter `time` as Ruby's `to_f` does: the number the text begins with. `None` (the
/// event happened now) when that is 0 or there is none.
///
/// # Errors
/// When no time can be that far away.
pub(super) fn from_parameter(text: &[u8]) -> Result<Option<EventTime>, String> {
    let seconds = leading_number(text);
    if seconds == 0.0 {
        return Ok(None);
    }
    // Fluentd goes through the shortest decimal text of the double, so 1500000000.123456789 has the
    // fraction .1234567 and not the longer one of the double.
    let shortest = format!("{}", seconds.abs());
    let (whole, fraction) = shortest.split_once('.').unwrap_or((&shortest, "0"));
    let nanos = format!("{fraction:0<9}").get(..9).and_then(|digits| digits.parse::<u32>().ok());
    match (whole.parse::<i64>(), nanos) {
        (Ok(whole), Some(nanos)) if seconds > 0.0 => Ok(Some(EventTime { seconds: whole, nanos })),
        (Ok(whole), Some(0)) => Ok(Some(EventTime { seconds: -whole, nanos: 0 })),
        (Ok(whole), Some(nanos)) => Ok(Some(EventTime { seconds: -whole - 1, nanos: 1_000_000_000 - nanos })),
        _ => Err(format!("time is out of range: {seconds}")),
    }
}

/// The number `text` begins with, after white space; 0 when it begins with none. Digits may be set
/// apart by single underscores.
fn leading_number(text: &[u8]) -> f64 {
    let text = text.trim_ascii_start();
    let mut number = String::new();
    let mut rest = text;
    if let [sign @ (b'+' | b'-'), after @ ..] = rest {
        number.push(char::from(*sign));
        rest = after;
    }
    rest = take_digits(rest, &mut number);
    if let [b'.', b'0'..=b'9', ..] = rest {
        number.push('.');
        rest = take_digits(&rest[1..], &mut number);
    }
    if let [b'e' | b'E', after @ ..] = rest {
        let mut exponent = String::from("e");
        let after = match after {
            [sign @ (b'+' | b'-'), digits @ ..] => {
                exponent.push(char::from(*sign));
                digits
            }
            digits => digits,
        };
        let signed = exponent.len();
        take_digits(after, &mut exponent);
        if exponent.len() > signed {
            number.push_str(&exponent);
        }
    }
    number.parse().unwrap_or(0.0)
}

fn take_digits<'a>(mut text: &'a [u8], into: &mut String) -> &'a [u8] {
    let mut digit_before = false;
    loop {
        match text {
            [digit @ b'0'..=b'9', rest @ ..] => {
                into.push(char::from(*digit));
                digit_before = true;
                text = rest;
            }
            [b'_', b'0'..=b'9', ..] if digit_before => text = &text[1..],
            _ => return text,
        }
    }
}

/// Reads the time field of a record, one whole MessagePack value. `None` for nil and false: the event
/// happened now. Here 0 is 1970.
///
/// # Errors
/// The message Fluentd answers with: the value is no number, or no time.
pub(super) fn from_field(value: &[u8]) -> Result<Option<EventTime>, String> {
    let out_of_range = |what: &dyn std::fmt::Display| format!("time is out of range: {what}");
    let no_number = |class: &str| Err(format!("can't convert {class} into an exact number"));
    let float = |seconds: f64| exact(seconds).map(Some).ok_or_else(|| out_of_range(&seconds));
    match Reader::new(value).read().map_err(|error| error.to_string())? {
        Value::Nil | Value::Bool(false) => Ok(None),
        Value::UInt(seconds) => match i64::try_from(seconds) {
            Ok(seconds) => Ok(Some(EventTime::from_seconds(seconds))),
            Err(_) => Err(out_of_range(&seconds)),
        },
        Value::Int(seconds) => Ok(Some(EventTime::from_seconds(seconds))),
        Value::F32(seconds) => float(seconds.into()),
        Value::F64(seconds) => float(seconds),
        Value::Ext(0, data) => match *data {
            [s0, s1, s2, s3, n0, n1, n2, n3] => {
                let nanos = u32::from_be_bytes([n0, n1, n2, n3]).min(999_999_999);
                Ok(Some(EventTime { seconds: u32::from_be_bytes([s0, s1, s2, s3]).into(), nanos }))
            }
            _ => no_number("a broken EventTime"),
        },
        Value::Bool(true) => no_number("true"),
        Value::Str(_) | Value::Bin(_) => no_number("String"),
        Value::Array(_) => no_number("Array"),
        Value::Map(_) => no_number("Hash"),
        Value::Ext(kind, _) => no_number(&format!("extension type {kind}")),
    }
}

/// The double as it is, cut below the nanosecond as Ruby's `Time.at` cuts it.
fn exact(seconds: f64) -> Option<EventTime> {
    // Half a second on either side is enough to tell whether the whole part fits.
    let whole = EventTime::from_seconds_f64(seconds.floor())?.seconds;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 0 and below 1e9: the fraction of a finite number"
    )]
    let nanos = ((seconds - seconds.floor()) * 1e9) as u32;
    Some(EventTime { seconds: whole, nanos: nanos.min(999_999_999) })
}

#[cfg(test)]
mod tests {
    use fluentcast_event::msgpack;

    use super::*;

    fn time(seconds: i64, nanos: u32) -> Option<EventTime> {
        Some(EventTime { seconds, nanos })
    }

    #[test]
    fn reads_the_parameter_as_a_double() {
        for (text, expected) in [
            ("1518756037.5", time(1_518_756_037, 500_000_000)),
            ("1500000000.123456789", time(1_500_000_000, 123_456_700)),
            ("1500000001", time(1_500_000_001, 0)),
            (" 1_500.25abc", time(1500, 250_000_000)),
            ("+15e8", time(1_500_000_000, 0)),
            ("1.5e+1x", time(15, 0)),
            ("5e", time(5, 0)),
            ("1.", time(1, 0)),
            (".5", time(0, 500_000_000)),
            ("-1.25", time(-2, 750_000_000)),
            ("-5", time(-5, 0)),
            ("1e-30", time(0, 0)),
            ("abc", None),
            ("0", None),
            ("-0.0", None),
            ("", None),
            ("_5", None),
            ("NaN", None),
            ("Infinity", None),
        ] {
            assert_eq!(from_parameter(text.as_bytes()), Ok(expected), "{text:?}");
        }
        for text in ["1e19", "1e400", "-1e300"] {
            assert!(from_parameter(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn reads_the_field_of_a_record() {
        let written = |write: fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out
        };
        for (value, expected) in [
            (written(|out| msgpack::write_uint(out, 5)), Ok(time(5, 0))),
            (written(|out| msgpack::write_uint(out, 0)), Ok(time(0, 0))),
            (written(|out| msgpack::write_int(out, -5)), Ok(time(-5, 0))),
            (written(|out| msgpack::write_f64(out, 1_500_000_000.25)), Ok(time(1_500_000_000, 250_000_000))),
            // The double itself, not its shortest text.
            (
                written(|out| msgpack::write_f64(out, 1_500_000_000.123_456_7)),
                Ok(time(1_500_000_000, 123_456_716)),
            ),
            (written(|out| msgpack::write_f64(out, -0.25)), Ok(time(-1, 750_000_000))),
            (written(msgpack::write_nil), Ok(None)),
            (written(|out| msgpack::write_bool(out, false)), Ok(None)),
            (vec![0xd7, 0, 0, 0, 0, 1, 0, 0, 0, 2], Ok(time(1, 2))),
            (
                written(|out| msgpack::write_str(out, "1500000000")),
                Err("can't convert String into an exact number".to_owned()),
            ),
            (
                written(|out| msgpack::write_bool(out, true)),
                Err("can't convert true into an exact number".into()),
            ),
            (
                written(|out| msgpack::write_array_head(out, 0)),
                Err("can't convert Array into an exact number".into()),
            ),
            (
                written(|out| msgpack::write_map_head(out, 0)),
                Err("can't convert Hash into an exact number".into()),
            ),
            (written(|out| msgpack::write_f64(out, f64::NAN)), Err("time is out of range: NaN".into())),
            (
                written(|out| msgpack::write_uint(out, u64::MAX)),
                Err("time is out of range: 18446744073709551615".into()),
            ),
        ] {
            assert_eq!(from_field(&value), expected, "{value:02x?}");
        }
    }
}
