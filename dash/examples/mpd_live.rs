//! A live stream of a minute, and what a server of it would do: which document it serves, what it drops, which patch.
//!
//! ```sh
//! cargo run -p fluvial-dash --example mpd_live
//! ```

use fluvial_dash::live::{Config, Presentation};
use media::{Codec, SegmentInfo, Time, Timescale, Track, TrackId, WallClock};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = Config::live(Duration::from_secs(4));
    config.window = Some(Duration::from_secs(20));
    config.patch_location = Some("patch.mpp".into());
    let mut presentation = Presentation::new(config);
    let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
    let timescale = Timescale::new(48_000).ok_or("no timescale")?;
    presentation.set_tracks(
        &[Track::new(TrackId(1), timescale, codec)]
            .into_iter()
            .collect(),
    );
    let start = WallClock::from_unix_nanos(1_767_225_600_000_000_000);
    presentation.set_clock(Time::ZERO, start);
    let mut before = None;
    for segment in 0..15 {
        if segment == 9 {
            println!("the publisher went away, and comes back");
            presentation.discontinuity();
        }
        before = presentation.to_mpd().publish_time;
        presentation.push_segment(&SegmentInfo {
            track: Some(TrackId(1)),
            segment,
            parts: 1,
            init: u32::from(segment >= 9),
            start: i64::try_from(segment)? * 192_000,
            duration: 192_000,
            timescale,
            independent: true,
            discontinuity: false,
            size: 64_000 + segment * 100,
        })?;
        // What a server keeps for patches is what it served.
        let _ = presentation.to_bytes();
        while let Some(expired) = presentation.poll_expired() {
            println!("nobody needs {} any more", expired.uri);
        }
    }
    println!(
        "\nmanifest.mpd:\n{}",
        String::from_utf8_lossy(&presentation.to_bytes())
    );
    if let Some(patch) = before.and_then(|time| presentation.patch(time)) {
        println!("patch.mpp:\n{}", String::from_utf8_lossy(&patch));
    }
    Ok(())
}
