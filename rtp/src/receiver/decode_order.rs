use h264::DecodingTimes;
use media::Timescale;

/// Decoding times for pictures of which RTP tells presentation times only.
#[derive(Debug)]
pub(super) struct DecodeOrder {
    clock_rate: Timescale,
    times: Option<DecodingTimes>,
    last_pts: Option<i64>,
    /// Ticks between two pictures, as far as seen.
    step: i64,
}

impl DecodeOrder {
    pub(super) const fn new(clock_rate: Timescale) -> Self {
        Self {
            clock_rate,
            times: None,
            last_pts: None,
            step: 0,
        }
    }

    /// The decoding time of the next picture in decoding order. `depth` pictures may overtake another one, where the stream
    /// tells; where it does not, the first one that is out of order shows that there are some.
    pub(super) fn decode(&mut self, pts: i64, depth: Option<u8>, rate: Option<(u32, u32)>) -> i64 {
        let out_of_order = self.last_pts.is_some_and(|last| pts < last);
        let depth = match depth {
            Some(depth) => depth,
            None => u8::from(out_of_order) * 2,
        };
        if self.times.is_none() && depth > 0 {
            let frame = rate.and_then(|(num, den)| {
                let ticks = u64::from(self.clock_rate.get()).checked_mul(den.into())?;
                i64::try_from(ticks.checked_div(num.into())?).ok()
            });
            // 25 pictures in a second, where nothing tells.
            let default = i64::from(self.clock_rate.get() / 25);
            let step = if self.step > 0 { self.step } else { default };
            let mut times = DecodingTimes::new(depth, frame.unwrap_or(step));
            if let Some(last) = self.last_pts {
                times.push(last);
            }
            self.times = Some(times);
        }
        if let Some(last) = self.last_pts
            && pts > last
        {
            self.step = pts.saturating_sub(last);
        }
        self.last_pts = Some(pts);
        match &mut self.times {
            Some(times) => times.push(pts),
            None => pts,
        }
    }
}
