//! What starts pipelines by itself: from settings to how events are read and held back.

use std::collections::BTreeMap;

use gennaker_cli::{Exit, Failure};
use gennaker_credentials::auth::Secret;
use gennaker_expressions::TimeZone;
use gennaker_intake::matching::QuietPeriod;
use gennaker_settings::Settings;
use gennaker_triggers::{Config, Templates, timetable};

/// Largest template that finds artifacts, in bytes.
const TEMPLATE_BYTES_MAX: usize = 256 * 1024;

/// The role `triggers`.
///
/// # Errors
/// A template cannot be read.
pub(crate) fn triggers(settings: &Settings) -> Result<Config, Failure> {
    let triggers = &settings.triggers;
    Ok(Config {
        partitions: u32::from(settings.broker.partitions),
        cron: timetable::Settings {
            enabled: triggers.cron,
            zone: TimeZone::get(&triggers.time_zone).expect("the settings were checked"),
            catch_up_ms: i64::try_from(triggers.cron_catch_up_ms).unwrap_or(i64::MAX),
        },
        git_secret: Secret::of(
            triggers.git_shared_secret.as_ref(),
            triggers.git_shared_secret_file.as_ref(),
        ),
        quiet: quiet_period(settings),
        templates: templates(settings)?,
    })
}

/// The quiet period, if the settings have one.
pub(crate) fn quiet_period(settings: &Settings) -> Option<QuietPeriod> {
    let quiet = &settings.triggers.quiet_period;
    let (from_ms, until_ms) = quiet.bounds_ms()?;
    Some(QuietPeriod {
        from_ms,
        until_ms,
        suppressed_types: quiet.suppressed_trigger_types.clone(),
    })
}

fn templates(settings: &Settings) -> Result<Templates, Failure> {
    let webhooks = settings.triggers.artifact_templates.iter();
    let webhooks = webhooks.map(|it| (it.source.as_str(), Some(it.template_file.as_str())));
    let pubsub = &settings.pubsub;
    let nats = pubsub.nats.iter().map(|it| (&it.name, &it.template_file));
    let amazon = pubsub.amazon.iter().map(|it| (&it.name, &it.template_file));
    let google = pubsub.google.iter().map(|it| (&it.name, &it.template_file));
    let subscriptions = nats
        .chain(amazon)
        .chain(google)
        .map(|(name, file)| (name.as_str(), file.as_deref()));
    Ok(Templates {
        webhooks: read("triggers.artifact_templates", webhooks)?,
        subscriptions: read("pubsub", subscriptions)?,
    })
}

fn read<'a>(
    path: &str,
    files: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut read = BTreeMap::new();
    for (name, file) in files {
        let Some(file) = file else {
            continue;
        };
        let failed = |problem: String| {
            let text = format!("{path} ({name}): template_file {file} {problem}");
            Failure::new(Exit::Usage, text)
        };
        let text = std::fs::read_to_string(file)
            .map_err(|error| failed(format!("cannot be read: {error}")))?;
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(failed(format!("has more than {TEMPLATE_BYTES_MAX} bytes")));
        }
        read.insert(name.to_owned(), text);
    }
    Ok(read)
}
