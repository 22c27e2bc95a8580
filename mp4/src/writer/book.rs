use super::lane::{Facts, Lane};
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Time, TrackId, Tracks};

/// Most bytes that wait for their chunks.
const MOST_HELD: u64 = 8 << 20;

/// The tracks of a file, and their samples that are in no chunk yet.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) lanes: Vec<Lane>,
    waiting: Vec<Waiting>,
    interleave: Time,
    /// When the chunks began that are open.
    since: Option<Time>,
    held: u64,
    /// Bytes in chunks by now.
    pub(super) len: u64,
}

/// Samples of one track that make its next chunk.
#[derive(Debug, Default)]
struct Waiting {
    data: Vec<Bytes>,
    samples: u32,
    len: u64,
    description: u32,
}

impl Book {
    pub(super) const fn new(interleave: Time) -> Self {
        Self {
            lanes: Vec::new(),
            waiting: Vec::new(),
            interleave,
            since: None,
            held: 0,
            len: 0,
        }
    }

    /// Takes the tracks, or other configurations of them.
    pub(super) fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        if self.lanes.is_empty() {
            self.lanes = tracks.iter().map(Lane::new).collect::<Result<_, _>>()?;
            self.waiting.resize_with(self.lanes.len(), Waiting::default);
            return Ok(());
        }
        for track in tracks {
            let mut lanes = self.lanes.iter_mut();
            let lane = lanes.find(|lane| lane.track.id == track.id);
            lane.ok_or(Error::State("a track cannot join a file that has begun"))?
                .set_track(track)?;
        }
        Ok(())
    }

    /// Takes a sample. Gives the chunks that are complete with it, one after the other as they are to lie.
    pub(super) fn push(
        &mut self,
        track: TrackId,
        facts: Facts,
        data: Option<Bytes>,
    ) -> Result<Vec<Bytes>, Error> {
        let mut lanes = self.lanes.iter_mut().zip(&self.waiting);
        let Some((lane, waiting)) = lanes.find(|(lane, _)| lane.track.id == track) else {
            return Err(Error::State("a sample of a track that was not announced"));
        };
        let facts = lane.noted(facts);
        let time = lane.track.timescale.time(facts.dts);
        let described_anew = waiting.samples > 0 && waiting.description != lane.description;
        let held = self.held.saturating_add(facts.size.into());
        let full = self
            .since
            .is_some_and(|since| time - since >= self.interleave)
            || held > MOST_HELD;
        let done = if full || described_anew {
            self.flush()
        } else {
            Vec::new()
        };
        self.since.get_or_insert(time);
        for (lane, waiting) in self.lanes.iter_mut().zip(&mut self.waiting) {
            if lane.track.id == track {
                lane.push(facts)?;
                waiting.description = lane.description;
                waiting.samples = waiting.samples.saturating_add(1);
                waiting.len = waiting.len.saturating_add(facts.size.into());
                waiting.data.extend(data);
                break;
            }
        }
        self.held = self.held.saturating_add(facts.size.into());
        Ok(done)
    }

    /// Ends all chunks that are open.
    fn flush(&mut self) -> Vec<Bytes> {
        let mut done = Vec::new();
        for (lane, waiting) in self.lanes.iter_mut().zip(&mut self.waiting) {
            if waiting.samples > 0 {
                lane.push_chunk(self.len, waiting.samples, waiting.description);
                self.len = self.len.saturating_add(waiting.len);
                done.append(&mut waiting.data);
                *waiting = Waiting::default();
            }
        }
        self.since = None;
        self.held = 0;
        done
    }

    /// Ends the last chunks and the tables.
    pub(super) fn finish(&mut self) -> Vec<Bytes> {
        let done = self.flush();
        self.lanes.iter_mut().for_each(Lane::finish);
        done
    }

    /// Bytes of samples and tables that are held.
    pub(super) fn buffered_len(&self) -> usize {
        let data = self
            .waiting
            .iter()
            .flat_map(|waiting| &waiting.data)
            .map(Bytes::len);
        let tables = self.lanes.iter().map(Lane::tables_len);
        data.chain(tables).fold(0, usize::saturating_add)
    }
}
