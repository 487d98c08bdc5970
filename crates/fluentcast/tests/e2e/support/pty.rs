//! A pseudo-terminal: what a program does when a person sits in front of it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::poll;

/// The end that the person has.
pub(crate) struct Pty {
    master: File,
    /// The terminal, as the program opens it.
    path: PathBuf,
    /// Everything that was shown.
    shown: Arc<Mutex<Vec<u8>>>,
    watcher: JoinHandle<()>,
}

impl Pty {
    pub(crate) fn open() -> Self {
        let master: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).expect("a terminal of ours");
        unlockpt(&master).expect("unlocked");
        let path = ptsname(&master, Vec::new()).expect("a name").into_string().expect("UTF-8").into();
        let master = File::from(master);
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let (mut reader, to) = (master.try_clone().expect("a copy"), Arc::clone(&shown));
        let watcher = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // When the last program has closed the terminal, reading fails.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                to.lock().expect("no panic").extend_from_slice(&buffer[..count]);
            }
        });
        Self { master, path, shown, watcher }
    }

    /// The terminal as a stream of a program.
    pub(crate) fn stream(&self) -> Stdio {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = i32::try_from(OFlags::NOCTTY.bits()).expect("a flag");
        let terminal = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&self.path);
        Stdio::from(terminal.expect("the terminal opens"))
    }

    /// The command as a shell on this terminal would start it: Ctrl-C interrupts it.
    pub(crate) fn in_front(&self, command: &Command) -> Command {
        let mut session = Command::new("setsid");
        session.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => session.env(name, value),
                None => session.env_remove(name),
            };
        }
        session.env("TERM", "xterm").env_remove("NO_COLOR");
        session.stdin(self.stream()).stdout(self.stream()).stderr(self.stream());
        session
    }

    /// Types this.
    pub(crate) fn press(&mut self, keys: &[u8]) {
        self.master.write_all(keys).expect("typed");
    }

    /// All that was shown up to now, with plain line ends.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("no panic")).replace("\r\n", "\n")
    }

    /// All that was shown until the last program had left the terminal.
    pub(crate) fn read_to_end(self) -> String {
        poll("everybody to leave the terminal", || self.watcher.is_finished().then_some(()));
        self.text()
    }

    /// Waits until this is shown; all there is then.
    pub(crate) fn wait_for(&self, part: &str) -> String {
        poll(&format!("{part:?} on the terminal"), || Some(self.text()).filter(|text| text.contains(part)))
    }
}
