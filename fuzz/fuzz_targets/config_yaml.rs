//! Any text as a configuration in YAML, read and checked as the server does it: no panic, no endless reading,
//! mistakes that can be shown, and settings only where there is none.

#![no_main]

use fluentcast_config::check::check;
use fluentcast_config::load::{Environment, load_yaml_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    // A fuzzer must not wander through the files of the machine it runs on.
    if text.contains("include") || text.contains("File") {
        return;
    }
    let environment = Environment {
        variables: [("FOO".to_owned(), "bar".to_owned())].into(),
        hostname: "host.example".to_owned(),
        worker_id: "0".to_owned(),
    };
    let mut loaded = load_yaml_text("fuzz.yaml", &text, &environment);
    let had_errors = loaded.diagnostics.has_errors();
    let settings = check(&loaded.root, &loaded.sources, &mut loaded.diagnostics);
    let shown = loaded.diagnostics.render(&loaded.sources);
    assert_eq!(shown.is_empty(), loaded.diagnostics.is_empty());
    assert_eq!(settings.is_some() && !had_errors, !loaded.diagnostics.has_errors());
    if let Some(settings) = settings {
        assert!(!format!("{settings:?}").is_empty());
    }
});
