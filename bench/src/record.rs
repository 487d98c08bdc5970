//! The record that every event of the bench carries, as JSON and as MessagePack.
//!
//! The fields that differ from event to event have a fixed width and a fixed place in both, so that a
//! publisher stamps them into ready-made bytes, and a client reads them without parsing.

use std::sync::LazyLock;
use std::time::Instant;

use fluentcast_event::msgpack;

/// The tag of every event.
pub const TAG: &str = "bench";

/// Bytes of the JSON of an ordinary record.
pub const RECORD_BYTES: usize = 200;
/// Bytes of the JSON of a large record.
pub const LARGE_RECORD_BYTES: usize = 10_000;

/// Values of the field `shard`, at most; more would change its width.
pub const SHARDS_MAX: u64 = 50_000;

/// Added to a number so that its decimal form has the same width whatever it is.
const SEQ_BASE: u64 = 1_000_000_000;
const SENT_BASE: u64 = 1_000_000_000_000_000_000;
const SHARD_BASE: u64 = 10_000;

/// JSON or MessagePack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text.
    Json,
    /// Binary.
    Msgpack,
}

impl Form {
    /// For names of scenarios.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Msgpack => "msgpack",
        }
    }
}

/// Nanoseconds on the clock that `sent` is taken from. Only for this process.
#[must_use]
pub fn now_ns() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Where the fields that differ stand, from the record's first byte.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    form: Form,
    seq: usize,
    sent: usize,
    shard: usize,
}

/// A record whose variable fields wait to be stamped.
#[derive(Clone, Debug)]
pub struct Record {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where to stamp them.
    pub fields: Fields,
}

impl Record {
    /// The record whose JSON has `json_bytes` bytes, in that form.
    #[must_use]
    pub fn new(form: Form, json_bytes: usize) -> Self {
        let bare = Self::with_message(Form::Json, "").bytes.len();
        let message: String =
            "the quick brown fox jumps over the lazy dog, ".chars().cycle().take(json_bytes - bare).collect();
        Self::with_message(form, &message)
    }

    fn with_message(form: Form, message: &str) -> Self {
        let mut writer = Writer { form, out: Vec::new() };
        writer.begin(9);
        let seq = writer.fixed("seq", SEQ_BASE, 4);
        let sent = writer.fixed("sent", SENT_BASE, 8);
        let shard = writer.fixed("shard", SHARD_BASE, 2);
        writer.text("level", "info");
        writer.text("host", "web-01.example");
        writer.text("path", "/api/items");
        writer.fixed("status", 200, 1);
        writer.float("took", 0.125);
        writer.text("message", message);
        writer.end();
        Self { bytes: writer.out, fields: Fields { form, seq, sent, shard } }
    }
}

/// Writes the one record there is in either form.
struct Writer {
    form: Form,
    out: Vec<u8>,
}

impl Writer {
    fn begin(&mut self, fields: u32) {
        match self.form {
            Form::Json => self.out.push(b'{'),
            Form::Msgpack => msgpack::write_map_head(&mut self.out, fields),
        }
    }

    fn key(&mut self, key: &str) {
        match self.form {
            Form::Json => {
                let comma = if self.out.ends_with(b"{") { "" } else { "," };
                self.out.extend_from_slice(format!("{comma}\"{key}\":").as_bytes());
            }
            Form::Msgpack => msgpack::write_str(&mut self.out, key),
        }
    }

    /// A number, as an unsigned integer of so many bytes; where its digits or bytes begin.
    fn fixed(&mut self, key: &str, value: u64, bytes: usize) -> usize {
        self.key(key);
        match self.form {
            Form::Json => {
                let at = self.out.len();
                self.out.extend_from_slice(value.to_string().as_bytes());
                at
            }
            Form::Msgpack => {
                self.out.push(match bytes {
                    1 => 0xcc,
                    2 => 0xcd,
                    4 => 0xce,
                    _ => 0xcf,
                });
                let at = self.out.len();
                self.out.extend_from_slice(&value.to_be_bytes()[8 - bytes..]);
                at
            }
        }
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        match self.form {
            Form::Json => self.out.extend_from_slice(format!("\"{value}\"").as_bytes()),
            Form::Msgpack => msgpack::write_str(&mut self.out, value),
        }
    }

    fn float(&mut self, key: &str, value: f64) {
        self.key(key);
        match self.form {
            Form::Json => self.out.extend_from_slice(value.to_string().as_bytes()),
            Form::Msgpack => msgpack::write_f64(&mut self.out, value),
        }
    }

    fn end(&mut self) {
        if self.form == Form::Json {
            self.out.push(b'}');
        }
    }
}

/// What is stamped into a record.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Number of the event, from 1.
    pub seq: u64,
    /// When it is sent: see [`now_ns`].
    pub sent: u64,
    /// `shard` is `seq` modulo this.
    pub shards: u64,
}

/// What `shard` is, as a client must ask for it.
#[must_use]
pub fn shard_value(shard: u64) -> u64 {
    SHARD_BASE + shard
}

impl Fields {
    /// Writes the variable fields into a record.
    pub fn stamp(&self, record: &mut [u8], stamp: Stamp) {
        let shard = shard_value(stamp.seq % stamp.shards);
        match self.form {
            Form::Json => {
                write_decimal(&mut record[self.seq..self.seq + 10], SEQ_BASE + stamp.seq);
                write_decimal(&mut record[self.sent..self.sent + 19], SENT_BASE + stamp.sent);
                write_decimal(&mut record[self.shard..self.shard + 5], shard);
            }
            Form::Msgpack => {
                record[self.seq..self.seq + 4].copy_from_slice(&(SEQ_BASE + stamp.seq).to_be_bytes()[4..]);
                record[self.sent..self.sent + 8].copy_from_slice(&(SENT_BASE + stamp.sent).to_be_bytes());
                record[self.shard..self.shard + 2].copy_from_slice(&shard.to_be_bytes()[6..]);
            }
        }
    }

    /// The fields as a client finds them in messages where the record follows `prefix_bytes`.
    #[must_use]
    pub fn within_message(&self, prefix_bytes: usize) -> Layout {
        let sent_bytes = if self.form == Form::Json { 19 } else { 8 };
        Layout {
            form: self.form,
            seq: prefix_bytes + self.seq,
            sent: prefix_bytes + self.sent,
            bytes_min: prefix_bytes + self.sent + sent_bytes,
        }
    }
}

/// Where the fields stand in a message, from its first byte.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    form: Form,
    seq: usize,
    sent: usize,
    /// Bytes of a message that hold them all.
    pub bytes_min: usize,
}

impl Layout {
    /// The number of the event; `None` when there is none in that place.
    #[must_use]
    pub fn seq(&self, message: &[u8]) -> Option<u64> {
        match self.form {
            Form::Json => read_decimal(message.get(self.seq..self.seq + 10)?)?.checked_sub(SEQ_BASE),
            Form::Msgpack => {
                let seq = message.get(self.seq..)?.first_chunk()?;
                u64::from(u32::from_be_bytes(*seq)).checked_sub(SEQ_BASE)
            }
        }
    }

    /// When it was sent.
    #[must_use]
    pub fn sent(&self, message: &[u8]) -> Option<u64> {
        match self.form {
            Form::Json => read_decimal(message.get(self.sent..self.sent + 19)?)?.checked_sub(SENT_BASE),
            Form::Msgpack => {
                u64::from_be_bytes(*message.get(self.sent..)?.first_chunk()?).checked_sub(SENT_BASE)
            }
        }
    }
}

/// Fills `out` with the last digits of a number.
pub fn write_decimal(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

fn read_decimal(digits: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_one_record_of_the_size_asked_for() {
        let stamp = Stamp { seq: 123, sent: 456, shards: 100 };
        let record = |form| {
            let mut record = Record::new(form, RECORD_BYTES);
            record.fields.stamp(&mut record.bytes, stamp);
            record.bytes
        };
        let json = record(Form::Json);
        assert_eq!(json.len(), RECORD_BYTES);
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(json["seq"], 1_000_000_123);
        assert_eq!(json["sent"], 1_000_000_000_000_000_456_u64);
        assert_eq!(json["shard"], 10_023);
        let packed = rmpv::decode::read_value(&mut record(Form::Msgpack).as_slice()).expect("MessagePack");
        let mut again = Vec::new();
        fluentcast_event::json::write_value(&mut again, &record(Form::Msgpack)).expect("sound");
        assert_eq!(again, record(Form::Json), "{packed}");
    }

    #[test]
    fn a_client_finds_what_was_stamped() {
        for form in [Form::Json, Form::Msgpack] {
            let mut record = Record::new(form, RECORD_BYTES);
            record.fields.stamp(&mut record.bytes, Stamp { seq: 77, sent: 88, shards: 1 });
            let layout = record.fields.within_message(3);
            let message = [b"abc", record.bytes.as_slice()].concat();
            assert_eq!((layout.seq(&message), layout.sent(&message)), (Some(77), Some(88)), "{form:?}");
            assert_eq!(layout.seq(&message[..layout.bytes_min]), Some(77));
            assert_eq!(layout.sent(&message[..layout.bytes_min]), Some(88));
            assert_eq!(layout.sent(&message[..layout.bytes_min - 1]), None);
        }
    }
}
