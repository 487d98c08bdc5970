//! The live page's modules that need no browser: their own tests, which Node runs.

use crate::support::tools::assert_node_tests;

#[test]
fn its_pure_modules() {
    assert_node_tests("ui/test");
}
