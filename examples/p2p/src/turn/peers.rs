//! Whom is relayed to: without a list, a relay would be a way into the network that the server is in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network: an address and how many of its first bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    address: IpAddr,
    bits: u32,
}

impl Net {
    /// Whether it has `ip` in it.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let differ = (net.to_bits() ^ ip.to_bits()).checked_shr(32 - self.bits);
                differ.unwrap_or(0) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let differ = (net.to_bits() ^ ip.to_bits()).checked_shr(128 - self.bits);
                differ.unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("{address:?} is no IP address"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= most)
                .ok_or_else(|| format!("{bits:?} is no count of bits up to {most}"))?,
        };
        Ok(Self { address, bits })
    }
}

/// Who decides.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Relayed to whatever else is said.
    pub allowed: Vec<Net>,
    /// Not relayed to.
    pub denied: Vec<Net>,
    /// Whether to private, loopback and link-local addresses.
    pub private: bool,
}

impl Policy {
    /// Whether it is relayed to `ip`.
    #[must_use]
    pub fn allows(&self, ip: IpAddr) -> bool {
        // A peer does not get another policy by being written as an IPv6 address.
        let ip = embedded(ip);
        if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return false;
        }
        let one_has = |nets: &[Net]| nets.iter().any(|net| net.contains(ip));
        if one_has(&self.allowed) {
            return true;
        }
        !one_has(&self.denied) && (self.private || is_public(ip))
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped ones (RFC 4291, section 2.5.5), those of NAT64 (RFC 6052) and
/// 6to4 (RFC 3056); others as they are.
fn embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [a, b, c, .., g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] => v4(g, h),
        // Compatible ones, but for `::` and `::1`.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => v4(high, low),
        _ if a == 0x2002 => v4(b, c),
        _ => ip,
    }
}

/// What is not set aside for some use inside of a network or a machine (RFC 6890).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || a == 0
                || a >= 240
                // Shared by providers (RFC 6598).
                || (a == 100 && (64..128).contains(&b))
                // Protocol assignments and tests of devices (RFC 2544).
                || (a, b, c) == (192, 0, 0)
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            !(ip == Ipv6Addr::LOCALHOST
                // Unique local, link-local, and what was site-local.
                || first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
                || first & 0xffc0 == 0xfec0
                // Teredo has an IPv4 address in disguise.
                || ip.segments()[..2] == [0x2001, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_read_and_have_their_addresses() {
        let net: Net = "10.1.0.0/16".parse().unwrap();
        assert!(net.contains(ip("10.1.255.255")) && !net.contains(ip("10.2.0.0")));
        assert!("0.0.0.0/0".parse::<Net>().unwrap().contains(ip("8.8.8.8")));
        assert!("::/0".parse::<Net>().unwrap().contains(ip("ff::1")));
        let one: Net = "192.0.2.7".parse().unwrap();
        assert!(one.contains(ip("192.0.2.7")) && !one.contains(ip("192.0.2.6")));
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "a/8",
            "::/129",
            "1.2.3.4/",
        ] {
            assert!(bad.parse::<Net>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_private_without_permission() {
        let policy = Policy::default();
        for private in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.9.9",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:a00:1::1",
            "2001::1",
        ] {
            assert!(!policy.allows(ip(private)), "{private}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "2606:4700::1", "::ffff:8.8.8.8"] {
            assert!(policy.allows(ip(public)), "{public}");
        }
    }

    #[test]
    fn allowed_beats_denied_beats_private() {
        let policy = Policy {
            allowed: vec!["10.1.0.0/16".parse().unwrap()],
            denied: vec!["10.0.0.0/8".parse().unwrap(), "8.8.8.8".parse().unwrap()],
            private: true,
        };
        assert!(policy.allows(ip("10.1.2.3")));
        assert!(!policy.allows(ip("10.2.2.3")));
        assert!(!policy.allows(ip("8.8.8.8")));
        assert!(policy.allows(ip("192.168.0.1")));
        assert!(!policy.allows(ip("0.0.0.0")));
    }
}
