//! Program streams: the same events however the bytes are cut, memory within limits, and headers that are read can be written.
#![no_main]

use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use media::{Event, Tracks};
use mpegts::ps::{Mpeg1Header, Muxer, PackHeader, ProgramStreamMap, Substream, SystemHeader, mux::Config};
use mpegts::{Demuxer, Limits};
use wire::{Reader, Writer};

fn events<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut demuxer = Demuxer::program_stream(Limits::default());
    let mut events = Vec::new();
    let mut data_len = 0;
    for piece in pieces.map(Some).chain([None]) {
        match piece {
            Some(piece) => {
                data_len += piece.len();
                demuxer.handle_input(piece);
            }
            None => demuxer.handle_eof(),
        }
        while let Some(event) = demuxer.poll_event().expect("damage is no error") {
            events.push(event);
        }
    }
    // What is no whole picture or frame may stay.
    assert!(demuxer.buffered_len() <= data_len);
    events
}

fuzz_target!(|data: &[u8]| {
    let whole = events([data].into_iter());
    assert_eq!(whole, events(pieces(data)));

    // What came out goes in again.
    let mut muxer = Muxer::new(Config::file());
    let mut can = false;
    for event in &whole {
        match event {
            Event::Tracks(tracks) => {
                let tracks: Tracks = tracks.iter().filter(|track| Muxer::can_carry(&track.codec)).cloned().collect();
                can = muxer.set_tracks(&tracks).is_ok();
            }
            Event::Sample(sample) if can => drop(muxer.handle_sample(sample)),
            _ => {}
        }
    }
    muxer.finish();
    drop(muxer.poll_output());
    assert_eq!(muxer.buffered_len(), 0);

    let mut out = Vec::new();
    if let Ok(header) = PackHeader::decode(&mut Reader::new(data)) {
        header.encode(&mut out).expect("it was read");
        assert_eq!(PackHeader::decode(&mut Reader::new(&out[4..])), Ok(header));
    }
    out.clear();
    if let Ok(header) = SystemHeader::decode(&mut Reader::new(data)) {
        header.encode(&mut out).expect("it was read");
        assert_eq!(SystemHeader::decode(&mut Reader::new(&out[6..])), Ok(header));
    }
    out.clear();
    if let Ok((map, _)) = ProgramStreamMap::parse(data) {
        map.encode(&mut out).expect("it was read");
        assert_eq!(ProgramStreamMap::parse(&out), Ok((map, true)));
    }
    out.clear();
    if let Ok(header) = Mpeg1Header::decode(&mut Reader::new(data))
        && header.stuffing <= 16
    {
        header.encode(&mut out).expect("it was read");
        assert_eq!(Mpeg1Header::decode(&mut Reader::new(&out)), Ok(header));
    }
    out.clear();
    if let Ok(substream) = Substream::decode(&mut Reader::new(data)) {
        substream.encode(&mut Writer::new(&mut out));
        assert_eq!(Substream::decode(&mut Reader::new(&out)), Ok(substream));
    }
});
