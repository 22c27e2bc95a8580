use super::Source;
use super::pushed::Demuxer;
use crate::format::Format;
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use media::Event;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// A file, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub path: PathBuf,
    /// Offset and length of the part.
    pub range: Option<(u64, u64)>,
}

/// A segment of a presentation.
#[derive(Debug, Clone)]
pub struct Segment {
    pub piece: Piece,
    /// What its demuxer needs before it.
    pub init: Option<Piece>,
    /// Whether the time line may jump before it.
    pub discontinuity: bool,
}

/// The segments of one rendition, one after the other.
pub struct Segments {
    segments: VecDeque<Segment>,
    demuxer: Option<Box<dyn Demuxer>>,
    /// The init that the demuxer has.
    init: Option<Piece>,
    /// What is still to be said before the demuxer is asked.
    jump: bool,
    bar: ProgressBar,
    ended: bool,
}

impl Segments {
    pub fn new(segments: Vec<Segment>, bar: ProgressBar) -> Self {
        Self {
            segments: segments.into(),
            demuxer: None,
            init: None,
            jump: false,
            bar,
            ended: false,
        }
    }

    /// Hands the next segment to the demuxer; whether there was one.
    fn next_segment(&mut self) -> Result<bool> {
        let Some(segment) = self.segments.pop_front() else {
            return Ok(false);
        };
        if segment.discontinuity && self.demuxer.is_some() {
            // The old demuxer gives what it holds first; this comes again.
            let flushed = std::mem::replace(&mut self.ended, true);
            if !flushed {
                if let Some(demuxer) = &mut self.demuxer {
                    demuxer.handle_eof();
                }
                self.segments.push_front(segment);
                return Ok(true);
            }
            self.ended = false;
            self.demuxer = None;
            self.init = None;
            self.jump = true;
        }
        let data = segment.piece.read()?;
        self.bar.inc(data.len() as u64);
        let init = match &segment.init {
            Some(init) if self.init.as_ref() != Some(init) => Some(init.read()?),
            _ => None,
        };
        let demuxer = match &mut self.demuxer {
            Some(demuxer) => demuxer,
            none => {
                let start = init.as_deref().unwrap_or(&data);
                let Some(format) = Format::sniff(start) else {
                    bail!(
                        "{}: not a format that is known here",
                        segment.piece.path.display()
                    );
                };
                none.insert(
                    super::demuxer(format)
                        .with_context(|| segment.piece.path.display().to_string())?,
                )
            }
        };
        if let Some(init) = init {
            demuxer.handle_input(&init);
            self.init = segment.init;
        }
        demuxer.handle_input(&data);
        Ok(true)
    }
}

impl Source for Segments {
    fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if std::mem::take(&mut self.jump) {
                return Ok(Some(Event::Discontinuity));
            }
            if let Some(demuxer) = &mut self.demuxer
                && let Some(event) = demuxer.poll_event()?
            {
                return Ok(Some(event));
            }
            if !self.next_segment()? {
                match &mut self.demuxer {
                    Some(demuxer) if !self.ended => {
                        self.ended = true;
                        demuxer.handle_eof();
                    }
                    _ => return Ok(None),
                }
            }
        }
    }
}

impl Piece {
    fn read(&self) -> Result<Vec<u8>> {
        let name = || self.path.display().to_string();
        let mut file = File::open(&self.path).with_context(name)?;
        let mut data = Vec::new();
        match self.range {
            Some((offset, len)) => {
                file.seek(SeekFrom::Start(offset)).with_context(name)?;
                file.take(len).read_to_end(&mut data).with_context(name)?;
            }
            None => {
                file.read_to_end(&mut data).with_context(name)?;
            }
        }
        Ok(data)
    }

    /// Bytes of it, as far as the file is there.
    pub fn len(&self) -> u64 {
        let whole = || self.path.metadata().map_or(0, |metadata| metadata.len());
        self.range.map_or_else(whole, |(_, len)| len)
    }
}
