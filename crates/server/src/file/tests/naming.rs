use std::os::unix::fs::PermissionsExt;

use super::super::name::{NameError, PathTemplate};
use super::*;

fn hours(hours: u64) -> Option<Duration> {
    Some(Duration::from_secs(hours * 3600))
}

/// The table of the reference, recorded from Fluentd, in order.
#[test]
fn files_are_named_as_fluentd_names_them() {
    type Change = fn(&mut settings::FileOutput);
    let cases: [(&str, Change, &str); 9] = [
        ("of/noappend", |_| {}, "of/noappend.20170714_0.log"),
        ("of/append", |s| (s.append, s.timekey) = (true, hours(1)), "of/append.2017071402.log"),
        ("of/ph.${tag}.%Y%m%d", |s| (s.append, s.gzip) = (true, true), "of/ph.copy.x.20170714.log.gz"),
        ("of/star.*.txt", |s| s.timekey = Some(Duration::from_secs(60)), "of/star.201707140240_0.txt"),
        ("of/notime", |s| (s.append, s.timekey) = (true, None), "of/notime.log"),
        ("of/notime_na", |s| (s.timekey, s.path_suffix) = (None, String::new()), "of/notime_na_0"),
        ("foo/bar.log", |_| {}, "foo/bar.log.20170714_0.log"),
        ("of/s", |s| s.timekey = Some(Duration::from_secs(10)), "of/s.20170714024000_0.log"),
        ("of/star.*.txt", |s| s.gzip = true, "of/star.20170714_0.txt.gz"),
    ];
    for (path, change, name) in cases {
        let directory = TempDir::new().expect("a directory");
        let mut settings = settings(directory.path().join(path));
        change(&mut settings);
        let rig = Rig::open(&settings);
        expect_files(directory.path(), &[]);
        rig.deliver("copy.x", &[(TIME, "one")]);
        rig.flush_at(TIME);
        rig.deliver("copy.x", &[(TIME + 1, "two")]);
        rig.flush_at(TIME + 1);
        expect_files(directory.path(), &[(name, "one\ntwo\n")]);
        assert_eq!(rig.metrics.file_events.get(), 2);
    }
}

fn template(path: &str) -> io::Result<PathTemplate> {
    PathTemplate::compile(path, Some(Duration::from_secs(86_400)), false, ".log", false)
}

#[test]
fn a_path_with_only_some_time_items_is_refused() {
    let error = template("/var/log/%Y/x").expect_err("no day");
    assert!(error.to_string().contains("insufficient timestamp placeholders in path"), "{error}");
    assert!(error.to_string().contains("%m, %d"), "{error}");
    for path in ["/var/log/${chunk_id}", "/var/log/${tag[x]}", "/var/log/${tag"] {
        assert_eq!(template(path).expect_err("unknown").kind(), io::ErrorKind::InvalidInput, "{path}");
    }
}

#[test]
fn without_slices_a_percent_sign_is_a_percent_sign() {
    let template = PathTemplate::compile("a/%Y*", None, true, ".log", false).expect("valid");
    assert_eq!(template.name("t", None).expect("harmless").path(None), Path::new("a/%Y"));
}

#[test]
fn the_directory_to_check_is_what_never_varies() {
    for (path, directory) in [
        ("/var/log/a/b", "/var/log/a"),
        ("/var/log/${tag}/b", "/var/log"),
        ("/var/log/a%Y%m%d/b", "/var/log"),
        ("/var/log/a.*.txt", "/var/log"),
        ("/b", "/"),
        ("b", "."),
        ("${tag}", "."),
    ] {
        assert_eq!(template(path).expect("valid").directory(), Path::new(directory), "{path}");
    }
}

#[test]
fn tag_parts_count_from_both_ends() {
    for (path, name) in [
        ("${tag[0]}", "a"),
        ("${tag[2]}-${tag[1]}", "c-b"),
        ("${tag[-1]}", "c"),
        ("x${tag[3]}${tag[-4]}${tag[9223372036854775807]}${tag[-9223372036854775808]}", "x"),
    ] {
        let template = PathTemplate::compile(path, None, true, "", false).expect("valid");
        assert_eq!(template.name("a.b.c", None).expect("harmless").path(None), Path::new(name), "{path}");
    }
}

#[test]
fn no_tag_leads_out_of_the_directory() {
    let long = "x".repeat(241);
    let deep = "x/".repeat(2001);
    for (path, tag, error) in [
        ("/log/${tag}", "/etc/passwd", NameError::Escapes),
        ("/log/${tag}", "../etc/passwd", NameError::Escapes),
        ("/log/${tag}", "a/../../etc/passwd", NameError::Escapes),
        ("/log/${tag}/x", "..", NameError::Escapes),
        ("/log/${tag}/x", "a/..", NameError::Escapes),
        ("/log/.${tag}/x", ".", NameError::Escapes),
        ("/log/..${tag}/x", "", NameError::Escapes),
        ("/log/${tag[0]}/x", "/etc.b", NameError::Escapes),
        ("/log/${tag[2]}/x", "../x.b", NameError::Escapes),
        ("${tag}/x", "", NameError::Escapes),
        ("/log/${tag}", "a\0b", NameError::NotAName),
        ("/log/${tag}", long.as_str(), NameError::NotAName),
        ("/log/${tag}x", deep.as_str(), NameError::NotAName),
        ("/log/${tag}", "a/", NameError::NotAName),
        ("/log/${tag}", "a/.", NameError::NotAName),
        ("/log/${tag}", "", NameError::NotAName),
    ] {
        let template = PathTemplate::compile(path, None, true, "", false).expect("valid");
        assert_eq!(template.name(tag, None), Err(error), "{path} {tag}");
    }
    for (path, tag, name) in [
        ("/log/${tag}.log", "a/b", "/log/a/b.log"),
        ("/log/${tag}.log", "..a", "/log/..a.log"),
        ("../log/${tag}.log", "a..", "../log/a...log"),
        // Parts end at every dot: this one is empty, and the one with the slash is not used.
        ("/log/${tag[1]}.log", "../x.b", "/log/.log"),
    ] {
        let template = PathTemplate::compile(path, None, true, "", false).expect("valid");
        assert_eq!(template.name(tag, None).expect("harmless").path(None), Path::new(name));
    }
}

#[test]
fn events_with_such_a_tag_are_dropped_counted_and_cost_no_others() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = settings(directory.path().join("in/${tag}"));
    (settings.append, settings.timekey) = (true, None);
    let rig = Rig::open(&settings);
    rig.deliver("../evil", &[(TIME, "a"), (TIME, "b")]);
    rig.deliver("good", &[(TIME, "c")]);
    rig.flush_at(TIME);
    expect_files(directory.path(), &[("in/good.log", "c\n")]);
    assert_eq!(rig.metrics.file_events_dropped.get(), 2);
}

#[test]
fn a_time_item_in_a_tag_stays_as_it_is() {
    let directory = TempDir::new().expect("a directory");
    let rig = Rig::open(&settings(directory.path().join("${tag}")));
    rig.deliver("%Y*", &[(TIME, "a")]);
    rig.flush_at(TIME);
    expect_files(directory.path(), &[("%Y*.20170714_0.log", "a\n")]);
}

#[test]
fn files_and_directories_get_exactly_the_permissions_asked_for() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = settings(directory.path().join("a/b/${tag}/x"));
    (settings.file_permission, settings.dir_permission) = (0o666, 0o777);
    let rig = Rig::open(&settings);
    rig.deliver("t", &[(TIME, "a")]);
    rig.flush_at(TIME);
    let mode = |path| fs::metadata(directory.path().join(path)).expect("there").permissions().mode() & 0o7777;
    assert_eq!(mode("a"), 0o777);
    assert_eq!(mode("a/b/t"), 0o777);
    assert_eq!(mode("a/b/t/x.20170714_0.log"), 0o666);
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error_at_the_start() {
    let directory = TempDir::new().expect("a directory");
    fs::write(directory.path().join("file"), "").expect("written");
    let error = FileOutput::open(&settings(directory.path().join("file/x")), Arc::default())
        .expect_err("no directory");
    let text = error.to_string();
    assert!(text.contains("cannot write files of path") && text.contains("choose another path"), "{text}");
}
