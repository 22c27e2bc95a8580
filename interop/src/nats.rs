//! `nats-server`: where the nodes of a cluster find each other.

use std::{net::SocketAddr, process::Command};

use crate::{process::Process, wait_for};

/// A running one.
#[derive(Debug)]
pub struct Nats {
    /// The process.
    pub process: Process,
    address: SocketAddr,
}

impl Nats {
    /// Starts one on a free port.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start() -> Self {
        Self::at("-1")
    }

    /// Ends it, as a machine that fails.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again where it was.
    ///
    /// # Panics
    ///
    /// As [`Self::start`].
    pub fn restart(&mut self) {
        *self = Self::at(&self.address.port().to_string());
    }

    fn at(port: &str) -> Self {
        let mut command = Command::new(crate::peer::find("nats-server").expect("asked for"));
        command.args(["--addr", "127.0.0.1", "--port", port]);
        let mut process = Process::spawn("nats-server", &mut command);
        let address = wait_for("NATS", || {
            assert!(process.exited().is_none(), "nats-server has ended");
            process.stderr.pick(0, |line| {
                let (_, address) = line.split_once("Listening for client connections on ")?;
                address.trim().parse().ok()
            })
        });
        Self { process, address }
    }

    /// Where nodes reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }
}
