//! ADTS, LOAS and ADIF: the same frames however the bytes are cut, and little held; raw data blocks without a length.
#![no_main]

use aac::framing::{Frames, Framing, Piece, Splitter};
use aac::{adif, adts, latm};
use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;

fn frames<F: Framing>(data: &[u8], show: impl Fn(F::Frame<'_>) -> String) {
    let show = |piece: Piece<F::Frame<'_>>| match piece {
        Piece::Frame { offset, frame } => format!("{offset}: {}", show(frame)),
        Piece::Junk { offset, len } => format!("{offset}: {len} bytes of junk"),
    };
    let whole: Vec<String> = Frames::<F>::new(data).map(&show).collect();
    let mut splitter = Splitter::<F>::new();
    let mut cut = Vec::new();
    for piece in pieces(data).map(Some).chain([None]) {
        match piece {
            Some(piece) => splitter.handle_input(piece),
            None => splitter.handle_eof(),
        }
        while let Some(piece) = splitter.poll_piece() {
            cut.push(show(piece));
        }
        assert!(splitter.buffered_len() < 3 * 8192 + 64);
    }
    assert!(splitter.is_finished());
    assert_eq!(whole, cut);
}

fuzz_target!(|data: &[u8]| {
    frames::<adts::Adts>(data, |frame| {
        let _ = (frame.config(), frame.blocks().map(Iterator::count));
        format!("{frame:?}")
    });
    frames::<latm::Loas>(data, |element| format!("{element:?}"));
    for config in [[0x12, 0x08], [0x11, 0x90]] {
        // Mono at 44.1 kHz, stereo at 48.
        let config = aac::AudioSpecificConfig::parse(&config).expect("AAC LC");
        let walker = aac::raw_data_block::Walker::new(&config).expect("it can be walked");
        if let Ok(block) = walker.walk(data) {
            assert!(block.len <= data.len());
            // What follows does not matter.
            assert_eq!(walker.walk(&data[..block.len]), Ok(block));
        }
    }
    let mut reader = latm::Reader::in_band();
    for piece in latm::Frames::new(data) {
        if let Piece::Frame { frame, .. } = piece {
            let mut units = Vec::new();
            let _ = reader.read(frame, &mut units);
        }
    }
    if let Ok(config) = latm::StreamMuxConfig::parse(data) {
        let mut out = Vec::new();
        config
            .encode(&mut out)
            .expect("it was read, so it can be written");
        let again = latm::StreamMuxConfig::parse(&out).expect("our own");
        // Fields, not bytes: the padding inside a program_config_element depends on where it stands.
        let fields = |config: &latm::StreamMuxConfig| -> Vec<_> {
            let layers = config.layers.iter();
            layers.map(|layer| layer.config.fields().clone()).collect()
        };
        assert_eq!(fields(&config), fields(&again));
    }
    if let Ok((header, _)) = adif::Header::parse(data) {
        let _ = header.config();
    }
});
