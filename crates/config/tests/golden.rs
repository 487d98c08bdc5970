//! The golden corpus: every file of `testdata/config` is one case. Its format, and how to add a case,
//! stand in `testdata/config/README.md`.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use fluentcast_config::check::{check, codes::CODES};
use fluentcast_config::load::{Environment, FileKind, Loaded, load_file, load_text};
use fluentcast_config::settings::Settings;
use fluentcast_config::source::{SourceMap, Span};
use fluentcast_config::tree::{Element, Value};

#[path = "golden/settings.rs"]
mod settings_text;

use settings_text::Which;

/// The cases that must exist at least.
const CASES_MIN: usize = 360;

/// Writes one aspect of a configuration down.
type Dump = fn(&Outcome) -> String;

/// What came of a case.
struct Outcome {
    loaded: Loaded,
    /// The checked settings. The check runs only when the case expects settings: most cases are of the
    /// language alone.
    settings: Option<Settings>,
}

/// What a case can expect of a configuration, by section name. `diagnostics` is compared even when the
/// case has no such section: then there must be none.
const EXPECTATIONS: [(&str, Dump); 5] = [
    ("tree", |outcome| tree(&outcome.loaded)),
    ("spans", |outcome| spans(&outcome.loaded)),
    ("settings", |outcome| settings(outcome, Which::Changed)),
    ("all-settings", |outcome| settings(outcome, Which::All)),
    ("diagnostics", |outcome| diagnostics(&outcome.loaded)),
];

fn tree(loaded: &Loaded) -> String {
    let mut out = String::new();
    dump_tree(&loaded.root, 0, &mut out);
    out
}

fn spans(loaded: &Loaded) -> String {
    let mut out = String::new();
    dump_spans(&loaded.sources, &loaded.root, 0, &mut out);
    out
}

fn settings(outcome: &Outcome, which: Which) -> String {
    /// One of everything that has defaults worth hiding.
    const PLAIN: &str = "<source>\n@type forward\n</source>\n<source>\n@type http\n</source>\n\
        <source>\n@type sample\ntag t\n</source>\n<match a>\n@type websocket\n</match>\n\
        <match b>\n@type file\npath /p\n</match>";
    let Some(settings) = &outcome.settings else {
        return "none\n".to_owned();
    };
    let mut plain = load_text("plain", PLAIN, &Environment::default());
    let defaults = check(&plain.root, &plain.sources, &mut plain.diagnostics).unwrap();
    settings_text::dump(settings, &defaults, which)
}

fn diagnostics(loaded: &Loaded) -> String {
    loaded.diagnostics.render(&loaded.sources)
}

fn dump_tree(element: &Element, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    for param in &element.params {
        let value = match &param.value {
            Value::Text(text) => format!("{text:?}"),
            Value::Nil => "nil".to_owned(),
            Value::Default => "default".to_owned(),
        };
        writeln!(out, "{indent}{} = {value}", param.key.escape_debug()).unwrap();
    }
    for child in &element.children {
        let arg = if child.arg.is_empty() { String::new() } else { format!(" {:?}", child.arg) };
        writeln!(out, "{indent}<{}>{arg}", child.name).unwrap();
        dump_tree(child, depth + 1, out);
    }
}

fn dump_spans(sources: &SourceMap, element: &Element, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let place = |span: Span| format!("{} {:?}", sources.location(span), sources.text(span));
    for param in &element.params {
        writeln!(out, "{indent}{} | {}", place(param.key_span), place(param.value_span)).unwrap();
    }
    for child in &element.children {
        writeln!(out, "{indent}<> {} | {}", place(child.name_span), place(child.arg_span)).unwrap();
        dump_spans(sources, child, depth + 1, out);
    }
}

/// One file of the corpus.
struct Case {
    path: PathBuf,
    /// Everything before the first section.
    about: String,
    /// Header, without `=== `, and body.
    sections: Vec<(String, String)>,
}

impl Case {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let mut about = String::new();
        let mut sections: Vec<(String, String)> = Vec::new();
        for line in text.split_inclusive('\n') {
            if let Some(header) = line.strip_prefix("=== ") {
                sections.push((header.trim_end().to_owned(), String::new()));
            } else {
                sections.last_mut().map_or(&mut about, |(_, body)| body).push_str(line);
            }
        }
        let case = Self { path, about, sections };
        case.check_headers();
        case
    }

    /// A misspelt section would be a case that checks nothing.
    fn check_headers(&self) {
        let name = self.path.display();
        for (header, _) in &self.sections {
            let word = header.split(' ').next().unwrap();
            let known = ["environment", "file", "config", "inline"].contains(&word)
                || EXPECTATIONS.iter().any(|(expected, _)| *expected == header);
            assert!(known, "{name}: unknown section `{header}`");
        }
        assert!(self.about.starts_with("# "), "{name}: the first line says what the case is about");
        let expects = EXPECTATIONS.iter().any(|(expected, _)| self.section(expected).is_some());
        assert!(expects, "{name}: the case expects nothing");
    }

    fn section(&self, name: &str) -> Option<&str> {
        self.sections.iter().find(|(header, _)| header == name).map(|(_, body)| body.as_str())
    }

    fn environment(&self) -> Environment {
        let lines = self.section("environment").unwrap_or_default().lines();
        let variables = lines.map(|line| line.split_once('=').unwrap());
        Environment {
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            hostname: "host.example".to_owned(),
            worker_id: "0".to_owned(),
        }
    }

    /// Writes the files of the case into `directory`; gives the path of the main one.
    fn write_files(&self, directory: &Path) -> PathBuf {
        let mut main = None;
        for (header, body) in &self.sections {
            let mut words = header.split(' ');
            let kind = words.next().unwrap();
            if kind != "file" && kind != "config" {
                continue;
            }
            let path = directory.join(words.next().unwrap_or("main.conf"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, words.fold(body.clone(), |text, flag| reshape(&text, flag))).unwrap();
            if kind == "config" {
                main = Some(path);
            }
        }
        main.unwrap_or_else(|| directory.join("main.conf"))
    }

    fn run(&self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let main = self.write_files(directory.path());
        let inline = self.section("inline").map(str::trim_end);
        let mut loaded = load_file(&main, &self.environment(), inline, FileKind::Guess);
        let typed = self.section("settings").or(self.section("all-settings")).is_some();
        let settings = if typed && !loaded.diagnostics.has_errors() {
            check(&loaded.root, &loaded.sources, &mut loaded.diagnostics)
        } else {
            None
        };
        let outcome = Outcome { loaded, settings };
        let mut sections = self.sections.clone();
        for (name, dump) in EXPECTATIONS {
            let found = sections.iter_mut().find(|(header, _)| header == name);
            let wanted = found.is_some() || name == "diagnostics";
            let text = if wanted { dump(&outcome) } else { continue };
            // Where the case was laid out is not its business.
            let text = text.replace(&format!("{}/", directory.path().display()), "");
            match found {
                Some((_, body)) => *body = text,
                None if text.is_empty() => {}
                None => sections.push((name.to_owned(), text)),
            }
        }
        Self { path: self.path.clone(), about: self.about.clone(), sections }
    }

    fn text(&self) -> String {
        let mut out = self.about.clone();
        for (header, body) in &self.sections {
            write!(out, "=== {header}\n{body}").unwrap();
        }
        out
    }
}

/// What a flag behind a file's name does to its text.
fn reshape(text: &str, flag: &str) -> String {
    match flag {
        "crlf" => text.replace('\n', "\r\n"),
        "cr" => text.replace('\n', "\r"),
        "bom" => format!("\u{feff}{text}"),
        "no-eol" => text.trim_end_matches('\n').to_owned(),
        _ => panic!("unknown flag `{flag}`"),
    }
}

fn corpus() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/config");
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "txt")).collect();
    paths.sort();
    paths.into_iter().map(Case::read).collect()
}

#[test]
fn every_case_gives_what_it_expects() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut failures = String::new();
    for case in corpus() {
        let (expected, actual) = (case.text(), case.run().text());
        if expected == actual {
            continue;
        }
        if update {
            fs::write(&case.path, actual).unwrap();
        } else {
            let name = case.path.file_name().unwrap().display();
            write!(failures, "\n##### {name}\n--- expected\n{expected}\n--- actual\n{actual}").unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}\nIf these are right: UPDATE_GOLDEN=1, and read the difference.");
}

#[test]
fn the_corpus_is_large_enough() {
    let count = corpus().len();
    assert!(count >= CASES_MIN, "{count} cases, expected at least {CASES_MIN}");
}

/// A printed tree reads back as the same tree.
#[test]
fn every_tree_survives_printing() {
    for case in corpus() {
        let directory = tempfile::tempdir().unwrap();
        let main = case.write_files(directory.path());
        let loaded = load_file(&main, &case.environment(), None, FileKind::Guess);
        if loaded.diagnostics.has_errors() {
            continue;
        }
        let printed = loaded.root.print();
        let again = load_text("printed", &printed, &Environment::default());
        assert_eq!(tree(&loaded), tree(&again), "{}\n{printed}", case.path.display());
    }
}

/// No case shows what it keeps secret, whatever is wrong in it.
#[test]
fn no_diagnostic_shows_a_secret() {
    let cases: Vec<_> = corpus().into_iter().filter(is_about_secrets).collect();
    assert!(cases.len() >= 3, "{}", cases.len());
    for case in cases {
        let ran = case.run();
        let shown = ran.section("diagnostics").unwrap_or_default();
        assert!(!shown.is_empty() && !shown.contains("hunter2"), "{}\n{shown}", case.path.display());
    }
}

fn is_about_secrets(case: &Case) -> bool {
    case.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("secret-"))
}

/// Every mistake that the checks can find is found by some case.
#[test]
fn every_code_has_a_case() {
    let diagnostics: String =
        corpus().iter().filter_map(|case| case.section("diagnostics").map(str::to_owned)).collect();
    let missing: Vec<_> = CODES
        .iter()
        .map(|(code, _)| code)
        .filter(|code| !diagnostics.contains(&format!("[{code}]")))
        .collect();
    assert!(missing.is_empty(), "no case shows {missing:?}");
}
