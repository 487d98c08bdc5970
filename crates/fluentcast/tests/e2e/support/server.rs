//! The built binary as a process with a configuration of the test's.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::forward::Sender;
use super::log::Log;
use super::websocket::Client;
use super::{http, poll};

/// The program under test, with nothing of the caller's environment that would change what it does.
pub(crate) fn fluentcast() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluentcast"));
    command.env_remove("FLUENT_CONF").env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// A running server. It is killed when dropped; a panic in its log fails the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) log: Log,
    pub(crate) errors: Log,
    listening: Vec<(String, SocketAddr)>,
    _temporary: Option<TempDir>,
}

impl Server {
    /// Starts with this configuration and waits until everything serves.
    pub(crate) fn start(config: &str) -> Self {
        let temporary = TempDir::new().expect("a temporary folder");
        let mut server = Self::start_in(temporary.path(), config);
        server._temporary = Some(temporary);
        server
    }

    /// Likewise, with the configuration file in the folder.
    pub(crate) fn start_in(folder: &Path, config: &str) -> Self {
        let file = folder.join("fluentcast.conf");
        std::fs::write(&file, config).expect("the configuration is written");
        Self::spawn(folder, fluentcast().arg("-c").arg(file))
    }

    /// Starts the command in the folder and waits until everything serves.
    pub(crate) fn spawn(folder: &Path, command: &mut Command) -> Self {
        let mut child = command
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = Log::follow(child.stdout.take().expect("a pipe"));
        let errors = Log::follow(child.stderr.take().expect("a pipe"));
        let mut server = Self { child, log, errors, listening: Vec::new(), _temporary: None };
        if server.log.wait_for("fluentcast is now running").is_none() {
            panic!("the server did not start:\n{}\n{}", server.log.text(), server.errors.read_to_end());
        }
        server.listening = server.log.text().lines().filter_map(listening).collect();
        server
    }

    /// Where the n-th listener of a kind, in the order of the configuration, listens.
    pub(crate) fn address(&self, kind: &str, n: usize) -> SocketAddr {
        let mut of_kind = self.listening.iter().filter(|(name, _)| name == kind);
        of_kind.nth(n).unwrap_or_else(|| panic!("no listener {kind} #{n}:\n{}", self.log.text())).1
    }

    pub(crate) fn forward(&self) -> SocketAddr {
        self.address("forward", 0)
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.address("http", 0)
    }

    pub(crate) fn websocket(&self, n: usize) -> SocketAddr {
        self.address("websocket", n)
    }

    /// A sender on the first forward source.
    pub(crate) fn sender(&self) -> Sender {
        Sender::connect(self.forward())
    }

    /// A client of the n-th websocket output; it gets every event sent from now on.
    pub(crate) fn client(&self, n: usize) -> Client {
        Client::connect(self.websocket(n), "/")
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What the counter (or gauge) of /metrics says now.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        self.metric_at(self.websocket(0), name)
    }

    /// Likewise, by another way to the server.
    pub(crate) fn metric_at(&self, address: SocketAddr, name: &str) -> u64 {
        let page = http::get(address, "/metrics");
        assert_eq!(page.status, 200, "/metrics");
        let value = page
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .unwrap_or_else(|| panic!("no metric {name}:\n{}", page.text()))
            .parse();
        value.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Memory that the process holds now, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes * 1024
    }

    /// Processor time that all its threads have used.
    pub(crate) fn processor_time(&self) -> std::time::Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the process lives");
        // A thread may end while it is looked at.
        let ran = |path: std::path::PathBuf| std::fs::read_to_string(path.join("schedstat")).ok();
        let times =
            tasks.flatten().filter_map(|task| ran(task.path())?.split(' ').next()?.parse::<u64>().ok());
        std::time::Duration::from_nanos(times.sum())
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process lives");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        poll("the server's end", || self.child.try_wait().expect("a child of ours"))
    }

    /// SIGTERM, and the status it ends with.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        let text = format!("{}\n{}", self.log.text(), self.errors.text());
        if std::thread::panicking() {
            crate::support::show(&format!("--- the server said:\n{text}\n---"));
        } else {
            assert!(!text.contains("panicked"), "the server panicked:\n{text}");
        }
    }
}

/// The kind and address of a line `... listening kind=forward address=127.0.0.1:41234 ...`.
fn listening(line: &str) -> Option<(String, SocketAddr)> {
    if !line.contains("listening ") {
        return None;
    }
    let word = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name));
    Some((word("kind=")?.to_owned(), word("address=")?.parse().ok()?))
}
