//! A path that was made up: a bottleneck with a queue, a delay each way, loss, and flows that share it. No clock, no socket.

use fluvial_rtp::congestion::{Config, Estimator, Recorder, Usage};
use fluvial_rtp::rtcp::{Packet, Packets};
use std::collections::VecDeque;
use std::time::Duration;

/// Bytes of each packet.
pub(crate) const PACKET: usize = 1200;

/// What the path is like.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    /// Bits a second of the bottleneck.
    pub(crate) rate: u64,
    /// What the bottleneck's queue holds at most.
    pub(crate) queue: Duration,
    /// One way, without the queue.
    pub(crate) delay: Duration,
    /// Packets lost on the way there, of 1000.
    pub(crate) loss: u64,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            rate: 2_000_000,
            queue: Duration::from_millis(300),
            delay: Duration::from_millis(25),
            loss: 0,
        }
    }
}

/// A sender and its receiver.
#[derive(Debug)]
pub(crate) enum Flow {
    /// By our estimator.
    Adaptive {
        estimator: Box<Estimator>,
        recorder: Recorder,
        from: Duration,
    },
    /// Always at this rate, in bits a second, from a time to another.
    Constant {
        rate: u64,
        from: Duration,
        to: Duration,
    },
}

impl Flow {
    /// A flow of ours that starts at this time.
    pub(crate) fn adaptive(from: Duration) -> Self {
        let estimator = Box::new(Estimator::new(Config::default()));
        Self::Adaptive {
            estimator,
            recorder: Recorder::default(),
            from,
        }
    }

    fn rate(&self, now: Duration) -> u64 {
        match self {
            Self::Adaptive {
                estimator, from, ..
            } if now >= *from => estimator.target_rate(),
            Self::Constant { rate, from, to } if now >= *from && now < *to => *rate,
            _ => 0,
        }
    }
}

/// One moment of one flow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    /// Since the start.
    pub(crate) at: Duration,
    /// Which flow.
    pub(crate) flow: usize,
    /// What it sends at; bits a second.
    pub(crate) target: u64,
    /// What its receiver got in the last 100 ms; bits a second.
    pub(crate) received: u64,
    /// What the queue holds.
    pub(crate) queue: Duration,
    /// What the estimator says of the path.
    pub(crate) usage: Usage,
}

struct State {
    flow: Flow,
    /// Bits that may be sent now.
    credit: u64,
    sequence_number: u16,
    received: u64,
    /// RTCP on its way, and when it comes.
    feedbacks: VecDeque<(Duration, Vec<u8>)>,
}

/// Runs flows over a path and gives ten points a second for each of them. `change` may make another path of it.
pub(crate) fn run(
    mut path: Path,
    flows: Vec<Flow>,
    length: Duration,
    mut change: impl FnMut(&mut Path, Duration),
) -> Vec<Point> {
    let state = |flow| State {
        flow,
        credit: 0,
        sequence_number: 65_000,
        received: 0,
        feedbacks: VecDeque::new(),
    };
    let mut flows: Vec<State> = flows.into_iter().map(state).collect();
    // When each packet is through the bottleneck and at the receiver.
    let mut arrivals: VecDeque<(Duration, usize, u16)> = VecDeque::new();
    let mut free = Duration::ZERO;
    let mut random = 1u64;
    let mut points = Vec::new();
    for ms in 0..u64::try_from(length.as_millis()).expect("short") {
        let now = Duration::from_millis(ms);
        change(&mut path, now);
        while arrivals.front().is_some_and(|(at, ..)| *at <= now) {
            let (at, index, number) = arrivals.pop_front().expect("seen");
            flows[index].received += PACKET as u64 * 8;
            if let Flow::Adaptive { recorder, .. } = &mut flows[index].flow {
                // The receiver's clock is another one.
                recorder.handle_packet(number, at + Duration::from_secs(1_073_740));
            }
        }
        for (index, state) in flows.iter_mut().enumerate() {
            if let Flow::Adaptive {
                estimator,
                recorder,
                ..
            } = &mut state.flow
            {
                while let Some(feedback) = recorder.poll(now + Duration::from_secs(1_073_740)) {
                    let mut rtcp = Vec::new();
                    feedback.encode(1, 2, &mut rtcp).expect("short enough");
                    state.feedbacks.push_back((now + path.delay, rtcp));
                }
                while state.feedbacks.front().is_some_and(|(at, _)| *at <= now) {
                    let (_, rtcp) = state.feedbacks.pop_front().expect("seen");
                    for packet in Packets::new(&rtcp) {
                        if let Ok(Packet::Twcc(twcc)) = packet {
                            estimator.handle_feedback(&(&twcc).into(), now);
                        }
                    }
                }
                estimator.handle_timeout(now);
            }
            state.credit += state.flow.rate(now) / 1000;
            while state.credit >= PACKET as u64 * 8 {
                state.credit -= PACKET as u64 * 8;
                let number = state.sequence_number;
                state.sequence_number = number.wrapping_add(1);
                if let Flow::Adaptive { estimator, .. } = &mut state.flow {
                    estimator.handle_sent(number, PACKET, now);
                }
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let lost = (random >> 33) % 1000 < path.loss;
                if lost || free.saturating_sub(now) > path.queue {
                    continue;
                }
                free = free.max(now)
                    + Duration::from_nanos(PACKET as u64 * 8 * 1_000_000_000 / path.rate);
                arrivals.push_back((free + path.delay, index, number));
            }
            if ms % 100 == 99 {
                let usage = match &state.flow {
                    Flow::Adaptive { estimator, .. } => estimator.usage(),
                    Flow::Constant { .. } => Usage::Normal,
                };
                let received = std::mem::take(&mut state.received) * 10;
                let target = state.flow.rate(now);
                points.push(Point {
                    at: now,
                    flow: index,
                    target,
                    received,
                    queue: free.saturating_sub(now),
                    usage,
                });
            }
        }
    }
    points
}
