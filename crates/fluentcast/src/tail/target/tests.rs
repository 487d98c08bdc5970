use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    tail: TailArgs,
}

/// Host and port, path and query, header, whether it ends.
fn read(words: &[&str]) -> Result<(String, String, Option<String>, bool), TargetError> {
    let line = Line::try_parse_from([&["tail"], words].concat()).expect("flags");
    let (target, start, ends) = Target::read(&line.tail)?;
    let (name, value) = match &start {
        Start::Since(since) => ("$since", since.clone()),
        Start::Last(last) => ("$last", last.to_string()),
    };
    let path = target.path_and_query(name, &value).replace("%24", "$");
    Ok((target.authority(), path, target.authorization(), ends))
}

#[test]
fn every_way_to_say_where() {
    for (url, authority, path) in [
        ("ws://127.0.0.1:8080/", "127.0.0.1:8080", "/events"),
        ("WS://logs.example", "logs.example:80", "/events"),
        ("http://logs.example/web/", "logs.example:80", "/web/events"),
        ("http://logs.example/web/events", "logs.example:80", "/web/events"),
        ("logs.example", "logs.example:8080", "/events"),
        ("localhost:9000", "localhost:9000", "/events"),
        ("localhost:9000/a/b#c", "localhost:9000", "/a/b/events"),
        ("[::1]:9000", "[::1]:9000", "/events"),
        ("ws://[::1]/", "[::1]:80", "/events"),
        ("wss://logs.example", "logs.example:443", "/events"),
        ("HTTPS://logs.example:8443/web", "logs.example:8443", "/web/events"),
        ("h/ü x", "h:8080", "/%C3%BC%20x/events"),
    ] {
        let (told_authority, told_path, ..) = read(&[url]).expect(url);
        let due = (authority.to_owned(), format!("{path}?$last=10"));
        assert_eq!((told_authority, told_path), due, "{url}");
    }
    assert_eq!(read(&[]).map(|read| read.0), Ok("127.0.0.1:8080".to_owned()));
}

#[test]
fn what_is_no_place_is_said() {
    for (url, named) in [
        ("ftp://h", "scheme"),
        ("", "host"),
        ("http://", "host"),
        ("http:///web", "host"),
        (":80", "host"),
        ("h:", "port"),
        ("h:99999", "port"),
        ("h:0x50/", "port"),
        ("user:secret@h:80", "--token"),
        ("a b", "host"),
        ("h/?$last=x", "$last=x"),
    ] {
        let told = read(&[url]).expect_err(url).to_string();
        assert!(told.contains(named), "{url}: {told}");
    }
}

#[test]
fn every_flag_goes_into_the_query_encoded() {
    let flags = "--tag app.** --tag !app.x --fields a,b.c --where level=error --where gone --where e= --max-rate 5 \
                 --since 5m --filter";
    let words =
        [&["h"], &flags.split(' ').collect::<Vec<_>>()[..], &[r#"record.a == "b c" && true"#]].concat();
    let (_, path, ..) = read(&words).expect("a target");
    assert_eq!(
        path,
        "/events?$tag=app.**&$tag=%21app.x&$filter=record.a+%3D%3D+%22b+c%22+%26%26+true&$fields=a%2Cb.c\
         &$max_rate=5&level=error&gone&e=&$since=5m"
    );
}

#[test]
fn the_url_of_a_browser_works_and_flags_beat_it() {
    let url = "ws://h/?level=error&user&$tag=a.**&$last=3&token=s3cret&$follow=false&a=b%20c";
    let (_, path, header, ends) = read(&[url]).expect("a target");
    assert_eq!(path, "/events?level=error&user&$tag=a.**&a=b+c&$follow=false&$last=3");
    assert_eq!((header.as_deref(), ends), (Some("Bearer s3cret"), true));
    let (_, path, header, _) = read(&[url, "--since", "1h", "--token", "other"]).expect("a target");
    assert!(path.ends_with("&$since=1h"), "{path}");
    assert_eq!(header.as_deref(), Some("Bearer other"));
}

#[test]
fn a_token_is_in_a_header_unless_no_header_can_carry_it() {
    let (_, path, header, _) = read(&["h", "--token", "a%&="]).expect("a target");
    assert_eq!((path.as_str(), header.as_deref()), ("/events?$last=10", Some("Bearer a%&=")));
    for token in ["ü", "a b", "\n"] {
        let (_, path, header, _) = read(&["h", "--token", token]).expect("a target");
        assert!(header.is_none() && path.contains("&token="), "{token:?}: {path}");
    }
    let line = Line::try_parse_from(["tail", "--token", "s3cret"]).expect("flags");
    assert!(!format!("{line:?}").contains("s3cret"));
}
