//! A live stream of a minute, and what a server of it would do: which playlist it serves, what it drops.
//!
//! ```sh
//! cargo run -p fluvial-hls --example m3u8_live
//! ```

use fluvial_hls::{Error, live};
use media::{SegmentInfo, Time, Timescale, Tracks, WallClock};
use std::time::Duration;

fn main() -> Result<(), Error> {
    let mut playlist = live::Playlist::new(live::Config::new(Duration::from_secs(4)));
    playlist.set_clock(
        Time::ZERO,
        WallClock::from_unix_nanos(1_767_225_600_000_000_000),
    );
    for segment in 0..15 {
        if segment == 9 {
            println!("the publisher went away, and comes back");
            playlist.discontinuity();
        }
        playlist.push_segment(&SegmentInfo {
            track: None,
            segment,
            parts: 1,
            init: u32::from(segment >= 9),
            start: i64::try_from(segment).unwrap_or(0) * 360_000,
            duration: 360_000,
            timescale: Timescale::KHZ_90,
            independent: true,
            discontinuity: false,
            size: 1_000_000 + segment * 10_000,
        })?;
        while let Some(expired) = playlist.poll_expired() {
            println!("nobody needs {} any more", expired.uri);
        }
    }
    playlist.end();
    println!(
        "\nstream.m3u8:\n{}",
        String::from_utf8_lossy(&playlist.to_bytes())
    );
    if let Some(bandwidth) = playlist.bandwidth() {
        let variant = live::Variant {
            uri: "stream.m3u8",
            tracks: &Tracks::default(),
            bandwidth,
            audio: None,
            closed_captions: None,
        };
        println!("index.m3u8:\n{}", live::multivariant([variant]));
    }
    Ok(())
}
