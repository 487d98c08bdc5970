//! Any text as a configuration, in both formats: no panic, no endless reading, and the mistakes can be
//! shown.

#![no_main]

use fluentcast_config::load::{Environment, Loaded, load_text, load_yaml_text};
use libfuzzer_sys::fuzz_target;

fn show(loaded: &Loaded) {
    let shown = loaded.diagnostics.render(&loaded.sources);
    assert_eq!(shown.is_empty(), loaded.diagnostics.is_empty());
    if !loaded.diagnostics.has_errors() {
        let again = load_text("printed", &loaded.root.print(), &Environment::default());
        assert!(!again.diagnostics.has_errors());
    }
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    // A fuzzer must not wander through the files of the machine it runs on.
    if text.contains("include") || text.contains("File") {
        return;
    }
    let environment = Environment {
        variables: [("FOO".to_owned(), "bar".to_owned()), ("EMPTY".to_owned(), String::new())].into(),
        hostname: "host.example".to_owned(),
        worker_id: "0".to_owned(),
    };
    show(&load_text("fuzz.conf", &text, &environment));
    show(&load_yaml_text("fuzz.yaml", &text, &environment));
});
