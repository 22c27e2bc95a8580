//! What a process has used of the machine, as Linux tells it: for those who measure a server from outside.

use anyhow::{Context, Result};

/// Ticks of the kernel's accounting in a second: it is 100 on every Linux.
const TICKS: f64 = 100.0;

/// Time in the program and in the kernel, of all threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage(u64);

impl Usage {
    /// Of a process so far; of none: nothing.
    ///
    /// # Errors
    /// If there is no such process, or no `/proc`.
    pub fn of(pid: Option<u32>) -> Result<Self> {
        let Some(pid) = pid else {
            return Ok(Self::default());
        };
        let path = format!("/proc/{pid}/stat");
        let stat = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        // The name stands in brackets and may hold anything.
        let rest = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |index: usize| -> Result<u64> {
            let field = fields.get(index).context("a process has times")?;
            Ok(field.parse()?)
        };
        Ok(Self(ticks(11)? + ticks(12)?))
    }

    /// What was used since then.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self(self.0.saturating_sub(before.0))
    }

    /// In seconds; two processors use two of them in one.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / TICKS
    }
}

/// MiB that a process has in memory; of none: nothing.
///
/// # Errors
/// If there is no such process, or no `/proc`.
pub fn memory(pid: Option<u32>) -> Result<u64> {
    let Some(pid) = pid else {
        return Ok(0);
    };
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = kib.context("a process has memory")?.parse()?;
    Ok(kib / 1024)
}
