//! What kind of address an address is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Kinds that the policy treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// This machine, the unspecified addresses included: connecting to 0.0.0.0 reaches loopback.
    Loopback,
    LinkLocal,
    /// A cloud's metadata service.
    Metadata,
    /// Multicast, broadcast, reserved for the future.
    Reserved,
    Other,
}

/// AWS (instances, containers, pods), Google, Azure, Oracle, Alibaba; some lie outside of the link-local network.
const METADATA_V4: [Ipv4Addr; 7] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 169, 253),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(100, 100, 100, 200),
];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

pub(super) fn class(ip: IpAddr) -> Class {
    match canonical(ip) {
        IpAddr::V4(ip) if METADATA_V4.contains(&ip) => Class::Metadata,
        IpAddr::V4(ip) if ip.is_loopback() || ip.octets()[0] == 0 => Class::Loopback,
        IpAddr::V4(ip) if ip.is_link_local() => Class::LinkLocal,
        // 224.0.0.0/4 multicast, 240.0.0.0/4 reserved and broadcast.
        IpAddr::V4(ip) if ip.octets()[0] >= 224 => Class::Reserved,
        IpAddr::V6(ip) if METADATA_V6.contains(&ip) => Class::Metadata,
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unspecified() => Class::Loopback,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Class::LinkLocal,
        IpAddr::V6(ip) if ip.is_multicast() => Class::Reserved,
        IpAddr::V4(_) | IpAddr::V6(_) => Class::Other,
    }
}

/// The IPv4 address that an IPv6 one stands for, if it does: `::ffff:a.b.c.d` (mapped), `::a.b.c.d` (compatible),
/// `64:ff9b::a.b.c.d` (NAT64), `2002:aabb:ccdd::` (6to4).
pub(super) fn canonical(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let segments = v6.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        _ => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for (text, expected) in [
            ("127.0.0.1", Class::Loopback),
            ("127.255.1.2", Class::Loopback),
            ("0.0.0.0", Class::Loopback),
            ("0.1.2.3", Class::Loopback),
            ("::1", Class::Loopback),
            ("::", Class::Loopback),
            ("::ffff:127.0.0.1", Class::Loopback),
            ("::127.0.0.1", Class::Loopback),
            ("64:ff9b::7f00:1", Class::Loopback),
            ("2002:7f00:1::", Class::Loopback),
            ("169.254.1.1", Class::LinkLocal),
            ("fe80::1", Class::LinkLocal),
            ("febf::1", Class::LinkLocal),
            ("169.254.169.254", Class::Metadata),
            ("::ffff:169.254.169.254", Class::Metadata),
            ("64:ff9b::a9fe:a9fe", Class::Metadata),
            ("fd00:ec2::254", Class::Metadata),
            ("168.63.129.16", Class::Metadata),
            ("224.0.0.1", Class::Reserved),
            ("255.255.255.255", Class::Reserved),
            ("240.0.0.1", Class::Reserved),
            ("ff02::1", Class::Reserved),
            ("10.0.0.1", Class::Other),
            ("192.168.0.1", Class::Other),
            ("8.8.8.8", Class::Other),
            ("fd00::1", Class::Other),
            ("2001:db8::1", Class::Other),
        ] {
            assert_eq!(class(text.parse().unwrap()), expected, "{text}");
        }
    }
}
