//! The load generator: publishes a file into a room and subscribes to it many times over, checks every packet that comes, and tells in one
//! line what that cost the server. It speaks WHIP and WHEP, and the JSON of Janus's videoroom.

mod clip;
mod connection;
mod janus;
mod noise;
mod tally;
mod whip;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use clip::Clip;
use common::process::{self, Usage};
use common::reach;
use connection::Connection;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tally::Tally;

/// Publishes a file into a room, subscribes to it many times over, and checks every packet.
#[derive(Debug, Parser)]
#[command(version)]
struct Config {
    /// Where the server speaks HTTP: http://HOST:PORT of `sfu`, http://HOST:PORT/janus of Janus
    url: String,

    /// What it is
    #[arg(long, value_enum, default_value_t = Kind::Whip)]
    kind: Kind,

    /// The room; Janus takes numbers only
    #[arg(long, default_value = "1234")]
    room: String,

    /// An MP4 file with H.264, which is published over and over
    #[arg(long)]
    file: PathBuf,

    /// How many publish it; each is subscribed to by its share
    #[arg(long, default_value_t = 1)]
    publishers: usize,

    /// How many subscribe
    #[arg(long, default_value_t = 100)]
    subscribers: usize,

    /// How long is measured, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,

    /// How long everything runs before that
    #[arg(long, default_value_t = 3)]
    settle: u64,

    /// The server's process, whose time is told
    #[arg(long)]
    pid: Option<u32>,

    /// What the line calls it
    #[arg(long, default_value = "server")]
    name: String,

    /// Sends datagrams that mean nothing to this UDP port meanwhile
    #[arg(long, value_name = "ADDR")]
    noise: Option<SocketAddr>,

    /// So many of them a second
    #[arg(long, default_value_t = 50_000)]
    noise_rate: u32,

    /// Fails if more than that share of the packets is lost, in percent
    #[arg(long)]
    most_loss: Option<f64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// WHIP and WHEP
    Whip,
    /// Janus's videoroom, by its HTTP interface
    Janus,
}

/// Somewhere to publish and subscribe.
trait Server {
    /// Has the server take the publisher of that index.
    fn publish(&mut self, index: usize, connection: &mut Connection) -> Result<()>;
    /// Has the server send what the publisher of that index sends.
    fn subscribe(&mut self, publisher: usize, connection: &mut Connection) -> Result<()>;
}

fn main() -> Result<()> {
    let config = Config::parse();
    common::init_log("warn,str0m=error,dimpl=error,is=error");
    let clip = Arc::new(Clip::read(&config.file)?);
    let tally = Arc::new(Tally::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (spawn, mut spawned) = tokio::sync::mpsc::unbounded_channel();
    // Signalling blocks, and media must not: it has a thread of its own.
    let media = std::thread::spawn(move || {
        runtime.block_on(async {
            while let Some(task) = spawned.recv().await {
                tokio::spawn(task);
            }
        });
    });
    let line = run(&config, &clip, &tally, |connection: Connection| {
        // The other end lives as long as the program.
        let _ = spawn.send(connection.run());
    });
    drop(spawn);
    let line = line?;
    media
        .join()
        .ok()
        .context("the thread of media has panicked")?;
    println!("{line}");
    let loss = tally.loss() * 100.0;
    anyhow::ensure!(
        config.most_loss.is_none_or(|most| loss <= most),
        "{loss:.3} % of the packets were lost"
    );
    anyhow::ensure!(
        tally.strange() == 0,
        "{} packets were not what was sent",
        tally.strange()
    );
    Ok(())
}

fn run(
    config: &Config,
    clip: &Arc<Clip>,
    tally: &Arc<Tally>,
    start: impl Fn(Connection),
) -> Result<String> {
    let host = reach::towards(&config.url)?;
    let mut server: Box<dyn Server> = match config.kind {
        Kind::Whip => Box::new(whip::Whip::new(&config.url, &config.room)),
        Kind::Janus => Box::new(janus::Janus::new(&config.url, &config.room)?),
    };
    tally.has_publishers(config.publishers);
    for index in 0..config.publishers {
        let mut connection = Connection::publisher(host, Arc::clone(clip), Arc::clone(tally))?;
        server
            .publish(index, &mut connection)
            .context("cannot publish")?;
        start(connection);
    }
    tally.wait_for(config.publishers, "publishers are connected")?;
    let came = Instant::now();
    for index in 0..config.subscribers {
        let mut connection = Connection::subscriber(host, Arc::clone(tally))?;
        let joined = server.subscribe(index % config.publishers.max(1), &mut connection);
        joined.with_context(|| format!("subscriber {index} cannot come in"))?;
        start(connection);
    }
    tally.wait_for(
        config.publishers + config.subscribers,
        "subscribers are connected",
    )?;
    let joined = came.elapsed();
    if let Some(to) = config.noise {
        noise::start(to, host, config.noise_rate)?;
    }
    std::thread::sleep(Duration::from_secs(config.settle));
    let before = (Usage::of(config.pid)?, Usage::of(Some(std::process::id()))?);
    let began = Instant::now();
    tally.begin();
    std::thread::sleep(Duration::from_secs(config.seconds));
    let took = began.elapsed();
    let server = Usage::of(config.pid)?.since(before.0);
    let own = Usage::of(Some(std::process::id()))?.since(before.1);
    tally.stop();
    tally.end();
    let memory = process::memory(config.pid)?;
    let line = tally.line(&config.name, config.subscribers, took, server, own);
    let joined = joined.as_secs_f64();
    Ok(format!(
        "{line} server {memory} MiB joined in {joined:.2} s"
    ))
}
