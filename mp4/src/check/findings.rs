use super::{Finding, Rule};
use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;

/// Findings of one rule that are told; the rest is counted.
const SAME: u32 = 10;

/// Takes findings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) queue: VecDeque<Finding>,
    counts: BTreeMap<Rule, u32>,
}

impl Findings {
    pub(super) fn push(
        &mut self,
        rule: Rule,
        offset: u64,
        path: impl Into<String>,
        what: impl Into<Cow<'static, str>>,
    ) {
        let count = self.counts.entry(rule).or_default();
        *count = count.saturating_add(1);
        if *count <= SAME {
            self.queue.push_back(Finding {
                rule,
                offset,
                path: path.into(),
                what: what.into(),
            });
        }
    }

    /// Tells how often rules were broken that were broken too often.
    pub(super) fn finish(&mut self, end: u64) {
        for (rule, count) in core::mem::take(&mut self.counts) {
            if count > SAME {
                self.queue.push_back(Finding {
                    rule,
                    offset: end,
                    path: String::new(),
                    what: format!("{} more of these", count.saturating_sub(SAME)).into(),
                });
            }
        }
    }
}
