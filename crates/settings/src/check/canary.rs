//! Whether accounts of metric servers make sense.

use super::Problems;
use crate::sections::{ArchiveBackend, Canary, CanarySource, CanaryStorage};

const PATH: &str = "canary.accounts";

/// Most accounts.
const ACCOUNTS_MAX: usize = 200;

pub(super) fn check(canary: &Canary, found: &mut Problems) {
    let all = &canary.accounts;
    if all.len() > ACCOUNTS_MAX {
        let count = all.len();
        found.add(
            PATH,
            format!("has {count} entries, must have at most {ACCOUNTS_MAX}"),
        );
    }
    for (place, account) in all.iter().enumerate() {
        let mut add =
            |reason: &str| found.add(PATH, format!("[{place}] ({}) {reason}", account.name));
        if account.name.trim().is_empty() {
            add("has no name");
        }
        if all[..place].iter().any(|other| other.name == account.name) {
            add("has a name that another entry has");
        }
        let has_own = matches!(
            account.kind,
            CanarySource::Stackdriver | CanarySource::Cloudwatch
        );
        let is_address = account.url.starts_with("http://") || account.url.starts_with("https://");
        if !(is_address || has_own && account.url.is_empty()) {
            add("has a url that does not begin with http:// or https://");
        }
        if account.username.is_some() != account.password_file.is_some() {
            add("needs username and password_file together");
        }
        if account.access_key_id.is_some() != account.secret_access_key_file.is_some() {
            add("needs access_key_id and secret_access_key_file together");
        }
        if account.kind == CanarySource::Cloudwatch && account.region.is_none() {
            add("needs a region");
        }
        let ways = [
            &account.password_file,
            &account.username_password_file,
            &account.bearer_token_file,
        ];
        let headers = usize::from(!account.secret_header_files.is_empty());
        if ways.into_iter().flatten().count() + headers > 1 {
            add("has more than one way to sign in");
        }
        if account
            .zone
            .as_deref()
            .is_some_and(|zone| !super::is_zone(zone))
        {
            add("has a zone that is none: letters, digits, - and _, and not any");
        }
        let is_address =
            |proxy: &str| proxy.starts_with("http://") || proxy.starts_with("https://");
        if account
            .proxy
            .as_deref()
            .is_some_and(|proxy| proxy != "direct" && !is_address(proxy))
        {
            add("has a proxy that is neither direct nor begins with http:// or https://");
        }
    }
    storage(&canary.storage, found);
}

fn storage(all: &[CanaryStorage], found: &mut Problems) {
    const PATH: &str = "canary.storage";
    if all.len() > ACCOUNTS_MAX {
        let count = all.len();
        found.add(
            PATH,
            format!("has {count} entries, must have at most {ACCOUNTS_MAX}"),
        );
    }
    for (place, storage) in all.iter().enumerate() {
        let mut add =
            |reason: &str| found.add(PATH, format!("[{place}] ({}) {reason}", storage.name));
        if storage.name.trim().is_empty() {
            add("has no name");
        }
        if all[..place].iter().any(|other| other.name == storage.name) {
            add("has a name that another entry has");
        }
        let is_used = storage.backend == ArchiveBackend::S3;
        super::bucket(&format!("{PATH}[{place}]"), is_used, &storage.s3, found);
    }
}

#[cfg(test)]
mod tests {
    use crate::sections::{
        ArchiveBackend, CanaryAccount, CanarySource, CanaryStorage, S3Bucket, Settings,
    };

    #[test]
    fn storage_has_a_name_of_its_own_and_a_bucket() {
        let good = CanaryStorage {
            name: "results".to_owned(),
            backend: ArchiveBackend::S3,
            s3: S3Bucket {
                bucket: Some("spinnaker".to_owned()),
                ..S3Bucket::default()
            },
        };
        let said = |storage: Vec<CanaryStorage>| {
            let mut settings = Settings::default();
            settings.canary.storage = storage;
            settings.check().map_err(|error| error.to_string())
        };
        assert_eq!(said(vec![good.clone()]), Ok(()));
        for (storage, problem) in [
            (
                vec![good.clone(), good.clone()],
                "has a name that another entry has",
            ),
            (
                vec![CanaryStorage {
                    name: String::new(),
                    ..good.clone()
                }],
                "has no name",
            ),
            (
                vec![CanaryStorage {
                    s3: S3Bucket::default(),
                    ..good
                }],
                "canary.storage[0].s3.bucket",
            ),
        ] {
            let text = said(storage).unwrap_err();
            assert!(text.contains(problem), "{text}");
        }
    }

    #[test]
    fn an_account_has_a_name_of_its_own_an_address_and_one_way_to_sign_in() {
        let good = CanaryAccount {
            name: "prom".to_owned(),
            url: "https://prometheus.example.com".to_owned(),
            ..CanaryAccount::default()
        };
        let file = Some("/run/secrets/x".to_owned());
        let said = |accounts: Vec<CanaryAccount>| {
            let mut settings = Settings::default();
            settings.canary.accounts = accounts;
            settings.check().map_err(|error| error.to_string())
        };
        assert_eq!(said(vec![good.clone()]), Ok(()));
        for (accounts, problem) in [
            (
                vec![good.clone(), good.clone()],
                "has a name that another entry has",
            ),
            (
                vec![CanaryAccount {
                    name: " ".to_owned(),
                    ..good.clone()
                }],
                "has no name",
            ),
            (
                vec![CanaryAccount {
                    url: "prometheus:9090".to_owned(),
                    ..good.clone()
                }],
                "http://",
            ),
            (
                vec![CanaryAccount {
                    password_file: file.clone(),
                    ..good.clone()
                }],
                "together",
            ),
            (
                vec![CanaryAccount {
                    zone: Some("any".to_owned()),
                    ..good.clone()
                }],
                "has a zone that is none",
            ),
            (
                vec![CanaryAccount {
                    proxy: Some("proxy:3128".to_owned()),
                    ..good.clone()
                }],
                "neither direct nor",
            ),
            (
                vec![CanaryAccount {
                    bearer_token_file: file.clone(),
                    username_password_file: file,
                    ..good.clone()
                }],
                "more than one way to sign in",
            ),
            (
                vec![CanaryAccount {
                    kind: CanarySource::Cloudwatch,
                    url: String::new(),
                    ..CanaryAccount::default()
                }],
                "needs a region",
            ),
            (
                vec![CanaryAccount {
                    access_key_id: Some("AKID".to_owned()),
                    ..CanaryAccount::default()
                }],
                "access_key_id and secret_access_key_file",
            ),
        ] {
            let text = said(accounts).unwrap_err();
            assert!(text.contains(problem), "{text}");
        }
    }
}
