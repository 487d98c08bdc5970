//! Kill -9 at any moment: what was acked is there, once, under the number that clients have seen.

use std::collections::{BTreeMap, VecDeque};

use rustix::process::Signal;

use super::*;
use crate::support::poll;

const KILLS: usize = 20;
const SEED: u64 = 0x15_5e_ed;

/// Sends chunks, and sends again what was not acked before its connection ended.
#[derive(Default)]
struct Resender {
    next: usize,
    /// Sent or to be sent again, oldest first: first event, and how many.
    unacked: VecDeque<(usize, usize)>,
    /// Those below were acked at least once.
    acked: usize,
}

impl Resender {
    /// Sends again what is due, then so many new chunks of random size, a few of them unanswered; has
    /// the server killed when all but the acks of the last few are there.
    fn run(&mut self, server: &Server, chunks: usize, unanswered: usize, random: &mut Random, kills: bool) {
        let mut connection = server.sender();
        let mut due = self.unacked.clone();
        for _ in 0..chunks {
            due.push_back((self.next, 1 + random.below(60)));
            self.next += due.back().map_or(0, |(_, count)| *count);
        }
        self.unacked.clone_from(&due);
        let mut waiting = VecDeque::new();
        for (first, count) in due {
            let (bytes, id) = chunk(first, count);
            connection.send(&bytes);
            waiting.push_back(id);
            if waiting.len() > unanswered {
                assert!(waiting.pop_front().is_some_and(|id| connection.is_acked(&id)), "no ack");
                self.note_ack();
            }
        }
        if kills {
            server.signal(Signal::KILL);
        }
        // The kernel may have got acks before the end.
        while waiting.pop_front().is_some_and(|id| connection.is_acked(&id)) {
            self.note_ack();
        }
    }

    fn note_ack(&mut self) {
        let (first, count) = self.unacked.pop_front().expect("sent");
        self.acked = self.acked.max(first + count);
    }
}

/// Notes under which number each event came. `position`: the last one that its client has.
fn note(lines: &[Line], seen: &mut BTreeMap<u64, usize>) {
    for line in lines {
        let Line::Event { seq, record } = line else { panic!("a gap: {line:?}") };
        let last = seen.last_key_value().map_or(0, |(last, _)| *last);
        assert_eq!(*seq, last + 1, "the event after {last}");
        seen.insert(*seq, n(record));
    }
}

#[test]
fn twenty_kills_lose_nothing_that_was_acked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut random = Random::new(SEED);
    let (mut sender, mut seen, mut epoch) = (Resender::default(), BTreeMap::new(), None::<String>);
    for life in 0..=KILLS {
        let mut server = start(folder.path());
        let (chunks, unanswered) = (1 + random.below(20), random.below(8));
        let query = epoch.as_ref().map_or_else(
            || "$last=0".to_owned(),
            |epoch| format!("$since={epoch}:{}", seen.last_key_value().map_or(0, |(last, _)| *last)),
        );
        let events = Events::ask(server.websocket(0), &query);
        assert_eq!(epoch.get_or_insert_with(|| events.epoch().to_owned()), events.epoch(), "life {life}");
        let kills = life < KILLS;
        let lines = std::thread::scope(|scope| {
            let client = scope.spawn(|| events.read_to_end());
            sender.run(&server, chunks, unanswered, &mut random, kills);
            if !kills {
                assert!(server.stop().success(), "no clean end");
            }
            client.join().expect("a sound client")
        });
        server.wait();
        note(&lines, &mut seen);
    }
    assert!(sender.unacked.is_empty() && sender.acked == sender.next, "seed {SEED:#x}");
    let server = start(folder.path());
    // The last life's end may have cut off the client before it had all.
    let (now, replayed) = Events::replay(server.websocket(0));
    let (replayed, gaps) = in_order(&replayed);
    assert_eq!((Some(now), gaps), (epoch, vec![]), "seed {SEED:#x}");
    let stored: BTreeMap<u64, usize> = replayed.into_iter().collect();
    assert!(seen.iter().all(|(seq, n)| stored.get(seq) == Some(n)), "a number has changed its event");
    let mut records: Vec<usize> = stored.into_values().collect();
    records.sort_unstable();
    records.dedup();
    assert!(records.iter().copied().eq(0..sender.next), "acked events are missing, seed {SEED:#x}");
    poll("the server to be ready", || {
        (crate::support::http::get(server.websocket(0), "/readyz").status == 200).then_some(())
    });
}
