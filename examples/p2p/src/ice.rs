//! Which servers a page is told of, with credentials.

use crate::message::{IceServer, Notice};
use crate::turn::credentials::{Credentials, Secret};
use std::net::{IpAddr, SocketAddr};

/// Where the servers are, and what makes credentials.
#[derive(Debug, Clone)]
pub(crate) struct Ice {
    pub(crate) secret: Secret,
    pub(crate) ttl: u64,
    pub(crate) turn: SocketAddr,
    pub(crate) turns: Option<SocketAddr>,
    pub(crate) external: Option<IpAddr>,
}

impl Ice {
    pub(crate) fn credentials(&self, name: &str, now: u64) -> Credentials {
        self.secret.issue(name, now.saturating_add(self.ttl))
    }

    /// Addresses of STUN, and of TURN; `host` is how the page's server is called (`example.org:8080`), which tells how this machine is
    /// reached if nothing better does.
    pub(crate) fn urls(&self, host: &str) -> (String, Vec<String>) {
        let at = |bound: SocketAddr| {
            let ip = self
                .external
                .or(Some(bound.ip()).filter(|ip| !ip.is_unspecified()));
            match ip {
                Some(ip) => SocketAddr::new(ip, bound.port()).to_string(),
                None => format!("{}:{}", without_port(host), bound.port()),
            }
        };
        let turn = at(self.turn);
        let mut urls = vec![
            format!("turn:{turn}?transport=udp"),
            format!("turn:{turn}?transport=tcp"),
        ];
        if let Some(turns) = self.turns {
            urls.push(format!("turns:{}?transport=tcp", at(turns)));
        }
        (format!("stun:{turn}"), urls)
    }

    pub(crate) fn notice(&self, host: &str, name: &str, now: u64) -> Notice {
        let (stun, turn) = self.urls(host);
        let credentials = self.credentials(name, now);
        let servers = vec![
            IceServer {
                urls: vec![stun],
                username: None,
                credential: None,
            },
            IceServer {
                urls: turn,
                username: Some(credentials.username),
                credential: Some(credentials.password),
            },
        ];
        Notice::Ice {
            servers,
            ttl: self.ttl,
        }
    }
}

/// A host without its port: IPv6 addresses keep their brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_where_the_page_is_unless_it_is_known_better() {
        let mut ice = Ice {
            secret: Secret::new("north"),
            ttl: 60,
            turn: "0.0.0.0:3478".parse().unwrap(),
            turns: Some("0.0.0.0:5349".parse().unwrap()),
            external: None,
        };
        let (stun, turn) = ice.urls("example.org:8080");
        assert_eq!(stun, "stun:example.org:3478");
        assert_eq!(turn[1], "turn:example.org:3478?transport=tcp");
        assert_eq!(turn[2], "turns:example.org:5349?transport=tcp");
        assert_eq!(ice.urls("[::1]:8080").0, "stun:[::1]:3478");
        assert_eq!(ice.urls("[::1]").0, "stun:[::1]:3478");
        ice.turn = "127.0.0.1:9".parse().unwrap();
        assert_eq!(ice.urls("example.org").0, "stun:127.0.0.1:9");
        ice.external = Some("203.0.113.9".parse().unwrap());
        assert_eq!(ice.urls("example.org").0, "stun:203.0.113.9:9");
        assert_eq!(ice.credentials("ann", 40).username, "100:ann");
    }
}
