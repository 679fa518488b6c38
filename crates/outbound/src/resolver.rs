//! Names to addresses, past the policy: a name that leads to a forbidden address is as forbidden as the address, and
//! because the check sits where the connection takes its addresses from, a name that changes its answer between check
//! and use gains nothing.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::policy::Policy;

/// Fixed addresses by lower-case name, then the system's resolver, then the policy.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    pub(crate) policy: Policy,
    pub(crate) hosts: Arc<BTreeMap<String, Vec<IpAddr>>>,
}

/// A name without address.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct NotResolved {
    pub(crate) host: String,
    pub(crate) reason: String,
}

impl Resolver {
    /// The addresses of `host`, unchecked.
    pub(crate) async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, NotResolved> {
        let not_resolved = |reason: String| NotResolved {
            host: host.to_owned(),
            reason,
        };
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let found: Vec<IpAddr> = match self.hosts.get(&name) {
            Some(fixed) => fixed.clone(),
            None => tokio::net::lookup_host((host, 0))
                .await
                .map_err(|error: io::Error| not_resolved(error.to_string()))?
                .map(|address| address.ip())
                .collect(),
        };
        if found.is_empty() {
            Err(not_resolved("it has no address".to_owned()))
        } else {
            Ok(found)
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.look_up(name.as_str()).await?;
            let allowed = resolver.policy.allowed_addresses(name.as_str(), found)?;
            // Port 0 means the URL's.
            let addresses: Addrs = Box::new(allowed.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}
