//! The JavaScript client: its own tests, which Node runs. Here rather than as a task of its own, so that
//! they are run against the very binary that cargo has just built, whenever that is tested.

use crate::support::tools::{node_tests, succeed};

/// Against a server that says what the test wants: resuming, refusals, bounds; the package and its types.
#[test]
fn against_a_scripted_server() {
    assert_passes("clients/js/test");
}

/// Against the binary: killed, cut, restarted, asked for nonsense.
#[test]
fn against_the_binary() {
    assert_passes("clients/js/test/e2e");
}

fn assert_passes(folder: &str) {
    let lines = succeed(node_tests(folder));
    // `node --test` is content with no tests at all.
    let passed = lines.iter().find_map(|line| line.strip_prefix("# pass ")?.parse::<u32>().ok());
    assert!(passed.is_some_and(|passed| passed > 10), "too few tests in {folder}:\n{}", lines.join("\n"));
}
