//! The JavaScript client: its own tests, which Node runs. Here rather than as a task of its own, so that
//! they are run against the very binary that cargo has just built, whenever that is tested.

use crate::support::tools::assert_node_tests;

/// Against a server that says what the test wants: resuming, refusals, bounds; the package and its types.
#[test]
fn against_a_scripted_server() {
    assert_node_tests("clients/js/test");
}

/// Against the binary: killed, cut, restarted, asked for nonsense.
#[test]
fn against_the_binary() {
    assert_node_tests("clients/js/test/e2e");
}
