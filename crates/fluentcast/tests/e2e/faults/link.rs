//! Links that lose and delay packets, and links that go down without a word.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use tempfile::TempDir;

use super::{require_root, send};
use crate::support::forward::Sender;
use crate::support::numbered::{FORMS, Form, Item, Numbered};
use crate::support::server::Server;
use crate::support::tools::repository;
use crate::support::{poll, websocket_match};

/// A network of its own, with a clean way into it and a bad one.
struct Network {
    relay: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    namespace: String,
    clean: IpAddr,
    bad: IpAddr,
}

impl Network {
    fn new(loss_percent: u32, delay_ms: u32) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        require_root("a network of its own");
        let (pid, n) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let name = format!("fc{pid}{}", char::from(b'e' + n));
        // From the range that is kept for such tests (RFC 2544).
        let address = |last: u8| IpAddr::from([198, 18, pid.to_le_bytes()[0], n * 16 + last]);
        let [clean_host, clean, bad_host, bad] = [1, 2, 5, 6].map(address);
        let mut relay = Command::new("python3")
            .arg(repository("tests/tools/link.py"))
            .args([name.clone(), name.clone()])
            .args([clean_host, clean, bad_host, bad].map(|address| address.to_string()))
            .args([loss_percent, delay_ms].map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let commands = relay.stdin.take().expect("a pipe");
        let answers = BufReader::new(relay.stdout.take().expect("a pipe"));
        let mut network = Self { relay, commands, answers, namespace: name, clean, bad };
        network.expect("ready");
        network
    }

    fn expect(&mut self, word: &str) {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        assert_eq!(line.trim(), word, "the network is not there: it needs root, iproute2 and /dev/net/tun");
    }

    /// Takes the bad link down, or up again.
    fn say(&mut self, word: &str) {
        writeln!(self.commands, "{word}").expect("the relay runs");
        self.expect(word);
    }

    /// A server inside.
    fn server(&self, folder: &TempDir, config: &str) -> Server {
        let file = folder.path().join("fluentcast.conf");
        std::fs::write(&file, config).expect("the configuration is written");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, env!("CARGO_BIN_EXE_fluentcast"), "-c"]).arg(file);
        Server::spawn(folder.path(), command.env_remove("FLUENT_CONF"))
    }

    fn over_clean(&self, listener: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.clean, listener.port())
    }

    fn over_bad(&self, listener: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.bad, listener.port())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Its end takes the network away.
        let _ = writeln!(self.commands, "end");
        self.relay.wait().ok();
    }
}

/// What tests inside a network need: everything listens on all its addresses.
fn config(parameters: &str) -> String {
    let source = "<source>\n@type forward\nbind 0.0.0.0\nport 0\n</source>\n";
    format!("{source}{}", websocket_match("**", parameters).replace("127.0.0.1", "0.0.0.0"))
}

/// Reads until `count` events have come or were told of as missing; the numbers that came, and how many did not.
fn account(stream: &mut Numbered, count: u64) -> (Vec<u64>, u64) {
    let (mut numbers, mut missing) = (Vec::new(), 0);
    while (numbers.len() as u64) + missing < count {
        match stream.next() {
            Item::Event { n, .. } => numbers.push(n),
            Item::Gap { from, to, events } => missing += events.unwrap_or(to - from + 1),
            other => panic!("{other:?}"),
        }
    }
    (numbers, missing)
}

#[test]
fn who_is_behind_a_bad_link_gets_everything_in_order_and_nobody_else_notices() {
    const EVENTS: u64 = 2_000;
    let network = Network::new(10, 50);
    let folder = TempDir::new().expect("a temporary folder");
    let server = network.server(&folder, &config(""));
    let open = |address, form| Numbered::open(address, form, "", None, false);
    let (bad, clean) = (network.over_bad(server.websocket(0)), network.over_clean(server.websocket(0)));
    // Their handshakes have to come through as well.
    let mut behind: Vec<(Form, Numbered)> = thread::scope(|scope| {
        let opening: Vec<_> = FORMS.map(|form| (form, scope.spawn(move || open(bad, form)))).into();
        opening.into_iter().map(|(form, stream)| (form, stream.join().expect("a stream"))).collect()
    });
    let mut neighbours: Vec<(Form, Numbered)> = FORMS.map(|form| (form, open(clean, form))).into();

    thread::scope(|scope| {
        for (form, stream) in &mut behind {
            scope.spawn(move || {
                let (numbers, missing) = account(stream, EVENTS);
                assert!(numbers.is_sorted_by(|a, b| a < b), "{form:?}: out of order");
                assert_eq!(numbers.len() as u64 + missing, EVENTS, "{form:?}");
            });
        }
        for (form, stream) in &mut neighbours {
            scope.spawn(move || {
                let (numbers, missing) = account(stream, EVENTS);
                assert!(missing == 0 && numbers.iter().copied().eq(0..EVENTS), "{form:?}: {missing} missing");
            });
        }
        let mut sender = Sender::connect(network.over_clean(server.forward()));
        for first in (0..EVENTS).step_by(50) {
            send(&mut sender, first..first + 50);
        }
        // A sender of theirs, too: what it has an ack for has come.
        let mut behind = Sender::connect(network.over_bad(server.forward()));
        behind.event("t", 1, r#"{"n":100000}"#);
    });
}

#[test]
fn who_is_cut_off_without_a_word_is_noticed_and_goes_on_where_it_was() {
    let mut network = Network::new(0, 0);
    let folder = TempDir::new().expect("a temporary folder");
    let pings = "ping_interval 0.5\nping_timeout 1\n<history>\nevents 1000\n</history>";
    let server = network.server(&folder, &config(pings));
    let (bad, clean) = (network.over_bad(server.websocket(0)), network.over_clean(server.websocket(0)));
    let websockets = [Form::Json, Form::Msgpack];
    let mut cut_off: Vec<_> =
        websockets.map(|form| (form, Numbered::open(bad, form, "", None, false))).into();
    let mut neighbour = Numbered::open(clean, Form::Lines, "", None, false);
    // It asks the server from outside its network.
    let clients = || server.metric_at(clean, "fluentcast_websocket_clients");
    let mut sender = Sender::connect(network.over_clean(server.forward()));
    send(&mut sender, 0..10);
    for (_, stream) in &mut cut_off {
        assert_eq!(account(stream, 10), ((0..10).collect(), 0));
    }
    assert_eq!(clients(), 3);

    network.say("down");
    let mut sent = 10;
    poll("those cut off to be noticed", || {
        send(&mut sender, sent..sent + 1);
        sent += 1;
        (clients() == 1).then_some(())
    });
    assert_eq!(server.metric_at(clean, "fluentcast_websocket_clients_timed_out_total"), 2);

    network.say("up");
    for (form, stream) in cut_off {
        let position = format!("{}:10", stream.epoch());
        let mut again = Numbered::open(bad, form, "", Some(&position), false);
        assert_eq!(account(&mut again, sent - 10), ((10..sent).collect(), 0), "{form:?}");
    }
    assert_eq!(account(&mut neighbour, sent), ((0..sent).collect(), 0));
}
