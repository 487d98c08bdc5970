//! Integers, floats, sizes and times, as Ruby's `to_i`, `to_f` and Fluentd's searches read them.

use super::{Advice, Converted, Strictness};

/// Leading digits, `_` allowed between them; else 0.
///
/// # Errors
/// What does not fit into 64 bits; when strict, what is no integer.
pub fn integer(text: &str, strictness: Strictness) -> Result<Converted<i64>, Advice> {
    if strictness == Strictness::Strict {
        return strict_integer(text).map(Converted::plain);
    }
    let (value, rest) = leading_integer(text);
    let value = value.ok_or_else(|| too_large(text))?;
    let misleading = (!rest.trim().is_empty() || text.trim().is_empty()).then(|| {
        Advice::new(format!("`{text}` is read as {value}, as Fluentd does")).help("write a whole number")
    });
    Ok(Converted { value, misleading })
}

/// The leading float; else 0.0.
///
/// # Errors
/// What overflows to infinity; when strict, what is no number.
pub fn float(text: &str, strictness: Strictness) -> Result<Converted<f64>, Advice> {
    let (value, rest) = leading_float(text);
    let whole = rest.trim().is_empty() && !text.trim().is_empty();
    if !value.is_finite() {
        return Err(too_large(text));
    }
    if whole {
        return Ok(Converted::plain(value));
    }
    if strictness == Strictness::Strict {
        return Err(Advice::new(format!("invalid value for Float(): {text:?}")).help("write a number"));
    }
    let advice = Advice::new(format!("`{text}` is read as {value}, as Fluentd does"))
        .help("write a number such as 0.5");
    Ok(Converted { value, misleading: Some(advice) })
}

/// Bytes: the first digits directly before a `k`, else `m`, `g`, `t` (any case, anywhere); else an integer.
///
/// # Errors
/// What does not fit into 64 bits; when strict, what is neither.
pub fn size(text: &str, strictness: Strictness) -> Result<Converted<i64>, Advice> {
    const UNITS: [(char, i64); 4] = [('k', 1 << 10), ('m', 1 << 20), ('g', 1 << 30), ('t', 1 << 40)];
    let found = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((digits_before(text, |c| c.eq_ignore_ascii_case(unit))?, factor)));
    let value = match found {
        Some((digits, factor)) => {
            digits.parse::<i64>().ok().and_then(|n| n.checked_mul(*factor)).ok_or_else(|| too_large(text))?
        }
        None if strictness == Strictness::Strict => strict_integer(text)?,
        None => leading_integer(text).0.ok_or_else(|| too_large(text))?,
    };
    let meant = if integer_exactly(text) == Some(value) { Some(value as f64) } else { meant_size(text) };
    let misleading = (meant != Some(value as f64)).then(|| {
        let advice = Advice::new(format!("`{text}` is read as {value} bytes, as Fluentd does"));
        match meant {
            Some(bytes) => advice.help(format!("for {bytes} bytes write `{}`", written_size(bytes))),
            None => advice.help(
                "write a whole number with at most one unit directly behind it, such as `512k` or `8m`",
            ),
        }
    });
    Ok(Converted { value, misleading })
}

/// Seconds: the first digits directly before an `s`, else `m`, `h`, `d` (lower case, anywhere); else a float.
///
/// # Errors
/// What is too large; when strict, what is neither.
pub fn time(text: &str, strictness: Strictness) -> Result<Converted<f64>, Advice> {
    const UNITS: [(char, i64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let found = UNITS.iter().find_map(|(unit, factor)| Some((digits_before(text, |c| c == *unit)?, factor)));
    let value = match found {
        Some((digits, factor)) => {
            let seconds = digits.parse::<i64>().ok().and_then(|n| n.checked_mul(*factor));
            seconds.ok_or_else(|| too_large(text))? as f64
        }
        None => float(text, strictness)?.value,
    };
    let meant = meant_time(text);
    let misleading = (meant != Some(value)).then(|| {
        let advice = Advice::new(format!("`{text}` is read as {}, as Fluentd does", spoken_seconds(value)));
        match meant {
            Some(seconds) if seconds.fract() == 0.0 => {
                advice.help(format!("for {} write `{seconds}s`", spoken_seconds(seconds)))
            }
            Some(seconds) => advice.help(format!("for {} write `{seconds}`", spoken_seconds(seconds))),
            None => advice.help(
                "write a whole number directly followed by s, m, h or d, or a number of seconds such as 0.5",
            ),
        }
    });
    Ok(Converted { value, misleading })
}

/// Permissions in octal digits, as `0644` or `644`.
///
/// # Errors
/// Anything else.
pub fn octal(text: &str) -> Result<u32, Advice> {
    match u32::from_str_radix(text.trim().trim_start_matches("0o"), 8) {
        Ok(mode) if mode <= 0o7777 => Ok(mode),
        _ => Err(Advice::new(format!("`{text}` is no file mode")).help("write octal digits such as `0644`")),
    }
}

fn too_large(text: &str) -> Advice {
    Advice::new(format!("`{text}` is too large"))
}

/// Ruby's `to_i`: blanks, a sign, digits with single underscores between them. `None` beyond 64 bits.
fn leading_integer(text: &str) -> (Option<i64>, &str) {
    let trimmed = text.trim_start();
    let (sign, unsigned) = split_sign(trimmed);
    let (digits, rest) = leading_digits(unsigned);
    if digits.is_empty() {
        return (Some(0), trimmed);
    }
    (format!("{sign}{digits}").parse().ok(), rest)
}

/// The text, if it is an integer and nothing else.
fn integer_exactly(text: &str) -> Option<i64> {
    let (value, rest) = leading_integer(text);
    value.filter(|_| rest.trim().is_empty() && !text.trim().is_empty())
}

/// Ruby's `Integer()`: the whole text, with the prefixes 0x, 0b, 0o and 0.
fn strict_integer(text: &str) -> Result<i64, Advice> {
    let invalid = || {
        Advice::new(format!("invalid value for Integer(): {text:?}"))
            .help("write a whole number (`strict_config_value` is on)")
    };
    let (sign, unsigned) = split_sign(text.trim());
    let lowered = unsigned.to_ascii_lowercase();
    let (digits, radix) = match lowered.as_bytes() {
        [b'0', b'x', ..] => (&lowered[2..], 16),
        [b'0', b'b', ..] => (&lowered[2..], 2),
        [b'0', b'o', ..] => (&lowered[2..], 8),
        [b'0', _, ..] => (lowered[1..].trim_start_matches('_'), 8),
        _ => (lowered.as_str(), 10),
    };
    let tidy = !digits.is_empty()
        && !digits.starts_with(['_', '+', '-'])
        && !digits.ends_with('_')
        && !digits.contains("__");
    if !tidy {
        return Err(invalid());
    }
    i64::from_str_radix(&format!("{sign}{}", digits.replace('_', "")), radix).map_err(|_| invalid())
}

/// Ruby's `to_f`.
fn leading_float(text: &str) -> (f64, &str) {
    let trimmed = text.trim_start();
    let (sign, unsigned) = split_sign(trimmed);
    let (whole, mut rest) = leading_digits(unsigned);
    let mut number = format!("{sign}0{whole}");
    let mut seen = !whole.is_empty();
    if let Some(behind) = rest.strip_prefix('.') {
        let (fraction, after) = leading_digits(behind);
        if !fraction.is_empty() {
            number.push('.');
            number.push_str(&fraction);
            rest = after;
            seen = true;
        }
    }
    if !seen {
        return (0.0, trimmed);
    }
    if let Some(behind) = rest.strip_prefix(['e', 'E']) {
        let (exponent_sign, unsigned) = split_sign(behind);
        let (exponent, after) = leading_digits(unsigned);
        if !exponent.is_empty() {
            number.push_str(&format!("e{exponent_sign}{exponent}"));
            rest = after;
        }
    }
    (number.parse().unwrap_or(0.0), rest)
}

fn split_sign(text: &str) -> (&'static str, &str) {
    match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
    }
}

/// Digits with single underscores between them: those digits, and what follows.
fn leading_digits(text: &str) -> (String, &str) {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut end = 0;
    while digit(end) || (end > 0 && bytes.get(end) == Some(&b'_') && digit(end - 1) && digit(end + 1)) {
        end += 1;
    }
    (text[..end].replace('_', ""), &text[end..])
}

/// The run of digits directly before the first character that `unit` takes and that has digits before it.
fn digits_before(text: &str, unit: impl Fn(char) -> bool) -> Option<&str> {
    text.char_indices().filter(|(_, c)| unit(*c)).find_map(|(at, _)| {
        let before = &text[..at];
        let digits = &before[before.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
        (!digits.is_empty()).then_some(digits)
    })
}

/// A size in a form that is read as it looks.
fn written_size(bytes: f64) -> String {
    let unit = [("t", 40), ("g", 30), ("m", 20), ("k", 10)].into_iter().find_map(|(unit, power)| {
        let number = bytes / f64::from(power).exp2();
        (number >= 1.0 && number.fract() == 0.0).then(|| format!("{number}{unit}"))
    });
    unit.unwrap_or_else(|| format!("{bytes:.0}"))
}

/// What a person means by `1.5k`, `10 MB`, `1KiB`; `None` when that is anybody's guess.
fn meant_size(text: &str) -> Option<f64> {
    let (number, unit) = number_and_unit(text.trim())?;
    let unit = unit.trim().to_ascii_lowercase();
    let letter = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit);
    let factor: u64 = match letter {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return None,
    };
    Some(number * factor as f64)
}

/// What a person means by `500ms`, `1h30m`, `1.5s`; `None` when that is anybody's guess.
fn meant_time(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let (number, behind) = leading_float(rest);
    if behind.is_empty() && !rest.is_empty() {
        return Some(number);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, behind) = number_and_unit(rest)?;
        let behind = behind.trim_start();
        let end = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
        seconds += number * seconds_of(&behind[..end].to_lowercase())?;
        rest = behind[end..].trim_start();
    }
    (!text.trim().is_empty()).then_some(seconds)
}

fn seconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "us" | "µs" => 1e-6,
        "ms" | "msec" | "millis" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return None,
    })
}

/// Splits digits with an optional fraction from what follows.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

fn spoken_seconds(seconds: f64) -> String {
    let (number, unit) = match seconds {
        s if s >= 7200.0 && s % 3600.0 == 0.0 => (s / 3600.0, "hours"),
        s if s >= 120.0 && s % 60.0 == 0.0 => (s / 60.0, "minutes"),
        _ => return format!("{seconds} seconds"),
    };
    format!("{seconds} seconds ({number} {unit})")
}
