//! Whether preconfigured jobs make sense, as far as it can be seen without reading their manifests.

use super::{Problems, webhooks::is_name};
use crate::sections::{Jobs, PreconfiguredJob};

const PATH: &str = "jobs.preconfigured";

/// Most stage types of an installation.
const TYPES_MAX: usize = 200;

/// Most parameters of a stage type.
const PARAMETERS_MAX: usize = 100;

/// Longest manifest, in bytes: it is recorded with every stage.
const MANIFEST_BYTES_MAX: usize = 256 * 1024;

pub(super) fn check(jobs: &Jobs, found: &mut Problems) {
    let all = &jobs.preconfigured;
    if all.len() > TYPES_MAX {
        found.add(
            PATH,
            format!("has {} entries, must have at most {TYPES_MAX}", all.len()),
        );
    }
    for (place, job) in all.iter().enumerate() {
        let mut add = |reason: String| {
            found.add(PATH, format!("[{place}] ({}) {reason}", job.kind));
        };
        if all[..place].iter().any(|other| other.kind == job.kind) {
            add("has a type that another entry has".to_owned());
        }
        check_one(job, &mut add);
    }
}

fn check_one(job: &PreconfiguredJob, add: &mut dyn FnMut(String)) {
    if !is_name(&job.kind) {
        add("has no type of 1 to 63 letters, digits, ., - or _".to_owned());
    }
    if job.label.trim().is_empty() {
        add("has no label".to_owned());
    }
    if job.manifest.trim().is_empty() {
        add("has no manifest".to_owned());
    }
    if job.manifest.len() > MANIFEST_BYTES_MAX {
        add(format!(
            "has a manifest of more than {MANIFEST_BYTES_MAX} bytes"
        ));
    }
    if job.parameters.len() > PARAMETERS_MAX {
        add(format!("has more than {PARAMETERS_MAX} parameters"));
    }
    for (place, parameter) in job.parameters.iter().enumerate() {
        let name = &parameter.name;
        let texts = [name, &parameter.label, &parameter.mapping];
        if texts.iter().any(|text| text.trim().is_empty()) {
            add(format!(
                "has a parameter [{place}] without name, label or mapping"
            ));
        }
        if job.parameters[..place].iter().any(|it| it.name == *name) {
            add(format!("has two parameters {name}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobParameter, Settings};

    fn problem(change: impl FnOnce(&mut Jobs)) -> String {
        let mut settings = Settings::default();
        let job = PreconfiguredJob {
            kind: "migrate".to_owned(),
            label: "Migrate".to_owned(),
            manifest: "{}".to_owned(),
            ..PreconfiguredJob::default()
        };
        settings.jobs.preconfigured.push(job);
        change(&mut settings.jobs);
        match settings.check() {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_mistake_is_named_with_its_type() {
        assert_eq!(problem(|_| ()), "");
        type Change = fn(&mut Jobs);
        let cases: [(Change, &str); 5] = [
            (
                |it| it.preconfigured[0].label.clear(),
                "(migrate) has no label",
            ),
            (
                |it| it.preconfigured[0].kind = "a b".to_owned(),
                "has no type of",
            ),
            (|it| it.preconfigured[0].manifest.clear(), "has no manifest"),
            (
                |it| it.preconfigured[0].parameters.push(JobParameter::default()),
                "has a parameter [0] without name, label or mapping",
            ),
            (
                |it| it.preconfigured.push(it.preconfigured[0].clone()),
                "[1] (migrate) has a type that another entry has",
            ),
        ];
        for (change, wanted) in cases {
            let said = problem(change);
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
    }
}
