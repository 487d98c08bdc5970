//! The live page as a browser gets it.

use std::path::Path;

use super::*;

fn request(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

#[test]
fn the_page_and_all_that_it_names_is_served_with_its_type_and_a_strict_policy() {
    let server = Server::one(Output { token: Some("secret"), ..Output::default() });
    let mut http = Http(stream_to(server.address));
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/fluentcast.js", "text/javascript; charset=utf-8"),
        ("/ui/app.js", "text/javascript; charset=utf-8"),
        ("/ui/match-worker.js", "text/javascript; charset=utf-8"),
        ("/ui/base.css", "text/css; charset=utf-8"),
        ("/ui/icon.svg", "image/svg+xml"),
        ("/ui/vendor/uPlot.js", "text/javascript; charset=utf-8"),
        ("/ui/vendor/uPlot-LICENSE.txt", "text/plain; charset=utf-8"),
    ] {
        let answer = http.ask(&request(&format!("GET {path}"), ""));
        assert_eq!((answer.status, &*answer.headers["content-type"]), (200, content_type), "{path}");
        assert!(!answer.body.is_empty());
        let policy = &answer.headers["content-security-policy"];
        for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"] {
            assert!(policy.split("; ").any(|directive| directive == part), "{path}: {policy}");
        }
        for part in ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        let head = http.ask(&request(&format!("HEAD {path}"), ""));
        assert_eq!(head.status, 200, "{path}");
        for name in ["content-length", "content-type", "etag", "content-security-policy"] {
            assert_eq!(head.headers[name], answer.headers[name], "{path}");
        }
    }
    assert_eq!(http.ask(&request("GET /ui/nothing.js", "")).status, 404);
    assert_eq!(http.ask(&request("GET /ui/../ui/app.js", "")).status, 404);
    assert_eq!(http.ask(&request("POST /ui/app.js", "")).status, 405);
    assert_eq!(http.ask(&upgrade("/", "")).status, 401, "the page is public, its events are not");
}

#[test]
fn markup_has_no_script_and_no_style_of_its_own() {
    let server = Server::one(Output::default());
    let page = Http(stream_to(server.address)).ask(&request("GET /", "")).body;
    assert!(!page.contains("<style") && !page.contains(" style="));
    assert!(
        page.split("<script").skip(1).all(|script| script.contains("></script>") && script.contains(" src="))
    );
    assert!(!page.split_whitespace().any(|word| word.starts_with("on") && word.contains("=\"")));
}

#[test]
fn a_file_that_is_known_is_not_sent_again() {
    let server = Server::one(Output::default());
    let mut http = Http(stream_to(server.address));
    let first = http.ask(&request("GET /ui/app.js", ""));
    let etag = first.headers["etag"].clone();
    assert_eq!(first.headers["cache-control"], "no-cache");
    for (known, status) in [
        (etag.clone(), 304),
        (format!("\"x\", W/{etag}"), 304),
        ("*".to_owned(), 304),
        ("\"x\"".to_owned(), 200),
        (etag.trim_matches('"').to_owned(), 200),
    ] {
        let again = http.ask(&request("GET /ui/app.js", &format!("If-None-Match: {known}\r\n")));
        assert_eq!((again.status, &again.headers["etag"]), (status, &etag), "{known}");
        assert_eq!(again.body.is_empty(), status == 304);
    }
    assert_ne!(http.ask(&request("GET /ui/list.js", "")).headers["etag"], etag);
}

#[test]
fn files_are_compressed_for_those_who_take_it() {
    let server = Server::one(Output::default());
    let mut stream = stream_to(server.address);
    let plain = Http(stream.try_clone().expect("a clone")).ask(&request("GET /ui/app.js", ""));
    assert_eq!(plain.headers["vary"], "accept-encoding");
    stream.write_all(request("GET /ui/app.js", "Accept-Encoding: gzip\r\n").as_bytes()).expect("sent");
    let head = read_head(&mut stream);
    let value = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)).expect("the header");
        line.trim_start_matches(':').trim().to_owned()
    };
    assert_eq!(value("content-encoding"), "gzip");
    assert_ne!(value("etag"), plain.headers["etag"]);
    let length: usize = value("content-length").parse().expect("a number");
    assert!(length < plain.body.len());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a whole body");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, plain.body);
    let again = format!("Accept-Encoding: gzip\r\nIf-None-Match: {}\r\n", value("etag"));
    assert_eq!(Http(stream).ask(&request("GET /ui/app.js", &again)).status, 304);
}

#[test]
fn each_output_of_a_port_has_its_page_or_none() {
    let output = |path, ui| Output { path, ui, ..Output::default() };
    let server = Server::start(vec![output("/a", true), output("/a/b/", true), output("/c", false)]);
    let mut http = Http(stream_to(server.address));
    let mut get = |path: &str| http.ask(&request(&format!("GET {path}"), ""));
    for path in ["/a/", "/a/b/", "/a/?x=1"] {
        let page = get(path);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains("ui/app.js"), "{path}");
    }
    for (path, location) in [("/a", "./a/"), ("/a/b", "./b/"), ("/a?x=1&y", "./a/?x=1&y")] {
        let answer = get(path);
        assert_eq!((answer.status, &*answer.headers["location"]), (308, location), "{path}");
    }
    for path in ["/a/ui/app.js", "/a/b/fluentcast.js"] {
        assert_eq!(get(path).status, 200, "{path}");
    }
    for path in ["/c", "/c/", "/c/ui/app.js", "/ui/app.js", "/fluentcast.js", "/ab/", "/a/x"] {
        assert_eq!(get(path).status, 404, "{path}");
    }
    let short = get("/");
    assert_eq!(short.status, 200);
    assert!(short.body.contains("<a href=\"/a/\">") && short.body.contains("<a href=\"/a/b/\">"));
    assert!(short.body.contains("ws://x/c") && !short.body.contains("<a href=\"/c/\">"));
}

#[test]
fn without_ui_the_short_page_stands_at_the_root() {
    let server = Server::one(Output { ui: false, ..Output::default() });
    let mut http = Http(stream_to(server.address));
    let page = http.ask(&request("GET /", ""));
    assert!(page.status == 200 && page.body.contains("ws://x/") && !page.body.contains("ui/app.js"));
    assert_eq!(http.ask(&request("GET /ui/app.js", "")).status, 404);
    assert_eq!(http.ask(&request("GET /fluentcast.js", "")).status, 404);
}

#[test]
fn every_file_of_the_page_is_part_of_the_binary() {
    let server = Server::one(Output::default());
    let mut http = Http(stream_to(server.address));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui");
    let mut served = 0;
    for folder in ["", "vendor/"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("the folder") {
            let entry = entry.expect("a file");
            let name = entry.file_name().into_string().expect("a name");
            if entry.file_type().expect("a type").is_dir() || name == "index.html" {
                continue;
            }
            let answer = http.ask(&request(&format!("GET /ui/{folder}{name}"), ""));
            assert_eq!(answer.status, 200, "{folder}{name} is not in the table of files");
            served += 1;
        }
    }
    assert!(served > 30);
}
