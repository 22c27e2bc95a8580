//! Playlists: written back byte for byte.
#![no_main]

use hls::{Lines, Playlist};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(lines) = Lines::parse(data) {
        assert!(lines.take(data.len() + 1).count() <= data.len());
    }
    let Ok(playlist) = Playlist::parse(data) else {
        return;
    };
    let mut out = Vec::new();
    playlist.write(&mut out);
    let again = Playlist::parse(&out).expect("our own");
    assert_eq!(playlist, again);
    let mut twice = Vec::new();
    again.write(&mut twice);
    assert_eq!(
        String::from_utf8_lossy(&out),
        String::from_utf8_lossy(&twice)
    );
});
