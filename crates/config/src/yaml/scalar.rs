//! What the words of YAML mean, by YAML 1.1 as Ruby reads it, where that changes a value.

use serde_json::Value as Json;

/// A plain scalar.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plain<'a> {
    Null,
    Bool(bool),
    /// A hexadecimal number; others keep their text.
    Hexadecimal(i64),
    Text(&'a str),
}

/// What a scalar without quotes is.
pub(super) fn plain(text: &str) -> Plain<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Plain::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Plain::Bool(false);
        }
        _ => {}
    }
    let hexadecimal = text
        .strip_prefix("0x")
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|digits| i64::from_str_radix(digits, 16).ok());
    hexadecimal.map_or(Plain::Text(text), Plain::Hexadecimal)
}

/// The same in JSON, where numbers are numbers.
pub(super) fn plain_json(text: &str) -> Json {
    match plain(text) {
        Plain::Null => Json::Null,
        Plain::Bool(truth) => Json::Bool(truth),
        Plain::Hexadecimal(number) => Json::from(number),
        Plain::Text(text) => match serde_json::from_str(text) {
            Ok(number @ Json::Number(_)) => number,
            _ => Json::String(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_yaml() {
        assert_eq!(plain("~"), Plain::Null);
        assert_eq!(plain("Yes"), Plain::Bool(true));
        assert_eq!(plain("OFF"), Plain::Bool(false));
        assert_eq!(plain("0x10"), Plain::Hexadecimal(16));
        assert_eq!(plain("0x"), Plain::Text("0x"));
        assert_eq!(plain("0644"), Plain::Text("0644"));
        assert_eq!(plain_json("1.5").to_string(), "1.5");
        assert_eq!(plain_json("0644").to_string(), "\"0644\"");
        assert_eq!(plain_json("[").to_string(), "\"[\"");
    }
}
