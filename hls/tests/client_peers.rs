//! The client fetches what ffmpeg's muxers write, and every frame of it is there.
#![cfg(feature = "aes")]

use fluvial_hls::aes128::decrypt;
use fluvial_hls::client::{Client, Config, Encryption, Event, Kind, Method, StreamKind};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs a program; `None`, said aloud, where it is not installed.
fn run(program: &str, folder: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    let output = testing::ended(command.args(arguments).current_dir(folder), b"")?;
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {why}");
    Some(output.stdout)
}

/// Hashes of the frames of one kind.
fn hashes(folder: &Path, file: &str, kind: &str) -> Vec<String> {
    let arguments = [
        "-v", "error", "-i", file, "-map", kind, "-f", "framemd5", "-",
    ];
    let text = run("ffmpeg", folder, &arguments).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit(',').next().unwrap().trim().to_owned())
        .collect()
}

fn opened(encryption: Option<&Encryption>, body: Vec<u8>) -> Vec<u8> {
    match encryption {
        None => body,
        Some(encryption) => {
            assert_eq!(encryption.method, Method::Aes128);
            decrypt(&encryption.key.unwrap(), &encryption.iv, &body).unwrap()
        }
    }
}

/// Fetches all of a presentation from a folder: what each stream has, one after the other, and how many keys there were.
fn fetch(folder: &Path, playlist: &str) -> (Vec<Vec<u8>>, usize) {
    let mut client = Client::new(&format!("http://h/{playlist}"), Config::default());
    let (mut streams, mut keys) = (Vec::<Vec<u8>>::new(), 0);
    loop {
        while let Some(request) = client.poll_request(0) {
            let url = &request.resource.url;
            let body = fs::read(folder.join(url.strip_prefix("http://h/").unwrap())).unwrap();
            let body = match request.resource.range {
                Some((first, end)) => {
                    let first = usize::try_from(first).unwrap();
                    body[first..usize::try_from(end).unwrap().min(body.len())].to_vec()
                }
                None => body,
            };
            client.handle_response(request.id, url, &body, 0);
            let encryption = match &request.kind {
                Kind::Playlist => continue,
                Kind::Key => {
                    keys += 1;
                    continue;
                }
                Kind::Initialization(encryption) => encryption.as_ref(),
                Kind::Media(media) => media.encryption.as_ref(),
            };
            streams.resize_with(streams.len().max(request.stream + 1), Vec::new);
            streams[request.stream].extend(opened(encryption, body));
        }
        match client.poll_event().unwrap() {
            Some(Event::End) => return (streams, keys),
            Some(Event::Streams(infos)) => {
                assert_eq!(infos[0].kind, StreamKind::Main);
            }
            Some(other) => panic!("{other:?}"),
            None => panic!("what is there is fetched at once"),
        }
    }
}

#[test]
fn ffmpegs_muxers() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let source = "-v error -f lavfi -i testsrc2=s=160x90:r=25:d=8 -f lavfi -i sine=d=8 -c:v libx264 -preset ultrafast -g 25 -bf 2 \
                  -pix_fmt yuv420p -c:a aac source.ts";
    let words = |line: &'static str| line.split_ascii_whitespace().collect::<Vec<_>>();
    if run("ffmpeg", at, &words(source)).is_none() {
        return;
    }
    fs::write(at.join("key"), b"0123456789abcdef").unwrap();
    fs::write(at.join("key_info"), "key\nkey\n").unwrap();
    let video = hashes(at, "source.ts", "0:v");
    let audio = hashes(at, "source.ts", "0:a");
    assert_eq!(video.len(), 200);
    for (name, extension, options, keys) in [
        ("ts", "ts", "-hls_segment_type mpegts", 0),
        (
            "encrypted",
            "ts",
            "-hls_segment_type mpegts -hls_key_info_file key_info",
            1,
        ),
        (
            "ranges",
            "ts",
            "-hls_segment_type mpegts -hls_flags single_file",
            0,
        ),
        (
            "fmp4",
            "mp4",
            "-bsf:a aac_adtstoasc -hls_segment_type fmp4 -hls_fmp4_init_filename i.mp4",
            0,
        ),
        (
            "one",
            "mp4",
            "-bsf:a aac_adtstoasc -hls_segment_type fmp4 -hls_flags single_file",
            0,
        ),
    ] {
        let playlist = format!("{name}.m3u8");
        let mut arguments =
            words("-v error -y -i source.ts -c copy -f hls -hls_time 2 -hls_playlist_type vod");
        arguments.extend(words(options));
        arguments.push(&playlist);
        run("ffmpeg", at, &arguments).unwrap();
        let (streams, fetched) = fetch(at, &playlist);
        assert_eq!((streams.len(), fetched), (1, keys), "{name}");
        let file = format!("fetched-{name}.{extension}");
        fs::write(at.join(&file), &streams[0]).unwrap();
        assert_eq!(hashes(at, &file, "0:v"), video, "{name}");
        assert_eq!(hashes(at, &file, "0:a").len(), audio.len(), "{name}");
    }
    // A variant and its sound in playlists of their own.
    let arguments = "-v error -y -i source.ts -map 0:v -map 0:a -c copy -f hls -hls_time 2 -hls_playlist_type vod -hls_segment_type mpegts \
                     -master_pl_name master.m3u8 -var_stream_map v:0,agroup:s -hls_segment_filename v%v-%d.ts v%v.m3u8";
    let arguments = arguments.replace("v:0,agroup:s", "v:0,agroup:s a:0,agroup:s,default:yes");
    let mut list: Vec<&str> = arguments
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect();
    let map = list
        .iter()
        .position(|word| *word == "v:0,agroup:s")
        .unwrap();
    list.splice(map..map + 2, ["v:0,agroup:s a:0,agroup:s,default:yes"]);
    run("ffmpeg", at, &list).unwrap();
    let (streams, _) = fetch(at, "master.m3u8");
    assert_eq!(streams.len(), 2);
    for (data, (kind, expected)) in streams.iter().zip([("0:v", &video), ("0:a", &audio)]) {
        fs::write(at.join("part.ts"), data).unwrap();
        assert_eq!(hashes(at, "part.ts", kind).len(), expected.len(), "{kind}");
    }
}
