//! Follows the program association table and the program map tables: which streams there are.

use super::program::{Line, Program, Stream};
use super::{Demuxer, not_read};
use crate::packet::Pid;
use crate::psi::{Pat, Pmt};
use media::{Event, TrackId, Warning};

impl Demuxer {
    /// Follows a new program association table.
    pub(super) fn associate(&mut self, pat: &Pat) {
        let has = |number| {
            let mut programs = pat.programs.iter();
            programs.any(|program| program.program_number == number)
        };
        self.drop_streams(|stream| has(stream.program));
        self.programs.retain(|program| has(program.number));
        self.lines.retain(|line| has(line.program));
        for program in pat
            .programs
            .iter()
            .filter(|entry| entry.program_number != 0)
        {
            let number = program.program_number;
            if !self.programs.iter().any(|known| known.number == number)
                && self.programs.len() < self.limits.programs
            {
                self.programs.push(Program::new(number));
                self.lines.push(Line::new(number));
                self.hold.start();
            }
        }
        self.changed(None);
    }

    /// Follows a new program map table.
    pub(super) fn map(&mut self, pmt: &Pmt) {
        let number = pmt.program_number;
        let offset = self.reader.position();
        let has = |stream: &Stream| stream.program != number || stream.is_in(pmt);
        let replaced = self.streams.iter().filter(|stream| !has(stream));
        let replaced = replaced.filter_map(Stream::last_given).max();
        let count = self.streams.len();
        self.drop_streams(has);
        let mut is_other = self.streams.len() < count;
        let Some(program) = self
            .programs
            .iter_mut()
            .find(|program| program.number == number)
        else {
            return;
        };
        program.is_known = true;
        program.tracks.clear();
        if let Some(line) = self.lines.iter_mut().find(|line| line.program == number) {
            line.pcr_pid = pmt.pcr_pid;
        }
        for entry in &pmt.streams {
            let pid = entry.elementary_pid;
            if let Some(known) = self.streams.iter_mut().find(|stream| stream.pid == pid) {
                known.follow(entry, offset);
                let id = known.id();
                self.program(number, |program| program.tracks.push(id));
                continue;
            }
            if self.streams.len() >= self.limits.streams {
                break;
            }
            match Stream::new(pmt, entry, &self.limits, offset) {
                Some(mut stream) => {
                    if stream.is_encrypted(offset) && self.locks.at(offset).is_none() {
                        // Nothing will tell its codec.
                        stream.awaited = None;
                    } else {
                        stream.follow_others(replaced);
                    }
                    is_other = true;
                    if let Some(pid) = Pid::new(pid) {
                        // Whatever the one before it on this PID took.
                        self.reader.gather_nal_units(pid, false);
                    }
                    let id = stream.id();
                    self.streams.push(stream);
                    self.program(number, |program| program.tracks.push(id));
                }
                None => {
                    let what = not_read(entry.stream_type);
                    let warning = Warning::new(what).on(TrackId(pid.into()));
                    self.push(Event::Warning(warning));
                    if let Some(pid) = Pid::new(pid) {
                        self.reader.ignore_stream(pid);
                    }
                }
            }
        }
        if is_other {
            self.wait_for_all(offset);
        }
        self.changed(None);
    }

    fn program(&mut self, number: u16, change: impl FnOnce(&mut Program)) {
        let mut programs = self.programs.iter_mut();
        if let Some(program) = programs.find(|program| program.number == number) {
            change(program);
        }
    }

    /// Drops streams; what they hold is given first, and told as theirs.
    fn drop_streams(&mut self, keep: impl Fn(&Stream) -> bool) {
        self.flush(|stream| !keep(stream));
        let mut held = self.hold.samples();
        let dropped = |id| {
            let mut streams = self.streams.iter();
            streams.any(|stream| stream.id() == id && !keep(stream))
        };
        if held.any(dropped) {
            drop(held);
            self.announce_now(None);
        }
        self.streams.retain(keep);
    }
}
