//! Cuts a fragmented MP4 file into an init segment and segments of two seconds, as a live origin would.
//!
//! ```text
//! cargo run -p fluvial-mp4 --example package -- FILE FOLDER [--per-track]
//! ```

use fluvial_mp4::packager::{Config, Output};
use fluvial_mp4::{Demuxer, Limits, Packager};
use media::{Event, Segmenter, Time, segmenter};
use std::io::{Read, Write};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder, options @ ..] = args.as_slice() else {
        return Err("usage: package FILE FOLDER [--per-track]".into());
    };
    let per_track = options.iter().any(|option| option == "--per-track");
    let config = if per_track {
        Config::per_track()
    } else {
        Config::muxed()
    };

    let mut file = std::fs::File::open(input)?;
    let mut demuxer = Demuxer::new(Limits::default());
    let mut segmenter = Segmenter::new(segmenter::Config::segments(Time::from_millis(2000)));
    let mut packager = Packager::new(config);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let len = file.read(&mut buffer)?;
        demuxer.handle_input(&buffer[..len]);
        if len == 0 {
            demuxer.handle_eof();
        }
        while let Some(event) = demuxer.poll_event()? {
            if let Event::Warning(warning) = &event {
                writeln!(std::io::stderr(), "{warning}")?;
            }
            segmenter.handle_event(&event);
        }
        if len == 0 {
            segmenter.finish();
        }
        while let Some(segmented) = segmenter.poll_output() {
            packager.handle(&segmented)?;
        }
        while let Some(output) = packager.poll_output() {
            write(&output, Path::new(folder))?;
        }
        if len == 0 {
            return Ok(());
        }
    }
}

fn write(output: &Output, folder: &Path) -> std::io::Result<()> {
    match output {
        Output::Init(init) => std::fs::write(folder.join(init.name()), &init.data),
        Output::Part(_) => Ok(()),
        Output::Segment(segment) => {
            let mut file = std::fs::File::create(folder.join(segment.name()))?;
            segment
                .data
                .iter()
                .try_for_each(|part| file.write_all(part))
        }
    }
}
