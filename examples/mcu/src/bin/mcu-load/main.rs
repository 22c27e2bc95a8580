//! The load generator: so many people join a room by WebRTC with their voices alone, each with a tone of its own, and each hears the mix. Tells
//! in one line what that cost the server, whether everybody heard everybody else and not themselves, and whether any packet was late.

mod client;
mod voice;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use client::{Client, Hearing};
use common::process::Usage;
use common::reach;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use voice::{Crowd, strength};

/// Joins a room many times over, by voice alone, and checks what everybody hears.
#[derive(Debug, Parser)]
#[command(version)]
struct Config {
    /// Where the server speaks HTTP: http://HOST:PORT
    url: String,

    /// The room
    #[arg(long, default_value = "load")]
    room: String,

    /// How many join
    #[arg(long, default_value_t = 100)]
    people: usize,

    /// How many of them talk at the same time; the others send their rooms' hiss
    #[arg(long, default_value_t = 3)]
    talk: usize,

    /// How many the server mixes at the same time: of more, it may choose whom
    #[arg(long, default_value_t = 16)]
    voices: usize,

    /// After so many seconds the next ones talk
    #[arg(long, default_value_t = 5)]
    turn: u64,

    /// How long is measured, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,

    /// How long everything runs before that
    #[arg(long, default_value_t = 5)]
    settle: u64,

    /// Does not tell the server how loud packets are (RFC 6464)
    #[arg(long)]
    no_levels: bool,

    /// The server's process, whose time is told
    #[arg(long)]
    pid: Option<u32>,

    /// Fails if a packet comes later than that after its time, in milliseconds
    #[arg(long)]
    most_late: Option<u64>,
}

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) crowd: Crowd,
    pub(crate) levels: bool,
    /// When all began, and who talks is counted from.
    pub(crate) start: Instant,
    pub(crate) connected: AtomicUsize,
    /// Whether what comes is kept.
    pub(crate) measures: std::sync::atomic::AtomicBool,
    pub(crate) ends: std::sync::atomic::AtomicBool,
}

fn main() -> Result<()> {
    let config = Config::parse();
    common::init_log("warn,str0m=error,dimpl=error,is=error");
    ensure!(config.people > 1, "nobody hears anybody");
    ensure!(
        config.talk <= config.people,
        "more would talk than are there"
    );
    let stage = Arc::new(Stage {
        crowd: Crowd::new(config.people, config.talk, config.turn)?,
        levels: !config.no_levels,
        start: Instant::now(),
        connected: AtomicUsize::new(0),
        measures: false.into(),
        ends: false.into(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (spawn, mut spawned) = tokio::sync::mpsc::unbounded_channel::<Client>();
    // Signalling blocks, and media must not: it has a thread of its own.
    let media = std::thread::spawn(move || {
        runtime.block_on(async {
            let mut clients = tokio::task::JoinSet::new();
            while let Some(client) = spawned.recv().await {
                clients.spawn(client.run());
            }
            clients.join_all().await
        })
    });
    let used = join_and_measure(&config, &stage, |client| {
        // The other end lives as long as the program.
        let _ = spawn.send(client);
    });
    stage.ends.store(true, Ordering::Relaxed);
    drop(spawn);
    let hearings = media.join().ok().context("the media thread has panicked")?;
    let (cpu, from, to) = used?;
    println!("{}", judge(&config, &stage, &hearings, cpu, (from, to))?);
    Ok(())
}

/// Brings all in, and lets them talk; the processor time of each second, and from when to when that was.
fn join_and_measure(
    config: &Config,
    stage: &Arc<Stage>,
    start: impl Fn(Client),
) -> Result<(f64, Instant, Instant)> {
    let host = reach::towards(&config.url)?;
    let agent = ureq::Agent::new_with_defaults();
    let base = config.url.trim_end_matches('/');
    for number in 0..config.people {
        let (mut client, offer) = Client::new(host, number, Arc::clone(stage))?;
        let url = format!("{base}/room/{}/join?name=voice-{number}", config.room);
        let request = agent.post(&url).content_type("application/sdp");
        let mut response = request
            .send(offer)
            .with_context(|| format!("{url} does not answer"))?;
        client.accept(&response.body_mut().read_to_string()?)?;
        start(client);
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while stage.connected.load(Ordering::Relaxed) < config.people {
        ensure!(
            Instant::now() < deadline,
            "only {} came in",
            stage.connected.load(Ordering::Relaxed)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(config.settle));
    // From where others begin to talk.
    let turn = Duration::from_secs(config.turn.max(1));
    let turns = stage.start.elapsed().as_nanos() / turn.as_nanos() + 1;
    let began = stage.start + turn * u32::try_from(turns)?;
    std::thread::sleep(began.saturating_duration_since(Instant::now()));
    let before = Usage::of(config.pid)?;
    stage.measures.store(true, Ordering::Relaxed);
    std::thread::sleep(Duration::from_secs(config.seconds));
    stage.measures.store(false, Ordering::Relaxed);
    let took = began.elapsed().as_secs_f64();
    let cpu = Usage::of(config.pid)?.since(before).seconds() / took;
    Ok((cpu, began, Instant::now()))
}

/// Looks at what everybody has heard, and tells.
fn judge(
    config: &Config,
    stage: &Stage,
    hearings: &[Hearing],
    cpu: f64,
    (from, to): (Instant, Instant),
) -> Result<String> {
    let wanted = (to - from).as_millis() / 20;
    let mut late: Vec<Duration> = hearings.iter().flat_map(Hearing::lateness).collect();
    late.sort_unstable();
    let most = late.last().copied().context("nothing came")?;
    let usual = late.get(late.len() * 99 / 100).copied().unwrap_or(most);
    let missing: u64 = hearings.iter().map(Hearing::missing).sum();
    let least = hearings.iter().map(|hearing| hearing.packets.len()).min();
    let least = least.unwrap_or(0);
    // The last second of the last turn that was heard whole.
    let talkers = stage
        .crowd
        .talkers(to - stage.start - Duration::from_millis(500));
    let (mut weakest, mut own) = (f32::MAX, 0.0_f32);
    for hearing in hearings {
        let sound = hearing.sound(50)?;
        let mut others = Vec::new();
        for &number in &talkers {
            let heard = strength(&sound, voice::frequency(number)) / stage.crowd.amplitude;
            match number == hearing.number {
                true => own = own.max(heard),
                false => others.push(heard),
            }
        }
        // Of more than are mixed the loudest; one of those may be the hearer.
        others.sort_unstable_by(|a, b| b.total_cmp(a));
        let count = match talkers.len() > config.voices {
            true => config.voices.saturating_sub(1),
            false => others.len(),
        };
        weakest = others.iter().take(count).copied().fold(weakest, f32::min);
    }
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let line = format!(
        "{} people, {} talk, {} are mixed at most: {cpu:.3} s of processor time per second; {least} packets each of {wanted}, {missing} missing, \
         99 of 100 less than {:.1} ms late, the latest {:.1} ms; the weakest of the others at {weakest:.2} of what was said, oneself at {own:.3}",
        config.people,
        config.talk,
        config.voices,
        ms(usual),
        ms(most),
    );
    ensure!(weakest > 0.5, "somebody is not heard by all: {line}");
    ensure!(own < 0.1, "somebody hears themselves: {line}");
    ensure!(missing == 0, "packets are missing: {line}");
    ensure!(
        config.most_late.is_none_or(|limit| ms(most) < limit as f64),
        "a packet was late: {line}"
    );
    Ok(line)
}
