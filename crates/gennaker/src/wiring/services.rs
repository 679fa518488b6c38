//! Services that stages call by name: from settings to what the pool `notify` calls.

use std::path::PathBuf;

use gennaker_cli::Failure;
use gennaker_notify::{Gremlin, Jira, PagerDuty, Services};
use gennaker_outbound::Policy;
use gennaker_settings::Settings;

/// Where they are, and a client for addresses that operators have set.
///
/// # Errors
/// A proxy variable or certificate cannot be used.
pub(crate) fn services(settings: &Settings) -> Result<Services, Failure> {
    let outbound = &settings.outbound;
    let limits = gennaker_notify::client_options();
    let options = gennaker_outbound::Options {
        connect_timeout: super::ms(outbound.connect_timeout_ms),
        read_timeout: super::ms(outbound.read_timeout_ms),
        proxies: super::proxies()?,
        ..limits
    };
    let set = &settings.services;
    let jira = set.jira.url.as_ref().map(|url| Jira {
        base_url: url.clone(),
        username: set.jira.username.clone().unwrap_or_default(),
        password_file: PathBuf::from(set.jira.password_file.clone().unwrap_or_default()),
    });
    let token_file = set.pager_duty.token_file.as_ref();
    Ok(Services {
        client: super::client(Policy::trusted(), options)?,
        jira,
        pager_duty: token_file.map(|file| PagerDuty {
            endpoint: set.pager_duty.url.clone(),
            token_file: PathBuf::from(file),
        }),
        gremlin: Gremlin {
            base_url: set.gremlin.url.clone(),
            api_key_file: set.gremlin.api_key_file.as_ref().map(PathBuf::from),
        },
    })
}
