//! Any text is read without a panic, every place fits its text, and a printed tree reads back.

use fluentcast_config::load::{Environment, Loaded, load_text, load_yaml_text};
use fluentcast_config::source::{SourceMap, Span};
use fluentcast_config::tree::{Element, Param, Value};
use proptest::prelude::*;

fn environment() -> Environment {
    Environment {
        variables: [("FOO".to_owned(), "bar".to_owned())].into(),
        hostname: "host.example".to_owned(),
        worker_id: "0".to_owned(),
    }
}

fn check_span(sources: &SourceMap, span: Span) {
    let file = sources.file(span.file).expect("a span names a text");
    assert!(file.text.get(span.range()).is_some(), "{span:?} of {} bytes", file.text.len());
}

fn check_element(sources: &SourceMap, element: &Element) {
    check_span(sources, element.name_span);
    check_span(sources, element.arg_span);
    for param in &element.params {
        check_span(sources, param.key_span);
        check_span(sources, param.value_span);
    }
    for child in &element.children {
        check_element(sources, child);
    }
}

fn check(loaded: &Loaded) {
    check_element(&loaded.sources, &loaded.root);
    for diagnostic in loaded.diagnostics.iter() {
        check_span(&loaded.sources, diagnostic.span);
        assert!(diagnostic.help.is_some(), "{}: says what to do", diagnostic.code);
    }
    let shown = loaded.diagnostics.render(&loaded.sources);
    assert_eq!(shown.is_empty(), loaded.diagnostics.is_empty());
}

/// Words of both formats, so that random texts reach deep.
fn soup() -> impl Strategy<Value = String> {
    let words = [
        "<",
        ">",
        "</",
        "a",
        "match",
        " ",
        "\n",
        "\r\n",
        "\t",
        "#",
        "\"",
        "'",
        "\\",
        "#{",
        "}",
        "{",
        "[",
        "]",
        ",",
        ":",
        "ENV['FOO']",
        "ENV.fetch('X')",
        "use_nil",
        "use_default",
        "||",
        "==",
        "?",
        "1",
        "é",
        "@type",
        "@x",
        "@include ",
        "include ",
        "- ",
        "  ",
        "config:",
        "$type",
        "!fluent/s ",
        "!include ",
        "!fluent/json ",
        "&a ",
        "*a",
        "<<",
        "|",
        "---",
        "true",
        "null",
        "\0",
        "\u{feff}",
        "(",
        ")",
        ".",
        "to_i",
        "%",
        "?",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..60)
        .prop_map(|words| words.concat())
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_]{1,8}"
}

fn key() -> impl Strategy<Value = String> {
    // Two names cannot be keys: the language takes them for itself.
    prop_oneof![name(), "[^\u{0}]{1,6}", Just("include".to_owned())]
        .prop_filter("no include", |key| key != "@include" && key != "@x")
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Nil),
        Just(Value::Default),
        ".{0,12}".prop_map(Value::Text),
        "(?s).{0,12}".prop_map(Value::Text),
        "[ \t#\\\\\"'{}\\[\\]\r\n$a]{0,8}".prop_map(Value::Text),
    ]
}

fn element() -> impl Strategy<Value = Element> {
    let leaf = (name(), "(?s).{0,6}|[ #>\"'a*]{0,6}", proptest::collection::vec((key(), value()), 0..5))
        .prop_map(|(name, arg, params)| {
            let mut element = Element { name, arg, ..Element::default() };
            for (key, value) in params {
                if element.param(&key).is_none() {
                    let (key_span, value_span) = (Span::default(), Span::default());
                    element.params.push(Param { key, key_span, value, value_span });
                }
            }
            element
        });
    leaf.prop_recursive(4, 20, 4, |inner| {
        (inner.clone(), proptest::collection::vec(inner, 0..4))
            .prop_map(|(element, children)| Element { children, ..element })
    })
}

/// What a tree says, without its places.
fn without_places(element: &Element) -> Element {
    let params = element.params.iter().map(|param| Param {
        key_span: Span::default(),
        value_span: Span::default(),
        ..param.clone()
    });
    Element {
        name: element.name.clone(),
        arg: element.arg.clone(),
        params: params.collect(),
        children: element.children.iter().map(without_places).collect(),
        ..Element::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_read(text in "(?s).{0,200}") {
        check(&load_text("t.conf", &text, &environment()));
        check(&load_yaml_text("t.yaml", &text, &environment()));
    }

    #[test]
    fn any_words_of_the_language_are_read(text in soup()) {
        check(&load_text("t.conf", &text, &environment()));
    }

    #[test]
    fn any_words_of_yaml_are_read(text in soup()) {
        check(&load_yaml_text("t.yaml", &text, &environment()));
        let text = format!("config:\n  - source: {text}\n  - {text}\n{text}");
        check(&load_yaml_text("t.yaml", &text, &environment()));
    }

    #[test]
    fn a_printed_tree_reads_back(element in element()) {
        let root = Element { name: Element::ROOT.to_owned(), arg: String::new(), ..element };
        let printed = root.print();
        let loaded = load_text("t.conf", &printed, &Environment::default());
        let again = without_places(&loaded.root);
        prop_assert_eq!(&again, &root, "{}", printed);
    }
}
