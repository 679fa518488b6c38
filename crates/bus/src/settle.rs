//! The outcome of a conditional write: implemented here once, for the log and for records.
//!
//! | the broker's answer | meaning | what is done |
//! |---|---|---|
//! | acknowledged | committed | return |
//! | 10071, 10164, 10158 | somebody or something got there first, or is in flight | wait 10–50 ms, then look |
//! | timeout, connection lost, no responders | unknown: it may still commit later | look |
//! | 10002, 10023, 10028, 10047, 10077 | limits or disk | `Error::Full` |
//! | 10174, 10188, 10166, 10060 | stream misconfigured | `Error::Misconfigured` |
//!
//! To look is to read the last message from the stream's leader until it answers: ours (equal `Gk-Append`) means
//! committed; somebody else's above what we expected means superseded, unless ours stands right below it in the log;
//! unchanged means the *same* write is sent again with the *same* expectation, of which exactly one can get through.

use crate::backend::{Backend, Expect, StoreError, Stored, Write};
use crate::error::Error;

/// A conditional write whose outcome is proven.
#[derive(Debug)]
pub(crate) enum Settled {
    /// It was stored, at this sequence.
    Committed(u64),
    /// Something else is there, or the record is gone, and it will never be stored from now on.
    Superseded,
}

/// What a look at the leader says about a write.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Ours(u64),
    Unchanged,
    /// The leader shows less than we know to exist: look again.
    Behind,
    Superseded,
}

/// Sends a conditional write until its outcome is proven. The write must carry an id of its own.
///
/// Dropping the future leaves the outcome open; a repeat with the same id finds it as long as nothing else was written.
///
/// # Errors
/// Only definite ones: full, misconfigured, missing stream, refused for another reason, closed.
pub(crate) async fn settle(backend: &Backend, write: &mut Write) -> Result<Settled, Error> {
    let mut unknown = false;
    let mut round = 0_u64;
    loop {
        let refused = match backend.store(write).await {
            Ok(sequence) => return Ok(Settled::Committed(sequence)),
            Err(StoreError::Conflict) => None,
            Err(StoreError::Unknown(what)) => {
                unknown = true;
                tracing::debug!(
                    stream = write.stream,
                    "the outcome of a write is unknown: {what}"
                );
                None
            }
            Err(StoreError::Missing) => Some(Error::NotFound {
                name: write.stream.clone(),
            }),
            Err(StoreError::Refused(error)) => Some(error),
        };
        if let Some(error) = refused {
            // An earlier try of ours may have been stored: then the refusal of the repeat says nothing.
            if unknown
                && let Ok((seen, position)) = look(backend, write).await
                && let Verdict::Ours(sequence) = verdict(write, seen.as_ref(), position)
            {
                return Ok(Settled::Committed(sequence));
            }
            return Err(error);
        }
        round += 1;
        warn_rarely(write, round);
        loop {
            tokio::time::sleep(backend.jitter(10, 50 * round.min(8))).await;
            let (seen, position) = match look(backend, write).await {
                Ok(found) => found,
                Err(Error::Unavailable { what }) => {
                    round += 1;
                    warn_rarely(write, round);
                    tracing::debug!(stream = write.stream, "the leader does not answer: {what}");
                    continue;
                }
                Err(error) => return Err(error),
            };
            match verdict(write, seen.as_ref(), position) {
                Verdict::Ours(sequence) => return Ok(Settled::Committed(sequence)),
                Verdict::Unchanged => break,
                Verdict::Behind => {}
                Verdict::Superseded => {
                    // A deleted record counts as absent, and its marker's revision is what a create must expect. After
                    // an unknown outcome the marker may stand for a deletion of what we wrote: then it is not ours to undo.
                    if let Some(marker) = seen.as_ref().filter(|seen| seen.is_marker())
                        && write.expect == Expect::Subject(0)
                        && !write.delete
                        && !unknown
                    {
                        write.expect = Expect::Subject(marker.sequence);
                        break;
                    }
                    return prove(backend, write).await;
                }
            }
        }
    }
}

/// A write that stays open for long is an outage: say so, ever more rarely.
fn warn_rarely(write: &Write, round: u64) {
    if round >= 8 && round.is_power_of_two() {
        tracing::warn!(
            stream = write.stream,
            "the outcome of a write to {} is still unknown after {round} attempts to find it out",
            write.stream
        );
    }
}

/// Says whether a write that others have gone past was stored before theirs: then it stands right after what it expected.
/// A subject with one message does not remember, nor does a log that was purged since: then it counts as superseded.
async fn prove(backend: &Backend, write: &Write) -> Result<Settled, Error> {
    let Expect::Stream(expected) = write.expect else {
        return Ok(Settled::Superseded);
    };
    loop {
        match backend
            .next_from(&write.stream, &write.subject, expected + 1)
            .await
        {
            Ok(Some(next)) if next.sequence == expected + 1 && next.id() == write.id.as_deref() => {
                return Ok(Settled::Committed(next.sequence));
            }
            Ok(Some(_)) => return Ok(Settled::Superseded),
            // A leader without the message that we have just seen is one no more.
            Ok(None) => {}
            Err(Error::Unavailable { what }) => {
                tracing::debug!(stream = write.stream, "the leader does not answer: {what}");
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(backend.jitter(20, 200)).await;
    }
}

/// The last message where the write would stand, and the sequence to compare with the expected one.
async fn look(backend: &Backend, write: &Write) -> Result<(Option<Stored>, u64), Error> {
    let seen = backend.last(&write.stream, &write.subject).await?;
    let position = match (&seen, write.expect) {
        (Some(stored), _) => stored.sequence,
        // A stream remembers its last sequence when it was emptied; a subject does not.
        (None, Expect::Stream(_)) => backend.bounds(&write.stream).await?.last,
        (None, Expect::Subject(_) | Expect::Anything) => 0,
    };
    Ok((seen, position))
}

fn verdict(write: &Write, seen: Option<&Stored>, position: u64) -> Verdict {
    if let Some(seen) = seen
        && write.id.is_some()
        && seen.id() == write.id.as_deref()
    {
        return Verdict::Ours(seen.sequence);
    }
    let (Expect::Stream(expected) | Expect::Subject(expected)) = write.expect else {
        return Verdict::Unchanged;
    };
    match position.cmp(&expected) {
        std::cmp::Ordering::Equal => Verdict::Unchanged,
        std::cmp::Ordering::Greater => Verdict::Superseded,
        // A record that is gone (expired, erased) cannot be replaced any more; a log that shows less is a stale leader.
        std::cmp::Ordering::Less
            if seen.is_none() && matches!(write.expect, Expect::Subject(_)) =>
        {
            Verdict::Superseded
        }
        std::cmp::Ordering::Less => Verdict::Behind,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::backend::{APPEND, Headers};

    fn write(expect: Expect) -> Write {
        Write {
            stream: "S".into(),
            subject: "s".into(),
            expect,
            id: Some("me-1".into()),
            message_id: None,
            ttl: None,
            delete: false,
            payload: Bytes::new(),
        }
    }

    fn stored(sequence: u64, id: &str) -> Stored {
        Stored {
            subject: "s".into(),
            sequence,
            time_ms: 0,
            headers: Headers::from([(APPEND.to_owned(), id.to_owned())]),
            payload: Bytes::new(),
        }
    }

    #[test]
    fn the_look_decides_by_author_then_by_sequence() {
        let log = write(Expect::Stream(7));
        assert_eq!(verdict(&log, Some(&stored(8, "me-1")), 8), Verdict::Ours(8));
        assert_eq!(
            verdict(&log, Some(&stored(7, "other-1")), 7),
            Verdict::Unchanged
        );
        assert_eq!(
            verdict(&log, Some(&stored(8, "other-1")), 8),
            Verdict::Superseded
        );
        assert_eq!(
            verdict(&log, Some(&stored(6, "other-1")), 6),
            Verdict::Behind
        );
        assert_eq!(verdict(&log, None, 7), Verdict::Unchanged);
        assert_eq!(verdict(&log, None, 0), Verdict::Behind);
    }

    #[test]
    fn a_record_that_is_gone_supersedes_an_update_but_not_a_create() {
        assert_eq!(
            verdict(&write(Expect::Subject(7)), None, 0),
            Verdict::Superseded
        );
        assert_eq!(
            verdict(&write(Expect::Subject(0)), None, 0),
            Verdict::Unchanged
        );
    }
}
