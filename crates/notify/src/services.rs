//! Services that a stage calls by their name, because operators have said where they are: Jira, PagerDuty, Gremlin.
//!
//! Spinnaker has them in Echo (`jira.*`, `pager-duty.*`) and Orca (`integrations.gremlin.*`). Their addresses are the operator's, so
//! that they may lie in a private network; their credentials are files, read at use.

mod call;
mod gremlin;
mod jira;
mod page;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

use gennaker_channels::{jira::Jira, pager_duty::PagerDuty};
use gennaker_outbound::Client;
use gennaker_store::Store;
use gennaker_worker::Task;

pub(crate) use gremlin::{HaltAttack, LaunchAttack, MonitorAttack};
pub(crate) use jira::CreateIssue;
pub(crate) use page::PageOwner;

/// Where the services are, and how to call them.
#[derive(Clone, Debug)]
pub struct Services {
    /// For addresses that operators have set.
    pub client: Client,
    /// Jira, if there is one.
    pub jira: Option<Jira>,
    /// PagerDuty, if it may be called.
    pub pager_duty: Option<PagerDuty>,
    /// Gremlin.
    pub gremlin: Gremlin,
}

/// Gremlin. Source: orca `GremlinConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gremlin {
    /// Its address, to which `attacks/new` and the like are added.
    pub base_url: String,
    /// Holds the key for stages that bring none.
    pub api_key_file: Option<PathBuf>,
}

impl Services {
    /// None but Gremlin, whose stages bring their key.
    #[must_use]
    pub fn without_credentials(client: Client) -> Self {
        Self {
            client,
            jira: None,
            pager_duty: None,
            gremlin: Gremlin {
                base_url: Gremlin::USUAL.to_owned(),
                api_key_file: None,
            },
        }
    }
}

impl Gremlin {
    /// The address unless another is set.
    pub const USUAL: &'static str = "https://api.gremlin.com/v1";
}

/// Every task that calls one of them.
pub(crate) fn tasks(services: &Services, store: &Store) -> Vec<Arc<dyn Task>> {
    let Services {
        client,
        jira,
        pager_duty,
        gremlin,
    } = services;
    vec![
        Arc::new(CreateIssue::new(client.clone(), jira.clone())),
        Arc::new(PageOwner::new(
            client.clone(),
            store.clone(),
            pager_duty.clone(),
        )),
        Arc::new(LaunchAttack::new(client.clone(), gremlin.clone())),
        Arc::new(MonitorAttack::new(client.clone(), gremlin.clone())),
        Arc::new(HaltAttack::new(client.clone(), gremlin.clone())),
    ]
}
