//! gzip that is the same bytes everywhere.
//!
//! The compressor is `miniz_oxide` itself and not `flate2`: which compressor that one uses is a
//! feature any crate of a build may switch, and with it the digest of every layer.

use std::io::{self, Read, Write};

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output, create_comp_flags_from_zip_params,
};

/// Of 0 to 10. 9 makes the layer of a program 0.5 % smaller for three times the time.
const LEVEL: i32 = 6;

/// No name, no time, no operating system (RFC 1952, 2.3.1).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what is written to it into `out`; [`GzipWriter::finish`] ends the stream.
pub(crate) struct GzipWriter<W: Write> {
    out: W,
    compressor: Box<CompressorOxide>,
    checksum: crc32fast::Hasher,
    /// Modulo 2^32, as the format wants it.
    length: u32,
}

impl<W: Write> GzipWriter<W> {
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        // A negative window means a bare deflate stream, without zlib's own header.
        let flags = create_comp_flags_from_zip_params(LEVEL, -15, 0);
        let compressor = Box::new(CompressorOxide::new(flags));
        Ok(Self { out, compressor, checksum: crc32fast::Hasher::new(), length: 0 })
    }

    pub fn finish(mut self) -> io::Result<W> {
        self.compress(&[], TDEFLFlush::Finish)?;
        self.out.write_all(&self.checksum.clone().finalize().to_le_bytes())?;
        self.out.write_all(&self.length.to_le_bytes())?;
        Ok(self.out)
    }

    fn compress(&mut self, bytes: &[u8], flush: TDEFLFlush) -> io::Result<()> {
        let mut failed = None;
        let out = &mut self.out;
        let (status, _) = compress_to_output(&mut self.compressor, bytes, flush, |compressed| {
            failed = out.write_all(compressed).err();
            failed.is_none()
        });
        match (failed, status) {
            (Some(error), _) => Err(error),
            (None, TDEFLStatus::Okay | TDEFLStatus::Done) => Ok(()),
            (None, status) => Err(io::Error::other(format!("compressing: {status:?}"))),
        }
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.compress(bytes, TDEFLFlush::None)?;
        self.checksum.update(bytes);
        self.length = self.length.wrapping_add(bytes.len() as u32);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// How a layer is compressed, seen from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub fn of(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// What `compressed` unpacks to, whatever it is compressed with.
pub(crate) fn unpacked<'a>(mut compressed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut first = Vec::new();
    compressed.by_ref().take(4).read_to_end(&mut first)?;
    let compression = Compression::of(&first);
    let whole = io::Cursor::new(first).chain(compressed);
    Ok(match compression {
        Compression::None => Box::new(whole),
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(whole)?),
    })
}
