//! What a client asks for, in its URL or later in a `subscribe` message: a token, what it wants to see,
//! from where on.

use std::num::NonZeroU32;
use std::time::Duration;

use fluentcast_broadcast::encode::Format;
use fluentcast_broadcast::filter::Filter;
use fluentcast_broadcast::history::{Epoch, Position};
use fluentcast_broadcast::hub::Start;
use fluentcast_broadcast::tags::TagChoice;
use fluentcast_config::settings::{Secret, SlowClient};
use fluentcast_event::EventTime;
use fluentcast_event::limits::{FILTER_CONDITIONS_MAX, FILTER_NAME_BYTES_MAX, TAG_CHOICES_MAX};
use fluentcast_event::projection::Projection;
use fluentcast_expression::Expression;

use super::since;

/// The name that authenticates and never filters.
const TOKEN: &str = "token";

/// Names that start so speak to Fluentcast and are no fields.
const RESERVED_PREFIX: char = '$';

/// The names that start with `$`, as they are listed when one is misspelt.
const RESERVED: &str = "`$tag`, `$filter`, `$fields`, `$last`, `$since`, `$max_rate`, `$follow`, `$format`, `$add_tag`, \
                        `$add_time`, `$slow_client` and `$client_lag_limit`";

/// Names and values, decoded; `None` is a name without `=`.
pub type Pairs = Vec<(String, Option<String>)>;

/// What a client asks for, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// `$tag`.
    pub tags: TagChoice,
    /// Every name without `$`.
    pub filter: Filter,
    /// `$fields`.
    pub fields: Option<Projection>,
    /// `$max_rate`: events per second.
    pub max_rate: Option<NonZeroU32>,
    /// `$last` or `$since`.
    pub start: Option<Start>,
    /// `$follow=false`: only what there is.
    pub ends: bool,
    /// `$format`.
    pub format: Option<Format>,
    /// `$add_tag`.
    pub add_tag: Option<bool>,
    /// `$add_time`.
    pub add_time: Option<bool>,
    /// `$slow_client`.
    pub slow_client: Option<SlowClient>,
    /// `$client_lag_limit`: bytes.
    pub lag_bytes_max: Option<u64>,
}

/// Why it cannot be served: a sentence that names the parameter and says what is right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(String);

/// One line, whatever of the query is quoted in it.
fn wrong(text: impl Into<String>) -> QueryError {
    QueryError(text.into().replace(char::is_control, "\u{fffd}"))
}

/// Reads a query string: percent-decoded, `+` as a blank, empty elements ignored, invalid UTF-8 replaced.
#[must_use]
pub fn pairs(query: &str) -> Pairs {
    let elements = query.split('&').filter(|element| !element.is_empty());
    elements
        .filter_map(|element| {
            let (name, value) = form_urlencoded::parse(element.as_bytes()).next()?;
            // `?k` and `?k=` differ: the first asks for null, the second for empty text.
            Some((name.into_owned(), element.contains('=').then(|| value.into_owned())))
        })
        .collect()
}

/// The token among them: the last counts.
#[must_use]
pub fn token(pairs: &[(String, Option<String>)]) -> Option<Secret> {
    let found = pairs.iter().rev().find(|(name, _)| name == TOKEN);
    found.map(|(_, value)| Secret::new(value.clone().unwrap_or_default()))
}

impl Query {
    /// Understands what is asked. `epoch` is the numbering that a bare number in `$since` belongs to; in
    /// a URL, which may outlive a numbering, there is none.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn read(pairs: &[(String, Option<String>)], epoch: Option<Epoch>) -> Result<Self, QueryError> {
        let mut query = Self::default();
        let (mut tags, mut conditions, mut expression) = (Vec::new(), Vec::new(), None);
        for (name, value) in pairs {
            if name == TOKEN {
                // Was judged before.
            } else if name.starts_with(RESERVED_PREFIX) {
                let text = value.as_deref().unwrap_or_default().trim();
                if name == "$tag" {
                    tags.push(text);
                } else if name == "$filter" {
                    let parsed =
                        Expression::parse(text).map_err(|error| wrong(format!("`$filter`: {error}")))?;
                    if expression.replace(parsed).is_some() {
                        return Err(wrong("`$filter` may be given once: join conditions by `&&`."));
                    }
                } else {
                    query.set(name, text, epoch)?;
                }
            } else if name.len() > FILTER_NAME_BYTES_MAX {
                return Err(wrong(format!(
                    "A field name in a filter may have at most {FILTER_NAME_BYTES_MAX} bytes."
                )));
            } else {
                conditions.push((name.clone(), value.clone()));
            }
        }
        if conditions.len() > FILTER_CONDITIONS_MAX {
            return Err(wrong(format!("A filter may have at most {FILTER_CONDITIONS_MAX} conditions.")));
        }
        if tags.len() > TAG_CHOICES_MAX {
            return Err(wrong(format!("`$tag` may be given at most {TAG_CHOICES_MAX} times.")));
        }
        query.tags = TagChoice::parse(tags).map_err(|error| wrong(format!("`$tag`: {error}.")))?;
        query.filter = Filter::from_pairs(conditions);
        if let Some(expression) = expression {
            query.filter = query.filter.and(expression);
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, text: &str, epoch: Option<Epoch>) -> Result<(), QueryError> {
        let number = || match text.parse::<u64>() {
            Ok(number) if !text.starts_with('+') => Ok(number),
            _ => Err(wrong(format!("`{name}={text}`: a whole number is needed, such as `{name}=100`."))),
        };
        let truth = || match text {
            "" | "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(wrong(format!("`{name}={text}`: `true` or `false` is needed."))),
        };
        match name {
            "$last" => self.start_with(Start::Last(number()?))?,
            "$since" => self.start_with(since::parse(text, epoch, EventTime::now()).map_err(wrong)?)?,
            "$max_rate" => {
                let rate = u32::try_from(number()?).ok().and_then(NonZeroU32::new);
                let rate =
                    rate.ok_or_else(|| wrong(format!("`$max_rate={text}`: events per second, at least 1.")))?;
                self.max_rate = Some(rate);
            }
            "$fields" => {
                let fields = Projection::parse(text).map_err(|error| wrong(format!("`$fields`: {error}")))?;
                self.fields = Some(fields);
            }
            "$follow" => self.ends = !truth()?,
            "$add_tag" => self.add_tag = Some(truth()?),
            "$add_time" => self.add_time = Some(truth()?),
            "$format" => {
                self.format = Some(match text {
                    "json" => Format::Json,
                    "msgpack" => Format::Msgpack,
                    _ => return Err(wrong(format!("`$format={text}`: `json` or `msgpack` is needed."))),
                });
            }
            "$slow_client" => {
                self.slow_client = Some(match text {
                    "disconnect" => SlowClient::Disconnect,
                    "skip" => SlowClient::Skip,
                    "sample" => SlowClient::Sample,
                    _ => {
                        return Err(wrong(format!(
                            "`$slow_client={text}`: `disconnect`, `skip` or `sample` is needed."
                        )));
                    }
                });
            }
            "$client_lag_limit" => self.lag_bytes_max = Some(number()?),
            _ => {
                return Err(wrong(format!(
                    "Unknown parameter `{name}`: names that start with `$` are reserved, and there are \
                     {RESERVED}. To filter by a field, leave the `$` out."
                )));
            }
        }
        Ok(())
    }

    fn start_with(&mut self, start: Start) -> Result<(), QueryError> {
        match self.start.replace(start) {
            None => Ok(()),
            Some(_) => Err(wrong("`$since` and `$last` say where to begin: give one of them, once.")),
        }
    }
}

/// A duration such as `30s`, `5m`, `2h`, `1d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let count: u64 = digits.parse().ok().filter(|_| !digits.starts_with('+'))?;
    Some(Duration::from_secs(count.checked_mul(seconds)?))
}

/// A place in the stream that its owner has reached.
pub(super) fn position(text: &str) -> Option<Position> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Query, QueryError> {
        Query::read(&pairs(query), None)
    }

    fn filter(pairs: &[(&str, Option<&str>)]) -> Filter {
        Filter::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))))
    }

    #[test]
    fn fields_and_tokens() {
        for (query, token, pairs) in [
            ("", None, &[][..]),
            ("a&&b", None, &[("a", None), ("b", None)]),
            ("&", None, &[]),
            ("foo=bar&n=6", None, &[("foo", Some("bar")), ("n", Some("6"))]),
            ("foo=a%20b+c&%66=%3D%26", None, &[("foo", Some("a b c")), ("f", Some("=&"))]),
            ("k=", None, &[("k", Some(""))]),
            ("a=b=c", None, &[("a", Some("b=c"))]),
            ("token=x&token=y%2B&a=1", Some("y+"), &[("a", Some("1"))]),
            ("token", Some(""), &[]),
            ("%zz=%", None, &[("%zz", Some("%"))]),
            ("a=%ff", None, &[("a", Some("\u{fffd}"))]),
            ("=v", None, &[("", Some("v"))]),
        ] {
            let presented = super::token(&super::pairs(query));
            let parsed = read(query).expect(query);
            assert_eq!(presented.as_ref().map(Secret::expose), token, "{query}");
            assert_eq!(parsed.filter, filter(pairs), "{query}");
        }
    }

    #[test]
    fn what_speaks_to_fluentcast() {
        let query =
            read("$tag=app.**&$tag=!app.x&$last=5&$max_rate=10&$follow=false&a=1").expect("all known");
        assert!(query.tags.takes("app.y") && !query.tags.takes("app.x"));
        assert_eq!((query.start, query.ends), (Some(Start::Last(5)), true));
        assert_eq!(query.max_rate.map(NonZeroU32::get), Some(10));
        let query = read("%24slow_client=sample&$client_lag_limit=9&$format=msgpack&$add_tag&$add_time=0");
        let query = query.expect("all known");
        assert_eq!((query.slow_client, query.lag_bytes_max), (Some(SlowClient::Sample), Some(9)));
        assert_eq!(
            (query.format, query.add_tag, query.add_time),
            (Some(Format::Msgpack), Some(true), Some(false))
        );
    }

    #[test]
    fn mistakes_are_named() {
        let many = "a=1&".repeat(FILTER_CONDITIONS_MAX + 1);
        let long = "a".repeat(FILTER_NAME_BYTES_MAX + 1);
        let tags = "$tag=a&".repeat(TAG_CHOICES_MAX + 1);
        for (query, named) in [
            ("a=1&$tags=x", "Unknown parameter `$tags`"),
            ("%24x=x", "Unknown parameter `$x`"),
            ("$last=-1", "`$last=-1`: a whole number"),
            ("$max_rate=0", "`$max_rate=0`: events per second"),
            ("$max_rate=5000000000", "`$max_rate=5000000000`: events per second"),
            ("$follow=no", "`$follow=no`: `true` or `false`"),
            ("$format=xml", "`$format=xml`"),
            ("$slow_client=wait", "`$slow_client=wait`"),
            ("$last=1&$since=5m", "give one of them"),
            ("$since=17", "`$since=17`"),
            ("$since=1%0D%0A2", "`$since=1\u{fffd}\u{fffd}2`"),
            ("$%00=%1b", "Unknown parameter `$\u{fffd}`"),
            ("$tag=/[/", "`$tag`"),
            (&many, "at most 64 conditions"),
            (&long, "at most 1024 bytes"),
            (&tags, "at most 64 times"),
        ] {
            let told = read(query).expect_err(query).to_string();
            assert!(told.contains(named), "{query}: {told}");
        }
    }
}
