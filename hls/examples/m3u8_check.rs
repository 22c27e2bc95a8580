//! Says of each playlist given whether it can be read, and what is in it.
//!
//! ```sh
//! cargo run -p fluvial-hls --example m3u8_check -- index.m3u8 stream.m3u8
//! ```

use fluvial_hls::Playlist;

fn main() -> std::io::Result<()> {
    for path in std::env::args().skip(1) {
        match Playlist::parse(&std::fs::read(&path)?) {
            Ok(Playlist::Media(playlist)) => {
                let nanos: i64 = playlist
                    .segments
                    .iter()
                    .map(|segment| segment.duration().as_nanos())
                    .sum();
                println!(
                    "{path}: media playlist, {} segments from number {} on, {} s in all, {}",
                    playlist.segments.len(),
                    playlist.media_sequence(),
                    fluvial_hls::Decimal::from_nanos(nanos),
                    if playlist.is_ended() {
                        "ended"
                    } else {
                        "going on"
                    },
                );
            }
            Ok(Playlist::Multivariant(playlist)) => {
                println!("{path}: multivariant playlist");
                for variant in playlist.variants() {
                    println!("  {}: {}", variant.uri, variant.stream_inf);
                }
                for rendition in playlist.renditions() {
                    println!(
                        "  {}: {rendition}",
                        rendition.uri.unwrap_or("(within the variant)")
                    );
                }
            }
            Err(error) => println!("{path}: {error}"),
        }
    }
    Ok(())
}
