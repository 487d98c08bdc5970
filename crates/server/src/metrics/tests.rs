use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// Every Rust file below.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The words of a text; a counter as the page of metrics shows it becomes the field.
fn words(text: &str) -> HashSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let fields = words.clone().filter_map(|word| word.strip_prefix("fluentcast_"));
    words.chain(fields.map(|word| word.strip_suffix("_total").unwrap_or(word))).collect()
}

/// A counter that nothing moves says that all is well; one that no test looks at may.
#[test]
fn every_metric_is_moved_by_the_code_and_looked_at_by_a_test() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for name in ["server/src", "fluentcast/tests"] {
        sources(&crates.join(name), &mut files);
    }
    let (mut in_code, mut in_tests) = (String::new(), String::new());
    for file in files.iter().filter(|file| !file.ends_with("metrics.rs")) {
        let is_test = file
            .strip_prefix(crates)
            .unwrap()
            .components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with("tests"));
        let text = if is_test { &mut in_tests } else { &mut in_code };
        text.push_str(&fs::read_to_string(file).unwrap());
    }
    let missing = |text: &str| -> Vec<_> {
        let words = words(text);
        NAMES.iter().filter(|name| !words.contains(**name)).copied().collect()
    };
    assert_eq!(missing(&in_code), [""; 0], "nothing moves these");
    assert_eq!(missing(&in_tests), [""; 0], "no test looks at these");
}

#[test]
fn names_are_as_prometheus_wants_them() {
    let mut registry = Registry::default();
    Metrics::default().register(&mut registry);
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    for name in NAMES {
        let lines = page.lines().filter(|line| {
            line.strip_prefix(&format!("fluentcast_{name}"))
                .is_some_and(|rest| matches!(rest, " 0" | "_total 0"))
        });
        assert_eq!(lines.count(), 1, "{name}:\n{page}");
    }
}
