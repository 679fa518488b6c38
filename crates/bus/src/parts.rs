//! Several events in one message.
//!
//! A broker that flushes before it acknowledges does so for each message, and that is what a storm of webhooks would wait for. So
//! events that come in while another is being stored are stored together, as one message; whoever receives them notices only that
//! they are delivered together again when one of them is not acknowledged.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

/// How such a message begins; an event by itself begins with its header, which is JSON.
const MARK: &[u8] = b"GK-PARTS-1\n";

/// Bytes of the length that stands before each part.
const LENGTH_BYTES: usize = 4;

/// Most parts, and most bytes of a message that has several.
pub(crate) const PARTS_MAX: usize = 64;
pub(crate) const BYTES_MAX: usize = 256 * 1024;

/// For how long one part's word that work goes on counts for the others.
const SPOKEN: Duration = Duration::from_secs(1);

/// One message of several payloads.
pub(crate) fn join<'a>(parts: impl Iterator<Item = &'a Bytes>) -> Bytes {
    let mut joined = BytesMut::from(MARK);
    for part in parts {
        joined.put_u32(u32::try_from(part.len()).expect("parts are much smaller"));
        joined.extend_from_slice(part);
    }
    joined.freeze()
}

/// The payloads of a message; itself if it has no parts. `None` when it is torn.
pub(crate) fn split(message: &Bytes) -> Option<Vec<Bytes>> {
    if !message.starts_with(MARK) {
        return Some(vec![message.clone()]);
    }
    let mut rest = message.slice(MARK.len()..);
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let length: [u8; LENGTH_BYTES] = rest.get(..LENGTH_BYTES)?.try_into().ok()?;
        let end = LENGTH_BYTES.checked_add(usize::try_from(u32::from_be_bytes(length)).ok()?)?;
        if end > rest.len() {
            return None;
        }
        parts.push(rest.slice(LENGTH_BYTES..end));
        rest = rest.slice(end..);
    }
    (!parts.is_empty()).then_some(parts)
}

/// What the deliveries of one message's parts have in common.
#[derive(Debug)]
pub(crate) struct Share {
    open: AtomicUsize,
    handed_back: AtomicBool,
    spoke_at: Mutex<Option<Instant>>,
    /// One message, one slot, until the last part is done with.
    _slot: Option<OwnedSemaphorePermit>,
}

impl Share {
    pub(crate) fn new(parts: usize, slot: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            open: AtomicUsize::new(parts),
            handed_back: AtomicBool::new(false),
            spoke_at: Mutex::default(),
            _slot: slot,
        }
    }

    /// A part is done with; whether the message is.
    pub(crate) fn finish(&self) -> bool {
        let was = self.open.fetch_sub(1, Ordering::SeqCst);
        was == 1 && !self.handed_back.load(Ordering::SeqCst)
    }

    /// A part shall come again, so the message must; whether that is to be said now.
    pub(crate) fn hand_back(&self) -> bool {
        !self.handed_back.swap(true, Ordering::SeqCst)
    }

    /// Work on a part goes on; whether that is to be said now, because no other part has just said it.
    pub(crate) fn speak(&self) -> bool {
        let mut spoke_at = self.spoke_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = spoke_at.is_none_or(|at| at.elapsed() >= SPOKEN);
        if is_news {
            *spoke_at = Some(Instant::now());
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_read_back_and_what_is_torn_is_none() {
        let parts = [&b"{}\n{}"[..], b"", b"x"].map(Bytes::from_static);
        let joined = join(parts.iter());
        assert_eq!(split(&joined).unwrap(), parts);
        for end in MARK.len()..joined.len() {
            let torn = split(&joined.slice(..end));
            assert!(torn.is_none_or(|found| found.len() < parts.len()), "{end}");
        }
        let plain = Bytes::from_static(b"{\"v\":2}\n");
        assert_eq!(split(&plain).unwrap(), [plain]);
    }

    #[test]
    fn the_last_part_settles_the_message_unless_one_was_handed_back() {
        let share = Share::new(2, None);
        assert_eq!([share.finish(), share.finish()], [false, true]);
        let share = Share::new(3, None);
        assert!(!share.finish());
        assert_eq!([share.hand_back(), share.hand_back()], [true, false]);
        assert_eq!([share.finish(), share.finish()], [false, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_part_speaks_for_all_of_them() {
        let share = Share::new(2, None);
        assert_eq!([share.speak(), share.speak()], [true, false]);
        tokio::time::advance(SPOKEN).await;
        assert_eq!([share.speak(), share.speak()], [true, false]);
    }
}
