//! Whether build systems beside Jenkins make sense.

use std::collections::BTreeMap;

use regex::RegexBuilder;

use super::{Problems, ZONE, is_zone};
use crate::secret::Secret;
use crate::sections::{ConcourseMaster, Settings, TravisMaster};

/// Most entries of one kind.
const ENTRIES_MAX: usize = 500;

/// Largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// One entry, as far as its kind does not matter.
struct Entry<'a> {
    name: &'a str,
    zone: Option<&'a str>,
    permissions: &'a BTreeMap<String, Vec<String>>,
    /// What it needs besides: a rule that is broken, and the sentence.
    rules: Vec<(bool, &'static str)>,
}

macro_rules! entry {
    ($it:expr, $rules:expr) => {
        Entry {
            name: &$it.name,
            zone: $it.zone.as_deref(),
            permissions: &$it.permissions,
            rules: $rules,
        }
    };
}

pub(super) fn check(settings: &Settings, found: &mut Problems) {
    let travis = settings.travis.masters.iter().map(|it| {
        let token = secrets(it.github_token.as_ref(), it.github_token_file.as_ref());
        entry!(
            it,
            vec![
                (
                    !is_http(&it.address),
                    "has an address that does not begin with http:// or https://"
                ),
                (
                    !is_http(&it.base_url),
                    "has a base_url that does not begin with http:// or https://"
                ),
                (token != 1, "needs either github_token or github_token_file"),
            ]
        )
    });
    entries("travis.masters", travis.collect(), found);
    patterns("travis.regexes", settings.travis.regexes.iter(), found);
    if settings.travis.build_message_key.trim().is_empty() {
        found.add("travis.build_message_key", "is empty");
    }
    let gitlab = settings.gitlab_ci.masters.iter().map(|it| {
        let private = secrets(it.private_token.as_ref(), it.private_token_file.as_ref());
        let trigger = secrets(it.trigger_token.as_ref(), it.trigger_token_file.as_ref());
        entry!(
            it,
            vec![
                (
                    !is_http(&it.address),
                    "has an address that does not begin with http:// or https://"
                ),
                (
                    private != 1,
                    "needs either private_token or private_token_file"
                ),
                (trigger > 1, "has both trigger_token and trigger_token_file"),
            ]
        )
    });
    entries("gitlab_ci.masters", gitlab.collect(), found);
    let concourse = settings.concourse.masters.iter().map(|it| {
        let password = secrets(it.password.as_ref(), it.password_file.as_ref());
        entry!(
            it,
            vec![
                (
                    !is_http(&it.url),
                    "has a url that does not begin with http:// or https://"
                ),
                (it.username.trim().is_empty(), "has no username"),
                (password != 1, "needs either password or password_file"),
            ]
        )
    });
    entries("concourse.masters", concourse.collect(), found);
    let filters = settings.concourse.masters.iter();
    let filters = filters.filter_map(|it| it.resource_filter_regex.as_ref());
    patterns("concourse.masters", filters, found);
    let google = settings.google_cloud_build.accounts.iter().map(|it| {
        let others = [&it.endpoint, &it.storage_endpoint];
        let wrong = others
            .into_iter()
            .flatten()
            .any(|address| !is_http(address));
        entry!(
            it,
            vec![
                (it.project.trim().is_empty(), "has no project"),
                (
                    wrong,
                    "has an endpoint that does not begin with http:// or https://"
                ),
            ]
        )
    });
    entries("google_cloud_build.accounts", google.collect(), found);
    code_build(settings, found);
    // One name is one server, whatever its kind.
    let jenkins = settings.jenkins.masters.iter().map(|it| it.name.clone());
    let names = jenkins
        .chain(settings.travis.masters.iter().map(TravisMaster::shown_name))
        .chain(settings.gitlab_ci.masters.iter().map(|it| it.name.clone()))
        .chain(
            settings
                .concourse
                .masters
                .iter()
                .map(ConcourseMaster::shown_name),
        );
    let mut seen: Vec<String> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            let said = format!("has the server {name:?}, as another section of build systems has");
            found.add("gitlab_ci.masters", said);
        }
        seen.push(name);
    }
}

fn code_build(settings: &Settings, found: &mut Problems) {
    let section = &settings.aws_code_build;
    let accounts = section.accounts.iter().map(|it| {
        let is_short = it
            .assume_role
            .as_ref()
            .is_some_and(|role| !role.starts_with("arn:"));
        entry!(
            it,
            vec![
                (it.region.trim().is_empty(), "has no region"),
                (
                    is_short && it.account_id.is_none(),
                    "needs account_id for an assume_role that is no full name"
                ),
                (
                    it.endpoint
                        .as_ref()
                        .is_some_and(|address| !is_http(address)),
                    "has an endpoint that does not begin with http:// or https://",
                ),
            ]
        )
    });
    entries("aws_code_build.accounts", accounts.collect(), found);
    let held = secrets(
        section.secret_access_key.as_ref(),
        section.secret_access_key_file.as_ref(),
    );
    if held > 1 {
        let said = "is set and so is aws_code_build.secret_access_key_file";
        found.add("aws_code_build.secret_access_key", said);
    }
    if section.access_key_id.is_some() != (held > 0) {
        let said = "and a secret (secret_access_key or secret_access_key_file) go together";
        found.add("aws_code_build.access_key_id", said);
    }
}

fn entries(path: &str, all: Vec<Entry<'_>>, found: &mut Problems) {
    if all.len() > ENTRIES_MAX {
        let count = all.len();
        found.add(
            path,
            format!("has {count} entries, must have at most {ENTRIES_MAX}"),
        );
    }
    for (place, entry) in all.iter().enumerate() {
        let twice = all[..place].iter().any(|other| other.name == entry.name);
        let words = entry.permissions.keys().map(String::as_str);
        let strange = words
            .into_iter()
            .any(|word| !matches!(word, "READ" | "WRITE"));
        let common = [
            (entry.name.trim().is_empty(), "has no name"),
            (twice, "has a name that another entry has"),
            (strange, "has a permission that is neither READ nor WRITE"),
        ];
        let broken = common
            .iter()
            .chain(&entry.rules)
            .filter(|(is_broken, _)| *is_broken);
        for (_, reason) in broken {
            found.add(path, format!("[{place}] ({}) {reason}", entry.name));
        }
        if entry.zone.is_some_and(|zone| !is_zone(zone)) {
            found.add(
                path,
                format!("[{place}] ({}) has a zone that {ZONE}", entry.name),
            );
        }
    }
}

fn patterns<'a>(path: &str, all: impl Iterator<Item = &'a String>, found: &mut Problems) {
    for pattern in all {
        let read = RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES_MAX)
            .build();
        if read.is_err() {
            found.add(
                path,
                format!("has {pattern:?}, which is no regular expression"),
            );
        }
    }
}

fn secrets(value: Option<&Secret<String>>, file: Option<&String>) -> usize {
    usize::from(value.is_some()) + usize::from(file.is_some())
}

fn is_http(address: &str) -> bool {
    let rest = address
        .strip_prefix("http://")
        .or_else(|| address.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sections::{
        AwsCodeBuildAccount, ConcourseMaster, GitlabCiMaster, GoogleCloudBuildAccount, TravisMaster,
    };

    fn good() -> Settings {
        let mut settings = Settings::default();
        let file = || Some("/run/secrets/it".to_owned());
        settings.travis.masters = vec![TravisMaster {
            name: "org".to_owned(),
            address: "https://api.travis-ci.com".to_owned(),
            base_url: "https://app.travis-ci.com".to_owned(),
            github_token_file: file(),
            ..TravisMaster::default()
        }];
        settings.gitlab_ci.masters = vec![GitlabCiMaster {
            name: "gitlab".to_owned(),
            address: "https://gitlab.com".to_owned(),
            private_token_file: file(),
            ..GitlabCiMaster::default()
        }];
        settings.concourse.masters = vec![ConcourseMaster {
            name: "ci".to_owned(),
            url: "http://concourse.local:8080".to_owned(),
            username: "spin".to_owned(),
            password_file: file(),
            ..ConcourseMaster::default()
        }];
        settings.google_cloud_build.accounts = vec![GoogleCloudBuildAccount {
            name: "gcb".to_owned(),
            project: "p".to_owned(),
            ..GoogleCloudBuildAccount::default()
        }];
        settings.aws_code_build.accounts = vec![AwsCodeBuildAccount {
            name: "aws".to_owned(),
            region: "cn-north-1".to_owned(),
            account_id: Some("123".to_owned()),
            assume_role: Some("role/spin".to_owned()),
            ..AwsCodeBuildAccount::default()
        }];
        settings
    }

    #[test]
    fn each_has_what_it_needs() {
        good().check().unwrap();
        let role = good().aws_code_build.accounts[0].role();
        assert_eq!(role.as_deref(), Some("arn:aws-cn:iam::123:role/spin"));
        let bad = |change: &dyn Fn(&mut Settings)| {
            let mut settings = good();
            change(&mut settings);
            settings.check().unwrap_err().to_string()
        };
        for (error, problem) in [
            (
                bad(&|it| it.travis.masters[0].github_token_file = None),
                "github_token",
            ),
            (bad(&|it| it.travis.masters[0].base_url.clear()), "base_url"),
            (
                bad(&|it| it.travis.regexes = vec!["(".to_owned()]),
                "no regular expression",
            ),
            (
                bad(&|it| it.gitlab_ci.masters[0].private_token_file = None),
                "private_token",
            ),
            (
                bad(&|it| it.gitlab_ci.masters[0].name = "travis-org".to_owned()),
                "another section",
            ),
            (
                bad(&|it| it.concourse.masters[0].username.clear()),
                "no username",
            ),
            (
                bad(&|it| it.concourse.masters[0].zone = Some("any".to_owned())),
                "zone",
            ),
            (
                bad(&|it| it.concourse.masters[0].resource_filter_regex = Some("[".to_owned())),
                "no regular",
            ),
            (
                bad(&|it| it.google_cloud_build.accounts[0].project.clear()),
                "no project",
            ),
            (
                bad(&|it| it.aws_code_build.accounts[0].account_id = None),
                "account_id",
            ),
            (
                bad(&|it| it.aws_code_build.access_key_id = Some("AKID".to_owned())),
                "go together",
            ),
            (
                bad(&|it| {
                    drop(
                        it.aws_code_build.accounts[0]
                            .permissions
                            .insert("RUN".to_owned(), Vec::new()),
                    )
                }),
                "neither READ nor WRITE",
            ),
        ] {
            assert!(error.contains(problem), "{error} has no {problem}");
        }
    }
}
