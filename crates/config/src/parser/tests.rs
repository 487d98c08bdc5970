use std::fmt::Write as _;

use fluentcast_event::limits::{CONFIG_SECTION_DEPTH_MAX, CONFIG_UNCLOSED_MAX};

use crate::load::{Environment, Loaded, load_text};
use crate::tree::{Element, Value};

fn load(text: &str) -> Loaded {
    load_text("t.conf", text, &Environment::default())
}

fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

fn depth(element: &Element) -> usize {
    1 + element.children.iter().map(depth).max().unwrap_or(0)
}

fn nested(levels: usize) -> String {
    format!("{}{}", "<a>\n".repeat(levels), "</a>\n".repeat(levels))
}

#[test]
fn sections_nest_to_the_limit_and_no_deeper() {
    let loaded = load(&nested(CONFIG_SECTION_DEPTH_MAX));
    assert!(loaded.diagnostics.is_empty());
    assert_eq!(depth(&loaded.root), CONFIG_SECTION_DEPTH_MAX + 1);
    for levels in [CONFIG_SECTION_DEPTH_MAX + 1, 100_000] {
        let loaded = load(&nested(levels));
        assert_eq!(codes(&loaded), ["section-depth"]);
        assert_eq!(depth(&loaded.root), CONFIG_SECTION_DEPTH_MAX + 1);
    }
}

#[test]
fn brackets_nest_within_a_limit() {
    let json = |levels: usize| format!("k {}{}\nz 1\n", "[".repeat(levels), "]".repeat(levels));
    assert!(load(&json(100)).diagnostics.is_empty());
    let loaded = load(&json(100_000));
    assert_eq!(codes(&loaded), ["bad-json"]);
    assert!(loaded.root.param("z").is_some());
}

#[test]
fn a_text_that_never_closes_is_given_up() {
    for opening in ["k [\n", "k [\"a#{b\"]\n", "k \"#{'\n", "k {\"a\": [\n"] {
        let loaded = load(&opening.repeat(1000));
        assert!(loaded.diagnostics.error_count() <= 2 * (CONFIG_UNCLOSED_MAX + 2), "{opening}");
        assert!(loaded.diagnostics.has_errors(), "{opening}");
    }
}

/// Each is large enough that reading that goes back, or tries again at every character, takes many minutes.
#[test]
fn awkward_texts_are_read_once() {
    let pieces = [
        "k [\n",
        "k \"\n",
        "k \"#{\n",
        "k [\"#{\"]\n",
        "k ['a\n",
        "<a #\n",
        "<a b #c\n",
        "</a\n",
        "< \n",
        "a #\n",
        "\"#{'}'}\" x\n",
        "<a>\n</b>\n",
        "<a>\n</a>\n",
        "a b\n",
        "a \\\n",
        "@include \"#{x}\"\n",
        "k {\"a\" # c\n:1}\n",
    ];
    for piece in pieces {
        load(&piece.repeat(300_000 / piece.len()));
    }
    let mut comments = String::from("k [\n");
    for at in 0..50_000 {
        writeln!(comments, "  {at}, # note {at}").unwrap();
    }
    comments.push_str("  0]\n");
    let loaded = load(&comments);
    assert!(loaded.diagnostics.is_empty());
    let mut long = String::from("a \"");
    long.push_str(&"#{worker_id}\\n".repeat(70_000));
    long.push_str("\"\n");
    assert!(load(&long).diagnostics.is_empty());
    load(&format!("<a {}\n", "# ".repeat(500_000)));
    load(&format!("k {}\n", " #".repeat(500_000)));
    load(&format!("k {}", "[1,".repeat(300_000)));
    load(&format!("k [{}", "\"#\",".repeat(200_000)));
}

#[test]
fn many_parameters_of_one_section_keep_their_order() {
    let mut text = String::new();
    for at in 0..100_000 {
        writeln!(text, "k{at} {at}\nsame {at}").unwrap();
    }
    let loaded = load(&text);
    assert_eq!(loaded.root.params.len(), 100_001);
    assert_eq!(loaded.root.params[1].value, Value::Text("99999".to_owned()));
}
