use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

/// Bytes gathered before they are written.
const BUFFER: usize = 256 << 10;

/// Where a container is written: a file, in which bytes can be changed afterwards, or a stream.
pub struct Target {
    /// Opened by the first write.
    out: Option<Out>,
    /// Bytes written at the end, all in all.
    len: u64,
    path: String,
}

enum Out {
    File(BufWriter<File>),
    Stream(BufWriter<io::Stdout>),
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
        Self {
            out: None,
            len: 0,
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
            None if self.path == "-" => Out::Stream(BufWriter::with_capacity(BUFFER, io::stdout())),
            None => {
                let file = File::create(&self.path).with_context(|| self.path.clone())?;
                Out::File(BufWriter::with_capacity(BUFFER, file))
            }
        };
        Ok(self.out.insert(out))
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, data: &[u8]) -> Result<()> {
        let wrote = match self.out()? {
            Out::File(file) => file.write_all(data),
            Out::Stream(stream) => stream.write_all(data),
        };
        self.len += data.len() as u64;
        wrote.with_context(|| self.path.clone())
    }

    /// Writes at an offset: at the end, past it, or over bytes that are there.
    pub fn write_at(&mut self, mut offset: u64, pieces: &[bytes::Bytes]) -> Result<()> {
        for piece in pieces {
            if offset == self.len {
                self.append(piece)?;
            } else {
                self.patch(offset, piece)?;
            }
            offset += piece.len() as u64;
        }
        Ok(())
    }

    /// Writes over bytes that are there.
    pub fn patch(&mut self, offset: u64, data: &[u8]) -> Result<()> {
        let Out::File(file) = self.out()? else {
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
        let flushed = match self.out()? {
            Out::File(file) => file.flush(),
            Out::Stream(stream) => stream.flush(),
        };
        flushed.with_context(|| self.path.clone())
    }
}
