//! Build servers: from settings to clients, zones and what the API lists.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use gennaker_builds::jenkins::{Jenkins, JenkinsIdentity, Options};
use gennaker_builds::{BuildServer, Kind, Master, Masters};
use gennaker_bus::Bus;
use gennaker_cli::{Exit, Failure};
use gennaker_credentials::auth::Secret;
use gennaker_credentials::google::Identity;
use gennaker_jenkins::Config;
use gennaker_model::build_reads::{self, POOL};
use gennaker_outbound::{Client, Policy, Tls};
use gennaker_runtime::{Clock, Scope};
use gennaker_settings::{JenkinsMaster, Settings};
use gennaker_worker::asks::{self, Answerer};

use super::ms;

/// Largest answer of a build server, in bytes.
const RESPONSE_BYTES_MAX: u64 = 64 << 20;

/// What the tasks of the pool `jenkins` use: the servers that this zone reaches.
///
/// # Errors
/// An address, a certificate or a proxy variable cannot be used.
pub(crate) fn builds(settings: &Settings, clock: &Clock) -> Result<Config, Failure> {
    let jenkins = &settings.jenkins;
    Ok(Config {
        masters: masters(settings, clock)?,
        ui_url: jenkins.ui_url.clone(),
        script: jenkins
            .script_master
            .clone()
            .zip(jenkins.script_job.clone()),
    })
}

/// The servers that this zone reaches, for tasks and for pollers.
///
/// # Errors
/// An address, a certificate or a proxy variable cannot be used.
pub(crate) fn masters(settings: &Settings, clock: &Clock) -> Result<Masters, Failure> {
    let here = settings
        .jenkins
        .masters
        .iter()
        .filter(|master| is_here(settings, master.zone.as_deref()));
    let made: Result<Vec<Master>, Failure> = here
        .map(|master| jenkins(settings, clock, master))
        .collect();
    Ok(Masters::new(made?))
}

/// The servers as the API lists them, in the order of their names.
pub(crate) fn shown_masters(settings: &Settings) -> Vec<build_reads::Master> {
    let jenkins = settings
        .jenkins
        .masters
        .iter()
        .map(|master| build_reads::Master {
            name: master.name.clone(),
            kind: Kind::Jenkins.word().to_owned(),
            zone: master.zone.clone(),
            permissions: master.permissions.clone(),
        });
    let mut all: Vec<build_reads::Master> = jenkins.collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

/// The zones that builds of servers are pinned to.
pub(super) fn master_zones(settings: &Settings) -> BTreeMap<String, String> {
    let shown = shown_masters(settings).into_iter();
    shown
        .filter_map(|master| Some((master.name, master.zone?)))
        .collect()
}

/// Answers the API's questions about these servers until the scope ends.
pub(crate) async fn tell_builds(masters: Masters, bus: Bus, clock: Clock, scope: Scope) {
    let places = masters
        .iter()
        .map(|master| build_reads::place(&master.name))
        .collect();
    let answerer: Answerer = Arc::new(move |_, question| {
        let masters = masters.clone();
        Box::pin(async move { gennaker_jenkins::answer(&masters, &question).await.into() })
    });
    asks::run(bus, clock, POOL.to_owned(), places, answerer, scope).await;
}

fn is_here(settings: &Settings, zone: Option<&str>) -> bool {
    zone.is_none_or(|zone| zone == settings.zone)
}

fn jenkins(settings: &Settings, clock: &Clock, master: &JenkinsMaster) -> Result<Master, Failure> {
    let bad = |problem: String| {
        Failure::new(
            Exit::Usage,
            format!("jenkins.masters ({}): {problem}", master.name),
        )
    };
    let client = client(settings, tls(master).map_err(bad)?)?;
    let google = master.google_key_file.as_ref().map(|file| {
        let identity = Identity::new(client.clone(), clock.clone(), Some(PathBuf::from(file)));
        (Arc::new(identity), master.google_scopes.clone())
    });
    let password = Secret::of(master.password.as_ref(), master.password_file.as_ref());
    let options = Options {
        name: master.name.clone(),
        address: master.address.clone(),
        identity: JenkinsIdentity {
            user: master.username.clone().zip(password),
            token: Secret::of(master.token.as_ref(), master.token_file.as_ref()),
            google,
        },
        csrf: master.csrf,
        token_parameter: settings.jenkins.token_parameter.clone(),
        timeout: ms(settings.jenkins.timeout_ms),
    };
    let server: Arc<dyn BuildServer> = Arc::new(Jenkins::new(options, client).map_err(bad)?);
    Ok(Master {
        name: master.name.clone(),
        kind: Kind::Jenkins,
        zone: master.zone.clone(),
        permissions: master.permissions.clone(),
        item_upper_threshold: master.item_upper_threshold,
        server,
    })
}

/// A client for an address that an operator has named.
fn client(settings: &Settings, tls: Tls) -> Result<Client, Failure> {
    let timeout = ms(settings.jenkins.timeout_ms);
    let options = gennaker_outbound::Options {
        connect_timeout: ms(settings.outbound.connect_timeout_ms).min(timeout),
        read_timeout: timeout,
        total_timeout: timeout,
        response_bytes_max: RESPONSE_BYTES_MAX,
        proxies: super::proxies()?,
        tls,
        ..gennaker_outbound::Options::default()
    };
    super::client(Policy::trusted(), options)
}

/// Certificates are read once, when the process starts.
fn tls(master: &JenkinsMaster) -> Result<Tls, String> {
    let read = |file: &String| {
        std::fs::read(file).map_err(|error| format!("{file} cannot be read: {error}"))
    };
    let certificate = master.certificate_file.as_ref().map(read).transpose()?;
    let key = master.key_file.as_ref().map(read).transpose()?;
    Ok(Tls {
        extra_ca_pem: master.ca_file.as_ref().map(read).transpose()?,
        identity_pem: certificate.zip(key).map(|(mut pem, key)| {
            pem.push(b'\n');
            pem.extend(key);
            pem
        }),
        insecure_skip_verify: master.insecure_skip_verify,
    })
}
