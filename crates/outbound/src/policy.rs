//! Which addresses may be called.
//!
//! A pipeline's author chooses the URL of a webhook, and the worker that calls it sits inside the network with reach to
//! things the author has no business with: its own loopback, the cloud's metadata service with its credentials, other
//! services by their internal names. The rules are those of Spinnaker (its class `UserConfiguredUrlRestrictions`) and
//! three more: metadata services are refused by name and address whatever else is opened, addresses are checked again
//! after the name was resolved, and addresses that embed another (mapped, 6to4, NAT64) count as the one they embed.
//! Private networks stay allowed, as in Spinnaker: CI systems live there.

mod address;
mod pattern;

use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};

use address::Class;
pub use pattern::InvalidPattern;
pub(crate) use pattern::Pattern;

/// Decides about addresses; cheap to clone.
#[derive(Debug, Clone)]
pub struct Policy(Arc<Rules>);

#[derive(Debug)]
enum Rules {
    Trusted,
    Untrusted {
        allow_loopback: bool,
        allow_link_local: bool,
        allowed: Vec<Pattern>,
    },
}

/// What an operator opens for addresses chosen by pipeline authors. Nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// Allow `localhost`, 127.0.0.0/8 and ::1: for development, where the called service runs beside us.
    pub allow_loopback: bool,
    /// Allow 169.254.0.0/16 and fe80::/10, but for metadata services.
    pub allow_link_local: bool,
    /// Names, with `*` for any characters (`jenkins`, `*.svc.cluster.local`), which opens the rules about names;
    /// addresses and networks (`10.1.2.3`, `10.0.0.0/8`, `fd00::/8`), which opens the rules about addresses. A metadata
    /// service is opened only by its exact name or address.
    pub allowed_patterns: Vec<String>,
}

/// A target that the policy does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the address {target} is not allowed: {rule}")]
pub struct Refused {
    /// The host, or the scheme, or the address that a name led to.
    pub target: String,
    /// The rule that refused it.
    pub rule: Rule,
}

/// Why a target is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// Neither http nor https.
    #[error("only http and https may be called")]
    Scheme,
    /// No host in the URL.
    #[error("it has no host")]
    NoHost,
    /// This machine, by name or address.
    #[error("it is this machine (outbound.allow_loopback opens it)")]
    Loopback,
    /// Link-local address.
    #[error("it is link-local (outbound.allow_link_local opens it)")]
    LinkLocal,
    /// A cloud's metadata service.
    #[error(
        "it is a cloud's metadata service (only its exact name and address in outbound.allowed_patterns open it)"
    )]
    Metadata,
    /// Multicast, broadcast or reserved address.
    #[error(
        "it is a multicast, broadcast or reserved address (a network in outbound.allowed_patterns opens it)"
    )]
    Reserved,
    /// An address written as such, not a name.
    #[error("it is an address, not a name (a network in outbound.allowed_patterns opens it)")]
    LiteralAddress,
    /// A name without a dot.
    #[error("its name has no dot (a name in outbound.allowed_patterns opens it)")]
    NoDot,
    /// A name of an internal domain: `spinnaker`, `local`, `localdomain`, `internal`.
    #[error(
        "its name belongs to an internal domain (a name in outbound.allowed_patterns opens it)"
    )]
    InternalDomain,
}

/// Last labels that Spinnaker's `excludedDomains` refuse.
const INTERNAL_DOMAINS: [&str; 4] = ["spinnaker", "local", "localdomain", "internal"];

/// Names under which clouds offer their metadata service.
const METADATA_NAMES: [&str; 5] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "instance-data",
    "instance-data.ec2.internal",
];

impl Policy {
    /// For addresses that an operator configured or a person typed: any host, http and https only.
    pub fn trusted() -> Policy {
        Policy(Arc::new(Rules::Trusted))
    }

    /// For addresses that come from pipelines, triggers and answers of others.
    ///
    /// # Errors
    /// A pattern that is neither a name with wildcards nor an address nor a network.
    pub fn untrusted(exceptions: &Exceptions) -> Result<Policy, InvalidPattern> {
        let allowed = exceptions
            .allowed_patterns
            .iter()
            .map(|text| Pattern::parse(text))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Policy(Arc::new(Rules::Untrusted {
            allow_loopback: exceptions.allow_loopback,
            allow_link_local: exceptions.allow_link_local,
            allowed,
        })))
    }

    /// Checks what a URL itself says; what its name leads to is checked when it is resolved.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(url.scheme(), Rule::Scheme));
        }
        let host = url
            .host()
            .ok_or_else(|| refused(url.scheme(), Rule::NoHost))?;
        let rule = match host {
            Host::Ipv4(ip) => self.literal_rule(IpAddr::V4(ip)),
            Host::Ipv6(ip) => self.literal_rule(IpAddr::V6(ip)),
            Host::Domain(name) => self.name_rule(name.trim_end_matches('.')),
        };
        match rule {
            Some(rule) => Err(refused(&host.to_string(), rule)),
            None => Ok(()),
        }
    }

    /// Those of the addresses that `host` led to that may be called.
    ///
    /// # Errors
    /// None may; the rule is the first address's.
    pub(crate) fn allowed_addresses(
        &self,
        host: &str,
        addresses: Vec<IpAddr>,
    ) -> Result<Vec<IpAddr>, Refused> {
        let mut first = None;
        let mut allowed = Vec::with_capacity(addresses.len());
        for ip in addresses {
            match self.address_rule(ip) {
                None => allowed.push(ip),
                Some(rule) => {
                    first.get_or_insert_with(|| refused(&format!("{ip} of {host}"), rule));
                }
            }
        }
        match first {
            Some(refused) if allowed.is_empty() => Err(refused),
            _ => Ok(allowed),
        }
    }

    /// Whether names have to be resolved and checked before somebody else (a proxy) resolves them for us.
    pub(crate) fn checks_addresses(&self) -> bool {
        matches!(*self.0, Rules::Untrusted { .. })
    }

    fn name_rule(&self, name: &str) -> Option<Rule> {
        let Rules::Untrusted {
            allow_loopback,
            allowed,
            ..
        } = &*self.0
        else {
            return None;
        };
        let name = name.to_ascii_lowercase();
        if METADATA_NAMES.contains(&name.as_str()) {
            return (!allowed.iter().any(|pattern| pattern.is_name(&name)))
                .then_some(Rule::Metadata);
        }
        let opened = allowed.iter().any(|pattern| pattern.matches_name(&name));
        let last = name.rsplit('.').next().unwrap_or_default();
        if last == "localhost" {
            return (!opened && !allow_loopback).then_some(Rule::Loopback);
        }
        if opened {
            return None;
        }
        if INTERNAL_DOMAINS.contains(&last) {
            return Some(Rule::InternalDomain);
        }
        (!name.contains('.')).then_some(Rule::NoDot)
    }

    fn literal_rule(&self, ip: IpAddr) -> Option<Rule> {
        let Rules::Untrusted {
            allow_loopback,
            allow_link_local,
            allowed,
        } = &*self.0
        else {
            return None;
        };
        self.address_rule(ip).or_else(|| {
            let ip = address::canonical(ip);
            let opened = match address::class(ip) {
                Class::Loopback => *allow_loopback,
                Class::LinkLocal => *allow_link_local,
                Class::Metadata => true,
                Class::Reserved | Class::Other => false,
            };
            (!opened && !allowed.iter().any(|pattern| pattern.matches_address(ip)))
                .then_some(Rule::LiteralAddress)
        })
    }

    fn address_rule(&self, ip: IpAddr) -> Option<Rule> {
        let Rules::Untrusted {
            allow_loopback,
            allow_link_local,
            allowed,
        } = &*self.0
        else {
            return None;
        };
        let ip = address::canonical(ip);
        let in_network = || allowed.iter().any(|pattern| pattern.matches_address(ip));
        let (opened, rule) = match address::class(ip) {
            Class::Metadata => (
                allowed.iter().any(|pattern| pattern.is_address(ip)),
                Rule::Metadata,
            ),
            Class::Loopback => (*allow_loopback || in_network(), Rule::Loopback),
            Class::LinkLocal => (*allow_link_local || in_network(), Rule::LinkLocal),
            Class::Reserved => (in_network(), Rule::Reserved),
            Class::Other => return None,
        };
        (!opened).then_some(rule)
    }
}

fn refused(target: &str, rule: Rule) -> Refused {
    Refused {
        target: target.to_owned(),
        rule,
    }
}

#[cfg(test)]
mod tests;
