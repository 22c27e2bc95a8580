//! Raw data blocks that are walked: each ADTS frame of the corpus that has one, and what ffmpeg's encoder makes, ends where its header says.

use fluvial_aac::adts::{Frames, Piece};
use fluvial_aac::raw_data_block::Walker;
use std::fs;

/// Walks the blocks of a file, each with a tail behind it; how many were walked.
fn walk(data: &[u8], name: &str) -> usize {
    let mut walked = 0;
    for piece in Frames::new(data) {
        let Piece::Frame { frame, offset } = piece else {
            continue;
        };
        let Ok(config) = frame.config() else { continue };
        let Some(walker) = Walker::new(&config) else {
            continue;
        };
        let Ok(blocks) = frame.blocks() else { continue };
        let blocks: Vec<_> = blocks.collect();
        let [block] = &blocks[..] else { continue };
        let mut with_tail = block.data.to_vec();
        with_tail.extend([0x5A; 9]);
        match walker.walk(&with_tail) {
            Ok(found) => assert_eq!(found.len, block.data.len(), "{name} at {offset}"),
            Err(error) => panic!("{name} at {offset}: {error}"),
        }
        // Without its end it is none.
        let cut = &block.data[..block.data.len() - 1];
        assert!(walker.walk(cut).is_err(), "{name} at {offset}");
        walked += 1;
    }
    walked
}

#[test]
fn blocks_of_the_corpus_end_where_adts_says() {
    let Some(media) = testing::corpus("aac") else {
        return;
    };
    let mut walked = 0;
    for file in testing::files(&media) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".adts") || name.ends_with(".aac") {
            walked += walk(&fs::read(&file).unwrap(), &name);
        }
    }
    assert!(walked > 1000, "{walked}");
}

#[test]
fn blocks_of_an_encoder_end_where_adts_says() {
    let mut walked = 0;
    // Noise, tones and clicks: short windows, intensity, noise substitution; each table of bands.
    let source = "anoisesrc=d=1:c=pink:a=0.3,asplit[a][b];[a]tremolo=f=7[c];[b]apulsator=hz=3[d];[c][d]amerge";
    for (rate, bits) in [
        (96_000, 320),
        (64_000, 64),
        (48_000, 24),
        (44_100, 128),
        (32_000, 48),
        (24_000, 32),
        (22_050, 96),
        (16_000, 16),
        (11_025, 24),
        (8_000, 12),
    ] {
        for channels in [1, 2] {
            let args = format!(
                "-v error -f lavfi -i {source} -ar {rate} -ac {channels} -b:a {bits}k -c:a aac -f adts -"
            );
            let Some(data) = testing::run("ffmpeg", &args, b"") else {
                return;
            };
            walked += walk(&data, &format!("{rate} {channels}"));
        }
    }
    assert!(walked > 500, "{walked}");
}
