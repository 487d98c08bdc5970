//! Other people's programs, as `cargo xtask tools` installs them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::DEADLINE;

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Something `cargo xtask tools` has put there.
fn installed(path: &str) -> PathBuf {
    let path = repository(".tools").join(path);
    assert!(path.exists(), "{} is missing: run `cargo xtask tools` first", path.display());
    path
}

pub(crate) fn python(script: &str) -> Command {
    let mut command = Command::new(installed("python/bin/python"));
    command.arg(repository("tests/tools").join(script));
    command
}

pub(crate) fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", installed("npm/node_modules")).arg(repository("tests/tools/node").join(script));
    command
}

/// Runs the `*.test.mjs` of a folder of the repository by Node; all must pass.
pub(crate) fn assert_node_tests(folder: &str) {
    let lines = succeed(node_tests(folder));
    // `node --test` is content with no tests at all.
    let passed = lines.iter().find_map(|line| line.strip_prefix("# pass ")?.parse::<u32>().ok());
    assert!(passed.is_some_and(|passed| passed > 10), "too few tests in {folder}:\n{}", lines.join("\n"));
}

/// Node's test runner on the files of a folder that end in `.test.mjs`. (Node itself looks for them in another
/// way in every version.)
fn node_tests(folder: &str) -> Command {
    installed("npm/node_modules");
    let files = std::fs::read_dir(repository(folder)).expect(folder).map(|file| file.expect(folder).path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.to_string_lossy().ends_with(".test.mjs")).collect();
    files.sort();
    let mut command = Command::new("node");
    command.env("FLUENTCAST_BIN", env!("CARGO_BIN_EXE_fluentcast"));
    command.args(["--test", "--test-reporter=tap"]);
    command.arg(format!("--test-timeout={}", 2 * DEADLINE.as_millis()));
    command.args(files);
    command
}

pub(crate) fn go_sender() -> Command {
    // This version of the client would wait for an ack for ever.
    let mut command = Command::new("timeout");
    command.arg(DEADLINE.as_secs().to_string()).arg(installed("go/sender"));
    command
}

/// Runs a sender against the server; the lines it prints.
pub(crate) fn run(mut command: Command, address: SocketAddr) -> Vec<String> {
    command.arg(address.ip().to_string()).arg(address.port().to_string());
    succeed(command)
}

/// Runs a sender that must not succeed against the server; what it complains of.
pub(crate) fn fail(mut command: Command, address: SocketAddr) -> String {
    command.arg(address.ip().to_string()).arg(address.port().to_string());
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(!output.status.success(), "{command:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs to a good end; the lines printed.
pub(crate) fn succeed(mut command: Command) -> Vec<String> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout.lines().map(str::to_owned).collect()
}
