//! The built binary as one of the tools that end by themselves or when they are told to.

use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::log::Log;
use super::poll;

/// A running tool, both streams followed line by line. Killed when dropped.
pub(crate) struct Tool {
    pub(crate) child: Child,
    pub(crate) output: Log,
    pub(crate) errors: Log,
}

impl Tool {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the binary starts");
        let output = Log::follow(child.stdout.take().expect("a pipe"));
        let errors = Log::follow(child.stderr.take().expect("a pipe"));
        Self { child, output, errors }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process lives");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            let (output, errors) = (self.output.text(), self.errors.text());
            crate::support::show(&format!("--- the tool printed:\n{output}\n--- and said:\n{errors}\n---"));
        }
    }
}

pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    poll("the tool's end", || child.try_wait().expect("a child of ours"))
}

/// Runs to the end: exit code, standard output, standard error.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

/// A port that stays free for a server that comes back: not one of those that the system gives to others.
pub(crate) fn lasting_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 15_000 + u16::try_from(std::process::id() % 10_000).expect("small");
    poll("a free port", || {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    })
}
