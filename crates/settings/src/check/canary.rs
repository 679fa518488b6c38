//! Whether accounts of metric servers make sense.

use super::Problems;
use crate::sections::Canary;

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
        if !account.url.starts_with("http://") && !account.url.starts_with("https://") {
            add("has a url that does not begin with http:// or https://");
        }
        if account.username.is_some() != account.password_file.is_some() {
            add("needs username and password_file together");
        }
        let ways = [
            &account.password_file,
            &account.username_password_file,
            &account.bearer_token_file,
        ];
        if ways.into_iter().flatten().count() > 1 {
            add("has more than one way to sign in");
        }
    }
}
