use crate::boxes::Edit;
use alloc::vec::Vec;
use media::Timescale;

/// How a track's time line is laid on the movie's: the edit list, worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// The pieces of the track that are shown, in order; at least one.
    pub(crate) spans: Vec<Span>,
}

/// A piece of a track's time line, in ticks of the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where it begins in the track.
    pub(crate) start: i64,
    /// Where it ends in the track; `i64::MAX`: where the track does.
    pub(crate) end: i64,
    /// What is added to the track's times, so that they are the movie's.
    pub(crate) shift: i64,
}

/// Edits that are followed: each may show all of the track again.
const SPANS: usize = 1024;

impl Timeline {
    pub(crate) fn new(edits: &[Edit], movie: Timescale, track: Timescale) -> Self {
        let mut spans = Vec::new();
        // In ticks of the movie, so that rounding does not add up.
        let mut position = 0i64;
        for edit in edits.iter().take(SPANS) {
            let at = movie.rescale(position, track);
            position = position.saturating_add_unsigned(edit.segment_duration);
            if edit.media_time < 0 || edit.media_rate == 0 {
                continue;
            }
            let length = movie.rescale(position, track).saturating_sub(at);
            // What begins in the last tick of the movie is shown.
            let told = i64::try_from(edit.segment_duration).unwrap_or(i64::MAX);
            let ticks = movie.rescale(told, track);
            let is_less = track.rescale(ticks, movie) < told;
            let length = length.max(ticks.saturating_add(is_less.into()));
            // Before fragments, 0 is: to the end.
            let end = match edit.segment_duration {
                0 => i64::MAX,
                _ => edit.media_time.saturating_add(length),
            };
            spans.push(Span {
                start: edit.media_time,
                end,
                shift: at.saturating_sub(edit.media_time),
            });
        }
        if spans.is_empty() {
            spans.push(Span {
                start: 0,
                end: i64::MAX,
                shift: movie.rescale(position, track),
            });
        }
        Self { spans }
    }

    /// The shift of the first piece.
    pub(crate) fn first(&self) -> Span {
        self.spans.first().copied().unwrap_or(Span {
            start: 0,
            end: i64::MAX,
            shift: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(edits: &[(u64, i64)]) -> Vec<(i64, i64, i64)> {
        let edits: Vec<_> = edits
            .iter()
            .map(|(segment_duration, media_time)| Edit {
                segment_duration: *segment_duration,
                ..Edit::from(*media_time)
            })
            .collect();
        let movie = Timescale::new(1000).unwrap();
        let track = Timescale::new(48000).unwrap();
        let timeline = Timeline::new(&edits, movie, track);
        let spans = timeline.spans.iter();
        spans
            .map(|span| (span.start, span.end, span.shift))
            .collect()
    }

    #[test]
    fn edits_become_spans() {
        let end = i64::MAX;
        assert_eq!(spans(&[]), [(0, end, 0)]);
        assert_eq!(spans(&[(0, 1024)]), [(1024, end, -1024)]);
        // A delay, then all.
        assert_eq!(spans(&[(500, -1), (0, 0)]), [(0, end, 24000)]);
        assert_eq!(spans(&[(500, -1)]), [(0, end, 24000)]);
        // Two cuts, the second with what was shown already.
        assert_eq!(
            spans(&[(1000, 1024), (2000, 0)]),
            [(1024, 49024, -1024), (0, 96000, 48000)]
        );
    }
}
