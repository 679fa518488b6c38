//! Whether what is polled makes sense.

use super::{Problems, ZONE, is_zone};
use crate::sections::{Artifactory, Artifacts, DockerRegistry, Polling};

/// Most sources of one kind.
const SOURCES_MAX: usize = 500;

/// Longest name of a source, in bytes.
const NAME_BYTES_MAX: usize = 253;

pub(super) fn check(
    polling: &Polling,
    docker: &DockerRegistry,
    artifactory: &Artifactory,
    artifacts: &Artifacts,
    found: &mut Problems,
) {
    accounts(docker, found);
    searches(artifactory, found);
    let buckets = polling.s3.iter();
    let named = buckets.map(|it| (it.name.as_str(), it.zone.as_deref()));
    names("polling.s3", &named.collect::<Vec<_>>(), found);
    for (place, search) in polling.s3.iter().enumerate() {
        let mut add = |reason: &str| {
            found.add(
                "polling.s3",
                format!("[{place}] ({}) {reason}", search.name),
            )
        };
        if search.bucket.trim().is_empty() {
            add("has no bucket");
        }
        if !artifacts.s3.iter().any(|it| it.name == search.account) {
            add("has an account that is not in artifacts.s3");
        }
    }
}

fn accounts(docker: &DockerRegistry, found: &mut Problems) {
    const PATH: &str = "docker_registry.accounts";
    let all = &docker.accounts;
    let named = all.iter().map(|it| (it.name.as_str(), it.zone.as_deref()));
    names(PATH, &named.collect::<Vec<_>>(), found);
    for (place, account) in all.iter().enumerate() {
        let mut add =
            |reason: &str| found.add(PATH, format!("[{place}] ({}) {reason}", account.name));
        let host = account.address.split_once("://");
        let is_http = host.is_none_or(|(scheme, _)| matches!(scheme, "http" | "https"));
        if account.address.trim().is_empty() || !is_http || account.address.contains('@') {
            add("needs an address such as https://registry.example.com, without a user in it");
        }
        let passwords = usize::from(account.password.is_some())
            + usize::from(account.password_file.is_some())
            + usize::from(account.password_command.is_some());
        if usize::from(account.username.is_some()) != passwords {
            add("needs username and one of password, password_file and password_command together");
        }
        let ways = usize::from(account.username.is_some())
            + usize::from(account.username_password_file.is_some())
            + usize::from(account.docker_config_file.is_some());
        if ways > 1 {
            add("has more than one way to sign in");
        }
        let choices = usize::from(!account.repositories.is_empty())
            + usize::from(account.catalog_file.is_some())
            + usize::from(account.repositories_regex.is_some());
        if choices > 1 {
            add("has more than one of repositories, catalog_file and repositories_regex");
        }
        if let Some(pattern) = &account.repositories_regex
            && regex::Regex::new(&format!("^(?:{pattern})$")).is_err()
        {
            add("has a repositories_regex that is no regular expression");
        }
        limits(
            &mut add,
            [
                (u64::from(account.paginate_size), 1, 10_000, "paginate_size"),
                (account.client_timeout_ms, 100, 600_000, "client_timeout_ms"),
                (
                    u64::from(account.item_upper_threshold.unwrap_or(1)),
                    1,
                    1_000_000,
                    "item_upper_threshold",
                ),
            ],
        );
    }
}

/// Ranges within lists, which the schema's nodes do not reach.
fn limits<const N: usize>(add: &mut impl FnMut(&str), all: [(u64, u64, u64, &str); N]) {
    for (value, least, most, name) in all {
        if !(least..=most).contains(&value) {
            add(&format!(
                "has {name} {value}, must be between {least} and {most}"
            ));
        }
    }
}

fn searches(artifactory: &Artifactory, found: &mut Problems) {
    const PATH: &str = "artifactory.searches";
    let all = &artifactory.searches;
    let named = all.iter().map(|it| (it.name.as_str(), it.zone.as_deref()));
    names(PATH, &named.collect::<Vec<_>>(), found);
    for (place, search) in all.iter().enumerate() {
        let mut add =
            |reason: &str| found.add(PATH, format!("[{place}] ({}) {reason}", search.name));
        let url = &search.base_url;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            add("has a base_url that does not begin with http:// or https://");
        }
        // They stand within quotation marks in a query.
        let plain = |text: &str| !text.contains(['"', '\\', '\n']);
        let texts = [
            Some(&search.repo),
            search.group_id.as_ref(),
            search.artifact_extension.as_ref(),
        ];
        if search.repo.trim().is_empty() || !texts.into_iter().flatten().all(|text| plain(text)) {
            add(
                "needs a repo, and neither it nor group_id and artifact_extension may hold quotation marks or backslashes",
            );
        }
        let passwords =
            usize::from(search.password.is_some()) + usize::from(search.password_file.is_some());
        if usize::from(search.username.is_some()) != passwords {
            add("needs username and one of password and password_file together");
        }
        let tokens = usize::from(search.access_token.is_some())
            + usize::from(search.access_token_file.is_some());
        if tokens + passwords > 1 {
            add("has more than one way to sign in");
        }
    }
}

fn names(path: &str, all: &[(&str, Option<&str>)], found: &mut Problems) {
    if all.len() > SOURCES_MAX {
        let count = all.len();
        found.add(
            path,
            format!("has {count} entries, must have at most {SOURCES_MAX}"),
        );
    }
    for (place, (name, zone)) in all.iter().enumerate() {
        let mut add = |reason: String| found.add(path, format!("[{place}] ({name}) {reason}"));
        if name.trim().is_empty()
            || name.len() > NAME_BYTES_MAX
            || name.chars().any(char::is_control)
        {
            add(format!("needs a name of at most {NAME_BYTES_MAX} bytes"));
        }
        if all[..place].iter().any(|(other, _)| other == name) {
            add("has a name that another entry has".to_owned());
        }
        if zone.is_some_and(|zone| !is_zone(zone)) {
            add(format!("has a zone that {ZONE}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sections::{ArtifactorySearch, DockerRegistryAccount, S3Search, Settings};

    fn said(change: impl FnOnce(&mut Settings)) -> Result<(), String> {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check().map_err(|error| error.to_string())
    }

    fn account(change: impl FnOnce(&mut DockerRegistryAccount)) -> Result<(), String> {
        let mut account = DockerRegistryAccount {
            name: "hub".to_owned(),
            address: "https://index.docker.io".to_owned(),
            ..DockerRegistryAccount::default()
        };
        change(&mut account);
        said(|settings| settings.docker_registry.accounts = vec![account])
    }

    #[test]
    fn accounts_of_registries() {
        let text = || Some("x".to_owned());
        assert_eq!(account(|_| {}), Ok(()));
        assert_eq!(
            account(|it| it.address = "r.example.com:5000/v2".to_owned()),
            Ok(())
        );
        let file = account(|it| (it.username, it.password_file) = (text(), text()));
        assert_eq!(file, Ok(()));
        for (wrong, problem) in [
            (account(|it| it.name = String::new()), "needs a name"),
            (
                account(|it| it.address = "ftp://x".to_owned()),
                "needs an address",
            ),
            (
                account(|it| it.address = "https://u:p@x".to_owned()),
                "needs an address",
            ),
            (account(|it| it.username = text()), "together"),
            (account(|it| it.password_command = text()), "together"),
            (
                account(|it| (it.docker_config_file, it.username_password_file) = (text(), text())),
                "more than one way",
            ),
            (
                account(|it| (it.catalog_file, it.repositories) = (text(), vec!["a".to_owned()])),
                "more than one of",
            ),
            (
                account(|it| it.repositories_regex = Some("(".to_owned())),
                "no regular expression",
            ),
            (account(|it| it.paginate_size = 0), "paginate_size 0"),
            (account(|it| it.zone = Some("any".to_owned())), "zone"),
        ] {
            let text = wrong.unwrap_err();
            assert!(text.contains(problem), "{problem}: {text}");
        }
    }

    #[test]
    fn searches() {
        let search = ArtifactorySearch {
            name: "releases".to_owned(),
            base_url: "https://a.example.com/artifactory".to_owned(),
            repo: "libs".to_owned(),
            ..ArtifactorySearch::default()
        };
        let with = |search| said(|settings| settings.artifactory.searches = vec![search]);
        assert_eq!(with(search.clone()), Ok(()));
        let quoted = with(ArtifactorySearch {
            group_id: Some("a\"b".to_owned()),
            ..search
        });
        assert!(quoted.unwrap_err().contains("quotation marks"));
        let bucket = said(|settings| {
            let search = S3Search {
                name: "drops".to_owned(),
                account: "none".to_owned(),
                bucket: "b".to_owned(),
                ..S3Search::default()
            };
            settings.polling.s3 = vec![search];
        });
        assert!(bucket.unwrap_err().contains("not in artifacts.s3"));
    }
}
