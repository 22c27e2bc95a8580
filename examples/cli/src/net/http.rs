//! HTTP: whole resources, parts of them, and bodies as they come.

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use rustls::crypto::ring;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, BodyReader, ResponseExt};

/// How servers are talked to.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Take any certificate of a server, which proves nothing then.
    #[arg(long, short = 'k')]
    pub insecure: bool,
    /// A header line for HTTP requests, such as `Authorization: Bearer ...`. May be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub headers: Vec<(String, String)>,
}

fn header(text: &str) -> Result<(String, String)> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| anyhow!("a header is written as name: value"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Silence after which a server is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often something is asked for that could not be had for reasons that may pass.
const ATTEMPTS: u32 = 4;
/// Before it is asked for again the first time; twice as long each time.
const PAUSE: Duration = Duration::from_millis(250);

static OPTIONS: OnceLock<Options> = OnceLock::new();

/// Says how servers are talked to from here on; the first word stands.
pub fn configure(options: &Options) {
    let _ = OPTIONS.set(options.clone());
}

fn options() -> &'static Options {
    OPTIONS.get_or_init(Options::default)
}

/// The certificates that this system trusts: those of `SSL_CERT_FILE` or `SSL_CERT_DIR`, where they are set.
pub fn roots() -> Vec<rustls::pki_types::CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

pub fn is_insecure() -> bool {
    options().insecure
}

fn agent() -> &'static Agent {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    AGENT.get_or_init(|| {
        let roots = roots();
        let roots = roots
            .iter()
            .map(|der| Certificate::from_der(der).to_owned());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::from(roots))
            .disable_verification(is_insecure())
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .build();
        Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .user_agent(concat!("fluvial/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent()
    })
}

/// A server's answer that is none of those hoped for.
#[derive(Debug)]
pub struct Status(pub u16);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = ureq::http::StatusCode::from_u16(self.0)
            .ok()
            .and_then(|status| status.canonical_reason());
        write!(
            f,
            "the server answers {} {}",
            self.0,
            words.unwrap_or_default()
        )
    }
}

impl std::error::Error for Status {}

impl Status {
    /// Whether it may be otherwise soon.
    const fn may_pass(&self) -> bool {
        matches!(self.0, 408 | 425 | 429 | 500 | 502 | 503 | 504)
    }
}

/// An answer whose body is to be read.
pub struct Response {
    /// Where it came from, after redirects.
    pub url: String,
    /// Bytes of the whole resource, where that is known.
    pub total: Option<u64>,
    /// Whether it is the part that was asked for.
    pub is_part: bool,
    pub body: BodyReader<'static>,
}

/// Asks for a resource, or for a part of it; servers may give all of it nevertheless.
pub fn get(url: &str, range: Option<&Range<u64>>) -> Result<Response> {
    attempt(|| ask(url, range))
}

/// Tries until it succeeds, or fails for good.
fn attempt<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match work() {
            Err(error) if may_pass(&error) => {
                std::thread::sleep(pause);
                pause *= 2;
            }
            done => return done,
        }
    }
    work()
}

fn may_pass(error: &anyhow::Error) -> bool {
    if let Some(status) = error.downcast_ref::<Status>() {
        return status.may_pass();
    }
    match error.downcast_ref::<ureq::Error>() {
        // A name that is not known, or a port where nobody listens, stays so.
        Some(ureq::Error::Io(error)) => error.kind() != io::ErrorKind::ConnectionRefused,
        Some(ureq::Error::Timeout(_) | ureq::Error::Protocol(_)) => true,
        Some(_) => false,
        None => error.downcast_ref::<io::Error>().is_some(),
    }
}

fn ask(url: &str, range: Option<&Range<u64>>) -> Result<Response> {
    let mut request = agent().get(url);
    for (name, value) in &options().headers {
        request = request.header(name, value);
    }
    if let Some(range) = range {
        let last = match range.end {
            u64::MAX => String::new(),
            end => end.saturating_sub(1).to_string(),
        };
        request = request.header("range", format!("bytes={}-{last}", range.start));
    }
    let response = request.call()?;
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    let url = response.get_uri().to_string();
    let (is_part, total) = match status {
        206 => {
            let told = header("content-range").and_then(|range| range.rsplit('/').next());
            (true, told.and_then(|total| total.trim().parse().ok()))
        }
        200..=299 => (
            false,
            header("content-length").and_then(|len| len.trim().parse().ok()),
        ),
        other => return Err(Status(other).into()),
    };
    let body = response
        .into_body()
        .into_with_config()
        .limit(u64::MAX)
        .reader();
    Ok(Response {
        url,
        total,
        is_part,
        body,
    })
}

/// What was read.
pub struct Found {
    /// Where it came from, after redirects.
    pub url: String,
    pub data: Bytes,
}

/// Reads a resource, or a part of it as far as it is there.
pub fn read(url: &str, range: Option<&Range<u64>>, most: u64) -> Result<Found> {
    attempt(|| {
        let response = ask(url, range)?;
        let mut body = response.body;
        let mut data = Vec::new();
        let wanted = match range {
            Some(range) => {
                if !response.is_part {
                    io::copy(&mut body.by_ref().take(range.start), &mut io::sink())?;
                }
                range.end.saturating_sub(range.start)
            }
            None => u64::MAX,
        };
        body.take(wanted.min(most.saturating_add(1)))
            .read_to_end(&mut data)?;
        if data.len() as u64 > most {
            bail!("more than {most} bytes, which this cannot have");
        }
        Ok(Found {
            url: response.url,
            data: data.into(),
        })
    })
}

/// Sends bytes and reads the answer; for tunnels.
pub fn post(url: &str, content_type: &str, body: &[u8]) -> Result<(u16, Vec<u8>)> {
    let response = agent()
        .post(url)
        .header("content-type", content_type)
        .send(body)?;
    let status = response.status().as_u16();
    let data = response
        .into_body()
        .into_with_config()
        .limit(TUNNELLED)
        .read_to_vec()?;
    Ok((status, data))
}

/// Bytes of an answer in a tunnel.
const TUNNELLED: u64 = 64 << 20;

/// A body that is asked for again, from where it broke off, as long as it gets anywhere.
pub struct Body {
    url: String,
    body: BodyReader<'static>,
    at: u64,
    total: Option<u64>,
    can_resume: bool,
    failures: u32,
}

impl Body {
    /// Of an answer that begins at this offset.
    pub fn new(response: Response, at: u64) -> Self {
        Self {
            can_resume: response.is_part,
            url: response.url,
            body: response.body,
            at,
            total: response.total,
            failures: 0,
        }
    }

    fn is_whole(&self) -> bool {
        self.total.is_none_or(|total| self.at >= total)
    }
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let failed = match self.body.read(buf) {
                Ok(0) if self.is_whole() || buf.is_empty() => return Ok(0),
                Ok(0) => io::Error::from(io::ErrorKind::UnexpectedEof),
                Ok(n) => {
                    self.at += n as u64;
                    self.failures = 0;
                    return Ok(n);
                }
                Err(error) => error,
            };
            self.failures += 1;
            if !self.can_resume || self.total.is_none() || self.failures > ATTEMPTS {
                return Err(failed);
            }
            let rest = self.at..u64::MAX;
            match get(&self.url, Some(&rest)) {
                Ok(response) if response.is_part && response.total == self.total => {
                    self.body = response.body;
                }
                // It is another one by now, or gone.
                _ => return Err(failed),
            }
        }
    }
}
