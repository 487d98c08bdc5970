//! `Content-Encoding`: a compressed body becomes a plain one, up to a limit.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

/// Why a body could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not what `Content-Encoding` says it is, or cut short.
    #[error("the body is not sound {encoding}: {error}")]
    Broken {
        /// What it should have been.
        encoding: &'static str,
        /// What is wrong with it.
        error: io::Error,
    },
    /// Larger than `decompression_size_limit`.
    #[error("the body unpacks to more than decompression_size_limit ({0} bytes)")]
    TooLarge(u64),
}

/// True for an encoding that [`decode`] undoes: exactly `gzip` or `deflate`.
pub(super) fn is_known(encoding: &[u8]) -> bool {
    matches!(encoding, b"gzip" | b"deflate")
}

/// Undoes `gzip` (any number of members) or `deflate` (the zlib format). The body is taken as it is
/// under any other encoding, as in Fluentd.
///
/// # Errors
/// [`DecodeError`]; at most one byte more than `limit` was unpacked.
pub(super) fn decode(encoding: &[u8], body: Bytes, limit: u64) -> Result<Bytes, DecodeError> {
    match encoding {
        b"gzip" => unpack("gzip", MultiGzDecoder::new(&*body), limit),
        b"deflate" => unpack("deflate", ZlibDecoder::new(&*body), limit),
        _ => Ok(body),
    }
}

fn unpack(encoding: &'static str, packed: impl Read, limit: u64) -> Result<Bytes, DecodeError> {
    let mut plain = Vec::new();
    let read = packed
        .take(limit.saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(|error| DecodeError::Broken { encoding, error })?;
    if read as u64 > limit {
        return Err(DecodeError::TooLarge(limit));
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).expect("into memory");
        encoder.finish().expect("into memory")
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).expect("into memory");
        encoder.finish().expect("into memory")
    }

    #[test]
    fn unpacks_gzip_of_several_members_and_zlib() {
        let members = [gzip(b"{\"a\":"), gzip(b"20}")].concat();
        assert_eq!(decode(b"gzip", members.into(), 8).expect("sound"), "{\"a\":20}");
        assert_eq!(decode(b"deflate", zlib(b"{}").into(), 2).expect("sound"), "{}");
    }

    #[test]
    fn takes_other_encodings_as_they_are() {
        for encoding in [&b""[..], b"br", b"GZIP", b"gzip, gzip", b"identity"] {
            assert!(!is_known(encoding));
            assert_eq!(decode(encoding, Bytes::from_static(b"raw"), 1).expect("untouched"), "raw");
        }
    }

    #[test]
    fn refuses_broken_and_cut_bodies() {
        let (gzip, zlib) = (gzip(b"some text"), zlib(b"some text"));
        let raw_deflate = &zlib[2..zlib.len() - 4];
        for (encoding, body) in [
            (&b"gzip"[..], &b"notgzip"[..]),
            (b"gzip", b""),
            (b"gzip", &gzip[..gzip.len() - 1]),
            (b"deflate", b"notzlib"),
            (b"deflate", b""),
            (b"deflate", &zlib[..zlib.len() - 1]),
            (b"deflate", raw_deflate),
        ] {
            let outcome = decode(encoding, Bytes::copy_from_slice(body), 1000);
            assert!(matches!(outcome, Err(DecodeError::Broken { .. })), "{encoding:?} {body:?}: {outcome:?}");
        }
    }

    #[test]
    fn stops_at_the_limit() {
        let bomb = gzip(&vec![0; 1_000_000]);
        assert_eq!(decode(b"gzip", bomb.clone().into(), 1_000_000).expect("just fits").len(), 1_000_000);
        let outcome = decode(b"gzip", bomb.into(), 999_999);
        assert!(matches!(outcome, Err(DecodeError::TooLarge(999_999))), "{outcome:?}");
    }
}
