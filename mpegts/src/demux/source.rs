use crate::packet::Pid;
use crate::reader::{Reader, Unit};
use crate::{Limits, ps};

/// Where the packets of elementary streams come from.
#[derive(Debug)]
pub(super) enum Source {
    Transport(Reader),
    Program(ps::reader::Reader),
}

impl Source {
    pub(super) fn transport_stream(limits: Limits) -> Self {
        let mut reader = Reader::new(limits);
        // What a clock on the wall shows.
        reader.gather_sections(Pid::TDT);
        Self::Transport(reader)
    }

    pub(super) fn program_stream(limits: Limits) -> Self {
        Self::Program(ps::reader::Reader::new(limits))
    }

    #[inline]
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Option<Unit> {
        match self {
            Self::Transport(reader) => reader.next(input),
            Self::Program(reader) => reader.next(input),
        }
    }

    /// Offset in the input of the next byte that is not dealt with; of a program stream it is not asked for.
    pub(super) const fn position(&self) -> u64 {
        match self {
            Self::Transport(reader) => reader.position(),
            Self::Program(_) => 0,
        }
    }

    pub(super) const fn handle_eof(&mut self) {
        match self {
            Self::Transport(reader) => reader.handle_eof(),
            Self::Program(reader) => reader.handle_eof(),
        }
    }

    pub(super) fn buffered_len(&self) -> usize {
        match self {
            Self::Transport(reader) => reader.buffered_len(),
            Self::Program(reader) => reader.buffered_len(),
        }
    }

    /// Whether NAL units of this stream are to have lengths, where that can be had.
    pub(super) fn gather_nal_units(&mut self, pid: Pid, wanted: bool) {
        if let Self::Transport(reader) = self {
            reader.gather_nal_units(pid, wanted);
        }
    }

    /// Gathers nothing of this stream; those of a program stream come whole as they are.
    pub(super) fn ignore_stream(&mut self, pid: Pid) {
        if let Self::Transport(reader) = self {
            reader.ignore_stream(pid);
        }
    }
}
