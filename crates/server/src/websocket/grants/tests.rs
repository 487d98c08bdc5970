use std::io::Write as _;

use super::*;
use crate::websocket::tests::tokens;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn status(
    grants: &Grants,
    presented: Option<&str>,
    now: SystemTime,
    metrics: &Metrics,
) -> Result<Granted, u16> {
    let presented = presented.map(|text| Secret::new(text.to_owned()));
    grants.grant(presented.as_ref(), None, now, metrics).map_err(|(status, _)| status.as_u16())
}

#[test]
fn each_token_opens_whatever_its_form_and_nothing_else_does() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"  in a file \n").unwrap();
    let sections = format!(
        "<token>\nname a\ntoken secret-a\n</token>\n\
         <token>\nname b\nsha256 BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\n</token>\n\
         <token>\nname c\ntoken_file {}\n</token>",
        file.path().display()
    );
    let metrics = Metrics::default();
    let old = Secret::new("old".to_owned());
    let grants = Grants::of(Some(&old), &tokens(&sections), &[]).unwrap();
    for right in ["old", "secret-a", "abc", "in a file"] {
        assert!(status(&grants, Some(right), NOW, &metrics).is_ok(), "{right}");
    }
    for wrong in
        [None, Some(""), Some("secret-"), Some("secret-aa"), Some("a"), Some("ba7816bf"), Some("in a file ")]
    {
        assert_eq!(status(&grants, wrong, NOW, &metrics).err(), Some(401), "{wrong:?}");
    }
    assert_eq!(metrics.websocket_tokens_refused.get(), 7);
    assert!(status(&Grants::default(), None, NOW, &metrics).is_ok());
    assert!(!format!("{grants:?}").contains("secret"));
}

#[test]
fn a_token_has_its_time_and_its_places() {
    let metrics = Metrics::default();
    let sections =
        "<token>\nname a\ntoken a-secret\nconnection_limit 2\nexpires 1970-01-01T01:00:10+01:00\n</token>";
    let grants = Grants::of(None, &tokens(sections), &[]).unwrap();
    let end = NOW + Duration::from_secs(10);
    let granted = |now| status(&grants, Some("a-secret"), now, &metrics);
    let first = granted(NOW).unwrap();
    assert_eq!(first.expires, Some(end));
    let _second = granted(end - Duration::from_nanos(1)).unwrap();
    assert_eq!(granted(NOW).err(), Some(503));
    drop(first);
    assert!(granted(NOW).is_ok());
    assert_eq!(granted(end).err(), Some(401));
    assert_eq!((metrics.websocket_tokens_busy.get(), metrics.websocket_tokens_refused.get()), (1, 1));
}

#[test]
fn a_file_that_is_no_token_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let problem = || {
        let sections = format!("<token>\nname c\ntoken_file {}\n</token>", path.display());
        let same = Secret::new("same".to_owned());
        Grants::of(Some(&same), &tokens(&sections), &[]).unwrap_err().to_string()
    };
    assert!(problem().contains("cannot use the token `c`"), "{}", problem());
    for (text, told) in [
        (" \n".to_owned(), "it is empty"),
        ("x".repeat(70_000), "longer than"),
        ("same\n".to_owned(), "the same as"),
    ] {
        std::fs::write(&path, text).unwrap();
        assert!(problem().contains(told), "{}", problem());
    }
}
