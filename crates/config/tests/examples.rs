//! What a person would copy must work: the files of `examples/`, and the README.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fluentcast_config::check::check;
use fluentcast_config::load::{Environment, FileKind, Loaded, load_file, load_text};
use fluentcast_config::reference::render_markdown;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What the examples expect to find in the environment.
fn environment() -> Environment {
    let variables = BTreeMap::from([("WATCH_TOKEN".to_owned(), "secret".to_owned())]);
    Environment { variables, hostname: "host.example".to_owned(), worker_id: "0".to_owned() }
}

/// What is wrong with it, and what is to be remarked but for these codes.
fn complaints(mut loaded: Loaded, but_for: &[&str]) -> Vec<String> {
    check(&loaded.root, &loaded.sources, &mut loaded.diagnostics);
    let others = loaded.diagnostics.iter().filter(|diagnostic| !but_for.contains(&diagnostic.code));
    others.map(|diagnostic| diagnostic.render(&loaded.sources)).collect()
}

/// Examples are short; that a token without TLS can be read on its way is told at each start.
const SHORT: &str = "not-encrypted";

/// No complaint.
const NONE: [&str; 0] = [];

#[test]
fn every_example_starts_without_a_remark() {
    let mut files: Vec<_> =
        fs::read_dir(root().join("examples")).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "conf"));
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        // The original's README writes `type`, and is kept as it is.
        let but_for: &[&str] =
            if file.ends_with("readme.conf") { &[SHORT, "deprecated-type"] } else { &[SHORT] };
        let complaints = complaints(load_file(&file, &environment(), None, FileKind::Guess), but_for);
        assert_eq!(complaints, NONE, "{}", file.display());
    }
}

/// The configurations of a page, without the fences around them.
fn configurations(page: &str) -> Vec<&str> {
    let blocks = page.split("```").skip(1).step_by(2).filter(|block| block.contains("\n<match"));
    blocks.filter_map(|block| block.split_once('\n')).map(|(_, text)| text).collect()
}

#[test]
fn every_configuration_in_the_documents_starts_without_a_remark() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for page in [readme, render_markdown()] {
        let configurations = configurations(&page);
        assert!(!configurations.is_empty());
        for text in configurations {
            assert_eq!(complaints(load_text("page", text, &environment()), &[SHORT]), NONE, "{text}");
        }
    }
}

#[test]
fn the_readme_has_the_parameters_of_the_websocket_output() {
    let reference = render_markdown();
    let section = reference.split("\n### match websocket\n").nth(1).unwrap();
    let table: String = section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .fold(String::new(), |table, line| table + line + "\n");
    assert!(table.contains("| `buffered_messages` |"), "{table}");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains(&table), "README.md: its table of parameters should be\n\n{table}");
}
