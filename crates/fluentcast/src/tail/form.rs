//! The forms in which events go to standard output.

use fluentcast_event::{from_json, msgpack};

use super::message::{Event, event_time};
use super::pretty::Pretty;
use crate::escape;

/// How events are printed.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Pretty(Pretty),
    /// The record.
    Json(Harmless),
    /// The whole line, as it came.
    Ndjson(Harmless),
    /// `[seq, tag, time, record]`, as in the resumable stream.
    Msgpack,
}

/// Whether JSON goes to a terminal, and must not drive it. Elsewhere it stays byte for byte what it was.
pub(super) type Harmless = bool;

impl Form {
    /// Appends an event.
    ///
    /// # Errors
    /// Why it has no such form.
    pub(super) fn append(&self, out: &mut Vec<u8>, event: &Event<'_>) -> Result<(), String> {
        match self {
            Self::Pretty(pretty) => pretty.append(out, event),
            Self::Json(harmless) => append_json(out, event.record.get(), *harmless),
            Self::Ndjson(harmless) => append_json(out, event.line, *harmless),
            Self::Msgpack => return append_msgpack(out, event),
        }
        Ok(())
    }
}

fn append_json(out: &mut Vec<u8>, json: &str, harmless: bool) {
    if harmless {
        out.extend_from_slice(escape::json(json).as_bytes());
    } else {
        out.extend_from_slice(json.as_bytes());
    }
    out.push(b'\n');
}

fn append_msgpack(out: &mut Vec<u8>, event: &Event<'_>) -> Result<(), String> {
    let start = out.len();
    msgpack::write_array_head(out, 4);
    msgpack::write_uint(out, event.seq);
    msgpack::write_str(out, &event.tag);
    msgpack::write_timestamp(out, event_time(event.time).unwrap_or_default());
    from_json::append(out, event.record.get().as_bytes()).map_err(|error| {
        out.truncate(start);
        error.to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail::message::Message;

    const LINE: &str = "{\"seq\":2,\"tag\":\"app.web\",\"time\":1700000001,\"record\":{\"level\":\"info\",\"code\":200,\"x\":\"\u{9b}\"}}";

    fn written(form: &Form) -> Vec<u8> {
        let Ok(Message::Event(event)) = Message::read(LINE.as_bytes()) else { panic!("no event") };
        let mut out = b"before ".to_vec();
        form.append(&mut out, &event).expect("every form");
        out.split_off(7)
    }

    #[test]
    fn json_is_passed_on_as_it_came_and_harmless_on_a_terminal() {
        assert_eq!(written(&Form::Ndjson(false)), format!("{LINE}\n").as_bytes());
        let record = "{\"level\":\"info\",\"code\":200,\"x\":\"\u{9b}\"}\n";
        assert_eq!(written(&Form::Json(false)), record.as_bytes());
        assert_eq!(written(&Form::Json(true)), record.replace('\u{9b}', r"\u009B").as_bytes());
        assert_eq!(written(&Form::Ndjson(true)), format!("{LINE}\n").replace('\u{9b}', r"\u009B").as_bytes());
    }

    #[test]
    fn messagepack_is_an_event_of_the_protocol() {
        // Written down by hand, after docs/protocol.md.
        let mut due = b"\x94\x02\xa7app.web\xc7\x0c\xff\0\0\0\0\0\0\0\0\x65\x53\xf1\x01".to_vec();
        due.extend(b"\x83\xa5level\xa4info\xa4code\xcc\xc8\xa1x\xa2\xc2\x9b");
        assert_eq!(written(&Form::Msgpack), due);
    }

    #[test]
    fn what_no_messagepack_can_be_leaves_nothing_behind() {
        let deep = format!(
            r#"{{"seq":2,"tag":"t","time":1,"record":{{"a":{}{}}}}}"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        let Ok(Message::Event(event)) = Message::read(deep.as_bytes()) else { panic!("no event") };
        let mut out = b"x".to_vec();
        assert!(Form::Msgpack.append(&mut out, &event).is_err());
        assert_eq!(out, b"x");
    }
}
