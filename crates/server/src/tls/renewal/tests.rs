use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::tls::tests::{file, tls};

fn put(folder: &Path, from: &str, to: &str) {
    // As a careful program replaces a file: another one of the same name.
    let fresh = folder.join("fresh");
    fs::copy(file(from), &fresh).unwrap();
    fs::rename(fresh, folder.join(to)).unwrap();
}

fn watched(folder: &Path) -> Watched {
    put(folder, "server.pem", "pem");
    put(folder, "server.key", "key");
    let settings = tls(folder.join("pem"), folder.join("key"));
    Watched::new(Acceptor::of(Some(&settings), &Arc::default()).unwrap().unwrap())
}

/// Certificates loaded, and those that could not be.
fn counts(watched: &Watched) -> (u64, u64) {
    let metrics = &watched.acceptor.metrics;
    (metrics.tls_reloads.get(), metrics.tls_reload_errors.get())
}

#[test]
fn files_are_loaded_once_they_have_changed_and_settled() {
    let folder = TempDir::new().unwrap();
    let mut watched = watched(folder.path());
    watched.look(false);
    watched.look(false);
    assert_eq!(counts(&watched), (0, 0), "nothing changed");

    put(folder.path(), "renewed.pem", "pem");
    watched.look(false);
    assert_eq!(counts(&watched), (0, 0), "the key is still to come");
    put(folder.path(), "renewed.key", "key");
    watched.look(false);
    assert_eq!(counts(&watched), (0, 0));
    watched.look(false);
    watched.look(false);
    assert_eq!(counts(&watched), (1, 0));
}

#[test]
fn what_cannot_be_used_is_told_once_and_mended_later() {
    let folder = TempDir::new().unwrap();
    let mut watched = watched(folder.path());
    fs::remove_file(folder.path().join("key")).unwrap();
    for _ in 0..4 {
        watched.look(false);
    }
    assert_eq!(counts(&watched), (0, 1));
    put(folder.path(), "server.key", "key");
    watched.look(false);
    watched.look(false);
    assert_eq!(counts(&watched), (1, 1));
}

#[test]
fn who_asks_is_not_made_to_wait() {
    let folder = TempDir::new().unwrap();
    let mut watched = watched(folder.path());
    watched.look(true);
    assert_eq!(counts(&watched), (1, 0));
}
