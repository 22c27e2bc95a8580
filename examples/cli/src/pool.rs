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

/// A page of memory. The processor copies fastest to where bytes have the same place in a page as where they come from; where they
/// come to lie a few bytes behind that, some processors take five times as long.
const PAGE: usize = 4096;

/// A buffer that is on loan, and the bytes of it that were read.
struct Lent {
    buffer: Vec<u8>,
    start: usize,
    len: usize,
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[self.start..][..self.len]
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

    /// Reads so many bytes, or up to the end. They have this offset in their file.
    pub fn read(&self, reader: &mut impl Read, offset: u64, len: u64) -> io::Result<Bytes> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let (mut buffer, start) = self.placed(offset, len.min(STEP));
        let until = start.saturating_add(len);
        let mut at = start;
        while at < until {
            if buffer.len() == at {
                buffer.resize(at.saturating_add(STEP).min(until), 0);
            }
            let end = buffer.len().min(until);
            match reader.read(&mut buffer[at..end]) {
                Ok(0) => break,
                Ok(read) => at += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.lend(buffer, start, at - start))
    }

    /// Reads once: at most so many bytes, none at the end. Few bytes, as pipes and servers give, do not hold a whole buffer.
    pub fn read_some(&self, reader: &mut impl Read, most: usize) -> io::Result<Bytes> {
        let (mut buffer, start) = self.placed(0, most);
        loop {
            match reader.read(&mut buffer[start..][..most]) {
                Ok(read) if read < most / 2 => {
                    let few = Bytes::copy_from_slice(&buffer[start..][..read]);
                    drop(self.lend(buffer, start, 0));
                    return Ok(few);
                }
                Ok(read) => return Ok(self.lend(buffer, start, read)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A buffer, and where in it so many bytes have the place in a page that they have in their file.
    fn placed(&self, offset: u64, len: usize) -> (Vec<u8>, usize) {
        let mut buffer = self.buffer();
        if buffer.len() < len + PAGE {
            buffer.resize(len + PAGE, 0);
        }
        let place = usize::try_from(offset % PAGE as u64).unwrap_or(0);
        let start = place.wrapping_sub(buffer.as_ptr().addr()) % PAGE;
        (buffer, start)
    }

    /// A buffer that was used before, if there is one.
    pub fn buffer(&self) -> Vec<u8> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_default()
    }

    /// Part of a buffer, which comes back when nobody has a piece of it any more.
    pub fn lend(&self, buffer: Vec<u8>, start: usize, len: usize) -> Bytes {
        Bytes::from_owner(Lent {
            buffer,
            start,
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
        let first = pool.read(&mut reader, 0, 100).unwrap();
        let second = pool.read(&mut reader, 100, 2 << 20).unwrap();
        assert_eq!(
            (&first[..], &second[..]),
            (&file[..100], &file[100..][..2 << 20])
        );
        let place = first.as_ptr();
        let piece = first.slice(10..20);
        drop(first);
        assert!(pool.free.lock().unwrap().is_empty());
        drop(piece);
        let third = pool.read(&mut reader, 0, 50).unwrap();
        assert_eq!(third.as_ptr(), place);
        let rest = pool.read(&mut reader, 7, u64::MAX).unwrap();
        let at = 150 + (2 << 20);
        assert_eq!((&third[..], &rest[..]), (&file[at - 50..at], &file[at..]));
        assert!(pool.read(&mut reader, 12, 5).unwrap().is_empty());
    }

    #[test]
    fn bytes_have_the_place_in_a_page_that_they_have_in_their_file() {
        let pool = Pool::new();
        let file = vec![1; 1 << 20];
        for offset in [0, 1, 13, 4095, 4096, 4_294_967_301] {
            let read = pool.read(&mut &file[..], offset, 300_000).unwrap();
            assert_eq!(read.as_ptr().addr() as u64 % 4096, offset % 4096);
            assert_eq!(read, file[..300_000]);
        }
        let read = pool.read_some(&mut &file[..], 100_000).unwrap();
        assert_eq!((read.as_ptr().addr() % 4096, read.len()), (0, 100_000));
        let held = pool.free.lock().unwrap().len();
        let few = pool.read_some(&mut &file[..49_999], 100_000).unwrap();
        assert_eq!(
            (few.len(), pool.free.lock().unwrap().len()),
            (49_999, held + 1)
        );
    }
}
