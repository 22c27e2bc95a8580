//! Prints where a stream of 29.97 pictures per second and 44.1 kHz sound is cut into segments and parts.

use fluvial_media::{
    Codec, Event, Flags, FourCc, Kind, Sample, Segmented, Segmenter, Timescale, Track, TrackId,
    segmenter,
};

fn main() {
    let codec = |kind| Codec::Other {
        kind,
        fourcc: FourCc(*b"demo"),
        config: Vec::new().into(),
    };
    let scale = |ticks| Timescale::new(ticks).expect("not zero");
    let tracks = [
        Track::new(TrackId(1), scale(30_000), codec(Kind::Video)),
        Track::new(TrackId(2), scale(44_100), codec(Kind::Audio)),
    ];
    let mut segmenter = Segmenter::new(segmenter::Config::low_latency());
    segmenter.handle_event(&Event::Tracks(tracks.iter().cloned().collect()));
    let (mut pictures, mut frames) = (0i64, 0i64);
    while pictures < 150 {
        let video = pictures * 1001 * 44_100 <= frames * 1024 * 30_000;
        let (track, dts, sync) = if video {
            (TrackId(1), pictures * 1001, pictures % 60 == 0)
        } else {
            (TrackId(2), frames * 1024, true)
        };
        pictures += i64::from(video);
        frames += i64::from(!video);
        segmenter.handle_event(&Event::Sample(Sample {
            track,
            dts,
            pts: dts,
            duration: None,
            flags: Flags::SYNC.when(sync),
            data: Vec::new().into(),
        }));
        while let Some(output) = segmenter.poll_output() {
            if let Segmented::Cut { track, cut } = output {
                let time = tracks[track.0 as usize - 1].timescale.time(cut.time);
                println!(
                    "track {track}: segment {} part {} at {time}",
                    cut.segment, cut.part
                );
            }
        }
    }
}
