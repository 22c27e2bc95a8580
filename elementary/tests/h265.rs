//! Streams of x265: pictures in the order and at the times that they have in an MP4 by ffmpeg; what is written is read back.

use fluvial_elementary::{Demuxer, Format, Limits, Muxer};
use media::{Codec, Event};

fn events(data: &[u8], piece: usize) -> Vec<Event> {
    let mut demuxer = Demuxer::new(Format::H265, Limits::default());
    let mut events = Vec::new();
    for piece in data.chunks(piece) {
        demuxer.handle_input(piece);
        events.extend(std::iter::from_fn(|| demuxer.poll_event()));
    }
    demuxer.handle_eof();
    events.extend(std::iter::from_fn(|| demuxer.poll_event()));
    assert_eq!(demuxer.buffered_len(), 0);
    events
}

#[test]
fn pictures_have_the_times_of_a_container() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4").display().to_string();
    for (rate, options) in [
        ("25", "bframes=4:keyint=40:open-gop=1"),
        ("30000/1001", "bframes=0:keyint=20:no-open-gop=1"),
        // Counts wrap; delimiters, parameter sets and the times of a hypothetical decoder stand among the pictures.
        (
            "50",
            "bframes=3:keyint=-1:log2-max-poc-lsb=4:aud=1:repeat-headers=1:hrd=1:vbv-bufsize=400:vbv-maxrate=400",
        ),
        (
            "24",
            "bframes=2:keyint=30:temporal-layers=3:scaling-list=default:slices=2",
        ),
    ] {
        let make = format!(
            "-v error -f lavfi -i testsrc2=size=160x128:rate={rate} -frames:v 90 -c:v libx265 -x265-params log-level=0:{options} -y {path}"
        );
        if testing::run("ffmpeg", &make, b"").is_none() {
            return;
        }
        let probe =
            format!("-v error -show_entries packet=pts_time,dts_time,flags -of csv=p=0 {path}");
        let wanted = testing::csv("ffprobe", &probe, b"").unwrap();
        let make = format!("-v error -i {path} -c copy -f hevc -");
        let data = testing::run("ffmpeg", &make, b"").unwrap();
        assert_eq!(Format::sniff(&data), Some(Format::H265), "{options}");
        let found = events(&data, 4096);
        assert!(found == events(&data, 1), "{options}");
        let Some(Event::Tracks(tracks)) = found.first() else {
            panic!("{options}: {:?}", found.first());
        };
        assert!(
            matches!(&tracks[0].codec, Codec::Hevc(config) if config.dimensions() == Some((160, 128)))
        );
        let mut muxer = Muxer::new(Format::H265);
        muxer.set_tracks(tracks).unwrap();
        let timescale = tracks[0].timescale;
        let mut times = wanted.iter();
        for event in &found[1..] {
            let Event::Sample(sample) = event else {
                panic!("{options}: {event:?}");
            };
            let [pts, dts, flags] = &times.next().unwrap()[..3] else {
                panic!("three columns");
            };
            let is = |time: i64, wanted: &str| {
                let seconds = timescale.time(time).as_nanos() as f64 / 1e9;
                (seconds - wanted.parse::<f64>().unwrap()).abs() < 1e-4
            };
            assert!(
                is(sample.pts, pts) && is(sample.dts, dts),
                "{options}: {} {} {pts} {dts}",
                sample.pts,
                sample.dts
            );
            assert_eq!(sample.is_sync(), flags.starts_with('K'), "{options} {pts}");
            muxer.handle_sample(sample).unwrap();
        }
        assert!(times.next().is_none(), "{options}");
        let again = events(&muxer.poll_output().unwrap(), 4096);
        assert!(again == found, "{options}");
    }
}
