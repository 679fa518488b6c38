//! Whether masters of Jenkins make sense.

use super::{Problems, ZONE, is_zone};
use crate::sections::{Jenkins, JenkinsMaster};

const PATH: &str = "jenkins.masters";

/// Most masters.
const MASTERS_MAX: usize = 500;

pub(super) fn check(jenkins: &Jenkins, found: &mut Problems) {
    let all = &jenkins.masters;
    if all.len() > MASTERS_MAX {
        let count = all.len();
        found.add(
            PATH,
            format!("has {count} entries, must have at most {MASTERS_MAX}"),
        );
    }
    for (place, master) in all.iter().enumerate() {
        let twice = all[..place].iter().any(|other| other.name == master.name);
        for reason in problems(master, twice) {
            found.add(PATH, format!("[{place}] ({}) {reason}", master.name));
        }
    }
    if jenkins.token_parameter.trim().is_empty() {
        found.add("jenkins.token_parameter", "is empty");
    }
    if jenkins.script_master.is_some() != jenkins.script_job.is_some() {
        found.add(
            "jenkins.script_master",
            "and script_job are needed together",
        );
    }
}

fn problems(master: &JenkinsMaster, twice: bool) -> Vec<String> {
    let has_password = master.password.is_some() || master.password_file.is_some();
    let is_http = ["http://", "https://"]
        .iter()
        .any(|start| master.address.starts_with(start));
    let words = master
        .permissions
        .keys()
        .all(|word| matches!(word.as_str(), "READ" | "WRITE"));
    let rules = [
        (master.name.trim().is_empty(), "has no name"),
        (twice, "has a name that another entry has"),
        (
            !is_http,
            "has an address that does not begin with http:// or https://",
        ),
        (
            master.username.is_some() != has_password,
            "needs username together with password or password_file",
        ),
        (
            master.password.is_some() && master.password_file.is_some(),
            "has both password and password_file",
        ),
        (
            master.token.is_some() && master.token_file.is_some(),
            "has both token and token_file",
        ),
        (
            master.google_key_file.is_some() == master.google_scopes.is_empty(),
            "needs google_key_file and google_scopes together",
        ),
        (
            master.certificate_file.is_some() != master.key_file.is_some(),
            "needs certificate_file and key_file together",
        ),
        (!words, "has a permission that is neither READ nor WRITE"),
    ];
    let broken = rules.into_iter().filter(|(is_broken, _)| *is_broken);
    let mut said: Vec<String> = broken.map(|(_, reason)| reason.to_owned()).collect();
    if let Some(zone) = &master.zone
        && !is_zone(zone)
    {
        said.push(format!("has a zone that {ZONE}"));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::sections::Settings;

    #[test]
    fn a_master_has_a_name_of_its_own_an_address_and_whole_credentials() {
        let good = JenkinsMaster {
            name: "ci".to_owned(),
            address: "https://jenkins.example.com/".to_owned(),
            username: Some("spin".to_owned()),
            password_file: Some("/run/secrets/jenkins".to_owned()),
            ..JenkinsMaster::default()
        };
        let said = |masters: Vec<JenkinsMaster>| {
            let mut settings = Settings::default();
            settings.jenkins.masters = masters;
            settings.check().map_err(|error| error.to_string())
        };
        assert_eq!(said(vec![good.clone()]), Ok(()));
        let bad = |change: &dyn Fn(&mut JenkinsMaster)| {
            let mut master = good.clone();
            change(&mut master);
            said(vec![master]).unwrap_err()
        };
        for (error, problem) in [
            (
                said(vec![good.clone(), good.clone()]).unwrap_err(),
                "a name that another entry has",
            ),
            (bad(&|it| it.name = " ".to_owned()), "has no name"),
            (
                bad(&|it| it.address = "jenkins:8080".to_owned()),
                "does not begin with http",
            ),
            (bad(&|it| it.username = None), "needs username together"),
            (
                bad(&|it| it.password = Some(Secret::new("x".to_owned()))),
                "both password and password_file",
            ),
            (
                bad(&|it| it.google_scopes = vec!["s".to_owned()]),
                "google_key_file and google_scopes",
            ),
            (
                bad(&|it| it.key_file = Some("k".to_owned())),
                "certificate_file and key_file",
            ),
            (
                bad(&|it| it.zone = Some("any".to_owned())),
                "has a zone that",
            ),
            (
                bad(&|it| drop(it.permissions.insert("EXECUTE".to_owned(), Vec::new()))),
                "neither READ nor WRITE",
            ),
        ] {
            assert!(error.contains(problem), "{error}");
        }
    }
}
