use super::*;

#[test]
fn a_day_ends_at_midnight_of_its_zone() {
    // 2017-07-14 02:40 UTC; midnight in Tokyo is 12h20m later, in New York (-4) 1h20m.
    for (zone, midnight, before, after) in [
        (Zone::Utc, TIME + 21 * HOUR + 1200, "20170714", "20170715"),
        (Zone::Named("Asia/Tokyo".to_owned()), TIME + 12 * HOUR + 1200, "20170714", "20170715"),
        (Zone::Named("+09:00".to_owned()), TIME + 12 * HOUR + 1200, "20170714", "20170715"),
        (Zone::Named("America/New_York".to_owned()), TIME + HOUR + 1200, "20170713", "20170714"),
    ] {
        let directory = TempDir::new().expect("a directory");
        let mut settings = settings(directory.path().join("a"));
        (settings.zone, settings.append) = (zone, true);
        let rig = Rig::open(&settings);
        rig.deliver("t", &[(midnight - 1, "1"), (midnight, "2"), (midnight - DAY, "3"), (midnight - 2, "4")]);
        rig.flush_at(midnight);
        expect_files(
            directory.path(),
            &[(&format!("a.{before}.log"), "1\n3\n4\n"), (&format!("a.{after}.log"), "2\n")],
        );
    }
}

#[test]
fn a_day_with_23_or_25_hours_is_one_slice() {
    let berlin = Zone::Named("Europe/Berlin".to_owned());
    // Midnight in Berlin before the change to summer time, and before the change back, of 2024.
    for (midnight, hours, name) in
        [(1_711_839_600, 23, "a.20240331.log"), (1_729_980_000, 25, "a.20241027.log")]
    {
        let directory = TempDir::new().expect("a directory");
        let mut settings = settings(directory.path().join("a"));
        (settings.zone, settings.append) = (berlin.clone(), true);
        let rig = Rig::open(&settings);
        for hour in 0..hours {
            rig.deliver("t", &[(midnight + hour * HOUR, "x")]);
        }
        rig.deliver("t", &[(midnight + hours * HOUR - 1, "x")]);
        rig.flush_at(midnight);
        let lines = "x\n".repeat(usize::try_from(hours).expect("small") + 1);
        expect_files(directory.path(), &[(name, &lines)]);
    }
}

#[test]
fn times_before_1970_and_beyond_the_calendar_have_a_slice() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = settings(directory.path().join("a"));
    settings.append = true;
    let rig = Rig::open(&settings);
    rig.deliver("t", &[(-1, "a"), (i64::MIN, "b"), (i64::MAX, "c")]);
    rig.flush_at(TIME);
    let names: Vec<_> = files(directory.path()).into_keys().collect();
    assert_eq!(names, ["a.-99990102.log", "a.19691231.log", "a.99991230.log"]);
}

#[test]
fn a_file_stays_open_for_late_events_until_timekey_wait() {
    let directory = TempDir::new().expect("a directory");
    let rig = Rig::open(&settings(directory.path().join("a")));
    let midnight = TIME + 21 * HOUR + 1200;
    let event_at = |message, now| {
        rig.deliver("t", &[(TIME, message)]);
        rig.flush_at(now);
    };
    event_at("1", TIME);
    event_at("2", midnight + 599);
    event_at("3", midnight + 600);
    // The file is closed now; the next one stays open as long, although its slice is long over.
    event_at("4", midnight + 601);
    event_at("5", midnight + 1200);
    event_at("6", midnight + 1201);
    event_at("7", midnight + 1202);
    expect_files(
        directory.path(),
        &[("a.20170714_0.log", "1\n2\n3\n"), ("a.20170714_1.log", "4\n5\n6\n"), ("a.20170714_2.log", "7\n")],
    );
}

#[test]
fn a_restart_takes_the_next_free_index() {
    let directory = TempDir::new().expect("a directory");
    let settings = settings(directory.path().join("a"));
    for message in ["1", "2"] {
        let rig = Rig::open(&settings);
        rig.deliver("t", &[(TIME, message)]);
        rig.flush_at(TIME);
    }
    let (left, right) = (Rig::open(&settings), Rig::open(&settings));
    left.deliver("t", &[(TIME, "3")]);
    left.flush_at(TIME);
    right.deliver("t", &[(TIME, "4")]);
    right.flush_at(TIME);
    left.deliver("t", &[(TIME, "5")]);
    left.flush_at(TIME);
    expect_files(
        directory.path(),
        &[
            ("a.20170714_0.log", "1\n"),
            ("a.20170714_1.log", "2\n"),
            ("a.20170714_2.log", "3\n5\n"),
            ("a.20170714_3.log", "4\n"),
        ],
    );
}

#[test]
fn a_restart_with_append_goes_on() {
    let directory = TempDir::new().expect("a directory");
    for gzip in [false, true] {
        let mut settings = settings(directory.path().join("a"));
        (settings.append, settings.gzip) = (true, gzip);
        for message in ["1", "2"] {
            let rig = Rig::open(&settings);
            rig.deliver("t", &[(TIME, message)]);
            rig.flush_at(TIME);
        }
    }
    expect_files(directory.path(), &[("a.20170714.log", "1\n2\n"), ("a.20170714.log.gz", "1\n2\n")]);
}

#[test]
fn a_file_never_passes_chunk_limit_size_unless_one_batch_does() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = settings(directory.path().join("a"));
    settings.chunk_limit_size = ByteSize(8);
    let rig = Rig::open(&settings);
    for message in ["123", "456", "789", "longer than a file", "abc"] {
        rig.deliver("t", &[(TIME, message)]);
    }
    rig.flush_at(TIME);
    rig.deliver("t", &[(TIME, "def")]);
    rig.flush_at(TIME);
    expect_files(
        directory.path(),
        &[
            ("a.20170714_0.log", "123\n456\n"),
            ("a.20170714_1.log", "789\n"),
            ("a.20170714_2.log", "longer than a file\n"),
            ("a.20170714_3.log", "abc\ndef\n"),
        ],
    );
}

#[test]
fn the_link_points_to_the_newest_slice() {
    let directory = TempDir::new().expect("a directory");
    let link = directory.path().join("links/current");
    let mut settings = settings(directory.path().join("a"));
    settings.symlink_path = Some(link.clone());
    let rig = Rig::open(&settings);
    let target = || fs::read_link(&link).expect("a link");
    rig.deliver("t", &[(TIME, "1")]);
    rig.flush_at(TIME);
    assert_eq!(target(), directory.path().join("a.20170714_0.log"));
    rig.deliver("t", &[(TIME + DAY, "2")]);
    rig.flush_at(TIME + DAY);
    assert_eq!(target(), directory.path().join("a.20170715_0.log"));
    rig.deliver("t", &[(TIME - DAY, "late")]);
    rig.flush_at(TIME + DAY);
    assert_eq!(target(), directory.path().join("a.20170715_0.log"));
    assert_eq!(fs::read_to_string(&link).expect("readable"), "2\n");
    assert_eq!(fs::read_dir(directory.path().join("links")).expect("there").count(), 1);
}

#[test]
fn a_file_in_the_place_of_the_link_is_kept() {
    let directory = TempDir::new().expect("a directory");
    let link = directory.path().join("precious");
    fs::write(&link, "data").expect("written");
    let mut settings = settings(directory.path().join("a"));
    settings.symlink_path = Some(link.clone());
    let rig = Rig::open(&settings);
    rig.deliver("t", &[(TIME, "1")]);
    rig.flush_at(TIME);
    assert_eq!(fs::read_to_string(&link).expect("there"), "data");
    assert_eq!(rig.metrics.file_write_errors.get(), 1);
    fs::remove_file(&link).expect("removed");
    rig.flush_at(TIME + 1);
    assert_eq!(fs::read_to_string(&link).expect("there"), "1\n");
}
