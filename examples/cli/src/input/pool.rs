use bytes::Bytes;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers that are read into, and used again when nobody has a piece of them any more: the processor still has them at hand, and
/// the kernel need not clear new memory.
#[derive(Default)]
pub struct Pool {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Buffers that are kept for later.
const KEPT: usize = 16;
/// A longer buffer is not kept.
const LONGEST: usize = 4 << 20;
/// A buffer grows by so much while bytes come, whatever was asked for.
const STEP: usize = 1 << 20;

/// A buffer that is on loan, and the bytes of it that were read.
struct Lent {
    buffer: Vec<u8>,
    len: usize,
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT && self.buffer.len() <= LONGEST {
            free.push(std::mem::take(&mut self.buffer));
        }
    }
}

impl Pool {
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads so many bytes, or up to the end.
    pub fn read(&self, reader: &mut impl Read, len: u64) -> io::Result<Bytes> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut buffer = self.buffer();
        let mut at = 0;
        while at < len {
            if buffer.len() == at {
                buffer.resize(at.saturating_add(STEP).min(len), 0);
            }
            let end = buffer.len().min(len);
            match reader.read(&mut buffer[at..end]) {
                Ok(0) => break,
                Ok(read) => at += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.lend(buffer, at))
    }

    /// Reads once: at most so many bytes, none at the end.
    pub fn read_some(&self, reader: &mut impl Read, most: usize) -> io::Result<Bytes> {
        let mut buffer = self.buffer();
        if buffer.len() < most {
            buffer.resize(most, 0);
        }
        loop {
            match reader.read(&mut buffer[..most]) {
                Ok(read) => return Ok(self.lend(buffer, read)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn buffer(&self) -> Vec<u8> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_default()
    }

    fn lend(&self, buffer: Vec<u8>, len: usize) -> Bytes {
        Bytes::from_owner(Lent {
            buffer,
            len,
            free: self.free.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_used_again_once_nobody_has_them() {
        let pool = Pool::new();
        let file: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
        let mut reader = &file[..];
        let first = pool.read(&mut reader, 100).unwrap();
        let second = pool.read(&mut reader, 2 << 20).unwrap();
        assert_eq!(
            (&first[..], &second[..]),
            (&file[..100], &file[100..][..2 << 20])
        );
        let place = first.as_ptr();
        let piece = first.slice(10..20);
        drop(first);
        assert!(pool.free.lock().unwrap().is_empty());
        drop(piece);
        let third = pool.read(&mut reader, 50).unwrap();
        assert_eq!(third.as_ptr(), place);
        let rest = pool.read(&mut reader, u64::MAX).unwrap();
        let at = 150 + (2 << 20);
        assert_eq!((&third[..], &rest[..]), (&file[at - 50..at], &file[at..]));
        assert!(pool.read(&mut reader, 5).unwrap().is_empty());
    }
}
