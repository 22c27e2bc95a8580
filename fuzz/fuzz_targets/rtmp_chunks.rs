//! Chunk stream: the same messages however the bytes are cut, bounded memory, and what is written is read back.
#![no_main]

use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use rtmp::{Error, Limits, Message, chunk};

fn read<'a>(input: impl Iterator<Item = &'a [u8]>) -> (Vec<Message>, Option<Error>) {
    let limits = Limits::default();
    let mut reader = chunk::Reader::new(&limits);
    let mut messages = Vec::new();
    for mut piece in input {
        loop {
            match reader.read(&mut piece) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
            assert!(reader.buffered_len() <= limits.incomplete_bytes + 32);
        }
    }
    (messages, None)
}

fuzz_target!(|data: &[u8]| {
    let (messages, error) = read(std::iter::once(data));
    assert_eq!(
        (&messages, &error),
        (&read(pieces(data)).0, &read(pieces(data)).1)
    );

    let mut writer = chunk::Writer::default();
    let mut out = Vec::new();
    let plain = |message: &&Message| !matches!(message.type_id.0, 1 | 2);
    let sent: Vec<&Message> = messages.iter().filter(plain).collect();
    for (n, message) in sent.iter().enumerate() {
        writer
            .write(2 + (n as u32 * 37) % 400, message, &mut out)
            .expect("short enough");
    }
    let mut limits = Limits::default();
    limits.chunk_streams = 1000;
    let mut reader = chunk::Reader::new(&limits);
    let mut rest = &out[..];
    for message in sent {
        assert_eq!(reader.read(&mut rest).as_ref(), Ok(&Some(message.clone())));
    }
    assert!(rest.is_empty());
});
