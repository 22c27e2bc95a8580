//! What an encoder publishes is what players show: every frame, once, in its place, at its time.
//!
//! Each clip is published once, in real time, and read both ways at once: by an RTMP player that was there
//! before the publisher, and by an HLS player that comes as soon as there is a playlist.

use fluvial_interop::{
    clip::{
        AUDIO_ONLY, B_FRAMES_25, BASELINE, FILM_SLICES, NTSC_PYRAMID, Recipe, SIXTY, VIDEO_ONLY,
    },
    needs,
    peer::FFMPEG,
    reader::Reader,
    server::Server,
};

fn arrives_whole(recipe: &Recipe) {
    arrives_whole_from(0, recipe, recipe.name);
}

/// The times begin at so many `seconds`.
fn arrives_whole_from(seconds: u32, recipe: &Recipe, name: &str) {
    needs!(FFMPEG);
    let clip = recipe.clip();
    let server = Server::shared();
    let rtmp = Reader::start(&server.rtmp_url(name), &[]);
    server.wait_for_player(name);
    let mut publisher = clip.publish_from(seconds, &server.rtmp_url(name));
    server.wait_for_playlist(name);
    let hls = Reader::hls_from_start(&server.hls_url(name));
    publisher.expect_success();
    hls.finish().assert_same(&clip.frames, "HLS");
    rtmp.finish().assert_same(&clip.frames, "RTMP");
}

#[test]
fn b_frames_at_25() {
    arrives_whole(&B_FRAMES_25);
}

#[test]
fn sixty_frames_per_second() {
    arrives_whole(&SIXTY);
}

#[test]
fn b_pyramid_at_29_97() {
    arrives_whole(&NTSC_PYRAMID);
}

#[test]
fn slices_and_mono_at_23_976() {
    arrives_whole(&FILM_SLICES);
}

#[test]
fn baseline_without_b_frames() {
    arrives_whole(&BASELINE);
}

#[test]
fn video_only() {
    arrives_whole(&VIDEO_ONLY);
}

#[test]
fn audio_only() {
    arrives_whole(&AUDIO_ONLY);
}

/// After 4 hours and 39 minutes a time takes more than 24 bits: the chunk stream's extended timestamps begin.
#[test]
fn into_extended_timestamps() {
    let seconds = 0x00FF_FFFF / 1000 - BASELINE.seconds / 2;
    arrives_whole_from(seconds, &BASELINE, "extended");
}

/// A player that comes late gets a keyframe first, and from there on every picture.
#[test]
fn late_players_begin_with_a_keyframe() {
    needs!(FFMPEG);
    let clip = B_FRAMES_25.clip();
    let gop = B_FRAMES_25.video.expect("it has pictures").gop as usize;
    let server = Server::shared();
    let url = server.rtmp_url("late");
    let mut publisher = clip.publish(&url);
    server.wait_for_playlist("late");
    let late = Reader::start(&url, &[]);
    publisher.expect_success();
    let shown = late.finish();
    let start = shown.assert_video_run_of(&clip.frames, "the late player");
    assert!(
        start > 0 && start.is_multiple_of(gop),
        "begins with picture {start}, keyframes are {gop} apart"
    );
}
