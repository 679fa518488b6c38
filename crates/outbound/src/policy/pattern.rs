//! What an operator may write to open an address: names with `*`, addresses, networks.

use std::net::IpAddr;

use super::address::canonical;

/// One entry of a list of allowed or excepted hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Lower-case name; `*` stands for any characters, dots included.
    Name(String),
    /// The network's address and the length of its prefix in bits.
    Network(IpAddr, u8),
}

/// A pattern that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{pattern:?} is neither a host name (with * for any characters) nor an address nor a network such as 10.0.0.0/8"
)]
pub struct InvalidPattern {
    /// As it was written.
    pub pattern: String,
}

/// The longest name that DNS knows.
const NAME_BYTES_MAX: usize = 253;

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Pattern, InvalidPattern> {
        let invalid = || InvalidPattern {
            pattern: text.to_owned(),
        };
        let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse::<IpAddr>() {
            let ip = canonical(ip);
            return Ok(Pattern::Network(ip, width(ip)));
        }
        if let Some((address, bits)) = bare.split_once('/') {
            let ip = address.parse::<IpAddr>().map_err(|_| invalid())?;
            let bits = bits.parse::<u8>().map_err(|_| invalid())?;
            return if bits <= width(ip) {
                Ok(Pattern::Network(ip, bits))
            } else {
                Err(invalid())
            };
        }
        let name = bare.trim_end_matches('.').to_ascii_lowercase();
        let known =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(known) {
            return Err(invalid());
        }
        Ok(Pattern::Name(name))
    }

    /// Whether a lower-case name without final dot fits.
    pub(crate) fn matches_name(&self, name: &str) -> bool {
        match self {
            Pattern::Name(pattern) => glob(pattern.as_bytes(), name.as_bytes()),
            Pattern::Network(..) => false,
        }
    }

    /// Whether this is exactly that name, without wildcard.
    pub(crate) fn is_name(&self, name: &str) -> bool {
        matches!(self, Pattern::Name(pattern) if pattern == name)
    }

    /// Whether a canonical address lies in the network.
    pub(crate) fn matches_address(&self, ip: IpAddr) -> bool {
        match self {
            Pattern::Network(network, prefix) => {
                width(*network) == width(ip) && top_bits(*network, *prefix) == top_bits(ip, *prefix)
            }
            Pattern::Name(_) => false,
        }
    }

    /// Whether this is exactly that address and no wider network.
    pub(crate) fn is_address(&self, ip: IpAddr) -> bool {
        *self == Pattern::Network(ip, width(ip))
    }
}

fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// The first `count` bits as a number.
fn top_bits(ip: IpAddr, count: u8) -> u128 {
    let all = match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => ip.to_bits(),
    };
    all.checked_shr(128 - u32::from(count)).unwrap_or(0)
}

/// Matches with backtracking to the last star only: linear in practice, quadratic at worst, on names of 253 bytes.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (pattern, name, expected) in [
            ("jenkins", "jenkins", true),
            ("jenkins", "jenkins2", false),
            ("Jenkins.Corp.", "jenkins.corp", true),
            ("*.corp", "a.b.corp", true),
            ("*.corp", "corp", false),
            ("*.corp", "evil.corp.example.com", false),
            ("ci-*.corp", "ci-7.corp", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "anything.at.all", true),
            ("**", "", true),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches_name(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn networks() {
        for (pattern, ip, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe00::1", false),
            ("[::1]", "::1", true),
            ("::/0", "2001:db8::1", true),
        ] {
            let ip = ip.parse().unwrap();
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches_address(ip),
                expected,
                "{pattern} {ip}"
            );
        }
    }

    #[test]
    fn nonsense_is_named() {
        let long = "a".repeat(254);
        for text in [
            "",
            "a b",
            "http://x.y",
            "10.0.0.0/33",
            "10.0.0.0/",
            "x/8",
            "ü.de",
            "fd00::/129",
            &long,
        ] {
            assert_eq!(
                Pattern::parse(text),
                Err(InvalidPattern {
                    pattern: text.to_owned()
                })
            );
        }
    }

    #[test]
    fn an_address_is_not_a_network() {
        let ip = "169.254.169.254".parse().unwrap();
        assert!(Pattern::parse("169.254.169.254").unwrap().is_address(ip));
        assert!(Pattern::parse("169.254.169.254/32").unwrap().is_address(ip));
        assert!(!Pattern::parse("169.254.0.0/16").unwrap().is_address(ip));
    }
}
