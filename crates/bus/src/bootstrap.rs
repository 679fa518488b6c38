//! Creates the streams and consumers of the layout, and refuses those that differ in a way that matters.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use crate::backend::{Backend, Expect, StoreError, Write};
use crate::error::{BootstrapError, Error};
use crate::layout::{ConsumerSpec, Layout, PARTITIONS_SUBJECT, StreamSpec};
use crate::rights::Role;

/// How long a broker without answer is waited for: a cluster that has just started elects its leaders first.
const PATIENCE: Duration = Duration::from_secs(30);

/// The layout that this process was given, for what must be made again later.
#[derive(Clone, Default)]
pub(crate) struct Remembered {
    layout: Arc<Mutex<Option<Layout>>>,
}

/// How a field of an existing stream must relate to what the layout asks for.
enum Rule {
    /// Equal.
    Same,
    /// At least as large.
    AtLeast,
}

/// The fields of a stream on which a guarantee rests. Room, age, compression, placement and the description are the
/// operator's.
const STREAM_FIELDS: &[(&str, Rule)] = &[
    ("subjects", Rule::Same),
    ("retention", Rule::Same),
    ("storage", Rule::Same),
    ("discard", Rule::Same),
    ("num_replicas", Rule::AtLeast),
    ("max_msgs", Rule::Same),
    ("max_msgs_per_subject", Rule::Same),
    ("allow_direct", Rule::Same),
    ("allow_msg_ttl", Rule::Same),
    ("deny_delete", Rule::Same),
    ("deny_purge", Rule::Same),
];

const CONSUMER_FIELDS: &[(&str, Rule)] = &[
    ("ack_policy", Rule::Same),
    ("deliver_policy", Rule::Same),
    ("filter_subject", Rule::Same),
    ("max_deliver", Rule::Same),
    ("ack_wait", Rule::AtLeast),
];

/// Creates what is missing and checks what is there.
pub(crate) async fn bootstrap(backend: &Backend, layout: &Layout) -> Result<(), BootstrapError> {
    layout.check().map_err(BootstrapError::Layout)?;
    let settings = layout.settings();
    patiently(backend, || ensure_stream(backend, &settings)).await?;
    patiently(backend, || claim_partitions(backend, layout)).await?;
    for spec in layout.streams() {
        patiently(backend, || ensure_stream(backend, &spec)).await?;
    }
    for spec in layout.consumers() {
        patiently(backend, || ensure_consumer(backend, &spec)).await?;
    }
    Ok(())
}

/// Checks what a role uses, and creates nothing.
pub(crate) async fn verify(
    backend: &Backend,
    layout: &Layout,
    role: &Role,
) -> Result<(), BootstrapError> {
    layout.check().map_err(BootstrapError::Layout)?;
    let used = role.uses(layout);
    for spec in layout.streams() {
        if used.streams.contains(&spec.name) {
            patiently(backend, || check_stream(backend, &spec)).await?;
        }
    }
    for spec in layout.consumers() {
        if used.consumers.contains(&spec.stream) {
            patiently(backend, || check_consumer(backend, &spec)).await?;
        }
    }
    if used.streams.contains(&layout.settings().name) {
        patiently(backend, || check_partitions(backend, layout)).await?;
    }
    Ok(())
}

/// The number of partitions, as it is recorded for the fleet.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Partitions {
    /// From when on it counts, epoch milliseconds.
    since: i64,
    partitions: u32,
}

/// Compares the number of partitions with what is recorded: an execution finds its partition by its id modulo this number, so
/// a process that counts differently would look for executions where they are not.
async fn check_partitions(backend: &Backend, layout: &Layout) -> Result<(), BootstrapError> {
    let stream = layout.settings().name;
    let Some(stored) = backend.last(&stream, PARTITIONS_SUBJECT).await? else {
        return Err(BootstrapError::Bus(Error::NotFound {
            name: format!("the number of partitions in {stream}"),
        }));
    };
    let generations: Vec<Partitions> = serde_json::from_slice(&stored.payload)
        .map_err(|error| BootstrapError::Layout(format!("the record of partitions: {error}")))?;
    match generations.last() {
        Some(last) if last.partitions != layout.partitions => Err(BootstrapError::Partitions {
            recorded: last.partitions,
            asked: layout.partitions,
        }),
        Some(_) | None => Ok(()),
    }
}

/// Records the number of partitions, unless one is recorded; then they must be equal.
async fn claim_partitions(backend: &Backend, layout: &Layout) -> Result<(), BootstrapError> {
    let stream = layout.settings().name;
    let first = [Partitions {
        since: 0,
        partitions: layout.partitions,
    }];
    let payload = serde_json::to_vec(&first)
        .map_err(|error| BootstrapError::Layout(format!("the record of partitions: {error}")))?;
    let write = Write {
        stream: stream.clone(),
        subject: PARTITIONS_SUBJECT.to_owned(),
        expect: Expect::Subject(0),
        id: None,
        message_id: None,
        ttl: None,
        delete: false,
        payload: payload.into(),
    };
    match backend.store(&write).await {
        // Somebody may have been faster, or it was there.
        Ok(_) | Err(StoreError::Conflict) => check_partitions(backend, layout).await,
        Err(StoreError::Refused(error)) => Err(error.into()),
        Err(StoreError::Unknown(what)) => Err(Error::unavailable(what).into()),
        Err(StoreError::Missing) => {
            Err(Error::unavailable(format!("{stream} is not there yet")).into())
        }
    }
}

/// Repeats something harmless while the broker does not answer.
async fn patiently<F>(
    backend: &Backend,
    mut attempt: impl FnMut() -> F,
) -> Result<(), BootstrapError>
where
    F: Future<Output = Result<(), BootstrapError>>,
{
    let until = Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Err(BootstrapError::Bus(error @ Error::Unavailable { .. }))
                if Instant::now() < until =>
            {
                tracing::debug!("bootstrap waits for the broker: {error}");
                tokio::time::sleep(backend.jitter(100, 300)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn ensure_stream(backend: &Backend, spec: &StreamSpec) -> Result<(), BootstrapError> {
    if backend.stream_config(&spec.name).await?.is_none() {
        backend.create_stream(spec).await?;
        tracing::info!(stream = spec.name, "the stream {} was created", spec.name);
    }
    // Also what was just created: somebody else may have been faster, and an old server ignores what it does not know.
    match check_stream(backend, spec).await {
        Err(BootstrapError::Bus(Error::NotFound { name })) => Err(BootstrapError::Bus(
            Error::unavailable(format!("the stream {name} is not there yet")),
        )),
        outcome => outcome,
    }
}

async fn check_stream(backend: &Backend, spec: &StreamSpec) -> Result<(), BootstrapError> {
    match backend.stream_config(&spec.name).await? {
        Some(found) => compare(&spec.name, STREAM_FIELDS, &found, &spec.to_config()),
        None => Err(BootstrapError::Bus(Error::NotFound {
            name: spec.name.clone(),
        })),
    }
}

async fn ensure_consumer(backend: &Backend, spec: &ConsumerSpec) -> Result<(), BootstrapError> {
    match check_consumer(backend, spec).await {
        Err(BootstrapError::Bus(Error::NotFound { name })) if name != spec.stream => {}
        outcome => return outcome,
    }
    backend.create_consumer(spec).await?;
    tracing::info!(
        consumer = spec.name,
        "the consumer {} of {} was created",
        spec.name,
        spec.stream
    );
    Ok(())
}

async fn check_consumer(backend: &Backend, spec: &ConsumerSpec) -> Result<(), BootstrapError> {
    let object = format!("{}/{}", spec.stream, spec.name);
    match backend.consumer_config(&spec.stream, &spec.name).await? {
        Some(found) => compare(&object, CONSUMER_FIELDS, &found, &spec.to_config()),
        None => Err(BootstrapError::Bus(Error::NotFound { name: object })),
    }
}

fn compare(
    object: &str,
    fields: &'static [(&'static str, Rule)],
    found: &Value,
    needed: &Value,
) -> Result<(), BootstrapError> {
    for (field, rule) in fields {
        let is = plain(&found[*field]);
        let should = plain(&needed[*field]);
        let fine = match rule {
            Rule::Same => is == should,
            Rule::AtLeast => is.as_u64().unwrap_or(0) >= should.as_u64().unwrap_or(0),
        };
        if !fine {
            return Err(BootstrapError::Differs {
                object: object.to_owned(),
                field,
                found: is.to_string(),
                needed: should.to_string(),
            });
        }
    }
    Ok(())
}

/// The broker leaves out what has its default value.
fn plain(value: &Value) -> Value {
    match value {
        Value::Bool(false) | Value::Null => Value::Null,
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Number(number) if number.as_i64() == Some(0) => Value::Null,
        other => other.clone(),
    }
}

impl Remembered {
    pub(crate) fn set(&self, layout: &Layout) {
        *self.slot() = Some(layout.clone());
    }

    /// The layout given, or the default one, whose pools have the usual limits.
    pub(crate) fn layout(&self) -> Layout {
        self.slot().clone().unwrap_or_default()
    }

    /// Makes the task stream of a pool, and its consumers, when they are gone.
    pub(crate) async fn ensure_pool(&self, backend: &Backend, pool: &str) -> Result<(), Error> {
        let Some(layout) = self.slot().clone() else {
            return Ok(());
        };
        ensure_stream(backend, &layout.task(pool))
            .await
            .map_err(bus_error)?;
        let zones = layout.zones.iter().map(|zone| Some(zone.as_str()));
        for zone in std::iter::once(None).chain(zones) {
            ensure_consumer(backend, &layout.task_consumer(pool, zone))
                .await
                .map_err(bus_error)?;
        }
        Ok(())
    }

    /// Makes a consumer, and the stream that it reads, when they are gone. Where both are there, only the consumer is
    /// asked for: a worker's rights go no further.
    pub(crate) async fn ensure_consumer(
        &self,
        backend: &Backend,
        spec: &ConsumerSpec,
    ) -> Result<(), Error> {
        match ensure_consumer(backend, spec).await {
            Err(BootstrapError::Bus(Error::NotFound { .. })) => {}
            outcome => return outcome.map_err(bus_error),
        }
        let known = self.slot().clone();
        let stream = known
            .iter()
            .flat_map(Layout::streams)
            .find(|stream| stream.name == spec.stream);
        if let Some(stream) = stream {
            ensure_stream(backend, &stream).await.map_err(bus_error)?;
        }
        ensure_consumer(backend, spec).await.map_err(bus_error)
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Layout>> {
        self.layout
            .lock()
            .expect("nothing panics while it holds this lock")
    }
}

fn bus_error(error: BootstrapError) -> Error {
    match error {
        BootstrapError::Bus(error) => error,
        BootstrapError::Differs { ref object, .. } => Error::Misconfigured {
            stream: object.clone(),
            text: error.to_string(),
        },
        BootstrapError::Partitions { .. } => Error::Misconfigured {
            stream: "KV_gk_cfg".to_owned(),
            text: error.to_string(),
        },
        BootstrapError::Layout(text) | BootstrapError::Server(text) => Error::Misconfigured {
            stream: String::new(),
            text,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_that_matters_names_stream_and_field() {
        let layout = Layout::default();
        for spec in layout.streams() {
            let good = spec.to_config();
            compare(&spec.name, STREAM_FIELDS, &good, &good).unwrap();
            let mut bad = good.clone();
            bad["allow_direct"] = Value::Bool(true);
            let error = compare(&spec.name, STREAM_FIELDS, &bad, &good)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(&spec.name) && error.contains("allow_direct"),
                "{error}"
            );
            let mut lax = good.clone();
            lax["max_bytes"] = Value::from(12_345_678);
            lax["num_replicas"] = Value::from(5);
            compare(&spec.name, STREAM_FIELDS, &lax, &good).unwrap();
        }
    }
}
