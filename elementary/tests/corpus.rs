//! The samples of raw streams beside what androidx/media finds in them: time, size and content of each.

use fluvial_elementary::{Demuxer, Format, Limits};
use media::{Event, Sample, Tracks, Warning};
use std::path::{Path, PathBuf};
use testing::dump::{Dump, hash};

struct Read {
    tracks: Vec<Tracks>,
    samples: Vec<Sample>,
    warnings: Vec<Warning>,
}

fn read(format: Format, data: &[u8], piece: usize) -> Read {
    let mut demuxer = Demuxer::new(format, Limits::default());
    let mut read = Read {
        tracks: Vec::new(),
        samples: Vec::new(),
        warnings: Vec::new(),
    };
    let mut drain = |demuxer: &mut Demuxer| {
        while let Some(event) = demuxer.poll_event() {
            match event {
                Event::Tracks(tracks) => read.tracks.push(tracks),
                Event::Sample(sample) => read.samples.push(sample),
                Event::Warning(warning) => read.warnings.push(warning),
                _ => {}
            }
        }
    };
    for piece in data.chunks(piece) {
        demuxer.handle_input(piece);
        drain(&mut demuxer);
    }
    demuxer.handle_eof();
    drain(&mut demuxer);
    assert_eq!(demuxer.buffered_len(), 0);
    read
}

/// The dump of all of a file, where it has one.
fn dump(path: &Path) -> Option<PathBuf> {
    let text = path
        .to_str()?
        .replace("/media/media/", "/media/extractordumps/");
    let text = text.replace("/androidx-media/media/", "/androidx-media/extractordumps/");
    ["", ".id3-enabled", ".id3-disabled"]
        .iter()
        .find_map(|kind| {
            let dump = PathBuf::from(format!("{text}{kind}.0.dump"));
            dump.is_file().then_some(dump)
        })
}

/// Bytes of these files that are in no frame, as their makers cut them.
const JUNK: [(&str, u64); 7] = [
    // An ID3 tag between frames.
    ("sample_with_id3.adts", 86),
    ("sample.ac3", 993),
    ("sample_cbs_truncated.adts", 171),
    ("bear-cbr-variable-frame-size-no-seek-table.mp3", 240),
    ("bear-vbr-no-seek-table.mp3", 224),
    ("bear-id3-numeric-genre.mp3", 11),
    ("bear-id3.mp3", 11),
];

#[test]
fn samples_agree_with_the_dumps() {
    let mut compared = 0;
    for folder in ["aac", "ac3", "mpegaudio", "h264", "mpeg2video"] {
        let Some(folder) = testing::corpus(folder) else {
            return;
        };
        for path in testing::files(&folder) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let Some(dump) = dump(&path) else { continue };
            let dump = Dump::read(&dump);
            let data = std::fs::read(&path).unwrap();
            let Some(format) = Format::sniff(&data) else {
                eprintln!("{name}: not a raw stream");
                continue;
            };
            let read = read(format, &data, 4096);
            let timescale = read.tracks[0][0].timescale;
            // ID3 tags are a second track there.
            let track = dump.tracks.iter().find(|track| {
                let mime = track.value("sampleMimeType").unwrap_or_default();
                mime.starts_with("audio") || mime.starts_with("video")
            });
            let wanted = &track.unwrap().samples;
            assert_eq!(read.samples.len(), wanted.len(), "{name}");
            for (n, (found, wanted)) in (1..).zip(read.samples.iter().zip(wanted)) {
                let micros = timescale.time(found.pts).as_nanos() / 1000;
                // There, durations are cut to microseconds before they are added up.
                assert!(
                    (micros - wanted.time).abs() <= n,
                    "{name}: {micros} {wanted:?}"
                );
                assert_eq!(found.data.len(), wanted.len, "{name}");
                assert_eq!(hash(&found.data), wanted.hash, "{name}");
            }
            // Told one by one, so that nothing is lost in silence.
            let skipped: u64 = read.warnings.iter().map(|warning| warning.skipped).sum();
            let junk = JUNK.iter().find(|(file, _)| *file == name);
            assert_eq!(
                skipped,
                junk.map_or(0, |(_, len)| *len),
                "{name}: {:?}",
                read.warnings
            );
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared}");
}
