//! How far long work has come: a bar on a terminal, nothing on a pipe.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};
use std::fmt::Display;
use std::io::{self, IsTerminal, Read};
use std::sync::{Mutex, PoisonError};

/// The bar that is on the terminal; gone once nothing counts on it any more.
static BAR: Mutex<Option<WeakProgressBar>> = Mutex::new(None);

/// A bar over the bytes of an input, on standard error where that is a terminal.
pub fn bar(len: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(len, ProgressDrawTarget::stderr_with_hz(8));
    let template = match len {
        Some(_) => "{wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
        None => "{spinner} {bytes}, {bytes_per_sec}",
    };
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.downgrade());
    bar.with_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    )
}

/// Tells people something on standard error: on a line of its own, also while a bar is there.
pub fn say(what: impl Display) {
    let bar = BAR.lock().unwrap_or_else(PoisonError::into_inner);
    match bar.as_ref().and_then(WeakProgressBar::upgrade) {
        Some(bar) => bar.suspend(|| eprintln!("{what}")),
        None => eprintln!("{what}"),
    }
}

/// A reader that moves a bar on.
pub struct Counted<R> {
    pub inner: R,
    pub bar: ProgressBar,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.bar.inc(n as u64);
        Ok(n)
    }
}
