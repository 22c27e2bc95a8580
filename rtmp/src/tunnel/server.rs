use super::{Refused, Target};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use rand_core::RngCore;

/// How a tunnel's server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How long an `/idle` waits for something to tell. Default 100 ms: neither ffmpeg nor librtmp waits itself.
    pub hold: Duration,
    /// Without a request for so long, the client is gone. Default 30 s.
    pub expiry: Duration,
    /// Bytes of a request's body. Default 4 MiB: librtmp sends a message as a whole.
    pub body: usize,
    /// Bytes from which on an answer is long enough; what is left waits for the next. Default 256 KiB.
    pub answer: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hold: Duration::from_millis(100),
            expiry: Duration::from_secs(30),
            body: 4 << 20,
            answer: 256 << 10,
        }
    }
}

/// Names a request until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// A request that will be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// By which to ask for the answer.
    pub ticket: Ticket,
    /// What the session gets; nothing of a request that came before.
    pub input: &'a [u8],
}

/// Whether there is an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The body of an answer with status 200.
    Ready(Bytes),
    /// Not yet: ask again when the session has something to transmit, at the latest at this time.
    Wait(Duration),
}

/// The server's end of one tunnel.
///
/// A request that comes again, because its answer was lost, is answered again, and its body not taken twice.
#[derive(Debug)]
pub struct Server {
    config: Config,
    id: String,
    /// The number of the next request.
    next: u32,
    tickets: u64,
    /// The request that has no answer yet.
    open: Option<Open>,
    /// The answer to the last request.
    last: Option<Bytes>,
    /// Answers in a row that told nothing.
    silent: u32,
    heard: Duration,
    closed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    ticket: Ticket,
    /// Until when it may wait.
    until: Duration,
}

/// Answers without news before a client is asked to wait longer.
const PATIENCE: u32 = 10;

impl Server {
    /// A tunnel whose id, 128 bits that nobody can guess, is taken from `rng` now.
    pub fn new(config: Config, rng: &mut dyn RngCore, now: Duration) -> Self {
        let id = format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64());
        Self {
            config,
            id,
            next: 0,
            tickets: 0,
            open: None,
            last: None,
            silent: 0,
            heard: now,
            closed: false,
        }
    }

    /// Its id: whoever knows it has the tunnel.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The body of the answer to `/open/1`.
    #[must_use]
    pub fn open_response(&self) -> Bytes {
        format!("{}\n", self.id).into()
    }

    /// Takes a request for this tunnel.
    ///
    /// # Errors
    /// [`Refused`], whose [`status`](Refused::status) is the answer. The tunnel stands as before.
    pub fn handle_request<'a>(
        &mut self,
        target: &Target,
        body: &'a [u8],
        now: Duration,
    ) -> Result<Accepted<'a>, Refused> {
        if target.id() != Some(&*self.id) {
            return Err(Refused::Unknown);
        }
        if body.len() > self.config.body {
            return Err(Refused::TooLong);
        }
        let again = target
            .number()
            .is_some_and(|number| number.wrapping_add(1) == self.next);
        if self.closed && !again {
            return Err(Refused::Closed);
        }
        if !again && target.number().is_some_and(|number| number != self.next) {
            return Err(Refused::OutOfOrder);
        }
        self.heard = now;
        self.tickets = self.tickets.wrapping_add(1);
        let ticket = Ticket(self.tickets);
        let hold = match target {
            Target::Idle { .. } => self.config.hold,
            _ => Duration::ZERO,
        };
        let until = now.saturating_add(hold);
        self.open = Some(Open { ticket, until });
        if again {
            return Ok(Accepted { ticket, input: &[] });
        }
        self.next = self.next.wrapping_add(1);
        self.last = None;
        let input = match target {
            Target::Send { .. } => body,
            Target::Close { .. } => {
                self.closed = true;
                &[]
            }
            _ => &[],
        };
        Ok(Accepted { ticket, input })
    }

    /// The answer to a request; `transmit` gives the session's bytes, piece by piece.
    ///
    /// To be called after the session has had the input, and again as long as it is to wait.
    pub fn poll_response(
        &mut self,
        ticket: Ticket,
        now: Duration,
        mut transmit: impl FnMut() -> Option<Bytes>,
    ) -> Reply {
        /// Closed, or soon.
        const CLOSED: u8 = 0;
        let Some(open) = self.open.filter(|open| open.ticket == ticket) else {
            // A newer request came: it gets what there is.
            return Reply::Ready(Bytes::from_static(&[1]));
        };
        if let Some(last) = &self.last {
            self.open = None;
            return Reply::Ready(last.clone());
        }
        let mut answer = Vec::new();
        while answer.len() <= self.config.answer
            && !self.closed
            && let Some(bytes) = transmit()
        {
            if answer.is_empty() {
                answer.reserve(bytes.len().saturating_add(1));
                answer.push(1);
            }
            answer.extend_from_slice(&bytes);
        }
        if answer.is_empty() {
            if now < open.until && !self.closed {
                return Reply::Wait(open.until);
            }
            answer.push(if self.closed { CLOSED } else { self.interval() });
            self.silent = self.silent.saturating_add(1);
        } else {
            self.silent = 0;
        }
        let answer = Bytes::from(answer);
        self.last = Some(answer.clone());
        self.open = None;
        Reply::Ready(answer)
    }

    /// How long to wait until the next `/idle`, in units of about a 64th of a second: longer the longer nothing happens.
    fn interval(&self) -> u8 {
        const STEPS: [u8; 6] = [0x01, 0x03, 0x05, 0x09, 0x11, 0x21];
        let step = self.silent.checked_div(PATIENCE).unwrap_or_default();
        let last = STEPS.len().saturating_sub(1);
        let step = usize::try_from(step).unwrap_or(last).min(last);
        STEPS.get(step).copied().unwrap_or(1)
    }

    /// Closes the tunnel from our side: the answer to the open or next request says so.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether either side has closed it.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// When the client is taken for gone, if it asks for nothing before: then the tunnel is to be dropped, its session told of the end.
    #[must_use]
    pub fn poll_timeout(&self) -> Duration {
        self.heard.saturating_add(self.config.expiry)
    }

    /// Whether the client is gone.
    #[must_use]
    pub fn is_expired(&self, now: Duration) -> bool {
        now >= self.poll_timeout()
    }

    /// Bytes held: the last answer.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.last.as_ref().map_or(0, Bytes::len)
    }
}
