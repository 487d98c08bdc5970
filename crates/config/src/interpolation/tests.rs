use super::*;

fn environment() -> Environment {
    Environment {
        variables: [("FOO", "bar"), ("EMPTY", ""), ("PAD", "  Ab\n"), ("N", "12_3x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        hostname: "host.example".to_owned(),
        worker_id: "0".to_owned(),
    }
}

fn run(code: &str) -> Result<Piece, (&'static str, String)> {
    let mut diagnostics = Diagnostics::default();
    let piece = evaluate(code, Place::of(0), &environment(), &mut diagnostics);
    match diagnostics.iter().next() {
        None => Ok(piece),
        Some(mistake) => Err((mistake.code, code[mistake.span.range()].to_owned())),
    }
}

fn text(code: &str) -> String {
    match run(code) {
        Ok(Piece::Text(text)) => text,
        other => panic!("{code}: {other:?}"),
    }
}

#[test]
fn the_table_of_the_reference() {
    for (code, expected) in [
        ("ENV['FOO']", "bar"),
        ("ENV[\"FOO\"]", "bar"),
        (" ENV[ 'FOO' ] ", "bar"),
        ("ENV['NOPE']", ""),
        ("ENV.fetch('FOO')", "bar"),
        ("ENV.fetch('NOPE','d')", "d"),
        ("ENV.fetch('FOO', 'd')", "bar"),
        ("ENV.fetch('NOPE') { 'd' }", "d"),
        ("ENV.fetch('FOO') { use_nil }", "bar"),
        ("ENV['NOPE'] || 'd'", "d"),
        ("ENV['EMPTY'] || 'd'", ""),
        ("ENV['NOPE'] || ENV['ALSO'] || \"x\"", "x"),
        ("hostname", "host.example"),
        ("Socket.gethostname", "host.example"),
        ("worker_id", "0"),
        ("ENV['FOO'].upcase", "BAR"),
        ("ENV['PAD'].strip.downcase", "ab"),
        ("ENV['PAD'].chomp", "  Ab"),
        ("ENV['N'].to_i", "123"),
        ("ENV['NOPE'].to_i", "0"),
        ("ENV['NOPE'].to_s", ""),
        ("ENV['FOO'] == 'bar' ? 'a' : 'b'", "a"),
        ("ENV['FOO'] != 'bar' ? 'a' : 'b'", "b"),
        ("ENV['NOPE'] ? 'a' : 'b'", "b"),
        ("ENV['N'].to_i == 123 ? 'a' : 'b'", "a"),
        ("ENV['NOPE'] == '' ? 'a' : 'b'", "b"),
        ("(ENV['NOPE'] || 'Dx').downcase", "dx"),
    ] {
        assert_eq!(text(code), expected, "{code}");
    }
}

#[test]
fn nil_and_default_take_the_whole_parameter_only_when_reached() {
    assert_eq!(run("use_nil"), Ok(Piece::Nil));
    assert_eq!(run("use_default"), Ok(Piece::Default));
    assert_eq!(run("ENV['NOPE'] || use_nil"), Ok(Piece::Nil));
    assert_eq!(text("ENV['FOO'] || use_nil"), "bar");
    assert_eq!(run("ENV['FOO'] == 'bar' ? use_default : 'x'"), Ok(Piece::Default));
    assert_eq!(run("ENV.fetch('NOPE') { use_default }"), Ok(Piece::Default));
    // Ruby evaluates arguments before the call.
    assert_eq!(run("ENV.fetch('FOO', use_default)"), Ok(Piece::Default));
}

#[test]
fn what_is_not_known_is_refused_at_its_word() {
    for (code, word) in [
        ("Time.now", "Time"),
        ("`date`", "`"),
        ("require 'x'", "require"),
        ("ENV['FOO'].gsub('a', 'b')", "gsub"),
        ("'a' + 'b'", "+"),
        ("ENV.key?('X')", "key"),
        ("ENV[x]", "x"),
        ("ENV['FOO'", ""),
        ("", ""),
        ("\"a#{hostname}\"", "#{"),
        ("File.write('x')", "write"),
        ("'open", "'open"),
        ("1.5", "5"),
        ("ENV['FOO'] = 'x'", "="),
    ] {
        assert_eq!(run(code), Err(("ruby-code", word.to_owned())), "{code}");
    }
}

#[test]
fn an_unset_variable_that_must_be_there_has_its_own_code() {
    assert_eq!(run("ENV.fetch('NOPE')"), Err(("env-unset", "ENV.fetch('NOPE')".to_owned())));
    assert_eq!(run("ENV['NOPE'].downcase"), Err(("env-unset", "ENV['NOPE']".to_owned())));
}

#[test]
fn files_are_read_within_a_bound() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let shown = path.display();
    std::fs::write(&path, "s3cret\n").unwrap();
    assert_eq!(text(&format!("File.read('{shown}')")), "s3cret\n");
    assert_eq!(text(&format!("File.read('{shown}').strip")), "s3cret");
    std::fs::write(&path, vec![b'a'; fluentcast_event::limits::CONFIG_READ_BYTES_MAX]).unwrap();
    assert!(run(&format!("File.read('{shown}')")).is_ok());
    std::fs::write(&path, vec![b'a'; fluentcast_event::limits::CONFIG_READ_BYTES_MAX + 1]).unwrap();
    assert_eq!(run(&format!("File.read('{shown}')")).unwrap_err().0, "file-read");
    std::fs::write(&path, b"\xff").unwrap();
    assert_eq!(run(&format!("File.read('{shown}')")).unwrap_err().0, "file-read");
    assert_eq!(run(&format!("File.read('{}')", directory.path().display())).unwrap_err().0, "file-read");
    assert_eq!(run("File.read('/no/such/file')").unwrap_err().0, "file-read");
}

#[test]
fn the_end_of_an_expression_honours_quotes_and_braces() {
    for (text, expected) in [
        ("a}b", Some("a")),
        ("'}' + \"x\"}y", Some("'}' + \"x\"")),
        ("x { 'd' }}", Some("x { 'd' }")),
        ("\"a#{b}c}\"}z", Some("\"a#{b}c}\"")),
        ("'\\'}'}", Some("'\\'}'")),
        ("open", None),
        ("'open}", None),
    ] {
        assert_eq!(expression_end(text, 0).map(|end| &text[..end]), expected, "{text}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    for code in
        ["(".repeat(9999), "'a'||".repeat(9999), "'a'?".repeat(9999), format!("'a'{}", ".to_s".repeat(9999))]
    {
        assert_eq!(run(&code).unwrap_err().0, "ruby-code");
    }
}
