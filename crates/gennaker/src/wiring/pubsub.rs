//! Subscriptions: from settings to queues that can be asked.

use std::path::PathBuf;
use std::time::Duration;

use gennaker_cli::{Exit, Failure};
use gennaker_credentials::{auth::Secret, aws, google::Identity};
use gennaker_outbound::{Client, Policy};
use gennaker_pubsub::{Named, Subscriptions, amazon, google};
use gennaker_runtime::Clock;
use gennaker_settings::{MessageFormat, Settings};

/// Longest time that a queue may keep a request waiting; both systems answer earlier.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// Largest answer: ten messages of ten megabytes, the most that Google takes, as base64.
const RESPONSE_BYTES_MAX: u64 = 160 << 20;

/// The subscriptions as pages list them: system and name.
pub(crate) fn listed(settings: &Settings) -> Vec<(&'static str, String)> {
    let pubsub = &settings.pubsub;
    let nats = pubsub.nats.iter().map(|it| ("nats", it.name.clone()));
    let amazon = pubsub.amazon.iter().map(|it| ("amazon", it.name.clone()));
    let google = pubsub.google.iter().map(|it| ("google", it.name.clone()));
    nats.chain(amazon).chain(google).collect()
}

/// The subscriptions, each with its credentials.
///
/// # Errors
/// A setting that cannot be used.
pub(crate) fn subscriptions(settings: &Settings, clock: &Clock) -> Result<Subscriptions, Failure> {
    let pubsub = &settings.pubsub;
    let options = gennaker_outbound::Options {
        connect_timeout: super::ms(settings.outbound.connect_timeout_ms),
        read_timeout: ANSWER_MAX,
        response_bytes_max: RESPONSE_BYTES_MAX,
        proxies: super::proxies()?,
        ..gennaker_outbound::Options::default()
    };
    // Operators name the addresses.
    let client = super::client(Policy::trusted(), options)?;
    Ok(Subscriptions {
        nats: pubsub
            .nats
            .iter()
            .map(|it| named(&it.name, it.message_format))
            .collect(),
        amazon: pubsub
            .amazon
            .iter()
            .map(|it| queue(it, &client, clock))
            .collect::<Result<_, _>>()?,
        google: pubsub
            .google
            .iter()
            .map(|it| pulled(it, &client, clock))
            .collect(),
    })
}

fn queue(
    it: &gennaker_settings::AmazonSubscription,
    client: &Client,
    clock: &Clock,
) -> Result<amazon::Subscription, Failure> {
    let secret = Secret::of(
        it.secret_access_key.as_ref(),
        it.secret_access_key_file.as_ref(),
    );
    let options = aws::Options {
        endpoint: it.endpoint.clone(),
        key: it.access_key_id.clone().zip(secret),
        role: it.assume_role.clone(),
        ..aws::Options::default()
    };
    let asked = amazon::Settings {
        queue_arn: it.queue_arn.clone(),
        visibility_s: it.visibility_timeout,
        wait_s: it.wait_time_seconds,
        alternate_id: it.alternate_id_in_message_attributes.clone(),
        remembered: Duration::from_secs(it.dedupe_retention_seconds),
        topic: it
            .topic_arn
            .as_ref()
            .filter(|_| !it.skip_queue_bootstrap)
            .map(|arn| amazon::Topic {
                arn: arn.clone(),
                endpoint: it.topic_endpoint.clone(),
                retention_s: it.sqs_message_retention_period_seconds,
            }),
    };
    let named = named(&it.name, it.message_format);
    amazon::Subscription::new(named, client.clone(), clock.clone(), options, asked)
        .map_err(|problem| Failure::new(Exit::Usage, format!("pubsub.amazon: {problem}")))
}

fn pulled(
    it: &gennaker_settings::GoogleSubscription,
    client: &Client,
    clock: &Clock,
) -> google::Subscription {
    let key = it.json_path.as_ref().map(PathBuf::from);
    google::Subscription::new(
        named(&it.name, it.message_format),
        client.clone(),
        Identity::new(client.clone(), clock.clone(), key),
        it.endpoint.as_deref(),
        (&it.project, &it.subscription_name),
        it.ack_deadline_seconds,
    )
}

fn named(name: &str, format: MessageFormat) -> Named {
    let format = match format {
        MessageFormat::Custom => "CUSTOM",
        MessageFormat::None => "NONE",
        MessageFormat::Gcs => "GCS",
        MessageFormat::Gcr => "GCR",
        MessageFormat::Gcb => "GCB",
        MessageFormat::S3 => "S3",
    };
    Named {
        name: name.to_owned(),
        message_format: format.to_owned(),
    }
}
