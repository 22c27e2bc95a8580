use super::{Refused, Target};
use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// A request for the server: `POST`, with [`CONTENT_TYPE`](super::CONTENT_TYPE).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path.
    pub path: String,
    /// The body, never empty.
    pub body: Bytes,
}

/// The client's end of one tunnel: one request at a time.
///
/// ```
/// use fluvial_rtmp::tunnel::Client;
/// use std::time::Duration;
///
/// let mut tunnel = Client::new();
/// let now = Duration::ZERO;
/// let request = tunnel.poll_request(now, || None).unwrap();
/// assert_eq!(request.path, "/open/1");
/// assert!(tunnel.handle_response(200, b"AbC\n", now)?.is_empty());
/// let mut bytes = Some(b"\x03..."[..].into());
/// let request = tunnel.poll_request(now, || bytes.take()).unwrap();
/// assert_eq!((&*request.path, &request.body[..]), ("/send/AbC/0", &b"\x03..."[..]));
/// assert_eq!(tunnel.handle_response(200, b"\x01\x03...", now)?, b"\x03...");
/// # Ok::<(), fluvial_rtmp::tunnel::Refused>(())
/// ```
#[derive(Debug, Default)]
pub struct Client {
    id: Option<String>,
    next: u32,
    /// The request that has no answer yet.
    open: Option<Request>,
    /// When to ask for news.
    due: Duration,
    /// Idle requests in a row that brought none.
    silent: u32,
    closing: bool,
    closed: bool,
}

/// Bytes from which on a request is long enough.
const ENOUGH: usize = 256 << 10;
/// A client asks again after at most so long.
const LONGEST: Duration = Duration::from_millis(500);

impl Client {
    /// A tunnel that is about to be opened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next request, if there is reason for one and none is without its answer; `transmit` gives the session's bytes, piece by
    /// piece.
    ///
    /// To be called after each answer, when the session has something to transmit, and at [`poll_timeout`](Self::poll_timeout).
    pub fn poll_request(
        &mut self,
        now: Duration,
        mut transmit: impl FnMut() -> Option<Bytes>,
    ) -> Option<Request> {
        if self.open.is_some() || self.closed {
            return None;
        }
        let nothing = Bytes::from_static(&[0]);
        let Some(id) = &self.id else {
            return Some(self.ask(&Target::Open, nothing));
        };
        let (id, number) = (id.clone(), Some(self.next));
        let mut body = Vec::new();
        while body.len() <= ENOUGH
            && let Some(bytes) = transmit()
        {
            body.extend_from_slice(&bytes);
        }
        let (target, body) = if !body.is_empty() {
            (Target::Send { id, number }, body.into())
        } else if self.closing {
            (Target::Close { id, number }, nothing)
        } else if now >= self.due {
            (Target::Idle { id, number }, nothing)
        } else {
            return None;
        };
        self.next = self.next.wrapping_add(1);
        Some(self.ask(&target, body))
    }

    fn ask(&mut self, target: &Target, body: Bytes) -> Request {
        let path = target.to_string();
        let request = Request { path, body };
        self.open = Some(request.clone());
        request
    }

    /// The request that has no answer yet, to be sent again where the connection broke: the server tells whether it has had it.
    #[must_use]
    pub const fn open_request(&self) -> Option<&Request> {
        self.open.as_ref()
    }

    /// Takes the answer to the open request; gives what the session gets.
    ///
    /// # Errors
    /// [`Refused::Status`] for another status than 200 and for an answer without what must be there: the tunnel is closed then.
    pub fn handle_response<'a>(
        &mut self,
        status: u16,
        body: &'a [u8],
        now: Duration,
    ) -> Result<&'a [u8], Refused> {
        let Some(request) = self.open.take() else {
            return Ok(&[]);
        };
        let refused = Err(Refused::Status(status));
        if status != 200 {
            self.closed = true;
            return refused;
        }
        if self.id.is_none() {
            let id = core::str::from_utf8(body).unwrap_or_default().trim();
            if id.is_empty()
                || !id
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'/')
            {
                self.closed = true;
                return refused;
            }
            self.id = Some(id.into());
            return Ok(&[]);
        }
        let Some((interval, data)) = body.split_first() else {
            self.closed = true;
            return refused;
        };
        if *interval == 0 || request.path.starts_with("/close") {
            self.closed = true;
        }
        let wait = if data.is_empty() {
            self.silent = self.silent.saturating_add(1);
            // A 64th of a second each.
            Duration::from_micros(u64::from(*interval) * 15_625)
        } else {
            self.silent = 0;
            Duration::ZERO
        };
        self.due = now.saturating_add(wait.min(LONGEST));
        Ok(data)
    }

    /// Closes the tunnel, once the session has nothing to transmit any more.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Whether it is closed: by the server, or by us and the server knows.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// When to call [`poll_request`](Self::poll_request), if nothing happens before; none while an answer is awaited.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        (self.open.is_none() && !self.closed).then_some(self.due)
    }
}
