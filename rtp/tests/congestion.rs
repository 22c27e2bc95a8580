//! The bandwidth estimator over paths that were made up.

#[allow(dead_code, reason = "the example shows more than is tested")]
#[path = "../examples/bandwidth/link.rs"]
mod link;

use link::{Flow, Path, Point, run};
use std::time::Duration;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn between(points: &[Point], flow: usize, from: u64, to: u64) -> impl Iterator<Item = &Point> {
    points.iter().filter(move |point| {
        point.flow == flow && point.at >= seconds(from) && point.at < seconds(to)
    })
}

/// Mean of what was received, kbit/s.
fn received(points: &[Point], flow: usize, from: u64, to: u64) -> u64 {
    let (sum, count) = between(points, flow, from, to).fold((0, 0), |(sum, count), point| {
        (sum + point.received, count + 1)
    });
    sum / count / 1000
}

#[test]
fn a_bottleneck_is_found_within_five_seconds_and_kept() {
    let points = run(
        Path::default(),
        vec![Flow::adaptive(Duration::ZERO)],
        seconds(60),
        |_, _| {},
    );
    let found = points
        .iter()
        .find(|point| point.received >= 1_600_000)
        .expect("found");
    println!("80 % of the bottleneck after {:?}", found.at);
    assert!(found.at < seconds(5), "{:?}", found.at);
    let early = received(&points, 0, 5, 15);
    let later = received(&points, 0, 15, 60);
    println!("{early} kbit/s from 5 to 15 s, {later} kbit/s after");
    assert!(
        early >= 1500 && later >= 1600,
        "{early} and {later} kbit/s of 2000"
    );
    let queues: Vec<_> = between(&points, 0, 10, 60)
        .map(|point| point.queue)
        .collect();
    let mean = queues.iter().sum::<Duration>() / queues.len() as u32;
    println!(
        "the queue holds {mean:?} on average, {:?} at most",
        queues.iter().max()
    );
    assert!(mean < Duration::from_millis(60), "{mean:?}");
}

#[test]
fn it_gives_way_and_comes_back() {
    let other = Flow::Constant {
        rate: 1_000_000,
        from: seconds(15),
        to: seconds(35),
    };
    let points = run(
        Path::default(),
        vec![Flow::adaptive(Duration::ZERO), other],
        seconds(60),
        |_, _| {},
    );
    let (ours, theirs, after) = (
        received(&points, 0, 20, 35),
        received(&points, 1, 20, 35),
        received(&points, 0, 45, 60),
    );
    println!("beside a flow of 1 Mbit/s: {ours} kbit/s, the other {theirs}; after it {after}");
    assert!((600..=1000).contains(&ours), "{ours} kbit/s");
    assert!(theirs >= 980, "{theirs} kbit/s of the other arrive");
    assert!(after >= 1500, "{after} kbit/s after it");
}

#[test]
fn two_of_us_share() {
    let flows = vec![Flow::adaptive(Duration::ZERO), Flow::adaptive(seconds(20))];
    let points = run(Path::default(), flows, seconds(120), |_, _| {});
    let (first, second) = (received(&points, 0, 80, 120), received(&points, 1, 80, 120));
    println!("two flows: {first} and {second} kbit/s");
    assert!(first + second >= 1500, "{first} + {second} kbit/s of 2000");
    assert!(
        first.max(second) <= first.min(second) * 4,
        "{first} and {second} kbit/s"
    );
}

#[test]
fn it_follows_a_path_that_changes() {
    let points = run(
        Path::default(),
        vec![Flow::adaptive(Duration::ZERO)],
        seconds(60),
        |path, now| {
            path.rate = if now >= seconds(20) && now < seconds(40) {
                700_000
            } else {
                2_000_000
            };
        },
    );
    let (worse, better) = (received(&points, 0, 25, 40), received(&points, 0, 50, 60));
    println!("at 700 kbit/s: {worse}; at 2 Mbit/s again: {better}");
    assert!(
        (500..=700).contains(&worse) && better >= 1300,
        "{worse} and {better} kbit/s"
    );
    let late = between(&points, 0, 25, 40).map(|point| point.queue).max();
    assert!(late < Some(Duration::from_millis(290)), "{late:?}");
}

#[test]
fn loss_lets_it_fall_only_where_it_is_heavy() {
    for (loss, least, most) in [(10, 1500, 2000), (50, 900, 2000), (250, 0, 500)] {
        let path = Path {
            loss,
            ..Path::default()
        };
        let points = run(
            path,
            vec![Flow::adaptive(Duration::ZERO)],
            seconds(40),
            |_, _| {},
        );
        let got = received(&points, 0, 20, 40);
        println!("{} % lost: {got} kbit/s", loss / 10);
        assert!(
            (least..=most).contains(&got),
            "{got} kbit/s at {loss} of 1000"
        );
    }
}

#[test]
fn silence_lets_it_fall() {
    use fluvial_rtp::congestion::{Config, Estimator};
    let mut estimator = Estimator::new(Config::default());
    let start = estimator.target_rate();
    for ms in 0..10_000u64 {
        let now = Duration::from_millis(ms);
        if ms % 20 == 0 {
            estimator.handle_sent((ms / 20) as u16, 1200, now);
        }
        estimator.handle_timeout(now);
    }
    assert!(
        estimator.target_rate() <= start / 8,
        "{}",
        estimator.target_rate()
    );
}
