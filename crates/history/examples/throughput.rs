//! Writes a history of 2,000,000 events (about 500 MB) and reads it back: what appending, starting, finding
//! a time and replaying cost here. `cargo run --release -p fluentcast-history --example throughput [DIR]`
//!
//! The directory must not exist; it is deleted at the end.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs};

use fluentcast_event::{BatchBuilder, EventTime, Tag, msgpack};
use fluentcast_history::{Bounds, Part, Piece, Store, Syncer};

const EVENTS: u64 = 2_000_000;
const EVENTS_PER_PIECE: u32 = 100;
const READ_BYTES: usize = 1024 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let default = env::temp_dir().join(format!("fluentcast-history-{}", std::process::id()));
    let dir = env::args_os().nth(1).map_or(default, PathBuf::from);
    fs::create_dir(&dir)?;
    let outcome = measure(&dir.join("history"));
    fs::remove_dir_all(&dir)?;
    outcome
}

fn measure(dir: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let (mut store, _) = Store::open(dir, Bounds::default())?;
    let (mut appending, mut bytes) = (Duration::ZERO, 0);
    for first_seq in (1..=EVENTS).step_by(EVENTS_PER_PIECE.try_into()?) {
        let piece = piece(first_seq);
        bytes += piece.batch.entries.len() as u64;
        let start = Instant::now();
        store.append(&piece)?;
        appending += start.elapsed();
    }
    say("append", appending, EVENTS, bytes);
    let start = Instant::now();
    store.syncer().sync()?;
    say("sync all", start.elapsed(), EVENTS, bytes);
    appends_with_sync(&mut store)?;
    drop(store);

    let start = Instant::now();
    let (mut store, recovery) = Store::open(dir, Bounds::default())?;
    say("start", start.elapsed(), recovery.events, recovery.bytes);
    let reader = store.reader();
    for wanted in [EVENTS / 10, EVENTS / 2, EVENTS - 7] {
        let wanted = time(wanted);
        let start = Instant::now();
        let seq = reader.seq_at(wanted)?;
        println!("{:24}{:>9.3} ms   number {seq}", "find a time", milliseconds(start.elapsed()));
    }
    for round in ["replay", "replay again"] {
        let (mut next, mut events) = (reader.oldest(), 0);
        let start = Instant::now();
        while next <= reader.newest() {
            let read = reader.read(next, READ_BYTES)?;
            next = read.next_seq;
            for part in &read.parts {
                match part {
                    Part::Piece(piece) => events += u64::from(piece.events),
                    Part::Gap(gap) => return Err(format!("{gap:?}").into()),
                }
            }
        }
        say(round, start.elapsed(), events, bytes);
    }
    let start = Instant::now();
    store.append(&piece(store.next_seq()))?;
    store.close()?;
    say("close", start.elapsed(), EVENTS, bytes);
    Ok(())
}

fn appends_with_sync(store: &mut Store) -> Result<(), Box<dyn Error>> {
    const TIMES: u32 = 200;
    let syncer: Syncer = store.syncer();
    let start = Instant::now();
    for _ in 0..TIMES {
        store.append(&piece(store.next_seq()))?;
        syncer.sync()?;
    }
    println!("{:24}{:>9.3} ms each", "append and sync", milliseconds(start.elapsed() / TIMES));
    Ok(())
}

/// One second for each event.
fn time(seq: u64) -> EventTime {
    EventTime { seconds: 1_700_000_000 + seq.cast_signed(), nanos: 0 }
}

/// Events of about 230 bytes.
fn piece(first_seq: u64) -> Piece {
    let last_seq = first_seq + u64::from(EVENTS_PER_PIECE) - 1;
    let mut builder = BatchBuilder::new(Tag::from("app.web.access"), time(last_seq));
    for seq in first_seq..=last_seq {
        let mut record = Vec::new();
        msgpack::write_map_head(&mut record, 3);
        msgpack::write_str(&mut record, "n");
        msgpack::write_uint(&mut record, seq);
        msgpack::write_str(&mut record, "path");
        msgpack::write_str(&mut record, "/some/path/of/a/request");
        msgpack::write_str(&mut record, "message");
        msgpack::write_str(&mut record, &"0123456789abcdef".repeat(11));
        builder.push(time(seq), &record);
    }
    Piece { first_seq, events: EVENTS_PER_PIECE, newest_time: time(last_seq), batch: builder.finish() }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn say(what: &str, time: Duration, events: u64, bytes: u64) {
    let (rate, each) = (bytes as f64 / 1e6 / time.as_secs_f64(), time.as_secs_f64() * 1e9 / events as f64);
    println!("{what:24}{:>9.1} ms{rate:>9.0} MB/s{each:>7.0} ns/event", milliseconds(time));
}
