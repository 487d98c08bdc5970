//! Many clients, many events, and clients that never read.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::crowd::Crowd;
use crate::support::forward::{Sender, entries, pack, packed_forward};
use crate::support::server::Server;
use crate::support::websocket::{Client, End};
use crate::support::{SOURCES, poll, websocket_match};

const TIME: u32 = 1_500_000_000;

/// Lets this process and the servers it starts open that many files.
fn raise_file_limit(files: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    assert!(
        maximum.is_none_or(|maximum| maximum >= files),
        "this test needs {files} open files (ulimit -Hn)"
    );
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("the limit is raised");
}

/// A text message as a server frames it.
fn frame(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match u16::try_from(text.len()).expect("a short message") {
        length @ 0..126 => bytes.push(length.to_be_bytes()[1]),
        length => {
            bytes.push(126);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(text.as_bytes());
    bytes
}

/// The chunks that a sender sends, and the bytes that each client must get for them.
struct Load {
    chunks: Vec<Vec<u8>>,
    /// How many bytes are due after each chunk.
    due: Vec<usize>,
    expected: Arc<[u8]>,
}

impl Load {
    fn new(chunks: u32, events_per_chunk: u32, padding: usize) -> Self {
        let padding = "x".repeat(padding);
        let (mut requests, mut due, mut expected) = (Vec::new(), Vec::new(), Vec::new());
        for chunk in 0..chunks {
            let numbers = chunk * events_per_chunk..(chunk + 1) * events_per_chunk;
            for number in numbers.clone() {
                expected.extend(frame(&format!(r#"["t",{{"n":{number},"x":"{padding}"}}]"#)));
            }
            let record = |number: u32| {
                let record = vec![("n".into(), number.into()), ("x".into(), padding.as_str().into())];
                (TIME, pack(&rmpv::Value::Map(record)))
            };
            requests.push(packed_forward("t", &entries(numbers.map(record)), &chunk.to_string()));
            due.push(expected.len());
        }
        Self { chunks: requests, due, expected: expected.into() }
    }
}

/// The close frame of a server that goes away, whatever words it adds.
fn is_going_away(rest: &[u8]) -> bool {
    rest.len() >= 4
        && rest[0] == 0x88
        && usize::from(rest[1]) == rest.len() - 2
        && rest[2..4] == 1001_u16.to_be_bytes()
}

#[test]
fn two_thousand_clients_get_two_hundred_thousand_events_once_and_in_order() {
    const CLIENTS: usize = 2_000;
    raise_file_limit(5_000);
    let load = Load::new(200, 1_000, 0);
    // No pings: here every byte counts.
    let mut server = Server::start(&format!("{SOURCES}{}", websocket_match("**", "ping_interval 0")));
    let crowd = Crowd::connect(server.websocket(0), CLIENTS, Arc::clone(&load.expected));
    let mut sender = server.sender();
    for (number, chunk) in load.chunks.iter().enumerate() {
        sender.chunk(chunk, &number.to_string());
    }
    crowd.wait_for(load.expected.len());
    assert_eq!(server.metric("fluentcast_websocket_clients"), 2_000);
    assert!(server.stop().success());

    let rests = crowd.rests();
    assert_eq!(rests.len(), CLIENTS);
    for rest in rests {
        assert!(is_going_away(&rest), "after the last event came {rest:?}");
    }
}

#[test]
fn clients_that_never_read_are_bounded_and_then_closed() {
    const STUCK: usize = 20;
    const READING: usize = 20;
    // Far more than all buffers between server and client hold.
    const CHUNKS: u32 = 64;
    const EVENTS_PER_CHUNK: u32 = 1_000;
    // A client's lag (8 MiB by default) is one log that all share, however many are stuck; the rest is
    // for requests on their way and what the allocator keeps.
    const MEMORY_BYTES_MAX: u64 = 32 * 1024 * 1024;

    raise_file_limit(5_000);
    let load = Load::new(CHUNKS, EVENTS_PER_CHUNK, 1_000);
    let mut server = Server::start(&format!("{SOURCES}{}", websocket_match("**", "ping_interval 0")));
    let mut stuck: Vec<Client> = (0..STUCK).map(|_| server.client(0)).collect();
    let crowd = Crowd::connect(server.websocket(0), READING, Arc::clone(&load.expected));
    let before = server.resident_bytes();
    send_watching_memory(&server, &mut server.sender(), &load, &crowd, before + MEMORY_BYTES_MAX);

    poll("the stuck clients to be closed", || {
        let closed = server.metric("fluentcast_websocket_clients_lagging_total");
        assert!(closed <= 20, "{closed} clients were closed, more than were stuck");
        (closed == 20).then_some(())
    });
    for client in &mut stuck {
        let (texts, end) = client.read_to_end();
        assert!(texts.len() < 64_000, "a client that never read got everything");
        assert!(matches!(end, End::Close(1013) | End::Cut), "{end:?}");
    }
    assert!(server.stop().success());
    for rest in crowd.rests() {
        assert!(is_going_away(&rest), "after the last event came {rest:?}");
    }
}

/// Sends at the speed of those who read: it is not their lag that is under test.
fn send_watching_memory(server: &Server, sender: &mut Sender, load: &Load, crowd: &Crowd, memory_max: u64) {
    for (number, chunk) in load.chunks.iter().enumerate() {
        sender.chunk(chunk, &number.to_string());
        crowd.wait_for(load.due[number]);
        let resident = server.resident_bytes();
        assert!(
            resident <= memory_max,
            "after {} MB of events the server holds {} MB, more than {} MB",
            load.due[number] / 1_000_000,
            resident / 1_000_000,
            memory_max / 1_000_000
        );
    }
}
