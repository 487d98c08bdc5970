//! What golden cases cannot show: that the table and the code agree, and that nothing panics.

use std::collections::BTreeSet;

use super::*;
use crate::load::{self, Environment};
use crate::parameters::{SECTIONS, Status};

fn load(text: &str) -> load::Loaded {
    load::load_text("t.conf", text, &Environment::default())
}

/// The settings, and the diagnostics as text.
fn check_text(text: &str) -> (Option<Settings>, String) {
    let mut loaded = load(text);
    let settings = check(&loaded.root, &loaded.sources, &mut loaded.diagnostics);
    (settings, loaded.diagnostics.render(&loaded.sources))
}

/// One of everything.
const EVERYTHING: &str = r#"
<source>
  @type forward
  <transport tls>
    cert_path /c
    private_key_path /k
  </transport>
  <security>
    self_hostname h
    shared_key k
    user_auth true
    <user>
      username u
      password p
    </user>
    <client>
      host h
    </client>
  </security>
</source>
<source>
  @type http
  <transport tcp>
  </transport>
</source>
<source>
  @type sample
  tag t
</source>
<filter>
  @type grep
  <regexp>
    key k
    pattern p
  </regexp>
</filter>
<filter>
  @type record_transformer
  <record>
    a b
  </record>
</filter>
<filter>
  @type stdout
</filter>
<match a>
  @type copy
  <store>
    @type websocket
    host 127.0.0.1
    <token>
      name t
      token t
    </token>
    <history>
    </history>
  </store>
  <store>
    @type file
    path /p
  </store>
  <store>
    @type file
    path /p
    <format>
      @type json
    </format>
  </store>
  <store>
    @type file
    path /p
    <format>
      @type ltsv
    </format>
  </store>
  <store>
    @type stdout
    <format>
      @type single_value
    </format>
  </store>
</match>
<match b>
  @type null
</match>
"#;

#[test]
fn every_honoured_parameter_is_read() {
    let mut loaded = load(EVERYTHING);
    let no_system = Element { name: "system".to_owned(), ..Element::default() };
    let mut ctx = Context::new(&loaded.sources, &mut loaded.diagnostics);
    read(&mut ctx, &loaded.root, &no_system);
    let reads = ctx.reads;
    assert_eq!(loaded.diagnostics.render(&loaded.sources), "");
    let honoured: BTreeSet<_> = SECTIONS
        .iter()
        .flat_map(|section| section.parameters.iter().map(move |row| (section.path, row)))
        .filter(|(_, row)| row.status == Status::Honoured)
        // These are read by every plugin, and `@type` of a section by whoever chooses the section's table.
        .filter(|(path, row)| *path != crate::parameters::system::PLUGIN.path && row.name != "@type")
        .map(|(path, row)| (path, row.name))
        .collect();
    assert_eq!(reads, honoured);
}

#[test]
fn the_default_configuration_is_clean() {
    let (settings, diagnostics) = check_text(crate::DEFAULT_CONFIG);
    assert_eq!(diagnostics, "");
    let settings = settings.unwrap();
    assert_eq!(settings.sources.len(), 2);
    assert_eq!(settings.scopes[0].rules.len(), 1);
}

#[test]
fn errors_of_others_do_not_hide_the_settings() {
    let mut loaded = load("<match a>\n@type null\n</match>");
    loaded.diagnostics.error("bad-path", crate::source::Span::default(), "found while reading");
    assert!(check(&loaded.root, &loaded.sources, &mut loaded.diagnostics).is_some());
}

#[test]
fn a_history_path_has_a_longest() {
    let check_path = |bytes| {
        let path = format!("/{}", "a/".repeat(bytes / 2));
        check_text(&format!(
            "<match>\n@type websocket\nhost 127.0.0.1\n<history>\npath {}\n</history>\n</match>",
            &path[..bytes]
        ))
    };
    let longest = fluentcast_event::limits::HISTORY_PATH_BYTES_MAX;
    assert_eq!(check_path(longest).1, "");
    let (settings, diagnostics) = check_path(longest + 1);
    assert!(
        settings.is_none() && diagnostics.contains("error[bad-path]: path: it is longer than"),
        "{diagnostics}"
    );
}

mod random {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnostics::Diagnostics;
    use crate::source::{SourceMap, Span};
    use crate::tree::{Param, Value};

    const TYPES: [&str; 12] = [
        "forward",
        "http",
        "sample",
        "grep",
        "record_transformer",
        "stdout",
        "websocket",
        "copy",
        "file",
        "null",
        "relabel",
        "tail",
    ];
    const VALUES: [&str; 26] = [
        "",
        "0",
        "-1",
        "1",
        "70000",
        "99999999999999999999",
        "1e400",
        "500ms",
        "9999999999999d",
        "8k",
        "true",
        "TRUE",
        "/a",
        "/(/",
        "[",
        "[1]",
        "{}",
        "{\"a\":1}",
        "@A",
        "@ROOT",
        "${tag}.%Y*",
        "${",
        "é€",
        "$.a[0",
        "json",
        "tag,time",
    ];

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            8 => prop::sample::select(&VALUES[..]).prop_map(|text| Value::Text(text.to_owned())),
            2 => any::<String>().prop_map(Value::Text),
            1 => Just(Value::Nil),
            1 => Just(Value::Default),
        ]
    }

    fn key() -> impl Strategy<Value = String> {
        let known: Vec<_> = SECTIONS
            .iter()
            .flat_map(|section| {
                let moved = section.moved().map(|moved| moved.old);
                section.parameters.iter().map(|row| row.name).chain(moved)
            })
            .map(str::to_owned)
            .collect();
        prop_oneof![4 => prop::sample::select(known), 1 => any::<String>()]
    }

    fn param() -> impl Strategy<Value = Param> {
        let span = Span::new(0, 0..1);
        (key(), value()).prop_map(move |(key, value)| Param { key, key_span: span, value, value_span: span })
    }

    fn element() -> impl Strategy<Value = Element> {
        const NAMES: [&str; 21] = [
            "source",
            "match",
            "filter",
            "label",
            "system",
            "worker",
            "store",
            "buffer",
            "format",
            "parse",
            "transport",
            "security",
            "user",
            "client",
            "record",
            "regexp",
            "exclude",
            "and",
            "or",
            "inject",
            "history",
        ];
        let arguments =
            prop::sample::select(&["", "**", "a", "@A", "0", "0-9", "tls", "tag,time", "[]", "/(/"][..]);
        let leaf = (
            prop::sample::select(&NAMES[..]),
            arguments,
            prop::option::of(prop::sample::select(&TYPES[..])),
            prop::collection::vec(param(), 0..6),
        )
            .prop_map(|(name, arg, type_name, mut params)| {
                if let Some(type_name) = type_name {
                    params.push(Param {
                        key: "@type".to_owned(),
                        key_span: Span::default(),
                        value: Value::Text(type_name.to_owned()),
                        value_span: Span::default(),
                    });
                }
                Element { name: name.to_owned(), arg: arg.to_owned(), params, ..Element::default() }
            });
        leaf.prop_recursive(4, 24, 4, |inner| {
            (inner.clone(), prop::collection::vec(inner, 0..4))
                .prop_map(|(element, children)| Element { children, ..element })
        })
    }

    proptest! {
        #[test]
        fn no_tree_makes_it_panic(children in prop::collection::vec(element(), 0..5)) {
            let root = Element { name: Element::ROOT.to_owned(), children, ..Element::default() };
            let mut sources = SourceMap::default();
            sources.add("t.conf", None, "x");
            let mut diagnostics = Diagnostics::default();
            let settings = check(&root, &sources, &mut diagnostics);
            prop_assert_eq!(settings.is_none(), diagnostics.has_errors());
        }
    }
}
