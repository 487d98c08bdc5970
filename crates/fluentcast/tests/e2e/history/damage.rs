//! Files that are not as they were left: said in the log, told as gaps, and the stream goes on.

use rustix::process::Signal;

use super::*;

const CHUNKS: usize = 60;
const CHUNK_EVENTS: usize = 50;

/// A history of several files, whose server was killed.
fn filled(folder: &Path) -> (String, u64) {
    let mut server = start(folder);
    let mut sender = server.sender();
    for number in 0..CHUNKS {
        let (bytes, id) = chunk(number * CHUNK_EVENTS, CHUNK_EVENTS);
        sender.chunk(&bytes, &id);
    }
    let (epoch, lines) = Events::replay(server.websocket(0));
    let (events, gaps) = in_order(&lines);
    assert_eq!((events.len(), gaps), (CHUNKS * CHUNK_EVENTS, vec![]));
    server.signal(Signal::KILL);
    server.wait();
    assert!(segments(folder).len() >= 4, "{:?}", segments(folder));
    (epoch, events.len() as u64)
}

/// The number in the name of a segment file: its first event's.
fn first_seq(segment: &Path) -> u64 {
    segment.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).expect("a number")
}

/// One more event; it comes live to a client that waits for it, under this number.
fn goes_on(server: &Server, seq: u64) {
    let mut client = server.client(0);
    let events = Events::ask(server.websocket(0), "$last=1");
    server.sender().event("t", 1_700_000_001, r#"{"n":77}"#);
    assert_eq!(client.texts_until(r#""n":77"#), Vec::<String>::new());
    server.signal(Signal::KILL);
    let lines = events.read_to_end();
    let expected = Line::Event { seq, record: serde_json::json!({ "n": 77 }) };
    assert_eq!(lines.last(), Some(&expected), "what came live");
}

#[test]
fn a_torn_tail_is_cut_off_and_what_is_before_stays() {
    let mut random = Random::new(0x7041);
    for cuts in [true, false] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (epoch, events) = filled(folder.path());
        let last = segments(folder.path()).pop().expect("a segment");
        let mut bytes = fs::read(&last).expect("the segment");
        let kept = if cuts {
            // Within the last block: a chunk is one.
            bytes.truncate(bytes.len() - 1 - random.below(1000));
            events - CHUNK_EVENTS as u64
        } else {
            let length = 1 + random.below(1000);
            bytes.extend((0..length).map(|_| random.next().to_le_bytes()[0]));
            events
        };
        fs::write(&last, bytes).expect("written");

        let server = start(folder.path());
        let line = server.log.wait_for("the torn end of a history was cut off").expect("it is said");
        let name = last.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        assert!(line.contains(name) && line.contains("[warn]"), "{line}");
        let (now, lines) = Events::replay(server.websocket(0));
        let (replayed, gaps) = in_order(&lines);
        assert_eq!((replayed.len() as u64, gaps), (kept, vec![]));
        // A block that was cut short was shown to nobody. Of what else there is instead nobody knows.
        assert_eq!(now == epoch, cuts, "the epoch");
        assert!(cuts || server.log.wait_for("a new epoch begins").is_some());
        let resumed = Events::ask(server.websocket(0), &format!("$since={epoch}:{}&$follow=false", kept - 5));
        let resumed: Vec<Line> = resumed.read_to_end();
        assert!(resumed.iter().all(|line| matches!(line, Line::Event { .. })), "{resumed:?}");
        assert_eq!(resumed.len(), 5, "what follows a position of the former epoch");
        goes_on(&server, kept + 1);
    }
}

#[test]
fn a_damaged_byte_costs_its_block_and_is_told_as_a_gap() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (epoch, events) = filled(folder.path());
    let files = segments(folder.path());
    let (damaged, next) = (&files[files.len() / 2], &files[files.len() / 2 + 1]);
    let mut bytes = fs::read(damaged).expect("the segment");
    let at = bytes.len() / 2;
    bytes[at] ^= 0x40;
    fs::write(damaged, bytes).expect("written");

    let server = start(folder.path());
    let (now, lines) = Events::replay(server.websocket(0));
    let (replayed, gaps) = in_order(&lines);
    let [(from, to, reason)] = gaps[..] else { panic!("one gap: {gaps:?}") };
    assert_eq!((now, reason), (epoch, "lost"));
    assert_eq!(to + 1 - from, CHUNK_EVENTS as u64, "a chunk is a block");
    assert!(from >= first_seq(damaged) && to < first_seq(next), "{from} to {to}: not where the damage is");
    assert_eq!(replayed.len() as u64, events - CHUNK_EVENTS as u64);
    let line = server.log.wait_for("events are missing in a history").expect("it is said");
    assert!(line.contains(&format!("from={from} to={to}")), "{line}");
    goes_on(&server, events + 1);
}

#[test]
fn a_deleted_file_is_told_as_a_gap() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (epoch, events) = filled(folder.path());
    let files = segments(folder.path());
    let (deleted, next) = (&files[files.len() / 2], &files[files.len() / 2 + 1]);
    fs::remove_file(deleted).expect("deleted");
    let (from, to) = (first_seq(deleted), first_seq(next) - 1);

    let server = start(folder.path());
    let line = server.log.wait_for("events are missing in a history").expect("it is said");
    assert!(line.contains(&format!("from={from} to={to}")), "{line}");
    let (now, lines) = Events::replay(server.websocket(0));
    let (replayed, gaps) = in_order(&lines);
    assert_eq!((now, gaps), (epoch, vec![(from, to, "lost")]));
    assert_eq!(replayed.len() as u64, events - (to + 1 - from));
    goes_on(&server, events + 1);
}
