//! `[services]`: addresses, and credentials that belong together.

use super::Problems;
use crate::sections::Services;

pub(super) fn check(services: &Services, found: &mut Problems) {
    let Services {
        jira,
        pager_duty,
        gremlin,
    } = services;
    let urls = [
        ("services.jira.url", jira.url.as_deref()),
        ("services.pager_duty.url", Some(pager_duty.url.as_str())),
        ("services.gremlin.url", Some(gremlin.url.as_str())),
    ];
    for (path, url) in urls {
        if url.is_some_and(|url| !is_address(url)) {
            found.add(
                path,
                "is not an address that begins with http:// or https://",
            );
        }
    }
    if jira.url.is_some() {
        for (path, value) in [
            ("services.jira.username", &jira.username),
            ("services.jira.password_file", &jira.password_file),
        ] {
            if value.is_none() {
                found.add(path, "is missing: the address of Jira is set");
            }
        }
    }
}

/// Scheme and host, and no credentials: those are files.
pub(super) fn is_address(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let authority = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    authority.is_some_and(|it| !it.is_empty() && !it.contains(['@', ' ']))
}

#[cfg(test)]
mod tests {
    use crate::{Error, Settings};

    fn problems(change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let mut settings = Settings::default();
        change(&mut settings);
        match settings.check() {
            Ok(()) => Vec::new(),
            Err(Error::Invalid(found)) => found.into_iter().map(|it| it.path).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn addresses_are_addresses_and_jira_has_a_user() {
        assert!(problems(|_| {}).is_empty());
        let wrong = problems(|settings| {
            settings.services.jira.url = Some("jira.example.com".to_owned());
            settings.services.pager_duty.url = "ftp://x.io".to_owned();
            settings.services.gremlin.url = "https://user:pw@x.io".to_owned();
        });
        let paths = [
            "services.jira.url",
            "services.jira.username",
            "services.jira.password_file",
            "services.pager_duty.url",
            "services.gremlin.url",
        ];
        assert_eq!(wrong, paths);
    }
}
