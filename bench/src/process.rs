//! A process as the kernel sees it: its CPU time, its memory, its file descriptors; and how to start one
//! that ends with us.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

/// How long a process may take to end when it is asked to.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// A child process. It is killed when dropped, and its children with it.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it without input.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_owned();
        let child = command.stdin(Stdio::null()).spawn();
        Ok(Self { child: child.with_context(|| format!("cannot start {}", name.display()))? })
    }

    /// The child's handle, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails if it has ended.
    ///
    /// # Errors
    /// When it has, with its status.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it has ended: {status}"),
        }
    }

    /// Sends a signal and waits for the end; kills it when that takes too long.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn end(&mut self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal)?;
        let since = Instant::now();
        while self.child.try_wait()?.is_none() {
            if since.elapsed() > END_TIMEOUT {
                self.kill();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

impl Process {
    /// Kills it and its children: one that is killed has no time to take them along.
    fn kill(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            // Its number may be somebody else's by now.
            return;
        }
        let children = children(self.id()).unwrap_or_default();
        // They may have ended since; there is nobody to tell.
        drop(self.child.kill());
        for child in children.into_iter().filter_map(Pid::from_raw) {
            let _ = kill_process(child, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        drop(self.child.wait());
    }
}

/// CPU time a process and its children have used, in nanoseconds. Threads that have ended are not in
/// it.
///
/// # Errors
/// When it is gone.
pub fn cpu_ns(pid: u32) -> Result<u64> {
    family(pid)?.into_iter().map(cpu_ns_of_one).sum()
}

/// CPU time this process has used, without its children, in nanoseconds.
///
/// # Errors
/// When the kernel does not say.
pub fn own_cpu_ns() -> Result<u64> {
    cpu_ns_of_one(std::process::id())
}

fn cpu_ns_of_one(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while we look.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        sum += text.split_whitespace().next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(sum)
}

fn children(pid: u32) -> Result<Vec<i32>> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    children.split_whitespace().map(|child| Ok(child.parse()?)).collect()
}

/// The process and its children.
fn family(pid: u32) -> Result<Vec<u32>> {
    let children = children(pid)?.into_iter().map(|child| Ok(child.try_into()?));
    std::iter::once(Ok(pid)).chain(children).collect()
}

/// Memory of a process and its children.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Bytes it holds now.
    pub now: u64,
    /// The most it ever held.
    pub peak: u64,
}

/// What memory a process and its children hold.
///
/// # Errors
/// When it is gone.
pub fn memory(pid: u32) -> Result<Memory> {
    let mut sum = Memory { now: 0, peak: 0 };
    for process in family(pid)? {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let bytes = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
            Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
        };
        sum.now += bytes("VmRSS:")?;
        sum.peak += bytes("VmHWM:")?;
    }
    Ok(sum)
}

/// File descriptors that a process and its children hold.
///
/// # Errors
/// When it is gone.
pub fn descriptors(pid: u32) -> Result<usize> {
    let mut sum = 0;
    for process in family(pid)? {
        sum += fs::read_dir(format!("/proc/{process}/fd"))?.count();
    }
    Ok(sum)
}

/// Lets this process, and those it starts, open as many files as the system allows; returns how many.
#[must_use]
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // What cannot be raised shows when connecting.
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Reads a file until it holds what is looked for.
///
/// # Errors
/// When it does not within a bounded time, or the process ends before.
pub fn wait_for_line<T>(
    process: &mut Process,
    file: &Path,
    mut find: impl FnMut(&str) -> Option<T>,
) -> Result<T> {
    let since = Instant::now();
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        if let Some(found) = find(&text) {
            return Ok(found);
        }
        process.check_alive().with_context(|| format!("the server did not start:\n{text}"))?;
        if since.elapsed() > END_TIMEOUT {
            bail!("the server did not start in time:\n{text}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_takes_its_children_along() {
        let process = Process::start(Command::new("sh").args(["-c", "sleep 1000 & wait"])).expect("started");
        let child = loop {
            if let [child] = children(process.id()).expect("it lives")[..] {
                break child;
            }
            std::thread::yield_now();
        };
        drop(process);
        // Whoever takes in orphans may not have looked yet: then it is dead all the same.
        let lives = || {
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
        };
        let since = Instant::now();
        while lives() {
            assert!(since.elapsed() < END_TIMEOUT, "the child lives on");
            std::thread::yield_now();
        }
    }
}
