//! What others have captured and made.

use fluvial_rtsp::{Description, Item, Limits, Message, Reader};
use std::path::Path;

/// A server's half of a session, whole and in pieces: sound on channel 0, pictures on channel 2.
#[test]
fn a_stream_of_interleaved_frames() {
    let Some(corpus) = testing::corpus("rtsp") else {
        return;
    };
    let data = std::fs::read(corpus.join("scottlamb-retina/bunny.rtsp")).unwrap();
    for (size, mut reader) in [
        (usize::MAX, Reader::new(Limits::default())),
        (1447, Reader::lenient(Limits::default())),
    ] {
        let mut frames = [0; 2];
        let mut bytes = 0;
        for mut piece in data.chunks(size.min(data.len())) {
            while let Some(item) = reader.read(&mut piece).unwrap() {
                let Item::Frame(frame) = item else {
                    panic!("{item:?}")
                };
                frames[usize::from(frame.channel / 2)] += 1;
                bytes += frame.data.len() + 4;
            }
        }
        assert_eq!((frames, bytes), ([102, 269], data.len()));
        assert!(!reader.is_within());
    }
}

/// Payloads of TCP in a capture, packet by packet: those that begin a message of RTSP.
fn messages(pcap: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for start in [
        &b"RTSP/1.0 "[..],
        b"DESCRIBE ",
        b"SETUP ",
        b"OPTIONS ",
        b"PLAY ",
    ] {
        for at in memchr::memmem::find_iter(pcap, start) {
            let rest = &pcap[at..];
            if let Some(end) = memchr::memmem::find(rest, b"\r\n\r\n") {
                let head = &rest[..end + 4];
                if head.iter().all(u8::is_ascii)
                    && memchr::memmem::find(head, b"RTSP/1.0").is_some()
                {
                    found.push(head.to_vec());
                }
            }
        }
    }
    found
}

#[test]
fn captured_messages() {
    let Some(corpus) = testing::corpus("rtsp") else {
        return;
    };
    let pcap = std::fs::read(corpus.join("CESNET-ipfixprobe/inputs/rtsp.pcap")).unwrap();
    let messages = messages(&pcap);
    assert!(messages.len() >= 3, "{}", messages.len());
    for head in messages {
        let mut reader = Reader::new(Limits::default());
        let mut input = head.as_slice();
        let item = reader.read(&mut input).unwrap();
        let whole = matches!(item, Some(Item::Message(_))) || reader.waits_for_body();
        assert!(whole, "{}", String::from_utf8_lossy(&head));
        if let Some(Item::Message(Message::Request(request))) = item {
            assert!(request.headers.cseq().is_some());
        }
    }
}

/// Fuzzers' findings of another project: no panic, and an end.
#[test]
fn found_by_fuzzers() {
    let Some(corpus) = testing::corpus("rtsp") else {
        return;
    };
    let mut count = 0;
    for file in testing::files(&corpus.join("bluenviron-gortsplib")) {
        let text = std::fs::read(&file).unwrap();
        for reader in [
            Reader::new(Limits::default()),
            Reader::lenient(Limits::default()),
        ] {
            let mut reader = reader;
            let mut input = text.as_slice();
            while let Ok(Some(_)) = reader.read(&mut input) {}
        }
        count += 1;
    }
    assert!(count > 50);
}

#[test]
fn descriptions() {
    let Some(corpus) = testing::corpus("sdp") else {
        return;
    };
    let mut media = 0;
    for file in testing::files(&corpus) {
        let is_sdp = |path: &Path| path.extension().is_some_and(|end| end == "sdp");
        let text = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&text);
        let Ok(description) = Description::parse(&text, &Limits::default()) else {
            panic!("{}", file.display())
        };
        for index in 0..description.media.len() {
            assert!(description.media_url("rtsp://h/x", index).is_some());
        }
        if is_sdp(&file) {
            media += description.media.len();
        }
    }
    assert!(media > 20, "{media}");
}
