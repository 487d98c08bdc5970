//! What the README of the original plugin promises, with its own words.

use std::process::Command;

use crate::support::SOURCES;
use crate::support::server::Server;
use crate::support::tools;
use crate::support::websocket::Client;

const FIRST_FRAGMENT: &str = "
<match foo.**>
  type websocket
  host 192.168.1.1      # default: 0.0.0.0 (ANY)
  port 8080             # default: 8080
  use_msgpack false     # default: false
  add_time false        # default: false
  add_tag true          # default: true
  buffered_messages 100 # default: 0
  token SomeToken       # default: nil
</match>
";

const COPY_FRAGMENT: &str = "
<match foo.**>
  type copy
  <store>
    type file
    path /var/log/foo/bar.log
  </store>
  <store>
    type websocket
    port 8080
  </store>
</match>
";

/// The README's own address and port are not a test's to take.
fn start(fragment: &str) -> Server {
    let here = fragment.replace("192.168.1.1 ", "127.0.0.1 ").replace("port 8080", "port 0");
    Server::start(&format!("{SOURCES}{here}"))
}

/// The README's request, by the real curl.
fn curl(server: &Server) {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*"]);
    curl.args(["-X", "POST", "-d", r#"json={"action":"login","user":6}"#]);
    curl.arg(format!("http://localhost:{}/foo/bar", server.http().port()));
    tools::succeed(curl);
}

const MESSAGE: &str = r#"["foo.bar",{"action":"login","user":6}]"#;

#[test]
fn each_client_gets_the_event_of_the_curl() {
    let server = start(FIRST_FRAGMENT);
    let path = "/any/path?token=SomeToken";
    let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(server.websocket(0), path)).collect();
    curl(&server);
    for client in &mut clients {
        assert_eq!(client.text(), MESSAGE);
    }
    // buffered_messages: a client that comes later gets it as well.
    assert_eq!(Client::connect(server.websocket(0), path).text(), MESSAGE);
}

#[test]
fn add_time_makes_the_three_elements_of_the_example() {
    let server = start(&FIRST_FRAGMENT.replace("add_time false", "add_time true"));
    let mut client = Client::connect(server.websocket(0), "/?token=SomeToken");
    curl(&server);
    let text = client.text();
    let time = text
        .strip_prefix(r#"["foo.bar","#)
        .and_then(|rest| rest.strip_suffix(r#",{"action":"login","user":6}]"#))
        .unwrap_or_else(|| panic!("not three elements: {text}"));
    let time: u64 = time.parse().expect("whole seconds");
    assert!(time > 1_700_000_000, "{time} is not now");
}

#[test]
fn the_copy_fragment_also_writes_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log/foo/bar.log");
    let fragment = COPY_FRAGMENT.replace("/var/log/foo/bar.log", &path.display().to_string());
    let mut server = start(&fragment);
    let mut client = server.client(0);
    curl(&server);
    assert_eq!(client.text(), MESSAGE);
    assert!(server.stop().success());

    let files: Vec<_> = std::fs::read_dir(folder.path().join("log/foo"))
        .expect("the folder")
        .map(|file| file.expect("a file"))
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let name = files[0].file_name().into_string().expect("UTF-8");
    let day = name.strip_prefix("bar.log.").and_then(|name| name.strip_suffix("_0.log"));
    let day = day.unwrap_or_else(|| panic!("the file is called {name}"));
    assert!(day.len() == 8 && day.bytes().all(|digit| digit.is_ascii_digit()), "the file is called {name}");

    let line = std::fs::read_to_string(files[0].path()).expect("the file");
    let (time, rest) = line.split_once('\t').expect("a tab");
    assert_eq!(rest, "foo.bar\t{\"action\":\"login\",\"user\":6}\n");
    // 2023-11-14T22:13:20+00:00, on the day that the name says; the server runs in UTC here.
    assert_eq!(time.len(), 25, "{time}");
    assert_eq!(time[..10].replace('-', ""), day);
    assert_eq!(&time[19..], "+00:00");
}
