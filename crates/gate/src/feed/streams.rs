//! The streams that are open, and the topics of each, which its client may change without opening it anew.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Hint, stream::Topic};

/// The streams of one process. Cheap to clone; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    open: Arc<Mutex<BTreeMap<u128, Topics>>>,
}

type Topics = Arc<Mutex<Vec<Topic>>>;

/// One stream as long as it is open.
pub(crate) struct Opened {
    id: u128,
    topics: Topics,
    streams: Streams,
}

impl Streams {
    /// A stream with a new id. Who knows the id may change its topics, so it cannot be guessed.
    pub(crate) fn open(&self, topics: Vec<Topic>) -> Opened {
        let id = rand::random();
        let topics = Arc::new(Mutex::new(topics));
        lock(&self.open).insert(id, Arc::clone(&topics));
        Opened {
            id,
            topics,
            streams: self.clone(),
        }
    }

    /// Gives a stream other topics; false when there is no such stream here. What the hub numbers after this returned is
    /// told by the new ones.
    pub(crate) fn change(&self, id: &str, topics: Vec<Topic>) -> bool {
        let found = u128::from_str_radix(id, 16)
            .ok()
            .and_then(|id| lock(&self.open).get(&id).cloned());
        match found {
            Some(held) => {
                *lock(&held) = topics;
                true
            }
            None => false,
        }
    }
}

impl Opened {
    pub(crate) fn id(&self) -> String {
        format!("{:032x}", self.id)
    }

    /// Whether the client wants to hear of this now.
    pub(crate) fn covers(&self, hint: &Hint) -> bool {
        lock(&self.topics).iter().any(|topic| topic.covers(hint))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        lock(&self.streams.open).remove(&self.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
