use super::*;
use proptest::prelude::*;
use testing::Random;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn drain<T>(buffer: &mut Buffer<T>, now: Duration) -> Vec<Output<T>> {
    std::iter::from_fn(|| buffer.poll(now)).collect()
}

fn numbers(outputs: &[Output<u64>]) -> Vec<u64> {
    let packet = |output: &Output<u64>| match output {
        Output::Packet { packet, .. } => Some(*packet),
        _ => None,
    };
    outputs.iter().filter_map(packet).collect()
}

/// A channel with loss, duplicates and delays; gives what came out, the times that packets were held, and the buffer.
fn simulate(
    count: u64,
    first: u16,
    seed: u64,
    loss: usize,
    spread: usize,
) -> (Vec<Output<u64>>, Vec<Duration>, Buffer<u64>, u64) {
    let mut random = Random::new(seed);
    let mut arrivals = Vec::new();
    let mut lost = 0;
    for n in 0..count {
        if n > 0 && random.below(1000) < loss {
            lost += 1;
            continue;
        }
        let delay = if n == 0 { 0 } else { random.below(spread + 1) };
        arrivals.push((ms(10 * n) + ms(delay as u64), n));
        if random.below(50) == 0 {
            arrivals.push((ms(10 * n + 3) + ms(delay as u64), n));
        }
    }
    arrivals.sort();
    let mut buffer = Buffer::new(Config::new(90_000));
    let (mut outputs, mut held) = (Vec::new(), Vec::new());
    let mut take = |buffer: &mut Buffer<u64>, now: Duration| {
        while let Some(output) = buffer.poll(now) {
            if let Output::Packet { arrival, .. } = output {
                held.push(now - arrival);
            }
            outputs.push(output);
        }
    };
    for (now, n) in arrivals {
        while let Some(timeout) = buffer.poll_timeout().filter(|timeout| *timeout < now) {
            take(&mut buffer, timeout);
        }
        buffer.insert(first.wrapping_add(n as u16), (n * 900) as u32, n, now);
        take(&mut buffer, now);
    }
    while let Some(timeout) = buffer.poll_timeout() {
        take(&mut buffer, timeout);
    }
    buffer.flush();
    take(&mut buffer, ms(10 * count + 10_000));
    (outputs, held, buffer, lost)
}

#[test]
fn in_order_nothing_waits() {
    let (outputs, held, buffer, _) = simulate(70_000, 60_000, 1, 0, 0);
    assert_eq!(numbers(&outputs), (0..70_000).collect::<Vec<_>>());
    assert!(held.iter().all(Duration::is_zero));
    assert_eq!(buffer.statistics().lost, 0);
    assert_eq!(
        outputs.last(),
        Some(&Output::Packet {
            sequence_number: 129_999,
            arrival: ms(699_990),
            packet: 69_999
        })
    );
}

#[test]
fn reordering_within_the_bound_is_undone() {
    // Delays up to 60 ms at a packet each 10 ms: the buffer has to learn that 20 ms are too short.
    let (outputs, held, buffer, _) = simulate(20_000, 65_000, 2, 0, 60);
    let got = numbers(&outputs);
    assert!(got.is_sorted());
    let statistics = buffer.statistics();
    assert!(statistics.reordered > 5_000, "{statistics:?}");
    assert!(statistics.lost <= 20, "learned too slowly: {statistics:?}");
    assert_eq!(got.len() as u64 + statistics.lost, 20_000);
    assert!(
        held.iter().max() <= Some(&ms(200)),
        "{:?}",
        held.iter().max()
    );
    assert!(
        buffer.wait() >= ms(40) && buffer.wait() <= ms(100),
        "{:?}",
        buffer.wait()
    );
}

#[test]
fn loss_is_told_where_it_is() {
    for loss in [10, 50, 200] {
        let (outputs, held, buffer, lost) = simulate(20_000, 40_000, 3, loss, 30);
        let mut next = 40_000;
        let mut told = 0;
        for output in &outputs {
            match output {
                Output::Packet {
                    sequence_number,
                    packet,
                    ..
                } => {
                    assert_eq!((*sequence_number, *packet as i64), (next, next - 40_000));
                    next += 1;
                }
                Output::Lost { first, count } => {
                    assert_eq!(*first, next);
                    next += i64::from(*count);
                    told += u64::from(*count);
                }
                Output::Restart => panic!("no restart"),
            }
        }
        let late = buffer.statistics().late;
        assert!(
            told >= lost - 5 && told <= lost + late + 5,
            "{told} told, {lost} lost, {late} late"
        );
        assert!(late * 200 <= 20_000, "{late} of 20000 late");
        assert!(held.iter().max() <= Some(&ms(200)));
    }
}

#[test]
fn a_wait_grows_and_shrinks_again() {
    let mut buffer = Buffer::new(Config::new(1000));
    let step = |buffer: &mut Buffer<()>, n: u16, at: u64| {
        buffer.insert(n, at as u32, (), ms(at));
        drain(buffer, ms(at));
    };
    (0..10).for_each(|n| step(&mut buffer, n, u64::from(n) * 10));
    assert_eq!(buffer.wait(), ms(20));
    step(&mut buffer, 11, 100);
    step(&mut buffer, 12, 180);
    step(&mut buffer, 10, 181);
    assert!(buffer.wait() > ms(20));
    assert_eq!(buffer.statistics().late, 1);
    (13..8000u16).for_each(|n| step(&mut buffer, n, 200 + u64::from(n) * 10));
    assert_eq!(buffer.wait(), ms(20));
}

#[test]
fn a_sender_that_begins_anew() {
    let mut buffer = Buffer::new(Config::new(90_000));
    let mut outputs = Vec::new();
    for (n, sequence_number) in [21_100, 21_101, 21_103, 50_000, 21_104, 7, 8, 9]
        .into_iter()
        .enumerate()
    {
        buffer.insert(sequence_number, 0, u64::from(sequence_number), ms(n as u64));
        outputs.extend(drain(&mut buffer, ms(n as u64)));
    }
    assert_eq!(numbers(&outputs), [21_100, 21_101, 21_103, 21_104, 7, 8, 9]);
    assert_eq!(
        outputs.iter().position(|output| *output == Output::Restart),
        Some(5)
    );
    assert_eq!(
        outputs[2],
        Output::Lost {
            first: 21_102,
            count: 1
        }
    );
    assert_eq!(
        (buffer.statistics().stray, buffer.statistics().restarts),
        (1, 1)
    );
}

#[test]
fn a_run_that_is_late_is_no_restart_but_one_after_a_silence_is() {
    let mut buffer = Buffer::new(Config::new(90_000));
    let mut take = |came: std::ops::Range<u16>, at: u64| {
        came.for_each(|n| buffer.insert(n, 0, u64::from(n), ms(at)));
        let outputs = drain(&mut buffer, ms(at));
        (numbers(&outputs), outputs.contains(&Output::Restart))
    };
    assert_eq!(take(5000..5010, 10), ((5000..5010).collect(), false));
    assert_eq!(take(4500..4520, 900), (vec![], false));
    assert_eq!(take(5010..5011, 901), (vec![5010], false));
    assert_eq!(take(4500..4520, 1901), ((4500..4520).collect(), true));
}

#[test]
fn a_hole_wider_than_the_buffer_is_passed_over_at_once() {
    let mut config = Config::new(90_000);
    config.packets = 16;
    let mut buffer = Buffer::new(config);
    for n in [0, 2, 500] {
        buffer.insert(n, 0, u64::from(n), ms(0));
    }
    let outputs = drain(&mut buffer, ms(0));
    assert_eq!(numbers(&outputs), [0, 2, 500]);
    assert_eq!(
        outputs[3],
        Output::Lost {
            first: 3,
            count: 497
        }
    );
    assert_eq!(buffer.statistics().lost, 498);
}

#[test]
fn whoever_does_not_poll_loses_packets_not_memory() {
    let mut config = Config::new(90_000);
    config.packets = 64;
    let mut buffer = Buffer::new(config);
    (0..10_000u16).for_each(|n| buffer.insert(n * 2, 0, (), ms(0)));
    assert!(buffer.len() <= 4 * 64 && buffer.ready.len() <= 130 && buffer.arrivals.len() <= 65);
}

proptest! {
    #[test]
    fn each_packet_once_in_order_and_the_bounds_kept(
        steps in proptest::collection::vec((0u16..2000, 0u64..50), 0..300),
        start: u16,
    ) {
        let mut config = Config::new(90_000);
        config.packets = 128;
        let mut buffer = Buffer::new(config);
        let (mut now, mut last, mut lost) = (ms(1), None, 0u64);
        for (n, (offset, wait)) in steps.iter().enumerate() {
            now += ms(*wait);
            let sequence_number = start.wrapping_add(n as u16).wrapping_add(if offset % 7 == 0 { *offset } else { offset % 4 });
            buffer.insert(sequence_number, 0, (), now);
            let mut seen = buffer.poll(now);
            while let Some(output) = seen {
                match output {
                    Output::Packet { sequence_number, arrival, .. } => {
                        prop_assert!(last.is_none_or(|last| sequence_number == last + 1), "{:?} then {}", last, sequence_number);
                        prop_assert!(arrival <= now);
                        last = Some(sequence_number);
                    }
                    Output::Lost { first, count } => {
                        prop_assert_eq!(last.map(|last| last + 1), Some(first));
                        last = Some(first + i64::from(count) - 1);
                        lost += u64::from(count);
                    }
                    Output::Restart => last = None,
                }
                seen = buffer.poll(now);
            }
            prop_assert!(buffer.len() <= 129 && buffer.arrivals.len() <= 2 * 129);
            prop_assert!(buffer.poll_timeout().is_none_or(|timeout| timeout > now && timeout <= now + ms(200)));
        }
        prop_assert_eq!(buffer.statistics().lost, lost);
    }
}
