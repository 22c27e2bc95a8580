//! Shows how the estimator of `congestion` finds a bottleneck of 2 Mbit/s, gives way to another flow, and follows a path
//! that gets worse and better again.
//!
//! `cargo run -p fluvial-rtp --example bandwidth -- PICTURE.svg` writes a picture; without a name, CSV goes to the standard output.

mod link;

use link::{Flow, Path, Point, run};
use std::fmt::Write;
use std::time::Duration;

const LENGTH: Duration = Duration::from_secs(60);

fn main() -> std::io::Result<()> {
    let seconds = Duration::from_secs;
    let other = Flow::Constant {
        rate: 1_000_000,
        from: seconds(15),
        to: seconds(30),
    };
    let points = run(
        Path::default(),
        vec![Flow::adaptive(Duration::ZERO), other],
        LENGTH,
        |path, now| {
            path.rate = if now >= seconds(45) && now < seconds(52) {
                800_000
            } else {
                2_000_000
            };
        },
    );
    match std::env::args().nth(1) {
        Some(name) => std::fs::write(name, picture(&points)),
        None => {
            println!("seconds,flow,target,received,queue_ms,usage");
            for point in points {
                let (at, queue) = (point.at.as_secs_f32(), point.queue.as_millis());
                println!(
                    "{at:.1},{},{},{},{queue},{:?}",
                    point.flow, point.target, point.received, point.usage
                );
            }
            Ok(())
        }
    }
}

/// Width of a second and height of 100 kbit/s, or of 20 ms.
const X: f32 = 15.0;
const Y: f32 = 12.0;

fn picture(points: &[Point]) -> String {
    let (width, height) = (LENGTH.as_secs_f32() * X, 30.0 * Y);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-50 -30 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect x=\"-50\" y=\"-30\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        width + 70.0,
        height + 70.0
    );
    for tick in 0..=6u8 {
        let y = height - f32::from(tick) * 5.0 * Y;
        let _ = writeln!(
            out,
            "<path d=\"M0 {y}H{width}\" stroke=\"#ddd\"/><text x=\"-45\" y=\"{}\">{:.1} M</text>",
            y + 4.0,
            f32::from(tick) * 0.5
        );
    }
    for second in (0..=60u8).step_by(5) {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\">{second} s</text>",
            f32::from(second) * X - 8.0,
            height + 18.0
        );
    }
    let mut line = |name: &str,
                    colour: &str,
                    place: f32,
                    flow: usize,
                    value: &dyn Fn(&Point) -> f32| {
        let mut path = String::new();
        for point in points.iter().filter(|point| point.flow == flow) {
            let (x, y) = (point.at.as_secs_f32() * X, height - value(point) * Y);
            let _ = write!(
                path,
                "{}{x:.1} {y:.1}",
                if path.is_empty() { 'M' } else { 'L' }
            );
        }
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/><text x=\"{place}\" y=\"-10\" fill=\"{colour}\">{name}</text>"
        );
    };
    let kilobits = |bits: u64| (bits / 1000) as f32 / 100.0;
    line("queue, 20 ms a step of 0.1 M", "#bbb", 520.0, 0, &|point| {
        point.queue.as_secs_f32() * 50.0
    });
    line("received", "#9bd", 120.0, 0, &|point| {
        kilobits(point.received)
    });
    line("another flow", "#d62", 240.0, 1, &|point| {
        kilobits(point.target)
    });
    line("target", "#06c", 0.0, 0, &|point| kilobits(point.target));
    out.push_str("</svg>\n");
    out
}
