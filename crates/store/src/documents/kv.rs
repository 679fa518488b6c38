//! Documents in the broker: one record per document, with the broker's history.

use bytes::Bytes;
use gennaker_bus::{Kv, Put};

use super::{Address, Record, Revision, Written};
use crate::{Error, Kind, key};

pub(super) async fn get(bucket: &Kv, address: Address<'_>) -> Result<Option<Record>, Error> {
    Ok(bucket.get(&address.key()).await?.map(record))
}

pub(super) async fn put_if(
    bucket: &Kv,
    address: Address<'_>,
    expected: Option<&Revision>,
    raw: Bytes,
) -> Result<Option<Written>, Error> {
    let expected = expected.map_or(0, sequence);
    let put = bucket.put_if(&address.key(), expected, raw, None).await?;
    Ok(written(put))
}

pub(super) async fn delete_if(
    bucket: &Kv,
    address: Address<'_>,
    expected: &Revision,
) -> Result<Option<Written>, Error> {
    let put = bucket.delete_if(&address.key(), sequence(expected)).await?;
    Ok(written(put))
}

pub(super) async fn history(
    bucket: &Kv,
    kind: Kind,
    id: &str,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let mut records = bucket.history(&key::document(kind, id)).await?;
    records.sort_by_key(|record| std::cmp::Reverse(record.revision));
    let kept = records
        .into_iter()
        .filter(|record| !record.value.is_empty() && record.value != crate::document::VOID);
    Ok(kept.take(limit).map(record).collect())
}

pub(crate) fn record(record: gennaker_bus::Record) -> Record {
    Record {
        raw: record.value,
        revision: Revision::Sequence(record.revision),
        stamp: record.revision,
        time_ms: i64::try_from(record.time_ms).unwrap_or(i64::MAX),
    }
}

fn written(put: Put) -> Option<Written> {
    match put {
        Put::Done(revision) => Some(Written {
            revision: Revision::Sequence(revision),
            stamp: revision,
        }),
        Put::Conflict => None,
    }
}

const fn sequence(revision: &Revision) -> u64 {
    match revision {
        Revision::Sequence(sequence) => *sequence,
        // No record has it, so nothing is changed by the revision of another place.
        Revision::Tag(_) => u64::MAX,
    }
}
