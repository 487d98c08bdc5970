//! The server that is soaked: its process, its counters, and what it is told while it runs.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::witness;
use crate::process::{self, Process, wait_for_line};
use crate::server::listening;

/// How long an answer or a change may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a process holds that must not pile up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// File descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    process: Process,
    folder: TempDir,
    /// How often its configuration was changed.
    changes: u64,
    /// How often its certificate was.
    certificates: usize,
    pub(super) forward: SocketAddr,
    pub(super) http: SocketAddr,
    pub(super) websocket: SocketAddr,
    /// The same events over TLS.
    pub(super) encrypted: SocketAddr,
}

impl Server {
    pub(super) fn start(program: &Path) -> Result<Self> {
        let folder = TempDir::new()?;
        let (file, log) = (folder.path().join("fluentcast.conf"), folder.path().join("log"));
        fs::write(&file, config(0))?;
        put_certificate(folder.path(), NAMES[0])?;
        let mut command = Command::new(program);
        command.current_dir(folder.path()).env_remove("FLUENT_CONF").arg("-c").arg(&file).arg("-o").arg(&log);
        let mut process = Process::start(&mut command)?;
        let text = wait_for_line(&mut process, &log, |text| {
            text.contains("fluentcast is now running").then(|| text.to_owned())
        })?;
        let address =
            |text: &str, kind| listening(text, kind).with_context(|| format!("no {kind} port in:\n{text}"));
        let (forward, http, websocket) =
            (address(&text, "forward")?, address(&text, "http")?, address(&text, "websocket")?);
        let (_, after) = text.split_once("kind=websocket").unwrap_or_default();
        let encrypted = address(after, "websocket")?;
        Ok(Self { process, folder, changes: 0, certificates: 0, forward, http, websocket, encrypted })
    }

    /// Fails when it has ended.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        self.process.check_alive().with_context(|| format!("the server is gone; its log:\n{}", self.log()))
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(super) fn memory(&self) -> Result<u64> {
        Ok(process::memory(self.process.id())?.now)
    }

    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        Ok(process::cpu_ns(self.process.id())? as f64 / 1e9)
    }

    pub(super) fn held(&self) -> Result<Held> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id()))?.count();
        Ok(Held { descriptors: process::descriptors(self.process.id())?, threads })
    }

    /// Waits until it holds no more than this, and no client.
    pub(super) fn wait_until_held(&self, before: Held) -> Result<Held> {
        let since = Instant::now();
        loop {
            let (held, clients) = (self.held()?, self.counter("fluentcast_websocket_clients")?);
            // The request for the counters is a connection; it may not be quite gone.
            if clients == Some(0) && held.descriptors <= before.descriptors && held.threads <= before.threads
            {
                return Ok(held);
            }
            if since.elapsed() > PATIENCE {
                bail!("it holds {held:?} and {clients:?} clients where it held {before:?}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A counter or gauge of `/metrics`, if there is one of this name.
    pub(super) fn counter(&self, name: &str) -> Result<Option<u64>> {
        let page = self.metrics()?;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map(|value| value.parse().context("no number")).transpose()
    }

    fn metrics(&self) -> Result<String> {
        let mut stream = TcpStream::connect(self.websocket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        ensure!(page.starts_with("HTTP/1.1 200"), "no metrics: {page}");
        Ok(page)
    }

    /// How often it has taken a changed configuration; `None`: it cannot do that.
    pub(super) fn reloads(&self) -> Result<Option<u64>> {
        self.counter("fluentcast_reloads_total")
    }

    /// Changes the configuration a little, and waits until the server says that it has taken it.
    pub(super) fn reload(&mut self) -> Result<()> {
        let before = self.reloads()?.context("this server cannot reload")?;
        self.changes += 1;
        let (file, new) = (self.file("fluentcast.conf"), self.file("new.conf"));
        fs::write(&new, config(self.changes))?;
        fs::rename(&new, &file)?;
        let pid = Pid::from_raw(i32::try_from(self.process.id())?).context("a process has a number")?;
        kill_process(pid, Signal::HUP)?;
        let since = Instant::now();
        while self.reloads()? <= Some(before) {
            if since.elapsed() > PATIENCE {
                bail!("a changed configuration was not taken; its log:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Gives it another certificate, and waits until whoever connects is shown that.
    pub(super) fn renew_certificate(&mut self) -> Result<()> {
        self.certificates += 1;
        let name = NAMES[self.certificates % NAMES.len()];
        put_certificate(self.folder.path(), name)?;
        let (since, expected) = (Instant::now(), witness::certificate(name)?);
        while witness::shown(self.encrypted)? != expected {
            if since.elapsed() > PATIENCE {
                bail!("a new certificate is not shown; the server's log:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// How often that was.
    pub(super) fn certificates(&self) -> usize {
        self.certificates
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends it in order.
    pub(super) fn stop(mut self) -> Result<String> {
        self.check_alive()?;
        self.process.end(Signal::TERM)?;
        Ok(self.log())
    }
}

/// The certificates that take turns.
const NAMES: [&str; 2] = ["server", "renewed"];

/// Puts certificate and key of that name where the configuration looks for them, each in one step.
fn put_certificate(folder: &Path, name: &str) -> Result<()> {
    for kind in ["pem", "key"] {
        let fresh = folder.join("fresh");
        fs::copy(witness::file(&format!("{name}.{kind}")), &fresh).context("no certificate of the tests")?;
        fs::rename(fresh, folder.join(kind))?;
    }
    Ok(())
}

/// The configuration after so many changes. What changes is a rule that no event meets.
fn config(changes: u64) -> String {
    let source = |kind: &str| format!("<source>\n  @type {kind}\n  bind 127.0.0.1\n  port 0\n</source>\n");
    let store = |more: &str| {
        format!("  <store>\n    @type websocket\n    host 127.0.0.1\n    port 0\n{more}  </store>\n")
    };
    let plain = store("    <history>\n      size 32m\n    </history>\n");
    let encrypted =
        store("    <transport tls>\n      cert_path pem\n      private_key_path key\n    </transport>\n");
    format!(
        "{}{}<match unused.{changes}.**>\n  @type null\n</match>\n<match **>\n  @type copy\n{plain}{encrypted}</match>\n",
        source("forward"),
        source("http")
    )
}
