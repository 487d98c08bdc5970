//! What the tests share: the server as a process, and the peers that talk to it.

pub(crate) mod crowd;
pub(crate) mod events;
pub(crate) mod forward;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod numbered;
pub(crate) mod process;
pub(crate) mod pty;
pub(crate) mod random;
pub(crate) mod secure;
pub(crate) mod server;
pub(crate) mod tools;
pub(crate) mod websocket;

use std::time::{Duration, Instant};

/// How long anything may take before the test gives up. Never part of what is asserted: a machine may be
/// slow.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
pub(crate) fn poll<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "gave up waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The sources that most tests need, on ports that the system chooses.
pub(crate) const SOURCES: &str = "
<source>
  @type forward
  bind 127.0.0.1
  port 0
</source>
<source>
  @type http
  bind 127.0.0.1
  port 0
</source>
";

/// A `<match>` with a websocket output that has these parameters.
pub(crate) fn websocket_match(pattern: &str, parameters: &str) -> String {
    format!("<match {pattern}>\n  @type websocket\n  host 127.0.0.1\n  port 0\n  {parameters}\n</match>\n")
}

/// Something to read in the output of a failing test.
#[expect(clippy::print_stdout, reason = "the harness captures what a test prints, and shows it on failure")]
pub(crate) fn show(text: &str) {
    println!("{text}");
}
