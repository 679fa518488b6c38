//! Erasing an execution whose retention has ended, or that was deleted long ago.
//!
//! The header says first that it was deleted, and what of it is left, so that a half is never taken for the whole, and a crash
//! leaves nothing that nobody knows of. What is left is deleted only after the log's leader has shown that we are still the
//! owner (as in module `archive`): a later owner may have restarted it. The header goes last.

use bytes::Bytes;
use gennaker_bus::Put;
use gennaker_model::ExecutionId;

use super::{
    Header, Records, SaveError, VERSION, header_key,
    load::decode,
    save::{delete_all, forget_values},
};
use crate::{history::Kept, ownership::Ownership, packing::pack};

/// Erases an execution; false when that cannot be done now.
pub(crate) async fn erase(
    records: &Records,
    execution: &ExecutionId,
    owner: &Ownership,
) -> Result<bool, SaveError> {
    let key = header_key(execution);
    let Some(record) = records.kv.get(&key).await? else {
        return Ok(true);
    };
    let mut revision = record.revision;
    let mut header = decode(execution, &record)?;
    if header.epoch > owner.epoch {
        return Err(SaveError::Superseded);
    }
    if !header.deleted {
        header = without(header, owner.epoch);
        let bytes = Bytes::from(pack(serde_json::to_vec(&header)?));
        match records.kv.put_if(&key, revision, bytes, None).await? {
            Put::Done(newer) => revision = newer,
            Put::Conflict => return Ok(false),
        }
    }
    if !owner.is_proven().await? {
        return Ok(false);
    }
    delete_all(records, &header.leftovers).await?;
    forget_values(&records.blobs, execution).await?;
    let deleted = records.kv.delete_if(&key, revision).await?;
    Ok(matches!(deleted, Put::Done(_)))
}

/// Deletes the large values of an execution that does not exist, unless one came at or after an instant (epoch milliseconds).
pub(crate) async fn forget(
    records: &Records,
    execution: &ExecutionId,
    before_ms: i64,
    owner: &Ownership,
) -> Result<(), SaveError> {
    // A later owner may have started it.
    if owner.is_proven().await? {
        records
            .blobs
            .forget_old(execution.as_str(), before_ms)
            .await?;
    }
    Ok(())
}

/// The header of a deleted execution that names everything of it.
fn without(header: Header, epoch: u64) -> Header {
    let Header {
        sequence,
        pieces,
        stages,
        history,
        archived,
        mut leftovers,
        ..
    } = header;
    leftovers.records.extend(pieces);
    leftovers.records.extend(stages.into_values().flatten());
    leftovers.records.extend(history.chunks);
    leftovers
        .objects
        .extend(archived.map(|archived| archived.object));
    Header {
        v: VERSION,
        epoch,
        sequence,
        deleted: true,
        state: None,
        pieces: Vec::new(),
        outline: None,
        rests: false,
        stages: std::collections::BTreeMap::new(),
        history: Kept::default(),
        archived: None,
        leftovers,
    }
}
