use std::time::{Duration, Instant};

/// Longest time between two packets of who does not ask for consent and is not gone.
const SILENCE: Duration = Duration::from_secs(5);
/// The same of who only receives, and so sends but reports: five of their longest intervals (RFC 3550 §6.3.5).
const REPORTS: Duration = Duration::from_secs(25);
/// Longest time without any datagram of who sends, or asks for consent (RFC 7675 §5.1: every 4 to 6 s), and is not gone.
const NOTHING: Duration = Duration::from_secs(8);
/// Binding requests that come so long after somebody has come ask for consent; those before look for a way.
const SETTLED: Duration = Duration::from_secs(10);

/// Signs of life of a client. Some never ask for consent to send (RFC 7675), GStreamer 1.22 among them, and are here nonetheless as long as they
/// send, or report.
#[derive(Debug, Clone, Copy)]
pub struct Presence {
    since: Instant,
    heard: Instant,
    came: Instant,
    asks: bool,
    unchecked: bool,
}

impl Presence {
    /// Of who has come just now.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self {
            since: now,
            heard: now,
            came: now,
            asks: false,
            unchecked: false,
        }
    }

    /// Since when they are here.
    #[must_use]
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// A datagram came, of whatever kind; `asks` says that it is a binding request: to find a way, and later, where they do what RFC 7675
    /// says, all the time.
    pub fn came(&mut self, asks: bool, now: Instant) {
        self.came = now;
        self.asks |= asks && now.saturating_duration_since(self.since) > SETTLED;
    }

    /// Something came that only they can have sent.
    pub const fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Whether ICE takes the connection for lost, as they ask for consent no longer.
    pub const fn set_unchecked(&mut self, unchecked: bool) {
        self.unchecked = unchecked;
    }

    /// Whether nothing has come for so long that the connection is taken for dead where ICE says so. `sends` says whether they send media.
    #[must_use]
    pub fn is_silent(&self, sends: bool, now: Instant) -> bool {
        let patience = if sends || self.asks { SILENCE } else { REPORTS };
        now.saturating_duration_since(self.heard) > patience
    }

    /// Whether they are gone: nothing comes at all of who would send something were they there, or ICE says so and nothing belies it.
    #[must_use]
    pub fn is_gone(&self, sends: bool, now: Instant) -> bool {
        let speaks = sends || self.asks;
        let has_ceased = speaks && now.saturating_duration_since(self.came) > NOTHING;
        has_ceased || self.unchecked && self.is_silent(sends, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Second by second, until they are gone; `each` is what comes.
    fn lasts(sends: bool, mut each: impl FnMut(u64, &mut Presence, Instant)) -> Option<u64> {
        let start = Instant::now();
        let mut presence = Presence::new(start);
        (0..120).find(|&second| {
            let now = start + Duration::from_secs(second);
            each(second, &mut presence, now);
            presence.is_gone(sends, now)
        })
    }

    #[test]
    fn who_asks_for_no_consent_is_here_while_they_send_or_report() {
        let unchecked_after = |second, presence: &mut Presence| {
            presence.set_unchecked(second >= 15);
        };
        let sends = |until| {
            lasts(true, move |second, presence, now| {
                unchecked_after(second, presence);
                if second < until {
                    presence.came(false, now);
                    presence.heard(now);
                }
            })
        };
        assert_eq!(sends(120), None);
        assert_eq!(sends(60), Some(65));
        let reports = |until| {
            lasts(false, move |second, presence, now| {
                unchecked_after(second, presence);
                if second < until && second % 5 == 0 {
                    presence.came(false, now);
                    presence.heard(now);
                }
            })
        };
        assert_eq!(reports(120), None);
        assert_eq!(reports(61), Some(86));
    }

    #[test]
    fn who_asks_is_gone_soon_after_the_last_question() {
        let gone = lasts(false, |second, presence, now| {
            if second <= 30 && second % 5 == 0 {
                presence.came(true, now);
            }
        });
        assert_eq!(gone, Some(39));
    }
}
