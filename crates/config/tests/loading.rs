//! What needs real files of odd names, sizes and bytes, so that it cannot stand in the golden corpus.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::Path;

use fluentcast_config::load::{Environment, FileKind, Loaded, load_file};
use fluentcast_config::tree::Value;
use fluentcast_event::limits::{CONFIG_BYTES_MAX, CONFIG_FILES_MAX, CONFIG_INCLUDE_DEPTH_MAX};

fn write(directory: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn load(path: &Path) -> Loaded {
    load_file(path, &Environment::default(), None, FileKind::Guess)
}

fn load_files(files: &[(&str, &str)]) -> Loaded {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), files);
    load(&directory.path().join("main.conf"))
}

fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

fn text<'a>(loaded: &'a Loaded, key: &str) -> &'a str {
    match &loaded.root.param(key).unwrap_or_else(|| panic!("no `{key}`")).value {
        Value::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_target_may_hold_blanks_bare_or_encoded() {
    let loaded = load_files(&[
        ("main.conf", "@include a b/x.conf # c\n@include a%20b/y.conf\n"),
        ("a b/x.conf", "x 1\n"),
        ("a b/y.conf", "y 2\n"),
    ]);
    assert_eq!(codes(&loaded), [""; 0]);
    assert_eq!((text(&loaded, "x"), text(&loaded, "y")), ("1", "2"));
}

#[test]
fn a_name_with_pattern_characters_is_found_as_a_name() {
    let loaded =
        load_files(&[("main.conf", "@include [x].conf\n"), ("[x].conf", "x 1\n"), ("x.conf", "x 2\n")]);
    assert_eq!(text(&loaded, "x"), "1");
}

#[test]
fn a_directory_with_pattern_characters_is_no_pattern() {
    let directory = tempfile::tempdir().unwrap();
    write(
        directory.path(),
        &[("[d]/main.conf", "@include *.inc\n"), ("[d]/a.inc", "x 1\n"), ("d/a.inc", "x 2\n")],
    );
    assert_eq!(text(&load(&directory.path().join("[d]/main.conf")), "x"), "1");
}

#[test]
fn absolute_paths_and_file_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let shown = directory.path().display();
    let main = format!("@include {shown}/a.inc\n@include file://{shown}/b.inc\n@include {shown}/c*.inc\n");
    write(
        directory.path(),
        &[("main.conf", &main), ("a.inc", "a 1\n"), ("b.inc", "b 2\n"), ("c3.inc", "c 3\n")],
    );
    let loaded = load(&directory.path().join("main.conf"));
    assert_eq!(codes(&loaded), [""; 0]);
    assert_eq!((text(&loaded, "a"), text(&loaded, "b"), text(&loaded, "c")), ("1", "2", "3"));
}

#[test]
fn a_chain_of_includes_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    for at in 0..CONFIG_INCLUDE_DEPTH_MAX + 5 {
        let line = format!("k{at} 1\n@include {}.conf\n", at + 1);
        write(directory.path(), &[(&format!("{at}.conf"), &line)]);
    }
    let loaded = load(&directory.path().join("0.conf"));
    assert_eq!(codes(&loaded), ["include-depth"]);
    assert_eq!(loaded.root.params.len(), CONFIG_INCLUDE_DEPTH_MAX + 1);
}

#[test]
fn includes_that_multiply_are_bounded_in_number() {
    let directory = tempfile::tempdir().unwrap();
    for at in 0..20 {
        let line = format!("@include {0}.conf\n@include {0}.conf\n", at + 1);
        write(directory.path(), &[(&format!("{at}.conf"), &line)]);
    }
    write(directory.path(), &[("20.conf", "k v\n")]);
    let loaded = load(&directory.path().join("0.conf"));
    assert!(loaded.sources.files().len() <= CONFIG_FILES_MAX);
    assert!(codes(&loaded).contains(&"include-error"));
    let shown = loaded.diagnostics.render(&loaded.sources);
    assert!(shown.contains(&format!("more than {CONFIG_FILES_MAX} files")), "{shown}");
}

#[test]
fn the_bytes_of_all_texts_are_bounded() {
    let half = format!("# {}\n", "x".repeat(CONFIG_BYTES_MAX / 2));
    let loaded = load_files(&[
        ("main.conf", "@include 1.inc\n@include 2.inc\nk v\n"),
        ("1.inc", &half),
        ("2.inc", &half),
    ]);
    assert_eq!(codes(&loaded), ["include-error"]);
    assert_eq!(text(&loaded, "k"), "v");
}

#[test]
fn bytes_that_are_not_utf8_are_told_where_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("main.conf");
    fs::write(&path, b"a b\nc \xff\xfe\nd e\n").unwrap();
    let loaded = load(&path);
    assert_eq!(codes(&loaded), ["not-utf8"]);
    let mistake = loaded.diagnostics.iter().next().unwrap();
    let place = loaded.sources.location(mistake.span);
    assert_eq!((place.line, place.column), (2, 3));
    assert_eq!(text(&loaded, "d"), "e");
}

#[test]
fn a_directory_is_no_main_file() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(codes(&load(directory.path())), ["file-read"]);
}

#[test]
fn the_kind_can_be_forced() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[("a.conf", "system: {log_level: info}\n"), ("b.yaml", "a b\n")]);
    let environment = Environment::default();
    let yaml = load_file(&directory.path().join("a.conf"), &environment, None, FileKind::Yaml);
    assert_eq!(yaml.root.children[0].name, "system");
    let classic = load_file(&directory.path().join("b.yaml"), &environment, None, FileKind::Classic);
    assert_eq!(text(&classic, "a"), "b");
}

#[test]
fn inline_text_includes_relative_to_the_main_file() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[("main.conf", "a 1\n"), ("b.inc", "b 2\n")]);
    let main = directory.path().join("main.conf");
    let loaded = load_file(&main, &Environment::default(), Some("@include b.inc"), FileKind::Guess);
    assert_eq!(text(&loaded, "b"), "2");
}
