//! A person is published by RTMP: H.264 as ever, Opus and VP8, VP9 and AV1 as Enhanced RTMP has them.

use super::Job;
use crate::depacketize::Depacketizer;
use crate::room::Taken;
use ::rtmp::Url;
use ::rtmp::flv::Muxer;
use common::rtmp::Publisher;
use media::{Kind, TrackId, Tracks};
use tokio::sync::mpsc;

/// Publishes until the person has gone.
pub(super) async fn publish(
    job: &Job,
    url: &Url,
    mut packets: mpsc::Receiver<Taken>,
) -> anyhow::Result<()> {
    let mut publisher = Publisher::open(url).await?;
    job.note(|status| status.state = "sending".to_owned());
    tracing::info!(room = %job.room, peer = %job.tap.peer, forward = job.id, "published by RTMP");
    // What waited meanwhile may have lost something.
    job.want_keyframe().await;
    let mut film = Film::default();
    loop {
        tokio::select! {
            taken = packets.recv() => {
                let Some(taken) = taken else { break };
                let bytes = film.handle(&taken)?;
                job.note(|status| status.bytes += bytes);
                if film.is_broken() {
                    job.want_keyframe().await;
                }
                while let Some(message) = film.muxer.poll_output() {
                    publisher.send(message)?;
                }
            }
            heard = publisher.listen() => heard?,
            () = job.stop.wait() => break,
        }
        publisher.write().await?;
    }
    publisher.close().await
}

/// From packets to messages, beginning with a picture that needs no other one.
#[derive(Default)]
struct Film {
    packets: Option<Depacketizer>,
    muxer: Muxer,
    tracks: Tracks,
    /// What is waited for.
    lead: Option<TrackId>,
}

impl Film {
    /// Takes what comes; bytes of media.
    fn handle(&mut self, taken: &Taken) -> anyhow::Result<u64> {
        match taken {
            Taken::Begins { tracks, .. } => {
                self.finish()?;
                self.packets = Some(Depacketizer::new(tracks)?);
                Ok(0)
            }
            Taken::Packet { track, packet, .. } => {
                if let Some(packets) = &mut self.packets {
                    packets.handle(*track, packet);
                    self.drain()?;
                }
                Ok(packet.payload.len() as u64)
            }
            Taken::Ends { .. } => self.finish().map(|()| 0),
        }
    }

    fn is_broken(&mut self) -> bool {
        let packets = self.packets.as_mut();
        packets.is_some_and(|packets| std::mem::take(&mut packets.is_broken))
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        if let Some(packets) = &mut self.packets {
            packets.finish();
            self.drain()?;
        }
        self.packets = None;
        Ok(())
    }

    fn drain(&mut self) -> anyhow::Result<()> {
        while let Some(event) = self.packets.as_mut().and_then(Depacketizer::poll_event) {
            match event {
                media::Event::Tracks(found) => {
                    let fits = |track: &&media::Track| Muxer::carries(&track.codec);
                    let fitting: Tracks = found.iter().filter(fits).cloned().collect();
                    self.muxer.set_tracks(&fitting)?;
                    let lead = fitting.first_of(Kind::Video).map(|track| track.id);
                    let goes_on = lead.is_some() && self.tracks.first_of(Kind::Video).is_some();
                    if !goes_on {
                        self.lead = lead;
                    }
                    self.tracks = fitting;
                }
                media::Event::Sample(sample) if self.tracks.find(sample.track).is_some() => {
                    if let Some(lead) = self.lead {
                        if sample.track != lead || !sample.is_sync() {
                            continue;
                        }
                        self.lead = None;
                    }
                    self.muxer.handle_sample(&sample)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
