//! What a client is told besides events: hello, gap, subscribed, error; whole messages in its own form.

use fluentcast_event::{from_json, json};

use crate::deflate;
use crate::encode::{Format, Protocol, Shape};
use crate::envelope;
use crate::frame;
use crate::history::{Epoch, Gap};
use crate::hub::Hello;

/// Puts `{"<kind>": body}` into a message; `None` when the protocol knows no notices. `id` is where an
/// event stream resumes after this notice.
fn message(shape: &Shape, kind: &str, body: &str, id: Option<(Epoch, u64)>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match shape.protocol {
        Protocol::Classic => return None,
        Protocol::Resumable => {
            let json = format!("{{\"{kind}\":{body}}}");
            match shape.format {
                Format::Json => frame::write(&mut out, shape.format.opcode(), json.as_bytes()),
                Format::Msgpack => {
                    let mut payload = Vec::new();
                    // Only what is no JSON fails, and the bodies are written here.
                    from_json::append(&mut payload, json.as_bytes()).ok()?;
                    frame::write(&mut out, shape.format.opcode(), &payload);
                }
            }
        }
        Protocol::EventStream => {
            let id = id.map_or_else(String::new, |(epoch, seq)| format!("id: {epoch}:{seq}\n"));
            write_part(shape, &mut out, format!("event: {kind}\n{id}data: {body}\n\n").as_bytes());
        }
        Protocol::Lines => write_part(shape, &mut out, format!("{{\"{kind}\":{body}}}\n").as_bytes()),
    }
    Some(out)
}

/// Appends a part of an HTTP answer: as it is, in a stored block if the answer is compressed.
pub(crate) fn write_part(shape: &Shape, out: &mut Vec<u8>, bytes: &[u8]) {
    if shape.compress.is_some() {
        envelope::write_chunk(out, &deflate::stored(bytes));
    } else {
        envelope::write_chunk(out, bytes);
    }
}

/// The members of the first message of a stream, and of the answer to a `subscribe`.
fn members(hello: &Hello) -> String {
    let Hello { epoch, seq, oldest } = hello;
    let version = env!("CARGO_PKG_VERSION");
    format!("\"epoch\":\"{epoch}\",\"seq\":{seq},\"oldest\":{oldest},\"version\":\"{version}\"")
}

/// The first message of a stream, which is a place to resume at if the stream is `live` from there on: who
/// is cut before the first event would otherwise miss what came in between. `expires_in`: so many seconds from
/// now the client's token ends, and its connection with it.
#[must_use]
pub fn hello(shape: &Shape, hello: &Hello, live: bool, expires_in: Option<u64>) -> Option<Vec<u8>> {
    // A line of its own is nothing that `jq` should have to skip; the epoch is in the answer's head.
    if shape.protocol == Protocol::Lines {
        return None;
    }
    let id = live.then_some((hello.epoch, hello.seq));
    let end = expires_in.map_or_else(String::new, |seconds| format!(",\"expires_in\":{seconds}"));
    message(shape, "hello", &format!("{{{}{end}}}", members(hello)), id)
}

/// Asks for a token, which must come within so many seconds.
#[must_use]
pub fn authenticate(shape: &Shape, within: u64) -> Option<Vec<u8>> {
    message(shape, "authenticate", &format!("{{\"within\":{within}}}"), None)
}

/// The answer to a token that counts from now on.
#[must_use]
pub fn authenticated(shape: &Shape, expires_in: Option<u64>) -> Option<Vec<u8>> {
    let body = expires_in.map_or_else(|| "{}".to_owned(), |seconds| format!("{{\"expires_in\":{seconds}}}"));
    message(shape, "authenticated", &body, None)
}

/// The answer to a `subscribe`: what follows is the new stream.
#[must_use]
pub fn subscribed(shape: &Shape, hello: &Hello) -> Option<Vec<u8>> {
    message(shape, "subscribed", &format!("{{{}}}", members(hello)), None)
}

/// The answer to a message that makes no sense.
#[must_use]
pub fn error(shape: &Shape, text: &str) -> Option<Vec<u8>> {
    let mut body = b"{\"message\":".to_vec();
    json::write_str(&mut body, text);
    body.push(b'}');
    message(shape, "error", &String::from_utf8(body).ok()?, None)
}

/// Events that the client does not get; `events` is how many of them it would have got, where that is
/// known.
#[must_use]
pub fn gap(shape: &Shape, epoch: Epoch, gap: &Gap, events: Option<u64>) -> Option<Vec<u8>> {
    let Gap { epoch: other, from, to, reason } = gap;
    let mut body = String::from("{");
    if let Some(other) = other {
        body.push_str(&format!("\"epoch\":\"{other}\","));
    }
    let shown_to = to.map_or_else(|| "null".to_owned(), |to| to.to_string());
    body.push_str(&format!("\"from\":{from},\"to\":{shown_to}"));
    if let Some(events) = events {
        body.push_str(&format!(",\"events\":{events}"));
    }
    body.push_str(&format!(",\"reason\":\"{}\"}}", reason.as_str()));
    message(shape, "gap", &body, to.map(|to| (epoch, to)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::GapReason;

    fn shape(protocol: Protocol, format: Format) -> Shape {
        Shape { protocol, format, add_tag: false, add_time: false, fields: None, compress: None }
    }

    #[test]
    fn a_gap_in_every_form() {
        let told = |protocol, format| {
            let missing = Gap { epoch: None, from: 3, to: Some(9), reason: GapReason::Slow };
            gap(&shape(protocol, format), Epoch(0xe), &missing, Some(7))
        };
        let body = r#"{"from":3,"to":9,"events":7,"reason":"slow"}"#;
        assert_eq!(told(Protocol::Classic, Format::Json), None);
        let message = told(Protocol::Resumable, Format::Json).unwrap();
        assert_eq!(String::from_utf8_lossy(&message[2..]), format!("{{\"gap\":{body}}}"));
        let message = told(Protocol::Resumable, Format::Msgpack).unwrap();
        let value = rmpv::decode::read_value(&mut &message[2..]).unwrap();
        assert_eq!(value.to_string().replace(": ", ":").replace(", ", ","), format!("{{\"gap\":{body}}}"));
        let chunk = told(Protocol::EventStream, Format::Json).unwrap();
        let text = format!("event: gap\nid: 000000000000000e:9\ndata: {body}\n\n");
        assert_eq!(String::from_utf8_lossy(&chunk), format!("{:08x}\r\n{text}\r\n", text.len()));
        let chunk = told(Protocol::Lines, Format::Json).unwrap();
        assert!(String::from_utf8_lossy(&chunk).contains(&format!("\n{{\"gap\":{body}}}\n")));
    }

    #[test]
    fn an_error_may_say_anything() {
        let message = error(&shape(Protocol::Resumable, Format::Json), "a \"b\"\n").unwrap();
        assert_eq!(String::from_utf8_lossy(&message[2..]), r#"{"error":{"message":"a \"b\"\n"}}"#);
    }
}
