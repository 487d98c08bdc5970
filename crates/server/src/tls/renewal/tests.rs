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

fn acceptor(folder: &Path) -> Arc<Acceptor> {
    put(folder, "server.pem", "pem");
    put(folder, "server.key", "key");
    let settings = tls(folder.join("pem"), folder.join("key"));
    Acceptor::of(Some(&settings), &Arc::default()).unwrap().unwrap()
}

/// Certificates loaded, and those that could not be.
fn counts(acceptor: &Acceptor) -> (u64, u64) {
    (acceptor.metrics.tls_reloads.get(), acceptor.metrics.tls_reload_errors.get())
}

#[test]
fn files_are_loaded_once_they_have_changed_and_settled() {
    let folder = TempDir::new().unwrap();
    let acceptor = acceptor(folder.path());
    acceptor.look();
    acceptor.look();
    assert_eq!(counts(&acceptor), (0, 0), "nothing changed");

    put(folder.path(), "renewed.pem", "pem");
    acceptor.look();
    assert_eq!(counts(&acceptor), (0, 0), "the key is still to come");
    put(folder.path(), "renewed.key", "key");
    acceptor.look();
    assert_eq!(counts(&acceptor), (0, 0));
    acceptor.look();
    acceptor.look();
    assert_eq!(counts(&acceptor), (1, 0));
}

#[test]
fn what_cannot_be_used_is_told_once_and_mended_later() {
    let folder = TempDir::new().unwrap();
    let acceptor = acceptor(folder.path());
    fs::remove_file(folder.path().join("key")).unwrap();
    for _ in 0..4 {
        acceptor.look();
    }
    assert_eq!(counts(&acceptor), (0, 1));
    put(folder.path(), "server.key", "key");
    acceptor.look();
    acceptor.look();
    assert_eq!(counts(&acceptor), (1, 1));
}

#[test]
fn who_asks_gets_all_of_them_at_once_and_is_told_what_cannot_be_used() {
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let [good, bad] = [0, 1].map(|index| acceptor(folders[index].path()));
    let certificates = Certificates::default();
    certificates.add(&good);
    certificates.add(&bad);
    assert!(certificates.renew_now().is_empty());
    assert_eq!((counts(&good), counts(&bad)), ((1, 0), (1, 0)));

    fs::write(folders[1].path().join("pem"), "nothing").unwrap();
    let told: Vec<_> = certificates.renew_now().iter().map(ToString::to_string).collect();
    assert!(matches!(&told[..], [one] if one.contains("there is no certificate in it")), "{told:?}");
    assert_eq!((counts(&good), counts(&bad)), ((2, 0), (1, 1)));
    // What was loaded by force is not loaded again by looking.
    good.look();
    good.look();
    assert_eq!(counts(&good), (2, 0));

    drop(bad);
    assert!(certificates.renew_now().is_empty(), "a listener that is gone is not asked");
    assert_eq!(certificates.acceptors().len(), 1);
}
