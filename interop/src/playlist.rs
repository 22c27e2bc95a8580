//! As much of a media playlist as tests look at, read without the crate under test.

use crate::http;

/// A media playlist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Playlist {
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub media_sequence: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuity_sequence: u64,
    /// The segments in order.
    pub segments: Vec<Segment>,
    /// `EXT-X-ENDLIST`.
    pub ended: bool,
}

/// A segment of a media playlist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Segment {
    /// Its URI.
    pub uri: String,
    /// The URI of its initialization section, `EXT-X-MAP`.
    pub map: String,
    /// Whether `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
    /// Its length in seconds, `EXTINF`.
    pub seconds: f64,
}

impl Playlist {
    /// Fetches the first variant of a multivariant playlist, if there is one.
    pub fn fetch(multivariant_url: &str) -> Option<Self> {
        let multivariant = fetch_text(multivariant_url)?;
        let variant = multivariant
            .lines()
            .find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let (folder, _) = multivariant_url.rsplit_once('/')?;
        Some(Self::parse(&fetch_text(&format!("{folder}/{variant}"))?))
    }

    fn parse(text: &str) -> Self {
        let mut playlist = Self::default();
        let mut discontinuity = false;
        let mut map = String::new();
        let mut seconds = 0.0;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_once(':').unwrap_or((line, "")) {
                ("#EXT-X-MEDIA-SEQUENCE", value) => {
                    playlist.media_sequence = value.parse().unwrap();
                }
                ("#EXT-X-DISCONTINUITY-SEQUENCE", value) => {
                    playlist.discontinuity_sequence = value.parse().unwrap();
                }
                ("#EXT-X-DISCONTINUITY", _) => discontinuity = true,
                ("#EXTINF", value) => {
                    seconds = value.trim_end_matches(',').parse().expect("a length");
                }
                ("#EXT-X-MAP", value) => {
                    map = value.split('"').nth(1).expect("a quoted URI").to_owned();
                }
                ("#EXT-X-ENDLIST", _) => playlist.ended = true,
                _ if line.starts_with('#') => {}
                _ => {
                    playlist.segments.push(Segment {
                        uri: line.to_owned(),
                        map: map.clone(),
                        seconds,
                        discontinuity,
                    });
                    discontinuity = false;
                }
            }
        }
        playlist
    }

    /// The runs of segments between discontinuities, each fetched and joined to a playable file.
    ///
    /// # Panics
    ///
    /// When a segment that is listed cannot be had.
    pub fn fetch_runs(&self, multivariant_url: &str) -> Vec<Vec<u8>> {
        let (folder, _) = multivariant_url.rsplit_once('/').expect("a path");
        let fetch = |uri: &str| {
            let url = format!("{folder}/{uri}");
            let response = http::get(&url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(response.status, 200, "{url}");
            response.body
        };
        let mut runs: Vec<Vec<u8>> = Vec::new();
        for segment in &self.segments {
            match runs.last_mut().filter(|_| !segment.discontinuity) {
                Some(run) => run.extend(fetch(&segment.uri)),
                None => runs.push([fetch(&segment.map), fetch(&segment.uri)].concat()),
            }
        }
        runs
    }

    /// How long all segments are.
    pub fn seconds(&self) -> f64 {
        self.segments.iter().map(|segment| segment.seconds).sum()
    }

    /// The next segment's number.
    pub fn end(&self) -> u64 {
        self.media_sequence + self.segments.len() as u64
    }

    /// All discontinuities so far, those that have left the playlist included.
    pub fn discontinuities(&self) -> u64 {
        let listed = self
            .segments
            .iter()
            .filter(|segment| segment.discontinuity)
            .count();
        self.discontinuity_sequence + listed as u64
    }

    /// This playlist may follow `earlier` (RFC 8216 §6.2.1): nothing is taken back, no number is used twice.
    ///
    /// # Panics
    ///
    /// When it may not.
    #[must_use]
    pub fn assert_follows(self, earlier: &Self) -> Self {
        let because = || format!("after {earlier:#?} came {self:#?}");
        assert!(
            self.media_sequence >= earlier.media_sequence,
            "numbers go back: {}",
            because()
        );
        assert!(
            self.end() >= earlier.end(),
            "segments are taken back: {}",
            because()
        );
        assert!(
            self.discontinuity_sequence >= earlier.discontinuity_sequence,
            "discontinuity numbers go back: {}",
            because()
        );
        assert!(
            !earlier.ended || self == *earlier,
            "an ended playlist changes: {}",
            because()
        );
        for (segment, number) in earlier.segments.iter().zip(earlier.media_sequence..) {
            let Some(at) = number.checked_sub(self.media_sequence) else {
                continue;
            };
            let same = usize::try_from(at)
                .ok()
                .and_then(|at| self.segments.get(at));
            assert_eq!(
                Some(segment),
                same,
                "segment {number} changes: {}",
                because()
            );
        }
        self
    }
}

fn fetch_text(url: &str) -> Option<String> {
    http::get(url)
        .ok()
        .filter(|response| response.status == 200)
        .map(|response| response.text())
}
