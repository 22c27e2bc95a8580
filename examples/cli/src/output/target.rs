use super::room::Room;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use std::fs::File;
use std::io::{self, IoSlice, Seek, SeekFrom, Write};

/// Bytes gathered before they are written: a file system does once for each call what it does not do for each byte, and that
/// outweighs that they have left the processor's nearest cache.
const GATHERED: usize = 512 << 10;
/// The same where somebody may wait at the other end of a stream.
const GATHERED_FOR_STREAM: usize = 64 << 10;
/// What is gathered is written up to a multiple of this in the file, as long as more is to come: then pages are filled at once, in large
/// pieces, and the processor copies to where it does so fastest.
const EVEN: u64 = 256 << 10;
/// Pieces gathered before they are written: no system takes fewer at once.
const PIECES: usize = 1024;

/// Where a container is written: a file, in which bytes can be changed afterwards, or a stream.
pub struct Target {
    /// Opened by the first write.
    out: Option<Out>,
    /// Bytes written at the end, all in all, with those that are pending.
    len: u64,
    /// What is to be written at the end: where it lies, without a copy.
    pending: Vec<Bytes>,
    pending_len: usize,
    path: String,
}

/// Memory that the process keeps once it has it.
const KEPT: usize = 16 << 20;

/// Lets the allocator keep what it frees. glibc gives the top of its heap back to the kernel whenever more than 128 KiB of it are free,
/// and has each page cleared when it takes it again: with pictures of some 100 KiB that costs a quarter of all time. It learns from a
/// large block that is freed to do so at twice its size only; the block itself is never touched. Other allocators learn nothing.
fn keep_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT)));
}

enum Out {
    File(File, Room),
    Stream(io::Stdout),
}

impl Out {
    /// Before a file grows to so many bytes.
    fn make_room(&mut self, len: u64) {
        if let Self::File(file, room) = self {
            room.take(file, len);
        }
    }

    fn write_all(&mut self, mut pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
        while !pieces.is_empty() {
            let wrote = match self {
                Self::File(file, _) => file.write_vectored(pieces),
                Self::Stream(stream) => stream.write_vectored(pieces),
            };
            match wrote {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => IoSlice::advance_slices(&mut pieces, len),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        if let Self::File(file, room) = self {
            room.give_back(file);
        }
    }
}

/// Refuses an output that is its own input: it would be emptied before it is read.
pub fn check_apart(input: &str, output: &str) -> Result<()> {
    let same = match (std::fs::canonicalize(input), std::fs::canonicalize(output)) {
        (Ok(input), Ok(output)) => input == output,
        _ => false,
    };
    if same && input != "-" {
        bail!("{output}: input and output are the same file");
    }
    Ok(())
}

impl Target {
    /// A new file, or standard output (`-`). A file is made, and what it had before is lost, with the first write only: what is
    /// refused before costs nothing.
    pub fn create(path: &str) -> Self {
        keep_memory();
        Self {
            out: None,
            len: 0,
            pending: Vec::new(),
            pending_len: 0,
            path: path.to_owned(),
        }
    }

    /// Whether bytes can be changed afterwards.
    pub fn can_patch(&self) -> bool {
        self.path != "-"
    }

    fn out(&mut self) -> Result<&mut Out> {
        let out = match self.out.take() {
            Some(out) => out,
            None if self.path == "-" => Out::Stream(io::stdout()),
            None => {
                let file = File::create(&self.path).with_context(|| self.path.clone())?;
                Out::File(file, Room::default())
            }
        };
        Ok(self.out.insert(out))
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, data: Bytes) -> Result<()> {
        // It is made at once, so that what cannot be written is told at once.
        self.out()?;
        self.len += data.len() as u64;
        if data.is_empty() {
            return Ok(());
        }
        self.pending_len += data.len();
        self.pending.push(data);
        if self.pending_len >= self.gathers() || self.pending.len() >= PIECES {
            let rest = self.keep_uneven();
            self.write_pending()?;
            self.pending_len = rest.len();
            self.len += rest.len() as u64;
            self.pending
                .extend(Some(rest).filter(|rest| !rest.is_empty()));
        }
        Ok(())
    }

    /// Bytes that are gathered before they are written: who has them in one piece spares the system many.
    pub fn gathers(&self) -> usize {
        match self.can_patch() {
            true => GATHERED,
            false => GATHERED_FOR_STREAM,
        }
    }

    /// Takes from the end what goes past the last even place in a file, where it is in the last piece.
    fn keep_uneven(&mut self) -> Bytes {
        let past = usize::try_from(self.len % EVEN).unwrap_or(usize::MAX);
        match self.pending.last_mut() {
            Some(last) if self.path != "-" && past < last.len() => {
                self.len -= past as u64;
                last.split_off(last.len() - past)
            }
            _ => Bytes::new(),
        }
    }

    fn write_pending(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.pending_len = 0;
        let mut pieces: Vec<_> = pending.iter().map(|piece| IoSlice::new(piece)).collect();
        let len = self.len;
        let out = self.out()?;
        out.make_room(len);
        let wrote = out.write_all(&mut pieces);
        wrote.with_context(|| self.path.clone())
    }

    /// Writes at an offset: at the end, past it, or over bytes that are there.
    pub fn write_at(&mut self, mut offset: u64, pieces: Vec<Bytes>) -> Result<()> {
        for piece in pieces {
            let len = piece.len() as u64;
            if offset == self.len {
                self.append(piece)?;
            } else {
                self.patch(offset, &piece)?;
            }
            offset += len;
        }
        Ok(())
    }

    /// Writes over bytes that are there.
    pub fn patch(&mut self, offset: u64, data: &[u8]) -> Result<()> {
        self.write_pending()?;
        let Out::File(file, _) = self.out()? else {
            bail!("{}: a stream cannot be changed afterwards", self.path);
        };
        let mut patch = || {
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(data)?;
            file.seek(SeekFrom::End(0))
        };
        self.len = patch().with_context(|| self.path.clone())?;
        Ok(())
    }

    /// Writes what was gathered.
    pub fn finish(&mut self) -> Result<()> {
        self.write_pending()?;
        let flushed = match self.out()? {
            Out::File(file, _) => file.flush(),
            Out::Stream(stream) => stream.flush(),
        };
        flushed.with_context(|| self.path.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_up_to_even_places() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut target = Target::create(path.to_str().unwrap());
        let mut wanted = Vec::new();
        for n in 0..40u32 {
            let piece: Vec<u8> = (0..188 * 400 + n).map(|at| (at + n) as u8).collect();
            wanted.extend_from_slice(&piece);
            target.append(piece.into()).unwrap();
            let len = std::fs::metadata(&path).unwrap().len();
            assert_eq!(len % EVEN, 0, "{len}");
            assert!(wanted.len() as u64 - len < GATHERED as u64);
        }
        // What lies at the front is written over, what comes at the end is added.
        target.patch(5, b"patched").unwrap();
        wanted[5..12].copy_from_slice(b"patched");
        let end = wanted.len() as u64;
        let last = Bytes::from_static(b"last");
        target.write_at(end, vec![last.clone(), last]).unwrap();
        wanted.extend_from_slice(b"lastlast");
        target.finish().unwrap();
        assert!(std::fs::read(&path).unwrap() == wanted);
    }
}
