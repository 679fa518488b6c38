//! Build systems beside Jenkins: from settings to clients, and what the API lists.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gennaker_builds::codebuild::AwsCodeBuild;
use gennaker_builds::concourse::{Concourse, ConcourseOptions};
use gennaker_builds::gitlab::{Gitlab, GitlabOptions};
use gennaker_builds::google::{CloudBuildOptions, GoogleCloudBuild};
use gennaker_builds::travis::{Travis, TravisOptions};
use gennaker_builds::{Account, Accounts, BuildServer, Kind, Master, log};
use gennaker_cli::{Exit, Failure};
use gennaker_credentials::auth::Secret;
use gennaker_credentials::aws::{self, Service};
use gennaker_credentials::google::Identity;
use gennaker_model::{build_reads, build_service_reads};
use gennaker_outbound::{Client, Policy};
use gennaker_runtime::Clock;
use gennaker_settings::{ConcourseMaster, GitlabCiMaster, Settings, TravisMaster};

/// Largest answer, in bytes: logs of builds are read.
const RESPONSE_BYTES_MAX: u64 = 64 << 20;

/// Longest time of one call.
const CALL_MAX: Duration = Duration::from_secs(25);

/// The servers that this zone reaches.
///
/// # Errors
/// An address, a pattern or a proxy variable cannot be used.
pub(super) fn masters(settings: &Settings, clock: &Clock) -> Result<Vec<Master>, Failure> {
    let client = client(settings)?;
    let here = |zone: &Option<String>| super::builds::is_here(settings, zone.as_deref());
    let mut all = Vec::new();
    for master in settings.travis.masters.iter().filter(|it| here(&it.zone)) {
        all.push(travis(settings, clock, &client, master)?);
    }
    for master in settings
        .gitlab_ci
        .masters
        .iter()
        .filter(|it| here(&it.zone))
    {
        all.push(gitlab(clock, &client, master)?);
    }
    for master in settings
        .concourse
        .masters
        .iter()
        .filter(|it| here(&it.zone))
    {
        all.push(concourse(&client, master)?);
    }
    Ok(all)
}

/// The accounts of Google Cloud Build that this zone reaches.
///
/// # Errors
/// An address or a proxy variable cannot be used.
pub(super) fn google(
    settings: &Settings,
    clock: &Clock,
) -> Result<Accounts<GoogleCloudBuild>, Failure> {
    let client = client(settings)?;
    let here = settings.google_cloud_build.accounts.iter();
    let here = here.filter(|it| super::builds::is_here(settings, it.zone.as_deref()));
    let mut made = Vec::new();
    for account in here {
        let key = account.json_key_file.as_ref().map(PathBuf::from);
        let options = CloudBuildOptions {
            client: client.clone(),
            identity: Arc::new(Identity::new(client.clone(), clock.clone(), key)),
            project: account.project.clone(),
            region: account.cloud_build_region.clone(),
            address: account.endpoint.clone(),
            storage_address: account.storage_endpoint.clone(),
        };
        let service = GoogleCloudBuild::new(options);
        let service =
            service.map_err(|error| bad("google_cloud_build.accounts", &account.name, &error))?;
        made.push(Account {
            name: account.name.clone(),
            zone: account.zone.clone(),
            permissions: account.permissions.clone(),
            service: Arc::new(service),
        });
    }
    Ok(Accounts::new(made))
}

/// The accounts of AWS CodeBuild that this zone reaches.
///
/// # Errors
/// A proxy variable cannot be used.
pub(super) fn amazon(
    settings: &Settings,
    clock: &Clock,
) -> Result<Accounts<AwsCodeBuild>, Failure> {
    let client = client(settings)?;
    let section = &settings.aws_code_build;
    let secret = Secret::of(
        section.secret_access_key.as_ref(),
        section.secret_access_key_file.as_ref(),
    );
    let here = section.accounts.iter();
    let here = here.filter(|it| super::builds::is_here(settings, it.zone.as_deref()));
    let account = |account: &gennaker_settings::AwsCodeBuildAccount| {
        let options = aws::Options {
            region: account.region.clone(),
            service: "codebuild",
            endpoint: account.endpoint.clone(),
            key: section.access_key_id.clone().zip(secret.clone()),
            role: account.role(),
        };
        let service = Service::new(client.clone(), clock.clone(), options);
        Account {
            name: account.name.clone(),
            zone: account.zone.clone(),
            permissions: account.permissions.clone(),
            service: Arc::new(AwsCodeBuild::new(service)),
        }
    };
    Ok(Accounts::new(here.map(account)))
}

/// The servers as the API lists them.
pub(super) fn shown_masters(settings: &Settings) -> Vec<build_reads::Master> {
    let shown = |name: String, kind: Kind, zone: &Option<String>, permissions: &Permissions| {
        build_reads::Master {
            name,
            kind: kind.word().to_owned(),
            zone: zone.clone(),
            permissions: permissions.clone(),
        }
    };
    let travis = settings.travis.masters.iter();
    let travis = travis.map(|it| shown(it.shown_name(), Kind::Travis, &it.zone, &it.permissions));
    let gitlab = settings.gitlab_ci.masters.iter();
    let gitlab = gitlab.map(|it| shown(it.name.clone(), Kind::GitlabCi, &it.zone, &it.permissions));
    let concourse = settings.concourse.masters.iter();
    let concourse =
        concourse.map(|it| shown(it.shown_name(), Kind::Concourse, &it.zone, &it.permissions));
    travis.chain(gitlab).chain(concourse).collect()
}

/// The accounts of Google Cloud Build as the API lists them, in the order of their names.
pub(crate) fn shown_google(settings: &Settings) -> Vec<build_service_reads::Account> {
    let accounts = settings.google_cloud_build.accounts.iter();
    sorted(accounts.map(|it| build_service_reads::Account {
        name: it.name.clone(),
        zone: it.zone.clone(),
        permissions: it.permissions.clone(),
    }))
}

/// The accounts of AWS CodeBuild as the API lists them, in the order of their names.
pub(crate) fn shown_amazon(settings: &Settings) -> Vec<build_service_reads::Account> {
    let accounts = settings.aws_code_build.accounts.iter();
    sorted(accounts.map(|it| build_service_reads::Account {
        name: it.name.clone(),
        zone: it.zone.clone(),
        permissions: it.permissions.clone(),
    }))
}

/// Roles by permission.
type Permissions = std::collections::BTreeMap<String, Vec<String>>;

fn sorted(
    accounts: impl Iterator<Item = build_service_reads::Account>,
) -> Vec<build_service_reads::Account> {
    let mut accounts: Vec<_> = accounts.collect();
    accounts.sort_by(|one, other| one.name.cmp(&other.name));
    accounts
}

fn travis(
    settings: &Settings,
    clock: &Clock,
    client: &Client,
    master: &TravisMaster,
) -> Result<Master, Failure> {
    let (path, section) = ("travis.masters", &settings.travis);
    let token = Secret::of(
        master.github_token.as_ref(),
        master.github_token_file.as_ref(),
    );
    let patterns: Result<Vec<_>, _> = section.regexes.iter().map(|it| log::pattern(it)).collect();
    let server = Travis::new(TravisOptions {
        client: client.clone(),
        clock: clock.clone(),
        address: master.address.clone(),
        base_url: master.base_url.trim_end_matches('/').to_owned(),
        github_token: token.ok_or_else(|| bad(path, &master.name, &"it has no github_token"))?,
        number_of_jobs: size(master.number_of_jobs),
        build_result_limit: size(master.build_result_limit),
        filtered_repositories: master.filtered_repositories.clone(),
        use_log_complete: master.use_log_complete,
        patterns: patterns.map_err(|error| bad(path, &master.name, &error))?,
        message_key: section.build_message_key.clone(),
    });
    let server: Arc<dyn BuildServer> =
        Arc::new(server.map_err(|error| bad(path, &master.name, &error))?);
    Ok(Master {
        name: master.shown_name(),
        kind: Kind::Travis,
        zone: master.zone.clone(),
        permissions: master.permissions.clone(),
        item_upper_threshold: master.item_upper_threshold,
        server,
    })
}

fn gitlab(clock: &Clock, client: &Client, master: &GitlabCiMaster) -> Result<Master, Failure> {
    let path = "gitlab_ci.masters";
    let token = Secret::of(
        master.private_token.as_ref(),
        master.private_token_file.as_ref(),
    );
    let server = Gitlab::new(GitlabOptions {
        client: client.clone(),
        clock: clock.clone(),
        address: master.address.clone(),
        private_token: token.ok_or_else(|| bad(path, &master.name, &"it has no private_token"))?,
        trigger_token: Secret::of(
            master.trigger_token.as_ref(),
            master.trigger_token_file.as_ref(),
        ),
        limit_by_membership: master.limit_by_membership,
        limit_by_ownership: master.limit_by_ownership,
        page_length: master.default_http_page_length,
    });
    let server: Arc<dyn BuildServer> =
        Arc::new(server.map_err(|error| bad(path, &master.name, &error))?);
    Ok(Master {
        name: master.name.clone(),
        kind: Kind::GitlabCi,
        zone: master.zone.clone(),
        permissions: master.permissions.clone(),
        item_upper_threshold: master.item_upper_threshold,
        server,
    })
}

fn concourse(client: &Client, master: &ConcourseMaster) -> Result<Master, Failure> {
    let path = "concourse.masters";
    let password = Secret::of(master.password.as_ref(), master.password_file.as_ref());
    let filter = master
        .resource_filter_regex
        .as_deref()
        .map(log::pattern)
        .transpose();
    let server = Concourse::new(ConcourseOptions {
        client: client.clone(),
        url: master.url.clone(),
        username: master.username.clone(),
        password: password.ok_or_else(|| bad(path, &master.name, &"it has no password"))?,
        teams: master.teams.clone(),
        resource_filter: filter.map_err(|error| bad(path, &master.name, &error))?,
        build_lookback_limit: master.build_lookback_limit,
    });
    let server: Arc<dyn BuildServer> =
        Arc::new(server.map_err(|error| bad(path, &master.name, &error))?);
    Ok(Master {
        name: master.shown_name(),
        kind: Kind::Concourse,
        zone: master.zone.clone(),
        permissions: master.permissions.clone(),
        item_upper_threshold: master.item_upper_threshold,
        server,
    })
}

/// A client for addresses that operators name.
fn client(settings: &Settings) -> Result<Client, Failure> {
    let options = gennaker_outbound::Options {
        connect_timeout: super::ms(settings.outbound.connect_timeout_ms).min(CALL_MAX),
        read_timeout: CALL_MAX,
        total_timeout: CALL_MAX,
        response_bytes_max: RESPONSE_BYTES_MAX,
        proxies: super::proxies()?,
        ..gennaker_outbound::Options::default()
    };
    super::client(Policy::trusted(), options)
}

fn bad(path: &str, name: &str, problem: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format!("{path} ({name}): {problem}"))
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
