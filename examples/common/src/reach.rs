//! At which addresses clients reach the server.

use anyhow::Context;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Candidates of a port: those that the operator announces, or the one it is bound to, or, where it is bound to all, those of this
/// machine that it would use towards the outside, and itself.
#[must_use]
pub fn addresses(bound: SocketAddr, announced: &[IpAddr]) -> Vec<SocketAddr> {
    let ips = match bound.ip() {
        _ if !announced.is_empty() => announced.to_vec(),
        ip if !ip.is_unspecified() => vec![ip],
        IpAddr::V4(_) => outward_v4()
            .into_iter()
            .chain([Ipv4Addr::LOCALHOST.into()])
            .collect(),
        IpAddr::V6(_) => outward_v6()
            .into_iter()
            .chain(outward_v4())
            .chain([Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()])
            .collect(),
    };
    let mut addresses = Vec::new();
    for ip in ips {
        let address = SocketAddr::new(ip, bound.port());
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// The address of IPv4 from which this machine would send to the outside.
#[must_use]
pub fn outward_v4() -> Option<IpAddr> {
    outward(
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv4Addr::new(192, 0, 2, 1).into(),
    )
}

/// That of IPv6.
#[must_use]
pub fn outward_v6() -> Option<IpAddr> {
    let outside = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    outward(Ipv6Addr::UNSPECIFIED.into(), outside.into())
}

/// The address from which this machine would send to the server of a URL with an address and a port: loopback is no candidate for everybody.
///
/// # Errors
/// If it has none, or no way leads there.
pub fn towards(url: &str) -> anyhow::Result<IpAddr> {
    let authority = url.split("://").nth(1).unwrap_or(url);
    let authority = authority.split('/').next().unwrap_or_default();
    let server: SocketAddr = authority
        .parse()
        .with_context(|| format!("{authority} is to be an address with a port"))?;
    let from = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    outward(from, server.ip()).with_context(|| format!("no way leads to {server}"))
}

/// `towards` may be an address for documentation (RFC 5737, RFC 3849): nothing is sent.
fn outward(from: IpAddr, towards: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((from, 0)).ok()?;
    socket.connect((towards, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_addresses_come_before_bound_ones() {
        let bound = "127.0.0.1:5000".parse().unwrap();
        assert_eq!(addresses(bound, &[]), [bound]);
        let outside: SocketAddr = "203.0.113.9:5000".parse().unwrap();
        assert_eq!(
            addresses(bound, &["203.0.113.9".parse().unwrap()]),
            [outside]
        );
        let all = addresses("0.0.0.0:5000".parse().unwrap(), &[]);
        assert!(all.contains(&bound), "{all:?}");
        assert!(all.iter().all(|address| !address.ip().is_unspecified()));
    }

    #[test]
    fn the_way_to_a_server_begins_here() {
        let here = towards("http://127.0.0.1:8080/room/tea").unwrap();
        assert_eq!(here, Ipv4Addr::LOCALHOST);
        for wrong in ["http://host:8080", "http://127.0.0.1", ""] {
            assert!(towards(wrong).is_err(), "{wrong}");
        }
    }
}
