//! A Forward sender whose every byte the test decides.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use rmpv::Value;

use super::DEADLINE;

pub(crate) struct Sender {
    stream: TcpStream,
}

impl Sender {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the forward port answers");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        stream.set_write_timeout(Some(DEADLINE)).expect("a deadline");
        stream.set_nodelay(true).expect("nodelay");
        Self { stream }
    }

    /// One event, acknowledged: when this returns, the server has it.
    pub(crate) fn event(&mut self, tag: &str, time: u32, record: &str) {
        self.chunk(&message(tag, time, &pack_json(record), "one"), "one");
    }

    /// Sends a request that asks for an ack of this chunk and waits for it.
    pub(crate) fn chunk(&mut self, request: &[u8], chunk: &str) {
        self.send(request);
        self.expect_ack(chunk);
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the server takes the bytes");
    }

    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub(crate) fn expect_ack(&mut self, chunk: &str) {
        let expected = ack(chunk);
        let mut answer = vec![0; expected.len()];
        self.stream.read_exact(&mut answer).unwrap_or_else(|error| panic!("no ack for {chunk}: {error}"));
        assert_eq!(answer, expected, "the ack for {chunk}");
    }

    /// Like `expect_ack`, but the server may have gone.
    pub(crate) fn is_acked(&mut self, chunk: &str) -> bool {
        let expected = ack(chunk);
        let mut answer = vec![0; expected.len()];
        match self.stream.read_exact(&mut answer) {
            Ok(()) => {
                assert_eq!(answer, expected, "the ack for {chunk}");
                true
            }
            Err(error) => {
                assert!(!is_timeout(&error), "neither an ack for {chunk} nor an end");
                false
            }
        }
    }

    /// Says that nothing more comes; all that the server still has to say.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.stream.shutdown(Shutdown::Write).ok();
        self.read_to_end()
    }

    /// What the server says before it ends the connection.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return answer,
                Ok(count) => answer.extend(&buffer[..count]),
                Err(error) if is_timeout(&error) => panic!("the server does not end the connection"),
                // A reset is an end, too.
                Err(_) => return answer,
            }
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The ack of a chunk.
pub(crate) fn ack(chunk: &str) -> Vec<u8> {
    pack(&Value::Map(vec![("ack".into(), chunk.into())]))
}

/// A Message request that asks for an ack.
pub(crate) fn message(tag: &str, time: u32, record: &[u8], chunk: &str) -> Vec<u8> {
    let mut bytes = vec![0x94];
    bytes.extend(pack(&tag.into()));
    bytes.extend(pack(&time.into()));
    bytes.extend(record);
    bytes.extend(option(chunk));
    bytes
}

/// A PackedForward request that asks for an ack.
pub(crate) fn packed_forward(tag: &str, entries: &[u8], chunk: &str) -> Vec<u8> {
    let mut bytes = vec![0x93];
    bytes.extend(pack(&tag.into()));
    bytes.extend(pack(&Value::Binary(entries.to_vec())));
    bytes.extend(option(chunk));
    bytes
}

/// The entries of a PackedForward request.
pub(crate) fn entries(records: impl IntoIterator<Item = (u32, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (time, record) in records {
        bytes.push(0x92);
        bytes.extend(pack(&time.into()));
        bytes.extend(record);
    }
    bytes
}

fn option(chunk: &str) -> Vec<u8> {
    pack(&Value::Map(vec![("chunk".into(), chunk.into())]))
}

pub(crate) fn pack(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).expect("memory takes it");
    bytes
}

/// The MessagePack of a JSON text.
pub(crate) fn pack_json(text: &str) -> Vec<u8> {
    pack(&from_json(serde_json::from_str(text).expect("JSON")))
}

fn from_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(flag) => flag.into(),
        serde_json::Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), _, _) => number.into(),
            (_, Some(number), _) => number.into(),
            (_, _, number) => number.expect("a number").into(),
        },
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => Value::Array(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(map.into_iter().map(|(key, value)| (key.into(), from_json(value))).collect())
        }
    }
}
