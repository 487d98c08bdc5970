//! The few writers of MessagePack that an event needs: the shortest form of each value.

use crate::EventTime;

/// Appends the head of an array (`fixarray`, `array16` or `array32`, the shortest).
pub fn write_array_head(out: &mut Vec<u8>, len: u32) {
    write_container_head(out, len, 0x90, 0xdc);
}

/// Appends the head of a map, the shortest form.
pub fn write_map_head(out: &mut Vec<u8>, len: u32) {
    write_container_head(out, len, 0x80, 0xde);
}

fn write_container_head(out: &mut Vec<u8>, len: u32, fix: u8, sized: u8) {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=15), _) => out.push(fix | len),
        (_, Ok(len)) => write_with(out, sized, len.to_be_bytes()),
        _ => write_with(out, sized + 1, len.to_be_bytes()),
    }
}

/// Appends a str, the shortest head.
///
/// # Panics
/// When `text` is longer than MessagePack can say (4 GiB).
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    #[expect(clippy::expect_used, reason = "documented; the limits of every source are far below")]
    let len = u32::try_from(text.len()).expect("a str of more than 4 GiB has no MessagePack form");
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=31), _) => out.push(0xa0 | len),
        (Ok(len), _) => write_with(out, 0xd9, len.to_be_bytes()),
        (_, Ok(len)) => write_with(out, 0xda, len.to_be_bytes()),
        _ => write_with(out, 0xdb, len.to_be_bytes()),
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends an integer in its shortest form.
pub fn write_int(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        write_uint(out, value);
    } else if let Ok(value) = i8::try_from(value) {
        if value >= -32 {
            out.extend_from_slice(&value.to_be_bytes());
        } else {
            write_with(out, 0xd0, value.to_be_bytes());
        }
    } else if let Ok(value) = i16::try_from(value) {
        write_with(out, 0xd1, value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        write_with(out, 0xd2, value.to_be_bytes());
    } else {
        write_with(out, 0xd3, value.to_be_bytes());
    }
}

/// Appends an unsigned integer in its shortest form.
pub fn write_uint(out: &mut Vec<u8>, value: u64) {
    if let Ok(value) = u8::try_from(value) {
        if value <= 0x7f {
            out.push(value);
        } else {
            write_with(out, 0xcc, value.to_be_bytes());
        }
    } else if let Ok(value) = u16::try_from(value) {
        write_with(out, 0xcd, value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        write_with(out, 0xce, value.to_be_bytes());
    } else {
        write_with(out, 0xcf, value.to_be_bytes());
    }
}

/// Appends a 64-bit float.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    write_with(out, 0xcb, value.to_be_bytes());
}

/// Appends nil.
pub fn write_nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

/// Appends a boolean.
pub fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}

/// Appends a time as Fluentd's EventTime, fixext8 of type 0 (seconds clamped to what its u32 holds).
pub fn write_event_time(out: &mut Vec<u8>, time: EventTime) {
    let seconds = u32::try_from(time.seconds.max(0)).unwrap_or(u32::MAX);
    out.extend_from_slice(&[0xd7, 0x00]);
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&time.nanos.to_be_bytes());
}

/// Appends a time as the MessagePack timestamp in its 12-byte form, which holds every time.
pub fn write_timestamp(out: &mut Vec<u8>, time: EventTime) {
    out.extend_from_slice(&[0xc7, 12, 0xff]);
    out.extend_from_slice(&time.nanos.to_be_bytes());
    out.extend_from_slice(&time.seconds.to_be_bytes());
}

fn write_with<const N: usize>(out: &mut Vec<u8>, head: u8, big_endian: [u8; N]) {
    out.push(head);
    out.extend_from_slice(&big_endian);
}
