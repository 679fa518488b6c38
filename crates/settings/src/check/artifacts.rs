//! Whether accounts of artifacts make sense.

use super::Problems;
use crate::sections::Artifacts;

/// Most accounts of one kind.
const ACCOUNTS_MAX: usize = 500;

/// Longest name of an account, in bytes.
const NAME_BYTES_MAX: usize = 253;

/// What an account has to say about its credentials.
#[derive(Default)]
struct Credentials {
    has_user: bool,
    passwords: usize,
    pair_file: bool,
    tokens: usize,
    others: usize,
}

/// One account, as far as its kind does not matter.
struct Account<'a> {
    name: &'a str,
    zone: Option<&'a str>,
    credentials: Credentials,
}

macro_rules! account {
    ($account:expr $(, $part:ident: $value:expr)*) => {
        Account {
            name: &$account.name,
            zone: $account.zone.as_deref(),
            #[allow(clippy::needless_update, reason = "one kind has them all")]
            credentials: Credentials { $($part: $value,)* ..Credentials::default() },
        }
    };
}

macro_rules! passwords {
    ($account:expr) => {
        usize::from($account.password.is_some()) + usize::from($account.password_file.is_some())
    };
}

macro_rules! tokens {
    ($account:expr) => {
        usize::from($account.token.is_some()) + usize::from($account.token_file.is_some())
    };
}

pub(super) fn check(artifacts: &Artifacts, found: &mut Problems) {
    let all = artifacts;
    accounts("http", &all.http, found, |it| {
        account!(it, has_user: it.username.is_some(), passwords: passwords!(it),
            pair_file: it.username_password_file.is_some())
    });
    accounts("github", &all.github, found, |it| {
        account!(it, has_user: it.username.is_some(), passwords: passwords!(it),
            pair_file: it.username_password_file.is_some(), tokens: tokens!(it), others: usize::from(it.app_id.is_some()))
    });
    accounts(
        "gitlab",
        &all.gitlab,
        found,
        |it| account!(it, tokens: tokens!(it)),
    );
    accounts("bitbucket", &all.bitbucket, found, |it| {
        account!(it, has_user: it.username.is_some(), passwords: passwords!(it),
            pair_file: it.username_password_file.is_some(), tokens: tokens!(it))
    });
    accounts("git_repo", &all.git_repo, found, |it| {
        // A user name without a password belongs to a token.
        let has_user = it.username.is_some() && tokens!(it) == 0;
        account!(it, has_user: has_user, passwords: passwords!(it),
            pair_file: it.username_password_file.is_some(), tokens: tokens!(it), others: usize::from(it.app_id.is_some()))
    });
    accounts("helm", &all.helm, found, |it| {
        account!(it, has_user: it.username.is_some(), passwords: passwords!(it),
            pair_file: it.username_password_file.is_some())
    });
    accounts("helm_oci", &all.helm_oci, found, |it| {
        account!(it, has_user: it.username.is_some(), passwords: passwords!(it),
            pair_file: it.username_password_file.is_some())
    });
    accounts("s3", &all.s3, found, |it| {
        let secrets = usize::from(it.aws_secret_access_key.is_some())
            + usize::from(it.aws_secret_access_key_file.is_some());
        account!(it, has_user: it.aws_access_key_id.is_some(), passwords: secrets)
    });
    accounts("gcs", &all.gcs, found, |it| account!(it));
    accounts("oracle", &all.oracle, found, |it| account!(it));
    accounts(
        "maven",
        &all.maven,
        found,
        |it| account!(it, has_user: it.username.is_some(), passwords: passwords!(it)),
    );
    accounts(
        "jenkins",
        &all.jenkins,
        found,
        |it| account!(it, has_user: it.username.is_some(), passwords: passwords!(it)),
    );
    addresses(all, found);
    let apps = all.github.iter().enumerate().map(|(place, it)| {
        let is_whole = it.app_id.is_some() == it.app_private_key_file.is_some();
        ("github", place, &it.name, is_whole)
    });
    let apps = apps.chain(all.git_repo.iter().enumerate().map(|(place, it)| {
        let is_whole = it.app_id.is_some() == it.app_private_key_file.is_some();
        ("git_repo", place, &it.name, is_whole)
    }));
    for (kind, place, name, is_whole) in apps {
        if !is_whole {
            let said = format!("[{place}] ({name}) app_id and app_private_key_file go together");
            found.add(&format!("artifacts.{kind}"), said);
        }
    }
    for (place, it) in all.oracle.iter().enumerate() {
        let needed = [
            &it.namespace,
            &it.region,
            &it.user_id,
            &it.fingerprint,
            &it.ssh_private_key_file,
            &it.tenancy_id,
        ];
        if needed.iter().any(|text| text.trim().is_empty()) {
            let said = format!(
                "[{place}] ({}) needs namespace, region, user_id, fingerprint, ssh_private_key_file and tenancy_id",
                it.name
            );
            found.add("artifacts.oracle", said);
        }
    }
}

/// What all kinds have in common.
fn accounts<T>(
    kind: &str,
    all: &[T],
    found: &mut Problems,
    view: impl for<'a> Fn(&'a T) -> Account<'a>,
) {
    let path = format!("artifacts.{kind}");
    if all.len() > ACCOUNTS_MAX {
        let said = format!(
            "has {} accounts, must have at most {ACCOUNTS_MAX}",
            all.len()
        );
        found.add(&path, said);
    }
    for (place, account) in all.iter().enumerate() {
        let Account {
            name,
            zone,
            credentials,
        } = view(account);
        let mut add = |reason: &str| found.add(&path, format!("[{place}] ({name}) {reason}"));
        if name.trim().is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control)
        {
            add("has no name of 1 to 253 bytes");
        }
        if all[..place].iter().any(|other| view(other).name == name) {
            add("has a name that another account of its kind has");
        }
        if zone.is_some_and(|zone| !super::is_zone(zone)) {
            add("has a zone that is none");
        }
        let Credentials {
            has_user,
            passwords,
            pair_file,
            tokens,
            others,
        } = credentials;
        if passwords > 1 || tokens > 1 {
            add("has a secret both in the settings and in a file");
        }
        if has_user != (passwords > 0) {
            add("has a user name without a password, or a password without a user name");
        }
        let ways = [passwords > 0, pair_file, tokens > 0, others > 0];
        if ways.into_iter().filter(|is_set| *is_set).count() > 1 {
            add("has more than one kind of credentials");
        }
    }
}

/// Addresses and hosts.
fn addresses(all: &Artifacts, found: &mut Problems) {
    let required = all.helm.iter().map(|it| ("helm", &it.name, &it.repository));
    let required = required
        .chain(
            all.helm_oci
                .iter()
                .map(|it| ("helm_oci", &it.name, &it.address)),
        )
        .chain(
            all.maven
                .iter()
                .map(|it| ("maven", &it.name, &it.repository_url)),
        )
        .chain(
            all.jenkins
                .iter()
                .map(|it| ("jenkins", &it.name, &it.address)),
        );
    for (kind, name, address) in required {
        if !is_address(address) {
            let said = format!("({name}) has no address that begins with http:// or https://");
            found.add(&format!("artifacts.{kind}"), said);
        }
    }
    let optional = all
        .github
        .iter()
        .map(|it| ("github", &it.name, &it.api_base_url));
    let optional = optional
        .chain(all.s3.iter().map(|it| ("s3", &it.name, &it.api_endpoint)))
        .chain(all.gcs.iter().map(|it| ("gcs", &it.name, &it.api_endpoint)))
        .chain(
            all.oracle
                .iter()
                .map(|it| ("oracle", &it.name, &it.api_endpoint)),
        );
    for (kind, name, address) in optional {
        if address
            .as_deref()
            .is_some_and(|address| !is_address(address))
        {
            let said =
                format!("({name}) has an address that does not begin with http:// or https://");
            found.add(&format!("artifacts.{kind}"), said);
        }
    }
    let hosts = all.http.iter().map(|it| ("http", &it.name, &it.hosts));
    let hosts = hosts
        .chain(all.github.iter().map(|it| ("github", &it.name, &it.hosts)))
        .chain(all.gitlab.iter().map(|it| ("gitlab", &it.name, &it.hosts)))
        .chain(
            all.bitbucket
                .iter()
                .map(|it| ("bitbucket", &it.name, &it.hosts)),
        )
        .chain(
            all.helm_oci
                .iter()
                .map(|it| ("helm_oci", &it.name, &it.hosts)),
        )
        .chain(
            all.git_repo
                .iter()
                .map(|it| ("git_repo", &it.name, &it.allowed_hosts)),
        );
    for (kind, name, hosts) in hosts {
        for host in hosts.iter().filter(|host| !is_host(host)) {
            let said = format!(
                "({name}) has the host {host:?}, which is neither a host nor scheme, host and port"
            );
            found.add(&format!("artifacts.{kind}"), said);
        }
    }
    for it in &all.http {
        if (it.username.is_some() || it.username_password_file.is_some()) && it.hosts.is_empty() {
            let said = format!("({}) has credentials, and no hosts that get them", it.name);
            found.add("artifacts.http", said);
        }
    }
    for it in &all.git_repo {
        let has_https = it.username.is_some()
            || it.username_password_file.is_some()
            || it.token.is_some()
            || it.token_file.is_some()
            || it.app_id.is_some();
        if has_https && it.allowed_hosts.is_empty() {
            let said = format!(
                "({}) has credentials for https, and no allowed_hosts that get them",
                it.name
            );
            found.add("artifacts.git_repo", said);
        }
    }
}

fn is_address(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty() && !rest.contains(['@', ' ']))
    })
}

/// A host, or an origin.
fn is_host(text: &str) -> bool {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or(text);
    !rest.is_empty() && !rest.contains(['/', '@', ' ', '?', '#', '*'])
}

#[cfg(test)]
mod tests {
    use crate::layers::{File, load};

    fn problems(text: &str) -> Vec<String> {
        match load(Some(File { name: "test", text }), Vec::new()) {
            Ok(_) => Vec::new(),
            Err(crate::Error::Invalid(problems)) => problems
                .into_iter()
                .map(|it| format!("{} {}", it.path, it.reason))
                .collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn accounts_that_make_sense_pass() {
        let text = r#"
            [[artifacts.http]]
            name = "web"
            username = "anna"
            password_file = "/run/secrets/web"
            hosts = ["files.example.com", "http://files.local:8080"]

            [[artifacts.github]]
            name = "web"
            token_file = "/run/secrets/github"
            read_permissions = ["dev"]

            [[artifacts.helm]]
            name = "charts"
            repository = "https://charts.example.com/stable"
        "#;
        assert_eq!(problems(text), [""; 0]);
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let text = r#"
            [[artifacts.http]]
            name = "a"
            username = "anna"
            password = "x"
            password_file = "/y"

            [[artifacts.http]]
            name = "a"
            zone = "any"
            hosts = ["https://x/y"]

            [[artifacts.github]]
            name = "g"
            token = "t"
            app_id = "7"

            [[artifacts.helm]]
            name = "h"
            repository = "charts"
            password = "x"
        "#;
        assert_eq!(
            problems(text),
            [
                "artifacts.http [0] (a) has a secret both in the settings and in a file",
                "artifacts.http [1] (a) has a name that another account of its kind has",
                "artifacts.http [1] (a) has a zone that is none",
                "artifacts.http (a) has the host \"https://x/y\", which is neither a host nor scheme, host and port",
                "artifacts.http (a) has credentials, and no hosts that get them",
                "artifacts.github [0] (g) has more than one kind of credentials",
                "artifacts.github [0] (g) app_id and app_private_key_file go together",
                "artifacts.helm [0] (h) has a user name without a password, or a password without a user name",
                "artifacts.helm (h) has no address that begins with http:// or https://",
            ]
        );
    }
}
