//! Writing frames from server to client (RFC 6455 section 5.2): never masked, never fragmented, so the
//! same bytes serve every client.

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// UTF-8 text.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// The end of the connection.
    Close = 0x8,
    /// A question for a pong.
    Ping = 0x9,
    /// The answer to a ping.
    Pong = 0xa,
}

/// FIN: every frame is a whole message.
const FIN: u8 = 0x80;
/// RSV1 of a message's first frame: the message is compressed (RFC 7692 section 6).
pub const RSV1: u8 = 0x40;
/// Payload length that says "a 16-bit length follows".
const LENGTH_16: u8 = 126;
/// Payload length that says "a 64-bit length follows".
const LENGTH_64: u8 = 127;

/// Longest head of a frame that is not masked.
pub(crate) const HEAD_BYTES_MAX: usize = 10;

/// The head of a frame with so large a payload.
pub(crate) fn head(opcode: Opcode, payload_bytes: usize) -> ([u8; HEAD_BYTES_MAX], usize) {
    let mut head = [0; HEAD_BYTES_MAX];
    head[0] = FIN | opcode as u8;
    let head_bytes = match payload_bytes {
        0..126 => {
            head[1] = u8::try_from(payload_bytes).unwrap_or(LENGTH_16 - 1);
            2
        }
        126..0x1_0000 => {
            head[1] = LENGTH_16;
            head[2..4].copy_from_slice(&u16::try_from(payload_bytes).unwrap_or(u16::MAX).to_be_bytes());
            4
        }
        _ => {
            head[1] = LENGTH_64;
            head[2..10].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
            10
        }
    };
    (head, head_bytes)
}

/// Appends a whole frame.
pub fn write(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    let (head, head_bytes) = head(opcode, payload.len());
    out.extend_from_slice(&head[..head_bytes]);
    out.extend_from_slice(payload);
}

/// Appends a frame whose payload `fill` writes straight into `out`. When `fill` fails, `out` is as it
/// was.
///
/// # Errors
/// What `fill` returns.
pub fn write_with<T, E>(
    out: &mut Vec<u8>,
    opcode: Opcode,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
) -> Result<T, E> {
    // Most payloads take a head of 4 bytes; a shorter or longer one moves the payload, which is
    // under 126 bytes in the first case and rare in the second.
    const HEAD_GUESS: usize = 4;
    let start = out.len();
    out.resize(start + HEAD_GUESS, 0);
    let filled = match fill(out) {
        Ok(filled) => filled,
        Err(error) => {
            out.truncate(start);
            return Err(error);
        }
    };
    let (head, head_bytes) = head(opcode, out.len() - start - HEAD_GUESS);
    if head_bytes == HEAD_GUESS {
        out[start..start + HEAD_GUESS].copy_from_slice(&head[..HEAD_GUESS]);
    } else {
        out.splice(start..start + HEAD_GUESS, head[..head_bytes].iter().copied());
    }
    Ok(filled)
}

/// Appends a close frame.
pub fn write_close(out: &mut Vec<u8>, code: u16, text: &str) {
    let mut payload = Vec::with_capacity(2 + text.len());
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(text.as_bytes());
    payload.truncate(125);
    write(out, Opcode::Close, &payload);
}

/// The length of the frame that starts at the beginning of `bytes`, which holds whole frames as this
/// module writes them.
#[must_use]
pub fn length(bytes: &[u8]) -> usize {
    match bytes {
        [_, LENGTH_16, a, b, ..] => 4 + usize::from(u16::from_be_bytes([*a, *b])),
        [_, LENGTH_64, length @ ..] if length.len() >= 8 => {
            let mut be = [0; 8];
            be.copy_from_slice(&length[..8]);
            usize::try_from(u64::from_be_bytes(be)).map_or(bytes.len(), |payload| payload.saturating_add(10))
        }
        [_, short, ..] => 2 + usize::from(*short),
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_the_shortest_and_length_reads_them_back() {
        for payload_bytes in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let payload = vec![7; payload_bytes];
            let (mut whole, mut filled) = (vec![1], vec![1]);
            write(&mut whole, Opcode::Binary, &payload);
            let done: Result<(), ()> = write_with(&mut filled, Opcode::Binary, |out| {
                out.extend_from_slice(&payload);
                Ok(())
            });
            assert_eq!((done, &whole), (Ok(()), &filled), "{payload_bytes}");
            let head_bytes = if payload_bytes < 126 {
                2
            } else if payload_bytes < 65_536 {
                4
            } else {
                10
            };
            assert_eq!(whole.len(), 1 + head_bytes + payload_bytes);
            assert_eq!(length(&whole[1..]), whole.len() - 1);
        }
    }

    #[test]
    fn a_failed_fill_leaves_nothing_behind() {
        let mut out = vec![1, 2];
        let failed = write_with(&mut out, Opcode::Text, |out| {
            out.push(3);
            Err::<(), _>("no")
        });
        assert_eq!((failed, out), (Err("no"), vec![1, 2]));
    }

    #[test]
    fn a_close_frame_is_a_control_frame_whatever_the_text() {
        let mut out = Vec::new();
        write_close(&mut out, 1013, &"x".repeat(300));
        assert_eq!(&out[..4], [0x88, 125, 0x03, 0xf5]);
        assert_eq!(out.len(), 127);
    }
}
