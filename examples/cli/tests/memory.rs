//! Memory does not depend on the length of the input: a process that may have little of it reads much more.
//!
//! The limit is on the whole address space, programs and reserves included.

mod support;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Output, Stdio};
use support::FLUVIAL;

/// KiB that a process may map.
const LIMIT: u32 = 300 << 10;

/// Runs the tool within the limit, on this input again and again.
fn limited(args: &[&str], input: &[u8], times: usize) -> Output {
    let script = format!("ulimit -v {LIMIT}; exec \"$0\" \"$@\"");
    let mut child = Command::new("sh")
        .args(["-c", &script, FLUVIAL])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || (0..times).try_for_each(|_| stdin.write_all(input)));
        // What comes out is not kept either.
        let counted = scope.spawn(move || {
            let mut start = Vec::new();
            let mut taken = std::io::Read::take(&mut stdout, 1 << 20);
            std::io::Read::read_to_end(&mut taken, &mut start).unwrap();
            std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
            start
        });
        let mut output = testing::wait(child);
        output.stdout = counted.join().unwrap();
        output
    })
}

fn boxed(name: &[u8; 4], body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes()[..], name, &body].concat()
}

fn ints(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

/// A QuickTime file with two gigabytes of silence, of which a disk keeps nothing.
fn silence(path: &str) -> u32 {
    const BYTES: u64 = 2 << 30;
    let frames = u32::try_from(BYTES / 4).unwrap();
    let ftyp = boxed(b"ftyp", &[b"qt  ", &ints(&[0]), b"qt  "]);
    let mut file = File::create(path).unwrap();
    file.write_all(&ftyp).unwrap();
    file.write_all(&ints(&[1])).unwrap();
    file.write_all(b"mdat").unwrap();
    file.write_all(&(BYTES + 16).to_be_bytes()).unwrap();
    let data = ftyp.len() as u64 + 16;
    file.seek(SeekFrom::Start(data + BYTES)).unwrap();
    let matrix = ints(&[0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000]);
    let sound = boxed(
        b"sowt",
        &[
            &ints(&[0, 1]),
            &ints(&[0, 0]),
            // Two channels of 16 bits.
            &ints(&[0x0002_0010, 0, 48_000 << 16]),
        ],
    );
    let stbl = boxed(
        b"stbl",
        &[
            &boxed(b"stsd", &[&ints(&[0, 1]), &sound]),
            &boxed(b"stts", &[&ints(&[0, 1, frames, 1])]),
            &boxed(b"stsc", &[&ints(&[0, 1, 1, frames, 1])]),
            &boxed(b"stsz", &[&ints(&[0, 4, frames])]),
            &boxed(b"co64", &[&ints(&[0, 1]), &data.to_be_bytes()]),
        ],
    );
    let url = boxed(b"url ", &[&ints(&[1])]);
    let dref = boxed(b"dref", &[&ints(&[0, 1]), &url]);
    let minf = boxed(
        b"minf",
        &[
            &boxed(b"smhd", &[&ints(&[0, 0])]),
            &boxed(b"dinf", &[&dref]),
            &stbl,
        ],
    );
    let mdhd = ints(&[0, 0, 0, 48_000, frames, 0x55C4_0000]);
    let hdlr = [&ints(&[0, 0])[..], b"soun", &ints(&[0, 0, 0]), &[0]].concat();
    let mdia = boxed(
        b"mdia",
        &[&boxed(b"mdhd", &[&mdhd]), &boxed(b"hdlr", &[&hdlr]), &minf],
    );
    let tkhd = [
        &ints(&[3, 0, 0, 1, 0, frames / 48, 0, 0, 0, 0x0100_0000])[..],
        &matrix,
        &ints(&[0, 0]),
    ]
    .concat();
    let trak = boxed(b"trak", &[&boxed(b"tkhd", &[&tkhd]), &mdia]);
    let mvhd = [
        &ints(&[0, 0, 0, 1000, frames / 48, 0x10000, 0x0100_0000, 0, 0])[..],
        &matrix,
        &ints(&[0, 0, 0, 0, 0, 0, 2]),
    ]
    .concat();
    let moov = boxed(b"moov", &[&boxed(b"mvhd", &[&mvhd]), &trak]);
    file.write_all(&moov).unwrap();
    frames
}

#[test]
fn two_gigabytes_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("silence.mov");
    let path = path.to_str().unwrap();
    let frames = silence(path);
    let output = limited(&["probe", "--json", path], b"", 0);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let duration = report["duration"].as_f64().unwrap();
    assert!(
        (duration - f64::from(frames) / 48_000.0).abs() < 0.001,
        "{report}"
    );
}

#[test]
fn half_a_gigabyte_through_a_pipe() {
    let clip = testing::run(
        "ffmpeg",
        "-v error -f lavfi -i testsrc2=size=1280x720:rate=25 -f lavfi -i sine -t 10 -c:v libx264 -preset ultrafast -b:v 20M -minrate 20M -bufsize 20M -x264-params nal-hrd=cbr -c:a aac -f mpegts -",
        b"",
    );
    let Some(clip) = clip else { return };
    assert!(clip.len() > 16 << 20, "{}", clip.len());
    // The time line goes back to its start each time: it is put together again.
    let times = (512 << 20) / clip.len();
    let output = limited(&["remux", "-", "-", "--format", "mp4"], &clip, times);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.stdout.len(), 1 << 20);
}
