//! A publisher whose pictures tell when they were made, so that latency is measured from glass to glass.

use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
const RATE: u32 = 30;
/// A row of this many cells along the top: the lowest bits of the Unix time in milliseconds, the lowest on the right.
const CELLS: usize = 32;

/// ffmpeg, encoding and publishing pictures that are made here.
#[derive(Debug)]
pub struct Clock {
    encoder: Child,
    stop: Arc<AtomicBool>,
    painter: Option<JoinHandle<()>>,
}

impl Clock {
    /// Publishes until it is dropped, with a keyframe every two seconds.
    ///
    /// # Panics
    ///
    /// When ffmpeg cannot be started.
    #[must_use]
    pub fn publish(url: &str) -> Self {
        let size = format!("{WIDTH}x{HEIGHT}");
        let rate = RATE.to_string();
        let mut encoder = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p"])
            .args(["-s", &size, "-r", &rate, "-i", "-"])
            .args(["-re", "-f", "lavfi", "-i", "sine=440:r=48000"])
            .args([
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-tune",
                "zerolatency",
            ])
            .args(["-g", "60", "-keyint_min", "60", "-sc_threshold", "0"])
            .args(["-c:a", "aac", "-flush_packets", "1", "-f", "flv", url])
            .stdin(Stdio::piped())
            .spawn()
            .expect("ffmpeg starts");
        let mut sink = encoder.stdin.take().expect("it was asked for");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let painter = thread::spawn(move || {
            let start = Instant::now();
            for number in 0.. {
                let due = start + Duration::from_secs(1) * number / RATE;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                // A pipe that is closed: the encoder has gone.
                if stopped.load(Ordering::Relaxed) || sink.write_all(&picture(number)).is_err() {
                    break;
                }
            }
        });
        Self {
            encoder,
            stop,
            painter: Some(painter),
        }
    }
}

fn picture(number: u32) -> Vec<u8> {
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_millis();
    let size = WIDTH / CELLS;
    let mut picture = vec![128; WIDTH * HEIGHT * 3 / 2];
    let bar = usize::try_from(number % 90).expect("small") * WIDTH / 90;
    for (row, line) in picture.chunks_mut(WIDTH).take(HEIGHT).enumerate() {
        for (column, pixel) in line.iter_mut().enumerate() {
            let bit = CELLS - 1 - column / size;
            *pixel = match row < size {
                true if millis >> bit & 1 == 1 => 235,
                true => 16,
                false if column.abs_diff(bar) < 10 => 200,
                false => 60,
            };
        }
    }
    picture
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(painter) = self.painter.take() {
            let _ = painter.join();
        }
        let _ = self.encoder.kill();
        let _ = self.encoder.wait();
    }
}
