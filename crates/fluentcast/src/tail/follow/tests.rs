//! Against a server that plays a script: what is asked in which order, what is printed, what is told.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::tail::place::Start;

/// How an answer ends.
enum Cut {
    /// As it should.
    No,
    /// Without its last chunk.
    Yes,
}

fn stream(epoch: &str, seq: u64, lines: &[&str], cut: Cut) -> String {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nfluentcast-epoch: {epoch}\r\nfluentcast-seq: {seq}\r\n\
         fluentcast-oldest: 1\r\nconnection: close\r\n\r\n"
    );
    for line in lines {
        answer.push_str(&format!("{:x}\r\n{line}\r\n", line.len()));
    }
    if matches!(cut, Cut::No) {
        answer.push_str("0\r\n\r\n");
    }
    answer
}

fn refusal(status: &str, text: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len())
}

fn event(seq: u64) -> String {
    format!("{{\"seq\":{seq},\"tag\":\"t\",\"time\":1,\"record\":{{\"n\":{seq}}}}}\n")
}

/// Gives one answer after the other, then none; the heads of the requests.
async fn serve(script: Vec<String>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = tokio::spawn(async move {
        let mut heads = Vec::new();
        for answer in script {
            let (stream, _) = listener.accept().await.expect("a connection");
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(stream.read_line(&mut head).await.expect("a head") > 0, "cut: {head}");
            }
            heads.push(head);
            stream.write_all(answer.as_bytes()).await.expect("sent");
        }
        heads
    });
    (port, served)
}

struct Played {
    outcome: Result<End, String>,
    /// What goes to standard output.
    printed: String,
    told: Vec<String>,
    /// Path and query of each request.
    asked: Vec<String>,
}

async fn play(script: Vec<String>, start: Start, ends: bool) -> Played {
    let (port, served) = serve(script).await;
    let (pages, mut written) = mpsc::channel(1);
    let follow = Follow {
        dialer: Dialer::default(),
        target: Target::at_port(port),
        place: Place::new(start),
        ends,
        form: Form::Json(false),
        backoff: Backoff::new(Duration::from_millis(1), Duration::from_millis(2)),
        pages,
        left_out: LeftOut::default(),
    };
    let reader = tokio::spawn(async move {
        let (mut printed, mut told) = (Vec::new(), Vec::new());
        while let Some(page) = written.recv().await {
            match page {
                Page::Events(bytes) => printed.extend(bytes),
                Page::Told(text) => told.push(text),
            }
        }
        (String::from_utf8(printed).expect("UTF-8"), told)
    });
    let outcome = tokio::time::timeout(Duration::from_secs(60), follow.run()).await.expect("an end");
    let (printed, told) = reader.await.expect("a reader");
    let heads = served.await.expect("the whole script was asked for");
    let asked = heads.iter().filter_map(|head| head.split(' ').nth(1).map(|path| path.replace("%24", "$")));
    Played { outcome, printed, told, asked: asked.collect() }
}

fn numbers(printed: &str) -> Vec<u64> {
    let number = |line: &str| line.strip_prefix("{\"n\":")?.strip_suffix('}')?.parse().ok();
    printed.lines().map(|line| number(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

#[tokio::test]
async fn it_goes_on_after_the_last_whole_event() {
    let [one, two, three] = [1, 2, 3].map(event);
    // The second event is cut in its middle, and a sign of life is no event.
    let script = vec![
        stream("e", 0, &[&one, "\n", &two[..9]], Cut::Yes),
        refusal("503 Service Unavailable", "full"),
        stream("e", 3, &[&two, &three], Cut::No),
        refusal("400 Bad Request", "enough"),
    ];
    let played = play(script, Start::Last(0), false).await;
    assert_eq!(numbers(&played.printed), [1, 2, 3]);
    let position = |seq| format!("/events?$since=e%3A{seq}");
    assert_eq!(played.asked, ["/events?$last=0".to_owned(), position(1), position(1), position(3)]);
    assert_eq!(played.outcome, Err(format!("127.0.0.1:{} refuses: 400 Bad Request: enough", played.port())));
    let told = played.told.join("\n");
    for part in [
        "503 Service Unavailable: full; trying again in",
        "connected again",
        "the server has ended the stream",
    ] {
        assert!(told.contains(part), "no {part:?} in:\n{told}");
    }
}

impl Played {
    fn port(&self) -> u16 {
        let text = self.outcome.as_ref().expect_err("a refusal");
        text.split([':', ' ']).nth(1).and_then(|port| port.parse().ok()).expect("a port")
    }
}

#[tokio::test]
async fn gaps_are_told_and_passed() {
    let script = vec![
        stream("e1", 5, &["{\"gap\":{\"from\":6,\"to\":9,\"events\":2,\"reason\":\"slow\"}}\n"], Cut::Yes),
        stream(
            "e2",
            3,
            &[
                "{\"gap\":{\"epoch\":\"e1\",\"from\":10,\"to\":null,\"reason\":\"epoch\"}}\n",
                "{\"left_out\":4}\n",
                "{\"left_out\":3}\n",
            ],
            Cut::Yes,
        ),
        stream("e2", 3, &[&event(1)], Cut::Yes),
        refusal("401 Unauthorized", ""),
    ];
    let played = play(script, Start::Last(0), false).await;
    let asked =
        ["$last=0", "$since=e1%3A9", "$since=e1%3A9", "$since=e2%3A1"].map(|part| format!("/events?{part}"));
    assert_eq!(played.asked, asked);
    let told = played.told.join("\n");
    assert!(told.contains("events 6 to 9 are missing, 2 of them asked for"), "{told}");
    assert!(told.contains("begun anew: events from 10 on of e1"), "{told}");
    let left_out: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split_once(" events were left out"))
        .map(|parts| parts.0)
        .collect();
    assert_eq!(
        left_out.iter().map(|count| count.parse::<u64>().expect("a number")).sum::<u64>(),
        7,
        "{told}"
    );
}

#[tokio::test]
async fn what_there_is_ends_it_and_a_cut_does_not() {
    let script = vec![stream("e", 2, &[&event(1)], Cut::Yes), stream("e", 2, &[&event(2)], Cut::No)];
    let played = play(script, Start::Last(2), true).await;
    assert_eq!((played.outcome, numbers(&played.printed)), (Ok(End::Complete), vec![1, 2]));
}

#[tokio::test]
async fn whoever_wants_what_there_is_does_not_wait_for_ever() {
    let full = || refusal("503 Service Unavailable", "full");
    let played = play(vec![full(), full(), full()], Start::Last(2), true).await;
    assert!(played.outcome.is_err_and(|why| why.contains("503")));
    assert_eq!(played.told.len(), 2);
}

#[tokio::test]
async fn another_program_on_the_port_is_no_stream() {
    for (answer, named) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_owned(), "another program"),
        (
            refusal("404 Not Found", "no output\r\nhere \u{1b}[2J"),
            r"404 Not Found: no output\r\nhere \u001B[2J",
        ),
        (refusal("301 Moved Permanently", ""), "301"),
        (refusal("505 HTTP Version Not Supported", ""), "505"),
    ] {
        let played = play(vec![answer], Start::Last(0), false).await;
        let why = played.outcome.expect_err(named);
        assert!(why.contains(named) && played.told.is_empty(), "{why}");
    }
}

#[tokio::test]
async fn a_line_that_makes_no_sense_is_told_and_passed_over() {
    let deep = format!("{{\"seq\":2,\"tag\":\"t\",\"time\":1,\"record\":{}\n", "[".repeat(1000));
    let script = vec![
        stream("e", 0, &[&event(1), &deep, "{\"newer\":1}\n", &event(3)], Cut::Yes),
        refusal("400 Bad Request", ""),
    ];
    let played = play(script, Start::Last(0), false).await;
    assert_eq!(numbers(&played.printed), [1, 3]);
    assert!(played.told[0].contains("makes no sense"), "{:?}", played.told);
}

#[tokio::test]
async fn it_ends_when_nobody_takes_pages() {
    let (port, served) = serve(vec![stream("e", 0, &[&event(1), &event(2)], Cut::No)]).await;
    let (pages, written) = mpsc::channel(1);
    drop(written);
    let follow = Follow {
        dialer: Dialer::default(),
        target: Target::at_port(port),
        place: Place::new(Start::Last(0)),
        ends: false,
        form: Form::Json(false),
        backoff: Backoff::default(),
        pages,
        left_out: LeftOut::default(),
    };
    assert_eq!(follow.run().await, Ok(End::Unread));
    served.await.expect("asked");
}

#[test]
fn left_out_is_told_now_and_then() {
    let start = Instant::now();
    let mut left_out = LeftOut { count: 5, told: None };
    assert_eq!(left_out.due(start, false), Some(5));
    left_out.count = 7;
    assert_eq!(left_out.due(start, false), None);
    assert_eq!(left_out.due(start + TAIL_LEFT_OUT_INTERVAL, false), Some(7));
    assert_eq!(left_out.due(start, true), None);
    left_out.count = 1;
    assert_eq!(left_out.due(start, true), Some(1));
}
