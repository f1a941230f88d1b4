//! Bytes of a file, decompressed where needed, read ahead by a thread of their own.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};

use flate2::read::MultiGzDecoder;

use crate::DemandError;

/// A block is read while the one before is looked at; memory is a few blocks.
const BLOCK: usize = 1 << 20;
const AHEAD: usize = 4;

/// Blocks of text.
pub(crate) struct Input {
    name: String,
    blocks: Receiver<io::Result<Vec<u8>>>,
    first: Vec<u8>,
    at: usize,
}

impl Input {
    /// Begins to read.
    pub fn new(
        name: &str,
        source: Box<dyn Read + Send>,
        progress: impl FnMut(u64) + Send + 'static,
    ) -> Result<Self, DemandError> {
        let (send, blocks) = sync_channel(AHEAD);
        std::thread::spawn(move || {
            let mut source = match decompressed(source, progress) {
                Ok(source) => source,
                Err(why) => return drop(send.send(Err(why))),
            };
            loop {
                let mut block = Vec::with_capacity(BLOCK);
                let read = source.by_ref().take(BLOCK as u64).read_to_end(&mut block);
                let ends = matches!(read, Ok(0) | Err(_));
                if !block.is_empty() && send.send(Ok(block)).is_err() {
                    return;
                }
                if let Err(why) = read {
                    let _ = send.send(Err(why));
                }
                if ends {
                    return;
                }
            }
        });
        let mut input = Self { name: name.to_owned(), blocks, first: Vec::new(), at: 0 };
        input.first = input.receive()?.unwrap_or_default();
        Ok(input)
    }

    /// The first block.
    pub fn first(&self) -> &[u8] {
        &self.first
    }

    /// The next block; none at the end.
    pub fn block(&mut self) -> Result<Option<Vec<u8>>, DemandError> {
        if !self.first.is_empty() {
            return Ok(Some(std::mem::take(&mut self.first)));
        }
        self.receive()
    }

    fn receive(&mut self) -> Result<Option<Vec<u8>>, DemandError> {
        match self.blocks.recv() {
            Ok(Ok(block)) => Ok(Some(block)),
            Ok(Err(why)) => Err(DemandError::of_io(&self.name, why)),
            Err(_) => Ok(None),
        }
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.first.len() {
            self.at = 0;
            self.first.clear();
            match self.blocks.recv() {
                Ok(block) => self.first = block?,
                Err(_) => return Ok(0),
            }
        }
        let many = into.len().min(self.first.len() - self.at);
        into[..many].copy_from_slice(&self.first[self.at..self.at + many]);
        self.at += many;
        Ok(many)
    }
}

fn decompressed(
    mut source: Box<dyn Read + Send>,
    progress: impl FnMut(u64) + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let mut magic = Vec::new();
    source.by_ref().take(2).read_to_end(&mut magic)?;
    let gzip = magic == GZIP;
    let counted = Counted { source: io::Cursor::new(magic).chain(source), read: 0, progress };
    let buffered = io::BufReader::with_capacity(BLOCK, counted);
    Ok(if gzip { Box::new(MultiGzDecoder::new(buffered)) } else { Box::new(buffered) })
}

struct Counted<R, P> {
    source: R,
    read: u64,
    progress: P,
}

impl<R: Read, P: FnMut(u64)> Read for Counted<R, P> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let many = self.source.read(into)?;
        self.read += many as u64;
        (self.progress)(self.read);
        Ok(many)
    }
}
