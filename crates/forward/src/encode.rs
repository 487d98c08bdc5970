//! The sender's side: a chunk as bytes, and the acks that come back.
//!
//! Only what the terminal's `send` needs: PackedForward without compression. An ack is compared byte by
//! byte, as every sender does.

use fluentcast_event::msgpack::{self, Reader, Value};

/// Appends entries (MessagePack arrays `[time, record]`, back to back) as one PackedForward message. With
/// a chunk id the receiver is asked for an ack.
///
/// # Errors
/// When the entries have more than the 4 GiB that MessagePack can say. `out` is then as it was.
pub fn write_chunk(
    out: &mut Vec<u8>,
    tag: &str,
    entries: &[u8],
    count: u64,
    chunk: Option<&str>,
) -> Result<(), TooLong> {
    let len = u32::try_from(entries.len()).map_err(|_| TooLong)?;
    msgpack::write_array_head(out, 3);
    msgpack::write_str(out, tag);
    // bin in its 32-bit form: every receiver knows it, and no branch is needed.
    out.push(0xc6);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(entries);
    msgpack::write_map_head(out, 1 + u32::from(chunk.is_some()));
    if let Some(chunk) = chunk {
        msgpack::write_str(out, "chunk");
        msgpack::write_str(out, chunk);
    }
    msgpack::write_str(out, "size");
    msgpack::write_uint(out, count);
    Ok(())
}

/// The entries of a chunk are longer than MessagePack can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chunk may have 4 GiB at most")]
pub struct TooLong;

/// What a receiver sent is no ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the server answers is no ack of the Forward protocol")]
pub struct NoAck;

/// Reads the first ack of `bytes`: the chunk id, and how many bytes it took. `None`: more is needed.
///
/// # Errors
/// When the bytes do not begin with a map that has a member `ack`.
pub fn read_ack(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, NoAck> {
    use msgpack::ReadError::Incomplete;
    let mut whole = Reader::new(bytes);
    match whole.skip() {
        Ok(_) => {}
        Err(Incomplete) => return Ok(None),
        Err(_) => return Err(NoAck),
    }
    let mut reader = Reader::new(bytes);
    let Ok(Value::Map(count)) = reader.read() else { return Err(NoAck) };
    for _ in 0..count {
        let name = reader.skip().map(|name| Reader::new(name).read());
        let value = reader.skip().map(|value| Reader::new(value).read());
        if let (Ok(Ok(Value::Str(b"ack"))), Ok(Ok(Value::Str(id) | Value::Bin(id)))) = (name, value) {
            return Ok(Some((id, whole.position())));
        }
    }
    Err(NoAck)
}

#[cfg(test)]
mod tests {
    use fluentcast_event::BatchBuilder;
    use fluentcast_event::EventTime;

    use super::*;
    use crate::{Decoder, Item, Limits};

    #[test]
    fn the_own_decoder_reads_what_is_written_and_its_ack_is_read() {
        let mut entries = BatchBuilder::new("t".into(), EventTime::now());
        for seconds in 1..=300 {
            entries.push(EventTime { seconds, nanos: 7 }, b"\x81\xa1k\xa1v");
        }
        let entries = entries.finish().entries;
        for chunk in [None, Some("0123456789abcdef")] {
            let mut bytes = Vec::new();
            write_chunk(&mut bytes, "app.log", &entries, 300, chunk).unwrap();
            let limits = Limits { message_bytes_max: 1 << 20, entries_max: 1000, decompressed_bytes_max: 0 };
            let mut decoder = Decoder::new(limits);
            decoder.feed(&bytes);
            let Ok(Some(Item::Message(message))) = decoder.next(EventTime::now()) else {
                panic!("no message")
            };
            assert_eq!((message.batch.tag.as_str(), &message.batch.entries), ("app.log", &entries));
            let mut answer = Vec::new();
            if let Some(ack) = &message.ack {
                ack.encode(&mut answer);
                answer.push(0x81);
            }
            let read = read_ack(&answer).unwrap().map(|(id, used)| (id.to_vec(), used));
            assert_eq!(read, chunk.map(|chunk| (chunk.as_bytes().to_vec(), answer.len() - 1)));
        }
    }

    #[test]
    fn an_ack_may_come_in_pieces_and_nothing_else_is_one() {
        let ack = b"\x82\xa1x\x01\xa3ack\xc4\x02id";
        for cut in 0..ack.len() {
            assert_eq!(read_ack(&ack[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(read_ack(ack), Ok(Some((&b"id"[..], ack.len()))));
        for other in [&b"\xc0"[..], b"\x80", b"\x81\xa3ack\x01", b"HTTP/1.1 400", b"\xc1"] {
            assert_eq!(read_ack(other), Err(NoAck), "{other:?}");
        }
    }
}
