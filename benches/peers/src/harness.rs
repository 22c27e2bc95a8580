//! Timing core: a `Group` is one operation on one input, a `Case` is one peer
//! (a boxed closure). Cases of a group run interleaved, round after round,
//! beside a memcpy of the same number of bytes, so that noise on the machine
//! hits all of them alike.

use std::{
    hint::black_box,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// What one run of a case returns: a check value (how many items it saw), or why it failed.
pub type Outcome = Result<u64, String>;

pub struct Case {
    pub peer: &'static str,
    pub run: Box<dyn FnMut() -> Outcome>,
}

pub struct Group {
    pub area: &'static str,
    pub op: &'static str,
    /// Bytes one run handles; also what the memcpy row copies.
    pub bytes: usize,
    /// Items in one run (packets, NALs, messages ...), for the ns/item column.
    pub items: u64,
    pub unit: &'static str,
    pub cases: Vec<Case>,
}

impl Group {
    pub fn new(
        area: &'static str,
        op: &'static str,
        bytes: usize,
        items: u64,
        unit: &'static str,
    ) -> Self {
        Group {
            area,
            op,
            bytes,
            items: items.max(1),
            unit,
            cases: Vec::new(),
        }
    }

    /// Adds a peer. The closure must do one full pass over the input.
    pub fn case(mut self, peer: &'static str, run: impl FnMut() -> Outcome + 'static) -> Self {
        self.cases.push(Case {
            peer,
            run: Box::new(run),
        });
        self
    }
}

pub struct Options {
    pub rounds: usize,
    /// A timed sample repeats short runs until it lasts at least this long.
    pub min_sample: Duration,
}

struct Row {
    peer: &'static str,
    check: Result<u64, String>,
    reps: u32,
    allocs: u64,
    slow: bool,
    samples: Vec<f64>,
}

fn once(run: &mut Box<dyn FnMut() -> Outcome>) -> Outcome {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(r) => r,
        Err(_) => Err("panicked".into()),
    }
}

/// Runs a group and prints its rows.
pub fn run(mut group: Group, opt: &Options) {
    let len = group.bytes;
    let src = vec![0xA5u8; len];
    let mut dst = vec![0u8; len];
    let memcpy = Case {
        peer: "(memcpy)",
        run: Box::new(move || {
            dst.copy_from_slice(black_box(&src));
            black_box(&mut dst);
            Ok(0)
        }),
    };
    group.cases.insert(0, memcpy);

    // Warm-up, check value, and repeat count.
    let mut rows: Vec<Row> = Vec::new();
    for case in &mut group.cases {
        let mut check = once(&mut case.run);
        let (mut reps, mut allocs, mut slow) = (1, 0, false);
        if check.is_ok() {
            allocs = allocation_counter::measure(|| check = once(&mut case.run)).count_total;
            let start = Instant::now();
            check = once(&mut case.run);
            let one = start.elapsed().max(Duration::from_nanos(20));
            slow = one > Duration::from_secs(1);
            reps = (opt.min_sample.as_secs_f64() / one.as_secs_f64())
                .ceil()
                .clamp(1.0, 1e8) as u32;
        }
        rows.push(Row {
            peer: case.peer,
            check,
            reps,
            allocs,
            slow,
            samples: Vec::new(),
        });
    }
    for round in 0..opt.rounds {
        let n = group.cases.len();
        for k in 0..n {
            let i = (k + round) % n; // a different one goes first each round
            // A very slow case gets two rounds only.
            if rows[i].check.is_err() || (rows[i].slow && round >= 2) {
                continue;
            }
            let run = &mut group.cases[i].run;
            let start = Instant::now();
            for _ in 0..rows[i].reps {
                let _ = black_box(run());
            }
            let per_run = start.elapsed().as_secs_f64() / f64::from(rows[i].reps);
            rows[i].samples.push(per_run);
        }
    }
    print_rows(&group, &mut rows);
}

fn print_rows(group: &Group, rows: &mut [Row]) {
    println!(
        "\n## {} / {}  ({} bytes, {} {}s)",
        group.area, group.op, group.bytes, group.items, group.unit
    );
    println!(
        "{:<36} {:>10} {:>10} {:>9} {:>10} {:>11} {:>9}",
        "peer", "best MB/s", "med MB/s", "x memcpy", "ns/item", "allocs/item", "items"
    );
    let mut base = f64::NAN;
    for row in rows.iter_mut() {
        let check = match &row.check {
            Ok(v) => *v,
            Err(why) => {
                println!("{:<36} FAILED: {}", row.peer, why);
                continue;
            }
        };
        row.samples.sort_by(f64::total_cmp);
        let best = row.samples[0];
        let med = row.samples[row.samples.len() / 2];
        if base.is_nan() {
            base = best;
        }
        println!(
            "{:<36} {:>10.1} {:>10.1} {:>9.3} {:>10.1} {:>11.2} {:>9}",
            row.peer,
            group.bytes as f64 / best / 1e6,
            group.bytes as f64 / med / 1e6,
            base / best,
            best * 1e9 / group.items as f64,
            row.allocs as f64 / group.items as f64,
            if row.peer == "(memcpy)" {
                "-".into()
            } else {
                check.to_string()
            },
        );
    }
}
