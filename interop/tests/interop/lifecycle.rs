//! Streams that begin, are fought for, pause, go on and end.

use std::{fs, process::Command, thread, time::Duration};

use fluvial_interop::{
    PATIENCE,
    client::{Answer, Client},
    clip::{B_FRAMES_25, BASELINE, LONG},
    frames::Frames,
    needs,
    peer::FFMPEG,
    playlist::Playlist,
    process::Process,
    reader::Reader,
    server::Server,
    wait_for, wait_within,
};
use tempfile::TempDir;

/// A name that is being published is refused to a second publisher, and the first one notices nothing.
#[test]
fn second_publisher_is_refused_with_bad_name() {
    needs!(FFMPEG);
    let clip = BASELINE.clip();
    let server = Server::shared();
    let url = server.rtmp_url("taken");
    let player = Reader::start(&url, &[]);
    server.wait_for_player("taken");
    let mut first = clip.publish(&url);
    server.wait_for_playlist("taken");

    let answer = Client::connect(&url).ask_to_publish();
    assert_eq!(
        answer,
        Answer::Refused("NetStream.Publish.BadName".to_owned())
    );
    let mut second = clip.publish(&url);
    assert!(
        !second.wait().success(),
        "ffmpeg publishes a name that is taken"
    );
    let said = second.stderr.lines().join("\n");
    assert!(said.contains("Server error:"), "ffmpeg is not told: {said}");
    assert!(
        first.exited().is_none(),
        "the test was too slow to show anything"
    );

    first.expect_success();
    player.finish().assert_same(&clip.frames, "taken");
}

/// Where a key is wanted, who shows it publishes and who does not is told why, whatever the protocol.
#[test]
fn publishers_show_a_key() {
    needs!(FFMPEG);
    let clip = BASELINE.clip();
    let any = "127.0.0.1:0";
    let server = Server::start(&[
        "--no-demo",
        "--publish-key",
        "let-me-in",
        "--publish-key",
        "own=for-this",
        "--rtsp",
        any,
    ]);
    let name = "locked";
    let url = server.rtmp_url(name);
    for wrong in ["", "?key=let-me", "?key=for-this"] {
        let mut refused = clip.publish(&format!("{url}{wrong}"));
        assert!(!refused.wait().success(), "published with {wrong:?}");
        let said = refused.stderr.lines().join("\n");
        assert!(said.contains("wants another key"), "{said}");
    }
    let publish_by_rtsp = |query: &str| {
        let url = server.wrapped_url("rtsp", "locked-rtsp");
        Process::spawn(
            "ffmpeg publishing by RTSP",
            Command::new("ffmpeg")
                .args(["-nostdin", "-hide_banner", "-nostats", "-re", "-i"])
                .arg(&clip.file)
                .args(["-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp"])
                .arg(format!("{url}{query}")),
        )
    };
    let mut refused = publish_by_rtsp("");
    assert!(!refused.wait().success(), "published by RTSP without a key");
    let said = refused.stderr.lines().join("\n");
    assert!(said.contains("403"), "{said}");

    let player = Reader::start(&url, &[]);
    server.wait_for_player(name);
    clip.publish(&format!("{url}?key=let-me-in"))
        .expect_success();
    player.finish().assert_same(&clip.frames, name);
    let own = server.rtmp_url("own");
    assert!(matches!(
        Client::connect(&format!("{own}?key=let-me-in")).ask_to_publish(),
        Answer::Refused(_)
    ));
    assert!(matches!(
        Client::connect(&format!("{own}?key=for-this")).ask_to_publish(),
        Answer::Granted(_)
    ));
    publish_by_rtsp("?key=let-me-in").expect_success();
}

/// A publisher that comes back, here with quite another clip, continues the playlist after a discontinuity,
/// and both publications can be had from it whole.
#[test]
fn returning_publisher_continues_the_playlist() {
    needs!(FFMPEG);
    let clips = [B_FRAMES_25.clip(), BASELINE.clip()];
    let server = Server::start(&["--no-demo"]);
    let (rtmp, hls) = (server.rtmp_url("again"), server.hls_url("again"));

    let mut last = Playlist::default();
    for clip in &clips {
        let mut publisher = clip.publish(&rtmp);
        server.wait_for_playlist("again");
        while publisher.exited().is_none() {
            last = Playlist::fetch(&hls)
                .expect("it was there before")
                .assert_follows(&last);
            assert!(!last.ended, "a playlist that may go on is ended");
            thread::sleep(Duration::from_millis(100));
        }
        publisher.expect_success();
    }
    server.log().wait_for(0, &["publisher gone"]);
    let seconds = f64::from(B_FRAMES_25.seconds + BASELINE.seconds);
    let last = wait_for("the last segment", || {
        let playlist = Playlist::fetch(&hls)?.assert_follows(&last);
        (playlist.seconds() > seconds - 0.1).then_some(playlist)
    });
    assert_eq!(last.media_sequence, last.end() - last.segments.len() as u64);
    assert_eq!(last.discontinuities(), 1, "{last:#?}");

    let folder = TempDir::new().expect("there is room for temporary files");
    let runs = last.fetch_runs(&hls);
    assert_eq!(runs.len(), clips.len());
    for (run, clip) in runs.iter().zip(&clips) {
        let file = folder.path().join("run.mp4");
        fs::write(&file, run).expect("there is room for temporary files");
        Frames::of_file(&file).assert_same(&clip.frames, "a publication");
    }
}

/// An HLS player shows what was published before and after a pause without a break. (ffmpeg keeps to the
/// first initialization section, so this is the same clip twice.)
#[test]
fn hls_player_plays_over_the_gap() {
    needs!(FFMPEG);
    let clip = B_FRAMES_25.clip();
    let server = Server::start(&["--no-demo"]);
    let url = server.rtmp_url("gap");
    clip.publish(&url).expect_success();
    let reader = Reader::hls_from_start(&server.hls_url("gap"));
    clip.publish(&url).expect_success();
    let both = [&*clip.frames.video, &*clip.frames.video].concat();
    wait_for("most pictures", || {
        (reader.frames().video.len() > both.len() - 50).then_some(())
    });
    server.process.signal("TERM");

    let shown = reader.finish();
    assert_eq!(shown.video.len(), both.len());
    assert!(
        shown
            .video
            .iter()
            .zip(&both)
            .all(|(shown, both)| shown.hash == both.hash)
    );
    assert!(
        shown.video.is_sorted_by_key(|frame| frame.time),
        "times go back"
    );
    // The decoding of the first sound after the gap depends on the last one before it, so none is compared.
    assert_eq!(shown.audio.len(), 2 * clip.frames.audio.len());
}

/// A player stays while the publisher is away, and goes on when it comes back.
#[test]
fn player_stays_for_the_returning_publisher() {
    needs!(FFMPEG);
    let clip = BASELINE.clip();
    let server = Server::shared();
    let url = server.rtmp_url("patience");
    let mut player = Client::connect(&url);
    assert!(matches!(player.ask_to_play(), Answer::Granted(_)));
    for _ in 0..2 {
        let mut publisher = clip.publish(&url);
        let played = player.count_until_unpublished();
        publisher.expect_success();
        assert_eq!(played, clip.media_messages());
    }
}

/// SIGTERM: the playlist is ended, players are told, the process ends without an error.
#[test]
fn sigterm_ends_everything_in_order() {
    const CUT: usize = 3;
    needs!(FFMPEG);
    let clip = LONG.clip();
    let mut server = Server::start(&["--no-demo"]);
    let (rtmp, hls) = (server.rtmp_url("end"), server.hls_url("end"));
    let mut player = Reader::start(&rtmp, &[]);
    server.wait_for_player("end");
    let _publisher = clip.publish(&rtmp);
    server.wait_for_playlist("end");
    let mut reader = Reader::hls_from_start(&hls);
    wait_for("pictures", || {
        (reader.frames().video.len() > 10).then_some(())
    });
    wait_for("pictures", || {
        (player.frames().video.len() > 10).then_some(())
    });

    server.process.signal("TERM");
    let ended = wait_within(PATIENCE, || {
        Playlist::fetch(&hls)
            .filter(|playlist| playlist.ended)
            .map(|_| true)
            .or_else(|| server.process.exited().map(|_| false))
    });
    assert_eq!(
        ended,
        Some(true),
        "the server went without ending the playlist"
    );
    server.expect_clean_exit();

    for (process, what) in [(&mut reader.process, "HLS"), (&mut player.process, "RTMP")] {
        wait_for(&format!("the {what} player to end by itself"), || {
            process.exited()
        });
    }
    for (frames, what) in [(reader.frames(), "HLS"), (player.frames(), "RTMP")] {
        // Of the last pictures those are missing that are shown before and come after a picture that came.
        let shown = frames.first(frames.video.len() - CUT, 0);
        assert_eq!(shown.assert_video_run_of(&clip.frames, what), 0, "{what}");
    }
}
