use proptest::prelude::*;

use super::*;

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// So many events of a tag on a day.
    Deliver { tag: usize, day: i64, events: usize },
    /// A flush on a disk that does this first.
    Flush(Vec<Fault>),
    /// Time passes, in seconds.
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        2 => Just(Fault::None),
        3 => (1_usize..12).prop_map(Fault::Short),
        1 => Just(Fault::Error(io::ErrorKind::StorageFull)),
        1 => Just(Fault::Error(io::ErrorKind::Interrupted)),
    ];
    prop_oneof![
        4 => (0_usize..2, 0_i64..2, 0_usize..4).prop_map(|(tag, day, events)| Step::Deliver { tag, day, events }),
        3 => prop::collection::vec(fault, 0..8).prop_map(Step::Flush),
        1 => (0_i64..2 * DAY).prop_map(Step::Pass),
    ]
}

/// The lines of one tag and day, from one file or from its indexed files in order.
fn lines_of(files: &BTreeMap<String, String>, settings: &settings::FileOutput, stem: &str) -> String {
    let end = if settings.gzip { ".log.gz" } else { ".log" };
    if settings.append {
        return files.get(&format!("{stem}{end}")).cloned().unwrap_or_default();
    }
    (0..).map_while(|index| files.get(&format!("{stem}_{index}{end}"))).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever the order of batches, flushes, failures and short writes: every line is in its file
    /// exactly once, in order, and nothing else is.
    #[test]
    fn every_line_once_and_in_order(
        steps in prop::collection::vec(step(), 1..40),
        append in any::<bool>(),
        gzip in any::<bool>(),
        chunk_limit in 5_u64..200,
    ) {
        let directory = TempDir::new().expect("a directory");
        let mut settings = settings(directory.path().join("${tag}"));
        (settings.append, settings.gzip, settings.chunk_limit_size) = (append, gzip, ByteSize(chunk_limit));
        let disk = FaultyDisk::new();
        let rig = Rig::on(&settings, disk.clone());
        let (tags, days) = (["a", "b.c"], ["20170714", "20170715"]);
        let mut expected = BTreeMap::<String, String>::new();
        let (mut now, mut number) = (TIME, 0);

        for step in steps {
            match step {
                Step::Deliver { tag, day, events } => {
                    let messages: Vec<_> = (number..number + events).map(|n| n.to_string()).collect();
                    number += events;
                    let events: Vec<_> = messages.iter().map(|text| (TIME + day * DAY, text.as_str())).collect();
                    rig.deliver(tags[tag], &events);
                    let file = expected.entry(format!("{}.{}", tags[tag], days[usize::from(day > 0)])).or_default();
                    messages.iter().for_each(|text| file.push_str(&format!("{text}\n")));
                }
                Step::Flush(faults) => {
                    lock(&disk.script).clear();
                    disk.plan(faults);
                    rig.flush_at(now);
                }
                Step::Pass(seconds) => now += seconds,
            }
        }
        lock(&disk.script).clear();
        rig.flush_at(now + DAY);

        let files = files(directory.path());
        for (stem, lines) in &expected {
            prop_assert_eq!(&lines_of(&files, &settings, stem), lines, "{}", stem);
        }
        let total: usize = files.values().map(|text| text.lines().count()).sum();
        prop_assert_eq!(total, number);
        // No line is cut in two by the end of a file.
        prop_assert!(files.values().all(|text| text.is_empty() || text.ends_with('\n')));
        prop_assert_eq!(rig.waiting_events(), 0);
        prop_assert_eq!(rig.metrics.file_events.get(), u64::try_from(number).expect("small"));
    }
}
