use proptest::prelude::*;

use super::{Piece, Placeholder, Template, TemplateError, Text};
use crate::record::PathStep;

fn key(name: &str) -> PathStep {
    PathStep::Key(name.to_owned())
}

fn literal(text: &str) -> Piece {
    Piece::Literal(text.to_owned())
}

fn text(pieces: impl Into<Vec<Piece>>) -> Template {
    Template::Text(Text(pieces.into()))
}

fn string(text: &str) -> Text {
    Text(vec![literal(text)])
}

#[test]
fn every_placeholder_is_known() {
    for (written, expected) in [
        ("${tag}", Placeholder::Tag),
        ("${tag_parts[0]}", Placeholder::TagPart(0)),
        ("${tag_parts[-1]}", Placeholder::TagPart(-1)),
        ("${tag_parts.last}", Placeholder::TagPart(-1)),
        ("${tag_prefix[1]}", Placeholder::TagPrefix(1)),
        ("${tag_suffix[-2]}", Placeholder::TagSuffix(-2)),
        ("${time}", Placeholder::Time),
        ("${hostname}", Placeholder::Hostname),
        (r#"${record["k"]}"#, Placeholder::Record(vec![key("k")])),
        ("${record['a.b c']}", Placeholder::Record(vec![key("a.b c")])),
        (r#"${record["a}b"]}"#, Placeholder::Record(vec![key("a}b")])),
        (r#"${record["a"]['b'][-1]}"#, Placeholder::Record(vec![key("a"), key("b"), PathStep::Index(-1)])),
        (r#"${record.dig("a")}"#, Placeholder::Record(vec![key("a")])),
        (
            r#"${record.dig("a","b",  'c', 0)}"#,
            Placeholder::Record(vec![key("a"), key("b"), key("c"), PathStep::Index(0)]),
        ),
    ] {
        assert_eq!(Template::parse(written), Ok(text([Piece::Placeholder(expected.clone())])), "{written}");
        let Ok(Template::Text(parsed)) = Template::parse(&format!("é{written}${{tag}}é")) else {
            panic!("{written}")
        };
        assert_eq!(
            parsed.0,
            [
                literal("é"),
                Piece::Placeholder(expected.clone()),
                Piece::Placeholder(Placeholder::Tag),
                literal("é")
            ]
        );
        assert_eq!(parsed.single(), None);
    }
}

#[test]
fn an_unknown_placeholder_is_named() {
    for (written, named) in [
        ("x ${foo} y", "${foo}"),
        ("${tag.upcase}", "${tag.upcase}"),
        ("${tag_parts}", "${tag_parts}"),
        ("${tag_parts[x]}", "${tag_parts[x]}"),
        ("${tag_parts[0..1]}", "${tag_parts[0..1]}"),
        ("${tag_parts[99999999999999999999]}", "${tag_parts[99999999999999999999]}"),
        ("${record}", "${record}"),
        ("${record[0]}", "${record[0]}"),
        ("${record[k]}", "${record[k]}"),
        (r#"${record["a"]["b"}"#, r#"${record["a"]["b"}"#),
        (r#"${record["a"] }"#, r#"${record["a"] }"#),
        (r#"${record.dig()}"#, r#"${record.dig()}"#),
        (r#"${record.dig("a" "b")}"#, r#"${record.dig("a" "b")}"#),
        ("${time.strftime('%F')}", "${time.strftime('%F')}"),
        ("${ tag }", "${ tag }"),
        (r#"{"a":["${b}"]}"#, "${b}"),
        (r#"{"${c}":1}"#, "${c}"),
    ] {
        let error = Template::parse(written).unwrap_err();
        assert_eq!(error, TemplateError { placeholder: named.to_owned() }, "{written}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn what_is_no_placeholder_stays_text() {
    for written in
        ["", "plain", "${", "a ${ b", "${}", "$tag", "{tag}", "$", "#{x}", "${tag", "}${}", "__TAG__"]
    {
        let expected = if written.is_empty() { vec![] } else { vec![literal(written)] };
        assert_eq!(Template::parse(written), Ok(text(expected)), "{written}");
    }
}

#[test]
fn json_is_filled_in_inside() {
    let written = r#"{"b":"${record[\"n\"]}","${tag}":[1,-1,1.5,true,null,"x"],"o":{}}"#;
    let record = Text(vec![Piece::Placeholder(Placeholder::Record(vec![key("n")]))]);
    let items = vec![
        Template::Constant(vec![1]),
        Template::Constant(vec![0xff]),
        Template::Constant(vec![0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
        Template::Constant(vec![0xc3]),
        Template::Constant(vec![0xc0]),
        Template::Text(string("x")),
    ];
    assert_eq!(
        Template::parse(written),
        Ok(Template::Object(vec![
            (string("b"), Template::Text(record)),
            (Text(vec![Piece::Placeholder(Placeholder::Tag)]), Template::Array(items)),
            (string("o"), Template::Object(vec![])),
        ]))
    );
}

#[test]
fn what_only_looks_like_json_is_text() {
    for written in ["[a] b", "{", "{1}", "[1,]", "1", "true", "\"quoted\"", " [1]"] {
        assert_eq!(Template::parse(written), Ok(text([literal(written)])), "{written}");
    }
    let unescaped = Template::parse(r#"{"b":${record["n"]}}"#).unwrap();
    assert!(matches!(unescaped, Template::Text(Text(pieces)) if pieces.len() == 3));
}

#[test]
fn nesting_is_bounded() {
    // Deeper than the JSON parser goes, and thereby plain text.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(Template::parse(&deep), Ok(text([literal(&deep)])));
}

proptest! {
    #[test]
    fn nothing_makes_parsing_panic(written in r#"([${}\[\]"'.,a-]|tag|record|tag_parts|\.dig\(|\PC){0,12}"#) {
        let _ = Template::parse(&written);
    }
}
