//! Times as text: Ruby's strftime on top of jiff's, and a clock that formats a second only once.
//!
//! Nothing here may fail at run time: a directive that nobody knows is written as it stands (as Ruby
//! does), a year outside the calendar is written as the nearest one inside it.

use std::io;

use fluentcast_config::settings::Zone;
use fluentcast_event::EventTime;
use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ZonedDateTime};

/// Most digits a fraction of a second is written with (what jiff pads to at most).
const FRACTION_DIGITS_MAX: usize = 20;

/// ISO 8601 as `out_file` writes it by default.
pub(crate) const ISO_8601: &str = "%Y-%m-%dT%H:%M:%S%:z";
const ISO_8601_UTC: &str = "%Y-%m-%dT%H:%M:%SZ";

/// Finds the rules of a zone.
///
/// # Errors
/// When the system's zone database does not know the name.
pub(crate) fn time_zone(zone: &Zone) -> io::Result<TimeZone> {
    match zone {
        Zone::Local => Ok(TimeZone::system()),
        Zone::Utc => Ok(TimeZone::UTC),
        Zone::Named(name) => match fixed_offset(name) {
            Some(offset) => Ok(TimeZone::fixed(offset)),
            None => TimeZone::get(name).map_err(|error| {
                let message = format!(
                    "time zone {name:?} is not in this system's zone database ({error}); install it \
                     (package tzdata) or write the offset, such as +09:00"
                );
                io::Error::new(io::ErrorKind::NotFound, message)
            }),
        },
    }
}

/// `+09:00`, `-0330` or `+09`.
fn fixed_offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let pair = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit())
            .then(|| i32::from(tens - b'0') * 10 + i32::from(ones - b'0'))
    };
    let (hours, minutes) = match *digits {
        [a, b] => (pair(a, b)?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (pair(a, b)?, pair(c, d)?),
        _ => return None,
    };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// The second as jiff counts it; beyond its calendar (years -9999 to 9999) the nearest it has.
pub(crate) fn timestamp(seconds: i64) -> Timestamp {
    let nearest = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(nearest)
}

/// A strftime format in Ruby's terms, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Strftime(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    /// A format of jiff's, the same for the whole second.
    Calendar(String),
    /// So many digits of the fraction of the second.
    Fraction(usize),
}

/// Where in a rendered text the digits of a fraction go: position and number.
type Fraction = (usize, usize);

impl Strftime {
    /// Compiles `format`; cannot fail, as Ruby's cannot.
    pub(crate) fn compile(format: &str) -> Self {
        let mut pieces = Vec::new();
        let mut calendar = String::new();
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            calendar.push_str(&rest[..at]);
            let directive = Directive::read(&rest[at..]);
            rest = &rest[at + directive.text.len()..];
            match directive.fraction_digits() {
                Some(digits) => {
                    pieces.push(Piece::Calendar(std::mem::take(&mut calendar)));
                    pieces.push(Piece::Fraction(digits));
                }
                None => directive.translate(&mut calendar),
            }
        }
        calendar.push_str(rest);
        pieces.push(Piece::Calendar(calendar));
        Self(pieces)
    }

    /// Appends `time` to `out`, the fraction of its second as zeros, and says where that stands.
    pub(crate) fn render(&self, out: &mut String, time: &ZonedDateTime) -> Vec<Fraction> {
        let time = BrokenDownTime::from(time);
        // Lenient: what jiff cannot write is written as it stands.
        let lenient = Config::new().lenient(true);
        let mut fractions = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Calendar(format) => {
                    let before = out.len();
                    if time.format_with_config(&lenient, format, out).is_err() {
                        out.truncate(before);
                        out.push_str(format);
                    }
                }
                Piece::Fraction(digits) => {
                    fractions.push((out.len(), *digits));
                    out.extend(std::iter::repeat_n('0', *digits));
                }
            }
        }
        fractions
    }
}

/// One `%…` of a format: flags, width, modifier and letter.
struct Directive<'a> {
    /// The whole of it, from the `%`.
    text: &'a str,
    flags: &'a str,
    width: &'a str,
    /// `None` at the end of the format.
    letter: Option<char>,
}

impl<'a> Directive<'a> {
    /// Reads the directive that `text` starts with.
    fn read(text: &'a str) -> Self {
        let span =
            |text: &str, accepted: fn(u8) -> bool| text.bytes().take_while(|&byte| accepted(byte)).count();
        let after = &text[1..];
        let (flags, after) = after.split_at(span(after, |byte| b"-0^#_:".contains(&byte)));
        let (width, after) = after.split_at(span(after, |byte| byte.is_ascii_digit()));
        // E and O ask for other calendars and digits; Ruby has none and ignores them.
        let after = after.strip_prefix(['E', 'O']).unwrap_or(after);
        let letter = after.chars().next();
        let end = text.len() - after.len() + letter.map_or(0, char::len_utf8);
        Self { text: &text[..end], flags, width, letter }
    }

    fn fraction_digits(&self) -> Option<usize> {
        let usual = match self.letter {
            Some('L') => 3,
            Some('N') => 9,
            _ => return None,
        };
        let digits =
            if self.width.is_empty() { usual } else { self.width.parse().unwrap_or(FRACTION_DIGITS_MAX) };
        Some(digits.clamp(1, FRACTION_DIGITS_MAX))
    }

    /// Appends the same in jiff's terms.
    fn translate(&self, out: &mut String) {
        let composed = match self.letter {
            Some('c') => "%a %b %e %H:%M:%S %Y",
            Some('v') => "%e-%^b-%4Y",
            Some('x') => "%m/%d/%y",
            Some('X') => "%H:%M:%S",
            Some('r') => "%I:%M:%S %p",
            Some('+') => "%a %b %e %H:%M:%S %Z %Y",
            Some(letter) if "AaBbCDdeFGgHhIjklMmnPpRSsTtUuVWwYyZz".contains(letter) => {
                out.push('%');
                out.push_str(self.flags);
                out.push_str(self.width);
                out.push(letter);
                return;
            }
            Some('%') => "%%",
            // Ruby does not know it and writes it as it stands.
            _ => {
                out.push_str(&self.text.replace('%', "%%"));
                return;
            }
        };
        out.push_str(composed);
    }
}

/// Writes times; the text of the last second is kept, because events come many to a second.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    format: Strftime,
    zone: TimeZone,
    second: Option<i64>,
    text: String,
    fractions: Vec<Fraction>,
}

impl Clock {
    /// A clock for `format`; `%iso8601` is ISO 8601, with `Z` in UTC.
    ///
    /// # Errors
    /// See [`time_zone`].
    pub(crate) fn new(format: &str, zone: &Zone) -> io::Result<Self> {
        let format = match format {
            "%iso8601" if *zone == Zone::Utc => ISO_8601_UTC,
            "%iso8601" => ISO_8601,
            format => format,
        };
        let (format, zone) = (Strftime::compile(format), time_zone(zone)?);
        Ok(Self { format, zone, second: None, text: String::new(), fractions: Vec::new() })
    }

    /// Appends `time` to `out`.
    pub(crate) fn append(&mut self, out: &mut Vec<u8>, time: EventTime) {
        if self.second != Some(time.seconds) {
            self.text.clear();
            let zoned = timestamp(time.seconds).to_zoned_datetime(self.zone.clone());
            self.fractions = self.format.render(&mut self.text, &zoned);
            self.second = Some(time.seconds);
        }
        let start = out.len();
        out.extend_from_slice(self.text.as_bytes());
        for &(at, digits) in &self.fractions {
            write_digits(&mut out[start + at..start + at + digits], time.nanos);
        }
    }
}

/// Writes the leading digits of a fraction given in nanoseconds; cut, never rounded.
fn write_digits(out: &mut [u8], nanos: u32) {
    let mut unit = 100_000_000;
    for digit in out {
        if unit == 0 {
            break;
        }
        *digit = b'0' + (nanos / unit % 10) as u8;
        unit /= 10;
    }
}
