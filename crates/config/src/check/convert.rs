//! From a parameter's text to the Rust type of its setting, as the table says its kind is.

use std::time::Duration;

use fluentcast_event::limits::CONFIG_TIME_SECONDS_MAX;

use crate::parameters::Kind;
use crate::settings::{ByteSize, Regex, Secret, Zone};
use crate::values::{self, Advice, Converted, Strictness};

/// Why a text is no such value.
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) advice: Advice,
}

impl From<Advice> for Problem {
    fn from(advice: Advice) -> Self {
        Self { code: "invalid-value", advice }
    }
}

impl Problem {
    /// When the number was read otherwise than a person would, the help says so: it is why it is out of range.
    fn range(message: String, misleading: Option<Advice>) -> Self {
        let advice = Advice::new(message);
        let advice = match misleading {
            Some(Advice { message, help: Some(help) }) => advice.help(format!("{message}; {help}")),
            Some(Advice { message, help: None }) => advice.help(message),
            None => advice,
        };
        Self { code: "out-of-range", advice }
    }
}

type Result<T> = std::result::Result<Converted<T>, Problem>;

/// A type that a parameter can be read as.
pub(super) trait FromText: Sized {
    /// Converts; `kind` is the table's.
    fn from_text(text: &str, kind: Kind, strictness: Strictness) -> Result<Self>;
}

impl FromText for String {
    fn from_text(text: &str, kind: Kind, _: Strictness) -> Result<Self> {
        debug_assert!(matches!(kind, Kind::Text | Kind::Json | Kind::Choice(_)), "{kind:?} is no text");
        match kind {
            Kind::Choice(options) => Ok(Converted::plain(values::choice(text, options)?.to_owned())),
            _ => Ok(Converted::plain(text.to_owned())),
        }
    }
}

impl FromText for Secret {
    fn from_text(text: &str, kind: Kind, _: Strictness) -> Result<Self> {
        debug_assert!(matches!(kind, Kind::Secret), "{kind:?} is no secret");
        Ok(Converted::plain(Self::new(text.to_owned())))
    }
}

impl FromText for bool {
    fn from_text(text: &str, kind: Kind, _: Strictness) -> Result<Self> {
        debug_assert!(matches!(kind, Kind::Bool), "{kind:?} is no bool");
        Ok(Converted::plain(values::boolean(text)?))
    }
}

impl FromText for Vec<String> {
    fn from_text(text: &str, kind: Kind, _: Strictness) -> Result<Self> {
        debug_assert!(matches!(kind, Kind::List), "{kind:?} is no list");
        Ok(Converted::plain(values::list(text)?))
    }
}

impl FromText for Regex {
    fn from_text(text: &str, kind: Kind, _: Strictness) -> Result<Self> {
        debug_assert!(matches!(kind, Kind::Regexp), "{kind:?} is no regexp");
        Ok(Converted::plain(values::regexp(text)?))
    }
}

impl FromText for Zone {
    fn from_text(text: &str, kind: Kind, _: Strictness) -> Result<Self> {
        debug_assert!(matches!(kind, Kind::Zone), "{kind:?} is no time zone");
        Ok(Converted::plain(values::zone(text)?))
    }
}

/// A port.
impl FromText for u16 {
    fn from_text(text: &str, kind: Kind, strictness: Strictness) -> Result<Self> {
        debug_assert!(matches!(kind, Kind::Port), "{kind:?} is no port");
        let number = values::integer(text, strictness)?;
        let Ok(port) = Self::try_from(number.value) else {
            let advice = Advice::new(format!("{} is no port", number.value)).help("ports are 0 to 65535");
            return Err(Problem { code: "port-range", advice });
        };
        Ok(number.map(|_| port))
    }
}

/// A number, or permissions of a file.
impl FromText for u32 {
    fn from_text(text: &str, kind: Kind, strictness: Strictness) -> Result<Self> {
        if kind == Kind::Mode {
            return Ok(Converted::plain(values::octal(text)?));
        }
        ranged(text, kind, strictness)
    }
}

impl FromText for u64 {
    fn from_text(text: &str, kind: Kind, strictness: Strictness) -> Result<Self> {
        ranged(text, kind, strictness)
    }
}

impl FromText for usize {
    fn from_text(text: &str, kind: Kind, strictness: Strictness) -> Result<Self> {
        ranged(text, kind, strictness)
    }
}

fn ranged<T: TryFrom<i64>>(text: &str, kind: Kind, strictness: Strictness) -> Result<T> {
    debug_assert!(matches!(kind, Kind::Integer(..)), "{kind:?} is no integer");
    let Kind::Integer(min, max) = kind else {
        return Err(Advice::new("not an integer").into());
    };
    let number = values::integer(text, strictness)?;
    match T::try_from(number.value) {
        Ok(value) if (min..=max).contains(&number.value) => Ok(number.map(|_| value)),
        _ => {
            let message = match max {
                i64::MAX => format!("it must be at least {min}, not {}", number.value),
                _ => format!("{} is not between {min} and {max}", number.value),
            };
            Err(Problem::range(message, number.misleading))
        }
    }
}

impl FromText for ByteSize {
    fn from_text(text: &str, kind: Kind, strictness: Strictness) -> Result<Self> {
        debug_assert!(matches!(kind, Kind::Size(_)), "{kind:?} is no size");
        let min = if let Kind::Size(min) = kind { min } else { 0 };
        let size = values::size(text, strictness)?;
        match u64::try_from(size.value) {
            Ok(bytes) if bytes >= min => Ok(size.map(|_| Self(bytes))),
            _ => Err(Problem::range(
                format!("it must be at least {min} bytes, not {}", size.value),
                size.misleading,
            )),
        }
    }
}

impl FromText for Duration {
    fn from_text(text: &str, kind: Kind, strictness: Strictness) -> Result<Self> {
        debug_assert!(matches!(kind, Kind::Time(_) | Kind::TimeBetween(..)), "{kind:?} is no time");
        let longest = Self::from_secs(CONFIG_TIME_SECONDS_MAX.into());
        let (min, max) = match kind {
            Kind::Time(min) => (Self::from_secs(min.into()), longest),
            Kind::TimeBetween(min, max) => (min, max),
            _ => (Self::ZERO, longest),
        };
        let time = values::time(text, strictness)?;
        let (min_seconds, max_seconds) = (min.as_secs_f64(), max.as_secs_f64());
        match Self::try_from_secs_f64(time.value) {
            Ok(duration) if (min..=max).contains(&duration) => Ok(time.map(|_| duration)),
            _ if time.value > max_seconds && max == longest => Err(Problem::range(
                format!("{} seconds are longer than a hundred years", time.value),
                time.misleading,
            )),
            _ if time.value > max_seconds => Err(Problem::range(
                format!("it must be at most {max_seconds} seconds, not {}", time.value),
                time.misleading,
            )),
            _ => Err(Problem::range(
                format!("it must be at least {min_seconds} seconds, not {}", time.value),
                time.misleading,
            )),
        }
    }
}
