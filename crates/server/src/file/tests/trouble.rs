use fluentcast_event::limits::{FILE_NAMES_MAX, FILE_OPEN_MAX, FILE_RETRY_WAIT_MAX};

use super::*;

#[test]
fn a_full_disk_keeps_the_lines_and_does_not_stop_the_other_files() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = settings(directory.path().join("${tag}"));
    settings.append = true;
    let disk = FaultyDisk::new();
    let rig = Rig::on(&settings, disk.clone());
    rig.deliver("a", &[(TIME, "one"), (TIME, "two")]);
    // The file is opened, half a line goes in, then the disk is full.
    disk.plan([Fault::None, Fault::Short(2), Fault::Error(io::ErrorKind::StorageFull)]);
    let retry_at = rig.flush_at(TIME);
    assert_eq!(retry_at, Some(rig.started + Duration::from_secs(1)));
    assert_eq!(rig.metrics.file_write_errors.get(), 1);
    assert_eq!(rig.waiting_events(), 2);
    rig.deliver("b", &[(TIME, "other")]);
    rig.deliver("a", &[(TIME, "three")]);
    rig.flush_at(TIME);
    expect_files(directory.path(), &[("a.20170714.log", "on"), ("b.20170714.log", "other\n")]);
    assert_eq!(rig.flush_at(TIME + 1), None);
    expect_files(directory.path(), &[("a.20170714.log", "one\ntwo\nthree\n"), ("b.20170714.log", "other\n")]);
    assert_eq!((rig.waiting_events(), rig.metrics.file_events.get()), (0, 4));
    assert_eq!(rig.metrics.file_events_dropped.get(), 0);
}

#[test]
fn pauses_double_up_to_the_cap_and_start_anew_after_a_success() {
    let directory = TempDir::new().expect("a directory");
    let disk = FaultyDisk::new();
    let rig = Rig::on(&settings(directory.path().join("a")), disk.clone());
    rig.deliver("t", &[(TIME, "x")]);
    disk.plan([Fault::Error(io::ErrorKind::PermissionDenied); 8]);
    let (mut elapsed, mut waits) = (0, Vec::new());
    let seconds = |instant: Instant| i64::try_from((instant - rig.started).as_secs()).expect("small");
    while let Some(retry_at) = rig.flush_at(TIME + elapsed) {
        waits.push(seconds(retry_at) - elapsed);
        elapsed = seconds(retry_at);
    }
    let cap = i64::try_from(FILE_RETRY_WAIT_MAX.as_secs()).expect("small");
    assert_eq!(waits, [1, 2, 4, 8, 16, cap, cap, cap]);
    assert_eq!(rig.metrics.file_write_errors.get(), 8);
    rig.deliver("t", &[(TIME, "y")]);
    disk.plan([Fault::Error(io::ErrorKind::StorageFull)]);
    assert_eq!(rig.flush_at(TIME + elapsed).map(seconds), Some(elapsed + 1));
}

#[test]
fn the_device_that_is_always_full() {
    let mut settings = settings("/dev/full");
    (settings.append, settings.timekey, settings.path_suffix) = (true, None, String::new());
    settings.total_limit_size = ByteSize(4096);
    let rig = Rig::open(&settings);
    rig.deliver("t", &[(TIME, "x")]);
    assert!(rig.flush_at(TIME).is_some());
    assert_eq!(rig.metrics.file_write_errors.get(), 1);
    let full = (0..10_000).find_map(|_| rig.output.deliver(&batch("t", &[(TIME, "xxxxxxxxx")])).err());
    let Some(FileError::Full { waiting, limit, .. }) = &full else { panic!("never full: {full:?}") };
    assert!(*waiting <= 4096 && *waiting > 4096 - 600 && *limit == 4096, "{full:?}");
    assert_eq!(rig.metrics.file_events_dropped.get(), 1);
    assert_eq!(rig.metrics.file_events.get(), 0);
}

#[test]
fn a_batch_goes_in_as_a_whole_or_not_at_all_and_room_comes_back() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = settings(directory.path().join("a"));
    settings.total_limit_size = ByteSize(2000);
    let rig = Rig::open(&settings);
    let long = "x".repeat(700);
    rig.deliver("t", &[(TIME, &long)]);
    // The first of its two slices would have room.
    let refused = batch("t", &[(TIME, "y"), (TIME + DAY, &long)]);
    assert!(matches!(rig.output.deliver(&refused), Err(FileError::Full { .. })));
    assert_eq!(rig.metrics.file_events_dropped.get(), 2);
    rig.flush_at(TIME);
    expect_files(directory.path(), &[("a.20170714_0.log", &format!("{long}\n"))]);
    assert_eq!(rig.output.deliver(&refused), Ok(()));
}

#[test]
fn a_flood_of_tags_is_bounded_too() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = settings(directory.path().join("${tag}"));
    settings.total_limit_size = ByteSize(1024 * 1024);
    let rig = Rig::open(&settings);
    let taken =
        (0..10_000).take_while(|n| rig.output.deliver(&batch(&format!("t{n}"), &[(TIME, "")])).is_ok());
    assert!((1000..2100).contains(&taken.count()));
    let composer = format!("{:?}", lock(&rig.output.composer));
    assert!(composer.matches("FileName").count() <= FILE_NAMES_MAX);
}

#[test]
fn only_so_many_files_are_open_and_the_oldest_makes_room() {
    let directory = TempDir::new().expect("a directory");
    let rig = Rig::open(&settings(directory.path().join("${tag}")));
    for n in 0..=FILE_OPEN_MAX {
        rig.deliver(&format!("t{n}"), &[(TIME, "first")]);
        rig.flush_at(TIME);
    }
    for n in [FILE_OPEN_MAX, 0] {
        rig.deliver(&format!("t{n}"), &[(TIME, "second")]);
        rig.flush_at(TIME);
    }
    let files = files(directory.path());
    assert_eq!(files[&format!("t{FILE_OPEN_MAX}.20170714_0.log")], "first\nsecond\n");
    assert_eq!(files["t0.20170714_0.log"], "first\n");
    assert_eq!(files["t0.20170714_1.log"], "second\n");
    let held =
        fs::read_dir("/proc/self/fd").expect("Linux").filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
    assert_eq!(held.filter(|path| path.starts_with(directory.path())).count(), FILE_OPEN_MAX);
}

#[test]
fn a_file_that_was_moved_away_is_followed_by_a_new_one() {
    for append in [true, false] {
        let directory = TempDir::new().expect("a directory");
        let mut settings = settings(directory.path().join("a"));
        (settings.append, settings.timekey) = (append, None);
        let name = if append { "a.log" } else { "a_0.log" };
        let rig = Rig::open(&settings);
        rig.deliver("t", &[(TIME, "1")]);
        rig.flush_at(TIME);
        fs::rename(directory.path().join(name), directory.path().join("moved")).expect("moved");
        rig.deliver("t", &[(TIME, "2")]);
        rig.flush_at(TIME);
        expect_files(directory.path(), &[(name, "2\n"), ("moved", "1\n")]);
    }
}

#[test]
fn a_directory_that_was_deleted_comes_back() {
    let directory = TempDir::new().expect("a directory");
    let rig = Rig::open(&settings(directory.path().join("in/a")));
    rig.deliver("t", &[(TIME, "1")]);
    rig.flush_at(TIME);
    fs::remove_dir_all(directory.path().join("in")).expect("deleted");
    rig.deliver("t", &[(TIME, "2")]);
    rig.flush_at(TIME);
    expect_files(directory.path(), &[("in/a.20170714_0.log", "2\n")]);
}

#[test]
fn entries_that_are_no_events_and_values_that_are_no_json_are_counted() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = settings(directory.path().join("a"));
    settings.format = LineFormat::Json;
    let rig = Rig::open(&settings);
    // 1, then [1, {"a": NaN}], then a byte that is no MessagePack.
    let mut entries = vec![0x01, 0x92, 0x01, 0x81, 0xa1, b'a', 0xca];
    entries.extend(f32::NAN.to_be_bytes());
    entries.push(0xc1);
    let batch =
        Batch { tag: Tag::from("t"), entries: entries.into(), received: EventTime::from_seconds(TIME) };
    rig.output.deliver(&batch).expect("room");
    rig.flush_at(TIME);
    expect_files(directory.path(), &[("a.19700101_0.log", "{\"a\":null}\n")]);
    assert_eq!(rig.metrics.entries_invalid.get(), 2);
    assert_eq!(rig.metrics.json_floats_not_finite.get(), 1);
}

#[test]
fn a_block_that_is_partly_written_stays_with_its_file() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = settings(directory.path().join("a"));
    settings.append = true;
    let disk = FaultyDisk::new();
    let rig = Rig::on(&settings, disk.clone());
    rig.deliver("t", &[(TIME, "one"), (TIME, "two")]);
    disk.plan([Fault::None, Fault::Short(5), Fault::Error(io::ErrorKind::StorageFull)]);
    rig.flush_at(TIME);
    fs::rename(directory.path().join("a.20170714.log"), directory.path().join("moved")).expect("moved");
    rig.flush_at(TIME + 1);
    rig.deliver("t", &[(TIME, "three")]);
    rig.flush_at(TIME + 1);
    expect_files(directory.path(), &[("a.20170714.log", "three\n"), ("moved", "one\ntwo\n")]);
}

#[test]
fn an_interrupted_write_is_no_error() {
    let directory = TempDir::new().expect("a directory");
    let disk = FaultyDisk::new();
    let rig = Rig::on(&settings(directory.path().join("a")), disk.clone());
    rig.deliver("t", &[(TIME, "x")]);
    disk.plan([Fault::None, Fault::Error(io::ErrorKind::Interrupted)]);
    assert_eq!(rig.flush_at(TIME), None);
    assert_eq!(rig.metrics.file_write_errors.get(), 0);
    expect_files(directory.path(), &[("a.20170714_0.log", "x\n")]);
}
