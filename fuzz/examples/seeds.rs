//! Makes the seeds of the fuzz targets from a small fragmented MP4 file: see `make-seeds.sh`.

use fluvial_fuzz::Counter;
use media::{Codec, Event};
use rtmp::{Message, SharedMessage, client, server};
use std::{error::Error, fs, path::Path, time::Duration};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn write(target: &str, name: &str, data: &[u8]) -> Result {
    let dir = Path::new("seeds").join(target);
    fs::create_dir_all(&dir)?;
    Ok(fs::write(dir.join(name), data)?)
}

fn main() -> Result {
    let path = std::env::args().nth(1).ok_or("usage: seeds FILE.mp4")?;
    let file = fs::read(path)?;
    write("mp4_fragments", "whole", &file)?;
    write("mp4_boxes", "whole", &file)?;

    let mut demuxer = mp4::Demuxer::new(mp4::Limits::default());
    let mut muxer = rtmp::flv::Muxer::new();
    let mut messages: Vec<Message> = Vec::new();
    let (mut stream, mut frames, mut adts) = (Vec::new(), Vec::new(), None);
    demuxer.handle_input(&file);
    demuxer.handle_eof();
    while let Some(event) = demuxer.poll_event()? {
        match event {
            Event::Tracks(tracks) => {
                for track in &tracks {
                    match &track.codec {
                        Codec::H264(config) => {
                            for nal in config.sps().chain(config.pps()) {
                                h264::annexb::push(nal, &mut stream);
                            }
                        }
                        Codec::Aac(config) => adts = Some(aac::adts::Writer::new(config)?),
                        _ => {}
                    }
                    codec(&track.codec)?;
                }
                muxer.set_tracks(&tracks)?;
            }
            Event::Sample(sample) => {
                if sample.track.0 == 1 {
                    h264::length_prefixed::to_annexb(&sample.data, 4, &mut stream)?;
                } else if let Some(adts) = &adts {
                    adts.write(&sample.data, &mut frames)?;
                }
                muxer.handle_sample(&sample)?;
            }
            _ => {}
        }
        messages.extend(std::iter::from_fn(|| muxer.poll_output()));
    }
    write("h264_framing", "stream", &stream)?;
    write("h264_stream", "stream", &stream)?;
    write("aac_frames", "adts", &frames)?;
    let mut bodies = Vec::new();
    let mut chunks = Vec::new();
    let mut writer = rtmp::chunk::Writer::default();
    for message in messages
        .iter()
        .filter(|message| message.payload.len() < 256)
    {
        let kind = match message.type_id {
            rtmp::TypeId::AUDIO => 0,
            rtmp::TypeId::VIDEO => 2,
            _ => 1,
        };
        bodies.extend([kind, 3, message.payload.len() as u8]);
        bodies.extend_from_slice(&message.payload);
        if kind == 1 {
            write("rtmp_amf0", "on_meta_data", &message.payload)?;
        }
    }
    for message in &messages {
        writer.write(4 + u32::from(message.type_id.0), message, &mut chunks)?;
    }
    write("rtmp_flv_body", "stream", &bodies)?;
    write("rtmp_chunks", "stream", &chunks)?;
    dialogue(&messages, false)?;
    dialogue(&messages, true)
}

fn codec(codec: &Codec) -> Result {
    match codec {
        Codec::H264(config) => {
            write("h264_decoder_config", "high", config.raw())?;
            for nal in config.sps() {
                write("h264_parameter_sets", "sps", nal)?;
            }
            for nal in config.pps() {
                write("h264_parameter_sets", "pps", nal)?;
            }
        }
        Codec::Aac(config) => write("aac_config", "lc", config.raw())?,
        _ => {}
    }
    Ok(())
}

/// What client and server say to each other when a stream is published, or played.
fn dialogue(messages: &[Message], play: bool) -> Result {
    let url: client::Url = "rtmp://127.0.0.1/live/x".parse()?;
    let mut rng = Counter::default();
    let mut config = client::Config::new(&url);
    config.handshake = client::Mode::Plain;
    let mut client = client::Session::new(config, &mut rng, Duration::ZERO);
    let mut server = server::Session::new(server::Config::default(), &mut rng, Duration::ZERO);
    // 1 asks the target for a handshake of its own, so the recorded one is left out.
    let (mut to_server, mut to_client) = (vec![], vec![]);
    for _ in 0..10 {
        while let Some(bytes) = client.poll_transmit() {
            to_server.extend_from_slice(&bytes);
            server.handle_input(&bytes, Duration::ZERO);
        }
        while let Some(event) = server.poll_event()? {
            match event {
                server::Event::ConnectRequested(request) => server.accept(request.id)?,
                server::Event::PublishRequested(request) => server.accept(request.id)?,
                server::Event::PlayRequested(request) => {
                    server.accept(request.id)?;
                    for message in messages {
                        server.send(request.stream_id, &SharedMessage::new(message)?)?;
                    }
                }
                _ => {}
            }
        }
        while let Some(bytes) = server.poll_transmit() {
            to_client.extend_from_slice(&bytes);
            client.handle_input(&bytes, Duration::ZERO);
        }
        while let Some(event) = client.poll_event()? {
            match event {
                client::Event::Connected { .. } if play => {
                    client.play("x", client::PlayStart::Any)?;
                }
                client::Event::Connected { .. } => {
                    client.publish("x", client::PublishType::Live)?;
                }
                client::Event::Publishing { stream_id, .. } => {
                    for message in messages {
                        client.send(stream_id, &SharedMessage::new(message)?)?;
                    }
                    client.stop(stream_id)?;
                }
                _ => {}
            }
        }
    }
    const SHAKEN: usize = 1 + 2 * 1536;
    let name = if play { "play" } else { "publish" };
    let record = |data: &[u8]| [&[1], data.get(SHAKEN..).unwrap_or_default()].concat();
    write("rtmp_server", name, &record(&to_server))?;
    write("rtmp_client", name, &record(&to_client))
}
