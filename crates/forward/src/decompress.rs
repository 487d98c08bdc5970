//! The one place where compressed bytes of a sender grow. Must never let them grow past the limit.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;

use crate::error::DecompressError;

/// How the entries of a PackedForward message are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Any number of gzip members back to back.
    Gzip,
    /// Any number of zstd frames back to back.
    Zstd,
}

impl Compression {
    /// Reads the value of the option `compressed`; `None` is uncompressed.
    pub(crate) fn from_option(name: &[u8]) -> Result<Option<Self>, DecompressError> {
        match name {
            b"text" => Ok(None),
            b"gzip" => Ok(Some(Self::Gzip)),
            b"zstd" => Ok(Some(Self::Zstd)),
            _ => {
                let shown = &name[..name.len().min(NAME_SHOWN_BYTES)];
                Err(DecompressError::Unknown(String::from_utf8_lossy(shown).into_owned()))
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// How much of an unknown method's name an error repeats, in bytes: enough to recognise it in a log.
const NAME_SHOWN_BYTES: usize = 32;

/// Decompresses all of `data`. Members and frames are joined before anybody decodes: an entry may lie
/// across two of them. No data at all is no entries, as in Fluentd.
pub(crate) fn decompress(
    compression: Compression,
    data: &[u8],
    bytes_max: u64,
) -> Result<Vec<u8>, DecompressError> {
    if data.is_empty() {
        return Ok(Vec::new());
    }
    let result = match compression {
        Compression::Gzip => read_capped(MultiGzDecoder::new(data), bytes_max),
        // zstd refuses by itself windows above 128 MiB: no more can be claimed up front.
        Compression::Zstd => {
            zstd::stream::read::Decoder::with_buffer(data).and_then(|reader| read_capped(reader, bytes_max))
        }
    };
    match result {
        Ok(Some(out)) => Ok(out),
        Ok(None) => Err(DecompressError::TooLarge(bytes_max)),
        Err(source) => Err(DecompressError::Broken { method: compression.name(), source }),
    }
}

/// Reads to the end; `None` when there is more than `bytes_max`.
fn read_capped(reader: impl Read, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    let read = reader.take(bytes_max.saturating_add(1)).read_to_end(&mut out)?;
    out.shrink_to_fit();
    Ok((read as u64 <= bytes_max).then_some(out))
}
