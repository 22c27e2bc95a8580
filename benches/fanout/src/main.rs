//! Plays one stream of RTMP or RTSP many times over, throws everything away, and tells what that costs the server: CPU time
//! per delivered megabit and resident memory per player, from `/proc/PID`. `run.sh` sets it beside nginx, `rtsp.sh`
//! beside gst-rtsp-server.

mod rtsp;

use anyhow::{Context, bail};
use clap::Parser;
use rtmp::client::{Config, Event, PlayStart, Session, Url};
use std::cell::Cell;
use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// From the last player's coming to the measurement.
const SETTLING: Duration = Duration::from_secs(5);

#[derive(Debug, Parser)]
struct Arguments {
    /// What to play
    url: String,
    /// By datagrams, where the stream is of RTSP
    #[arg(long)]
    udp: bool,
    /// The server's process
    #[arg(long)]
    pid: u32,
    /// How it is to be called in the table
    #[arg(long, default_value = "server")]
    name: String,
    /// How many players
    #[arg(long, default_value_t = 200)]
    players: usize,
    /// How long to measure
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Clock ticks per second of /proc (`getconf CLK_TCK`)
    #[arg(long, default_value_t = 100)]
    ticks: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, measure(arguments))
}

async fn measure(arguments: Arguments) -> anyhow::Result<()> {
    // What the server keeps of the stream itself still grows: that is not the players'.
    let span = Duration::from_millis(5 * arguments.players as u64) + SETTLING;
    let rss_first = resident(arguments.pid)?;
    tokio::time::sleep(span).await;
    let rss_before = resident(arguments.pid)?;
    let drift = rss_before.saturating_sub(rss_first);
    let mut counts: Vec<Rc<Cell<u64>>> = Vec::new();
    let mut players = Vec::new();
    for _ in 0..arguments.players {
        let count = Rc::new(Cell::new(0));
        counts.push(Rc::clone(&count));
        let (url, udp) = (arguments.url.clone(), arguments.udp);
        players.push(tokio::task::spawn_local(async move {
            match url.starts_with("rtsp") {
                true => rtsp::play(&url, udp, count).await,
                false => play(&url, &count).await,
            }
        }));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The first group of pictures comes at once and is not the steady state.
    tokio::time::sleep(SETTLING).await;
    let rss_after = resident(arguments.pid)?;

    let before: Vec<u64> = counts.iter().map(|count| count.get()).collect();
    let cpu_before = cpu(arguments.pid)?;
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    let cpu_after = cpu(arguments.pid)?;
    let span = start.elapsed().as_secs_f64();
    let bytes: Vec<u64> = counts
        .iter()
        .zip(&before)
        .map(|(count, before)| count.get() - before)
        .collect();
    if let Some(ended) = players.iter_mut().find(|player| player.is_finished()) {
        bail!("a player ended early: {:?}", ended.await);
    }

    let total: u64 = bytes.iter().sum();
    let megabits = total as f64 * 8.0 / 1e6;
    let milliseconds = |ticks: u64| ticks as f64 * 1000.0 / arguments.ticks as f64;
    let user = milliseconds(cpu_after.0 - cpu_before.0) / megabits;
    let system = milliseconds(cpu_after.1 - cpu_before.1) / megabits;
    let memory = rss_after.saturating_sub(rss_before + drift) as f64 / arguments.players as f64;
    let least = bytes.iter().min().copied().unwrap_or_default() as f64;
    let most = bytes.iter().max().copied().unwrap_or_default() as f64;
    let mut out = tokio::io::stdout();
    let line = format!(
        "{:<8} {:>4} players  {:>7.1} Mbit/s  CPU {:.4} ms/Mbit (user {:.4}, sys {:.4})  RSS {:>5.1} KB/player  bytes per player {:.2}-{:.2} MB\n",
        arguments.name,
        arguments.players,
        megabits / span,
        user + system,
        user,
        system,
        memory,
        least / 1e6,
        most / 1e6,
    );
    out.write_all(line.as_bytes()).await?;
    out.flush().await?;
    Ok(())
}

/// Plays until the server ends, and counts what comes. After the dialogue the bytes are only thrown away, so that
/// the players take as little as possible of the machine that they share with the server.
async fn play(url: &str, count: &Cell<u64>) -> anyhow::Result<()> {
    let url: Url = url.parse()?;
    let mut socket = TcpStream::connect((&*url.host, url.port))
        .await
        .context("cannot connect")?;
    let start = Instant::now();
    let mut session = Session::new(Config::new(&url), &mut rand::rng(), Duration::ZERO);
    let mut buffer = vec![0; 4096];
    'dialogue: loop {
        while let Some(event) = session.poll_event()? {
            match event {
                Event::Connected { .. } => {
                    session.play(&url.name, PlayStart::Live)?;
                }
                Event::Playing { .. } => break 'dialogue,
                Event::Refused { description, .. } => bail!("refused: {description}"),
                Event::Closed(reason) => bail!("closed: {reason:?}"),
                _ => {}
            }
        }
        send(&mut session, &mut socket).await?;
        socket.readable().await?;
        match socket.try_read(&mut buffer) {
            Ok(0) => bail!("the server hung up"),
            Ok(read) => session.handle_input(&buffer[..read], start.elapsed()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    send(&mut session, &mut socket).await?;
    drop(session);
    buffer.resize(256 << 10, 0);
    loop {
        socket.readable().await?;
        match socket.try_read(&mut buffer) {
            Ok(0) => bail!("the server hung up"),
            Ok(read) => count.set(count.get() + read as u64),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn send(session: &mut Session, socket: &mut TcpStream) -> anyhow::Result<()> {
    while let Some(bytes) = session.poll_transmit() {
        socket.write_all(&bytes).await?;
    }
    Ok(())
}

/// Clock ticks in user and in system mode: fields 14 and 15 of `/proc/PID/stat`.
fn cpu(pid: u32) -> anyhow::Result<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the server is gone")?;
    let (_, fields) = stat.rsplit_once(')').context("stat without a name")?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut next = || {
        fields
            .next()
            .and_then(|field| field.parse().ok())
            .context("stat is short")
    };
    Ok((next()?, next()?))
}

/// Resident kilobytes.
fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kilobytes = line.trim().trim_end_matches("kB").trim();
    Ok(kilobytes.parse()?)
}
