//! Whether what starts pipelines makes sense.

use jiff::Timestamp;

use super::{Problems, time_zone};
use crate::sections::{QuietPeriod, Triggers};

pub(super) fn check(triggers: &Triggers, found: &mut Problems) {
    time_zone("triggers.time_zone", &triggers.time_zone, found);
    if triggers.git_shared_secret.is_some() && triggers.git_shared_secret_file.is_some() {
        found.add(
            "triggers.git_shared_secret",
            "stands both in the settings and in a file",
        );
    }
    let all = &triggers.artifact_templates;
    for (place, template) in all.iter().enumerate() {
        let mut add = |reason: &str| {
            found.add(
                "triggers.artifact_templates",
                format!("[{place}] ({}) {reason}", template.source),
            );
        };
        if template.source.is_empty() || template.template_file.is_empty() {
            add("needs a source and a template_file");
        }
        if all[..place]
            .iter()
            .any(|other| other.source == template.source)
        {
            add("has a source that another entry has");
        }
    }
    quiet_period(&triggers.quiet_period, found);
}

fn quiet_period(quiet: &QuietPeriod, found: &mut Problems) {
    let path = "triggers.quiet_period";
    let mut read = |text: &Option<String>| match text.as_deref().map(str::parse::<Timestamp>) {
        None => None,
        Some(Ok(instant)) => Some(instant),
        Some(Err(error)) => {
            found.add(
                path,
                format!("has an instant that cannot be read, such as 2026-12-20T00:00:00Z can be: {error}"),
            );
            None
        }
    };
    let (start, end) = (read(&quiet.start_iso), read(&quiet.end_iso));
    if quiet.start_iso.is_some() != quiet.end_iso.is_some() {
        found.add(path, "needs start_iso and end_iso together");
    }
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        found.add(path, "ends before it begins");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sections::{ArtifactTemplate, Settings};

    #[test]
    fn the_quiet_period_has_two_instants_in_order_and_a_source_one_template() {
        let said = |change: &dyn Fn(&mut Triggers)| {
            let mut settings = Settings::default();
            change(&mut settings.triggers);
            settings.check().map_err(|error| error.to_string())
        };
        let at = |text: &str| Some(text.to_owned());
        assert_eq!(
            said(&|it| {
                it.quiet_period.start_iso = at("2026-12-20T00:00:00Z");
                it.quiet_period.end_iso = at("2027-01-03T00:00:00+01:00");
            }),
            Ok(())
        );
        let template = |source: &str| ArtifactTemplate {
            source: source.to_owned(),
            template_file: "f".to_owned(),
        };
        type Change<'a> = &'a dyn Fn(&mut Triggers);
        let cases: [(Change<'_>, &str); 5] = [
            (
                &|it| it.quiet_period.start_iso = at("2026-12-20T00:00:00Z"),
                "together",
            ),
            (
                &|it| {
                    it.quiet_period.start_iso = at("tomorrow");
                    it.quiet_period.end_iso = at("2026-12-20T00:00:00Z");
                },
                "cannot be read",
            ),
            (
                &|it| {
                    it.quiet_period.start_iso = at("2026-12-20T00:00:01Z");
                    it.quiet_period.end_iso = at("2026-12-20T00:00:01Z");
                },
                "ends before it begins",
            ),
            (
                &|it| it.artifact_templates = vec![template("a"), template("a")],
                "another entry has",
            ),
            (
                &|it| it.artifact_templates = vec![template("")],
                "needs a source",
            ),
        ];
        for (change, problem) in cases {
            let text = said(change).unwrap_err();
            assert!(text.contains(problem), "{text}");
        }
    }
}
