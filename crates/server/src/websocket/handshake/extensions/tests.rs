use hyper::header::HeaderValue;
use proptest::prelude::*;

use super::*;

const AGREED_WINDOW: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                             server_max_window_bits=12";

const SMALL_WINDOW: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                            server_max_window_bits=9";

fn answer(lines: &[&str]) -> Result<Option<String>, Malformed> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_bytes(line.as_bytes()).expect("a value"));
    }
    Ok(agree(&headers)?.map(|Agreed { answer, window }| {
        assert_eq!(answer.ends_with("=9"), window == Window::Small, "{answer}");
        answer
    }))
}

#[test]
fn the_first_offer_that_can_be_met_is_accepted() {
    for (offered, answered) in [
        // Firefox; Chromium, Node's ws and Python's websockets; whoever has little memory.
        ("permessage-deflate", AGREED),
        ("permessage-deflate; client_max_window_bits", AGREED),
        ("permessage-deflate; server_max_window_bits=12; client_max_window_bits=12", AGREED_WINDOW),
        ("permessage-deflate;server_no_context_takeover ;\tclient_no_context_takeover", AGREED),
        ("permessage-deflate; client_max_window_bits=8", AGREED),
        ("permessage-deflate; server_max_window_bits=15", AGREED_WINDOW),
        ("permessage-deflate; server_max_window_bits = \"13\"", AGREED_WINDOW),
        ("permessage-deflate; server_max_window_bits=\"1\\4\"", AGREED_WINDOW),
        // The first that can be.
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", AGREED),
        ("permessage-deflate; server_max_window_bits=9, permessage-deflate", SMALL_WINDOW),
        ("permessage-deflate; server_max_window_bits=11", SMALL_WINDOW),
        ("permessage-deflate; new, , permessage-deflate; server_max_window_bits=14", AGREED_WINDOW),
        ("permessage-deflate, permessage-deflate; server_max_window_bits=14", AGREED),
        ("x; y=\"permessage-deflate\", permessage-deflate,", AGREED),
    ] {
        assert_eq!(answer(&[offered]), Ok(Some(answered.to_owned())), "{offered}");
    }
    assert_eq!(answer(&["x-webkit-deflate-frame", "permessage-deflate"]), Ok(Some(AGREED.to_owned())));
}

#[test]
fn any_other_offer_is_declined() {
    assert_eq!(answer(&[]), Ok(None));
    for offered in [
        "",
        ", ,",
        "x-webkit-deflate-frame",
        "permessage-deflate-2",
        "Permessage",
        "x; permessage-deflate",
        "permessage-deflate; unknown",
        "permessage-deflate; unknown=1",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=15; server_max_window_bits=15",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=012",
        "permessage-deflate; server_max_window_bits=+12",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=09",
        "permessage-deflate; client_max_window_bits=ten",
    ] {
        assert_eq!(answer(&[offered]), Ok(None), "{offered}");
    }
}

#[test]
fn what_is_no_list_of_extensions_is_malformed() {
    for offered in [
        "permessage-deflate;",
        "permessage-deflate; ;x",
        ";x",
        "permessage deflate",
        "permessage-deflate; x=",
        "permessage-deflate; x=\"",
        "permessage-deflate; x=\"\"",
        "permessage-deflate; x=\"a b\"",
        "permessage-deflate; x=\"a\\",
        "permessage-deflate; x=\"a\"b",
        "permessage-deflate; x=a=b",
        "permessage-deflate, \u{e9}",
        "permessage-deflate, @",
    ] {
        assert_eq!(answer(&[offered]), Err(Malformed), "{offered}");
    }
    assert_eq!(answer(&["permessage-deflate", "\""]), Err(Malformed));
}

proptest! {
    #[test]
    fn any_line_is_answered_or_malformed(line in "[ -~\t]{0,80}") {
        let _ = answer(&[&line]);
    }

    #[test]
    fn any_offer_of_the_grammar_is_read_as_it_was_written(
        offers in prop::collection::vec(
            ("[a-z-]{1,6}", prop::collection::vec(("[a-z_]{1,6}", prop::option::of("[a-z0-9]{1,4}")), 0..4)),
            0..4,
        ),
        quoted in any::<bool>(),
        space in "[ \t]{0,2}",
    ) {
        let quote = if quoted { "\"" } else { "" };
        let mut line = String::new();
        for (name, parameters) in &offers {
            line.push_str(&format!("{space}{name}{space}"));
            for (name, value) in parameters {
                line.push_str(&format!(";{space}{name}{space}"));
                if let Some(value) = value {
                    line.push_str(&format!("={space}{quote}{value}{quote}{space}"));
                }
            }
            line.push(',');
        }
        let mut text = Text { rest: &line };
        for (name, parameters) in &offers {
            let parameters =
                parameters.iter().map(|(name, value)| (name.as_str(), value.clone().map(Cow::Owned))).collect();
            prop_assert_eq!(text.offer(), Ok(Some(Offer { name, parameters })));
        }
        prop_assert_eq!(text.offer(), Ok(None));
    }
}
