//! What a client asks for in its URL: a token, and a filter by fields.

use fluentcast_broadcast::filter::Filter;
use fluentcast_event::limits::{FILTER_CONDITIONS_MAX, FILTER_NAME_BYTES_MAX};

/// The name that authenticates and never filters.
const TOKEN: &str = "token";

/// Names that start so speak to Fluentcast and are no fields.
const RESERVED_PREFIX: char = '$';

/// A query string, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The last `token`.
    pub token: Option<String>,
    /// Every other name.
    pub filter: Filter,
}

/// Why a query string cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A `$` name this version does not know.
    #[error(
        "Unknown parameter `{0}`: names that start with `$` are reserved. To filter by a field, leave the `$` out."
    )]
    Unknown(String),
    /// More conditions than an event should have to pass.
    #[error("A filter may have at most {FILTER_CONDITIONS_MAX} conditions.")]
    TooMany,
    /// A name that no record has.
    #[error("A field name in a filter may have at most {FILTER_NAME_BYTES_MAX} bytes.")]
    NameTooLong,
}

impl Query {
    /// Reads a query string: percent-decoded, `+` as a blank, empty elements ignored, invalid UTF-8
    /// replaced.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let mut token = None;
        let mut conditions = Vec::new();
        for element in query.split('&').filter(|element| !element.is_empty()) {
            let Some((name, value)) = form_urlencoded::parse(element.as_bytes()).next() else { continue };
            // `?k` and `?k=` differ: the first asks for null, the second for empty text.
            let value = element.contains('=').then(|| value.into_owned());
            if name == TOKEN {
                token = Some(value.unwrap_or_default());
            } else if name.starts_with(RESERVED_PREFIX) {
                return Err(QueryError::Unknown(name.into_owned()));
            } else if name.len() > FILTER_NAME_BYTES_MAX {
                return Err(QueryError::NameTooLong);
            } else if conditions.len() == FILTER_CONDITIONS_MAX {
                return Err(QueryError::TooMany);
            } else {
                conditions.push((name.into_owned(), value));
            }
        }
        Ok(Self { token, filter: Filter::from_pairs(conditions) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pairs: &[(&str, Option<&str>)]) -> Filter {
        Filter::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))))
    }

    #[test]
    fn query_strings() {
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
            let parsed = Query::parse(query).expect(query);
            assert_eq!((parsed.token.as_deref(), parsed.filter), (token, filter(pairs)), "{query}");
        }
    }

    #[test]
    fn what_is_reserved_or_too_much_is_named() {
        assert_eq!(Query::parse("a=1&$tag=x"), Err(QueryError::Unknown("$tag".to_owned())));
        assert_eq!(Query::parse("%24tag=x"), Err(QueryError::Unknown("$tag".to_owned())));
        assert_eq!(Query::parse(&"a=1&".repeat(FILTER_CONDITIONS_MAX + 1)), Err(QueryError::TooMany));
        let long = "a".repeat(FILTER_NAME_BYTES_MAX + 1);
        assert_eq!(Query::parse(&long), Err(QueryError::NameTooLong));
    }
}
