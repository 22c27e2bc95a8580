//! MPEG-TS: demux to PES payloads and mux of access units.

use crate::{
    h264::access_units,
    harness::Group,
    inputs::{adts_frames, leak, load},
};
use bytes::BytesMut;
use fluvial_media::{Event, Sample, Tracks};
use fluvial_mpegts::reader::{Reader, Unit};
use mpeg2ts::{
    es::StreamId,
    pes::{PesHeader, PesPacketReader, ReadPesPacket},
    time::Timestamp,
    ts::{
        ContinuityCounter, Pid, TransportScramblingControl, TsHeader, TsPacket, TsPacketReader,
        TsPacketWriter, TsPayload, WriteTsPacket, payload,
    },
};
use mpeg2ts_reader::{demultiplex, packet_filter_switch, pes, psi};
use std::hint::black_box;

/// Bytes of one read: 350 packets.
const READ: usize = 188 * 350;

/// What the mpeg2ts-reader consumer does with the payload: look at it, or gather it.
pub struct Sink {
    gather: bool,
    buf: Vec<u8>,
}

#[derive(Default)]
pub struct Tally {
    packets: u64,
    bytes: usize,
    gather: bool,
}

packet_filter_switch! {
    Switch<Ctx> {
        Pat: demultiplex::PatPacketFilter<Ctx>,
        Pmt: demultiplex::PmtPacketFilter<Ctx>,
        Skip: demultiplex::NullPacketFilter<Ctx>,
        Stream: pes::PesPacketFilter<Ctx, Sink>,
    }
}

pub struct Ctx {
    changeset: demultiplex::FilterChangeset<Switch>,
    tally: Tally,
}

impl demultiplex::DemuxContext for Ctx {
    type F = Switch;
    fn filter_changeset(&mut self) -> &mut demultiplex::FilterChangeset<Switch> {
        &mut self.changeset
    }
    fn construct(&mut self, req: demultiplex::FilterRequest<'_, '_>) -> Switch {
        use demultiplex::FilterRequest as R;
        match req {
            R::ByPid(psi::pat::PAT_PID) => Switch::Pat(Default::default()),
            R::Pmt {
                pid,
                program_number,
            } => Switch::Pmt(demultiplex::PmtPacketFilter::new(pid, program_number)),
            R::ByStream { .. } => {
                let sink = Sink {
                    gather: self.tally.gather,
                    buf: Vec::new(),
                };
                Switch::Stream(pes::PesPacketFilter::new(sink))
            }
            _ => Switch::Skip(Default::default()),
        }
    }
}

impl pes::ElementaryStreamConsumer<Ctx> for Sink {
    fn start_stream(&mut self, _: &mut Ctx) {}
    fn begin_packet(&mut self, ctx: &mut Ctx, header: pes::PesHeader<'_>) {
        ctx.tally.packets += 1;
        if let pes::PesContents::Parsed(Some(parsed)) = header.contents() {
            let _ = black_box(parsed.pts_dts());
            self.buf.clear();
            self.continue_packet(ctx, parsed.payload());
        }
    }
    fn continue_packet(&mut self, ctx: &mut Ctx, data: &[u8]) {
        ctx.tally.bytes += data.len();
        if self.gather {
            self.buf.extend_from_slice(data);
        }
    }
    fn end_packet(&mut self, _: &mut Ctx) {
        black_box(&self.buf);
    }
    fn continuity_error(&mut self, _: &mut Ctx) {}
}

fn demux_reader(data: &[u8], gather: bool) -> u64 {
    let mut ctx = Ctx {
        changeset: Default::default(),
        tally: Tally {
            gather,
            ..Tally::default()
        },
    };
    let mut demux = demultiplex::Demultiplex::new(&mut ctx);
    for piece in data.chunks(READ) {
        demux.push(&mut ctx, piece);
    }
    black_box(ctx.tally.bytes);
    ctx.tally.packets
}

pub fn groups() -> Vec<Group> {
    vec![demux(), samples(), mux()]
}

fn demux() -> Group {
    let data = load("av.ts");
    Group::new(
        "mpegts",
        "demux to PES",
        data.len(),
        (data.len() / 188) as u64,
        "TS packet",
    )
    .case("fluvial Reader (gathered)", move || {
        let mut reader = Reader::new(fluvial_mpegts::Limits::default());
        let mut n = 0;
        for mut piece in data.chunks(READ).chain([&[][..]]) {
            if piece.is_empty() {
                reader.handle_eof();
            }
            while let Some(unit) = reader.next(&mut piece) {
                if let Unit::Pes(pes) = unit {
                    black_box(pes.data.len());
                    n += 1;
                }
            }
        }
        Ok(n)
    })
    .case("mpeg2ts-reader (fragments)", move || {
        Ok(demux_reader(data, false))
    })
    .case("mpeg2ts-reader (+ gather to Vec)", move || {
        Ok(demux_reader(data, true))
    })
    .case("mpeg2ts PesPacketReader", move || {
        let mut reader = PesPacketReader::new(TsPacketReader::new(data));
        let mut n = 0;
        while let Some(pes) = reader.read_pes_packet().map_err(|e| e.to_string())? {
            black_box(pes.data.len());
            n += 1;
        }
        Ok(n)
    })
    .case("mpeg-ts + mpeg-pes", move || {
        let mut pids: [mpeg_pes::PesAssembler; 2] = Default::default();
        let mut n = 0;
        for raw in data.chunks_exact(188) {
            let packet = mpeg_ts::TsPacket::parse(raw).map_err(|e| format!("{e:?}"))?;
            let slot = match packet.header.pid.value() {
                0x100 => 0,
                0x101 => 1,
                _ => continue,
            };
            let Some(payload) = packet.payload else {
                continue;
            };
            if let Some(unit) = pids[slot].feed(packet.header.pusi, payload) {
                let pes = mpeg_pes::PesPacket::parse(&unit).map_err(|e| format!("{e:?}"))?;
                black_box(pes.payload.len());
                n += 1;
            }
        }
        n += pids.iter_mut().filter_map(|p| p.flush()).count() as u64;
        Ok(n)
    })
    .case("mpeg2ts TsPacketReader only", move || {
        use mpeg2ts::ts::ReadTsPacket;
        let mut reader = TsPacketReader::new(data);
        let mut n = 0;
        while let Some(p) = reader.read_ts_packet().map_err(|e| e.to_string())? {
            black_box(p.header.pid);
            n += 1;
        }
        Ok(n)
    })
}

/// Tracks and samples of a stream, by our demuxer.
fn demuxed(data: &'static [u8], mut each: impl FnMut(Event)) -> Result<(), String> {
    let mut demuxer = fluvial_mpegts::Demuxer::new(fluvial_mpegts::Limits::default());
    for piece in data.chunks(READ).map(Some).chain([None]) {
        match piece {
            Some(piece) => demuxer.handle_input(piece),
            None => demuxer.handle_eof(),
        }
        while let Some(event) = demuxer.poll_event().map_err(|e| e.to_string())? {
            each(event);
        }
    }
    Ok(())
}

/// Access units in the form that other containers have, each with its times.
fn samples() -> Group {
    let data = load("av.ts");
    Group::new(
        "mpegts",
        "demux to samples",
        data.len(),
        (data.len() / 188) as u64,
        "TS packet",
    )
    .case("fluvial Demuxer", move || {
        let mut n = 0;
        demuxed(data, |event| {
            n += u64::from(matches!(black_box(event), Event::Sample(_)))
        })?;
        Ok(n)
    })
    .case("transmux StreamingTsDemux", move || {
        let mut demux = transmux::StreamingTsDemux::new();
        let mut n = 0;
        for piece in data.chunks(READ).map(Some).chain([None]) {
            match piece {
                Some(piece) => demux.feed(piece),
                None => demux.finish(),
            }
            while let Some(event) = demux.poll_event() {
                n += u64::from(matches!(
                    black_box(event),
                    transmux::DemuxEvent::Sample { .. }
                ));
            }
        }
        Ok(n)
    })
}

struct Frame {
    video: bool,
    key: bool,
    pts: u64,
    data: &'static [u8],
}

fn frames() -> &'static [Frame] {
    let mut all = Vec::new();
    for (i, data) in access_units(load("video.h264")).into_iter().enumerate() {
        all.push(Frame {
            video: true,
            key: i % 30 == 0,
            pts: 90_000 + i as u64 * 3000,
            data,
        });
    }
    for (i, data) in adts_frames(load("audio.aac")).into_iter().enumerate() {
        all.push(Frame {
            video: false,
            key: true,
            pts: 90_000 + i as u64 * 1920,
            data,
        });
    }
    all.sort_by_key(|f| f.pts);
    leak(all)
}

fn mux() -> Group {
    let frames = frames();
    let bytes = frames.iter().map(|f| f.data.len()).sum();
    Group::new(
        "mpegts",
        "mux access units",
        bytes,
        frames.len() as u64,
        "AU",
    )
    .case("fluvial Muxer", {
        let (mut tracks, mut samples) = (Tracks::default(), Vec::<Sample>::new());
        let read = demuxed(load("av.ts"), |event| match event {
            Event::Tracks(new) => tracks = new,
            Event::Sample(sample) => samples.push(sample),
            _ => {}
        });
        move || {
            read.as_ref().map_err(Clone::clone)?;
            let config = fluvial_mpegts::mux::Config::default();
            let mut muxer = fluvial_mpegts::mux::Muxer::new(config);
            muxer.set_tracks(&tracks).map_err(|e| e.to_string())?;
            for sample in &samples {
                muxer.handle_sample(sample).map_err(|e| e.to_string())?;
                black_box(muxer.poll_output());
            }
            muxer.finish().map_err(|e| e.to_string())?;
            black_box(muxer.poll_output());
            Ok(samples.len() as u64)
        }
    })
    .case("mpeg2ts TsPacketWriter (own PES loop)", move || {
        let mut out = Vec::with_capacity(bytes + bytes / 16);
        mux_mpeg2ts(frames, &mut out).map_err(|e| e.to_string())?;
        black_box(out);
        Ok(frames.len() as u64)
    })
    .case("transmux TsMux (from its IR)", {
        use broadcast_common::{Package, Unpackage};
        let media = transmux::TsDemux::new()
            .unpackage(load("av.ts"))
            .map_err(|e| format!("{e:?}"));
        move || {
            let media = media.as_ref().map_err(Clone::clone)?;
            let out: Vec<u8> = transmux::TsMux::default()
                .package(media)
                .map_err(|e| format!("{e:?}"))?;
            black_box(out);
            Ok(frames.len() as u64)
        }
    })
    .case("xmpegts TsMuxer", move || {
        let mut muxer = xmpegts::ts::TsMuxer::new();
        let fail = |e: xmpegts::errors::MpegTsError| format!("{e:?}");
        let video = muxer
            .add_stream(
                xmpegts::define::epsi_stream_type::PSI_STREAM_H264,
                BytesMut::new(),
            )
            .map_err(fail)?;
        let audio = muxer
            .add_stream(
                xmpegts::define::epsi_stream_type::PSI_STREAM_AAC,
                BytesMut::new(),
            )
            .map_err(fail)?;
        for f in frames {
            let pid = if f.video { video } else { audio };
            let flags = if f.key {
                xmpegts::define::MPEG_FLAG_IDR_FRAME
            } else {
                0
            };
            muxer
                .write(
                    pid,
                    f.pts as i64,
                    f.pts as i64,
                    flags,
                    BytesMut::from(f.data),
                )
                .map_err(fail)?;
            black_box(muxer.get_data());
        }
        Ok(frames.len() as u64)
    })
}

fn mux_mpeg2ts(frames: &[Frame], out: &mut Vec<u8>) -> mpeg2ts::Result<()> {
    let mut writer = TsPacketWriter::new(out);
    let mut counters = [ContinuityCounter::new(), ContinuityCounter::new()];
    for f in frames {
        let slot = usize::from(!f.video);
        let pid = Pid::new(0x100 + slot as u16)?;
        let stream_id = if f.video {
            StreamId::new(0xE0)
        } else {
            StreamId::new(0xC0)
        };
        let head = PesHeader {
            stream_id,
            priority: false,
            data_alignment_indicator: f.key,
            copyright: false,
            original_or_copy: false,
            pts: Some(Timestamp::new(f.pts)?),
            dts: None,
            escr: None,
        };
        let pes_packet_len = u16::try_from(f.data.len() + 8)
            .ok()
            .filter(|_| !f.video)
            .unwrap_or(0);
        // 184 - 14 bytes of PES header in the first packet.
        let (first, rest) = f.data.split_at(f.data.len().min(170));
        let start = payload::Pes {
            header: head,
            pes_packet_len,
            data: payload::Bytes::new(first)?,
        };
        let mut put = |payload| {
            let header = TsHeader {
                transport_error_indicator: false,
                transport_priority: false,
                pid,
                transport_scrambling_control: TransportScramblingControl::NotScrambled,
                continuity_counter: counters[slot],
            };
            counters[slot].increment();
            writer.write_ts_packet(&TsPacket {
                header,
                adaptation_field: None,
                payload: Some(payload),
            })
        };
        put(TsPayload::PesStart(start))?;
        for piece in rest.chunks(184) {
            put(TsPayload::PesContinuation(payload::Bytes::new(piece)?))?;
        }
    }
    Ok(())
}
