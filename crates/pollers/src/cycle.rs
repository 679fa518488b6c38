//! One look at one source, from what is known to what is known then.

use std::{collections::BTreeMap, collections::BTreeSet};

use futures_util::{StreamExt as _, stream};
use gennaker_bus::{Error, Events, token};
use gennaker_intake::matching::{Header, Origin, VERSION, encode};
use gennaker_model::Map;
use gennaker_runtime::Clock;

use crate::{
    book::{Book, Fault, Head, Pending, State},
    difference::{News, difference, first_sight, seen_today},
    known::{Change, Entry, Known, day_of},
    metrics,
    source::{Id, Look, Source, Trouble, Wanted},
};

/// Events that are on their way at once.
const BATCH_MAX: usize = 200;

/// Their contents together, in bytes; one more than that goes alone.
const BATCH_BYTES_MAX: usize = 256 << 10;

/// Contents that are asked for at once.
const CONTENTS_AT_ONCE: usize = 8;

/// How far the time that a source gives may lie back or ahead, in milliseconds, and still be that of the execution.
const PAST_MS: i64 = 86_400_000;
const FUTURE_MS: i64 = 60_000;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Failures that are told one by one.
const TOLD_MAX: usize = 5;

/// What one look came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) found: usize,
    pub(crate) known: usize,
    pub(crate) events: usize,
    /// What could not be looked at.
    pub(crate) failed: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The source.
    #[error(transparent)]
    Source(#[from] Trouble),
    /// What is known of it.
    #[error(transparent)]
    Book(#[from] Fault),
    /// The events.
    #[error("its events cannot be stored: {0}")]
    Events(Error),
}

/// What a look needs.
pub(crate) struct Cycle<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) book: &'a Book,
    pub(crate) events: &'a Events,
    pub(crate) clock: &'a Clock,
    /// Above how many new items a warning is due, unless the source says.
    pub(crate) threshold: u32,
}

impl Cycle<'_> {
    /// Looks at everything, or only at these groups. `former` is the state that an earlier look left, and is replaced.
    pub(crate) async fn run(
        &self,
        former: &mut Option<State>,
        only: Option<&BTreeSet<String>>,
    ) -> Result<Outcome, Failure> {
        let id = self.source.id();
        let (revision, state) = self.book.load(id, former.take()).await?;
        let origin = self.source.origin();
        let Some(mut state) = state.filter(|state| state.head.origin == origin) else {
            return self.begin(former, revision, origin).await;
        };
        if !state.head.pending.is_empty() {
            self.settle(&mut state).await?;
        }
        let scope = self.source.scope();
        let is_wider = state.head.scope != scope;
        // What newly came into sight has to be seen whole.
        let only = only.filter(|_| !is_wider);
        let now_ms = self.clock.now_ms();
        let wanted = Wanted {
            known: &state.known,
            only,
            since_ms: Some(state.head.since_ms),
            now_ms,
        };
        let look = self.source.look(wanted).await?;
        let day = day_of(now_ms);
        let known = state.known.clone();
        let found = difference(&known, &look, is_wider, day);
        let mut outcome = Outcome::of(&look);
        self.warn(found.new.len(), &mut outcome);
        let mut rest = found.new.as_slice();
        let mut settled: Vec<Change> = Vec::new();
        while !rest.is_empty() {
            let (pending, taken) = self.pending(rest, now_ms, &mut outcome).await;
            rest = &rest[taken..];
            if pending.is_empty() {
                continue;
            }
            self.book
                .commit(id, &mut state, &settled, pending.clone())
                .await?;
            outcome.events += self.store(&pending).await?;
            settled = pending.iter().map(|it| known_by(it, day)).collect();
        }
        let is_whole = only.is_none() && look.failed.is_empty();
        settled.extend(found.quiet);
        if !settled.is_empty() || !state.head.pending.is_empty() || is_wider {
            state.head.scope = scope;
            self.book
                .commit(id, &mut state, &settled, Vec::new())
                .await?;
        }
        let forget_after = self.source.forget_after_days();
        let renew_after_ms = i64::from((forget_after / 4).max(1)) * DAY_MS;
        if is_whole && now_ms - state.head.rewritten_ms >= renew_after_ms {
            let seen = seen_today(&state.known, &look, day);
            state.known.apply(seen);
            state.known.forget_before(day.saturating_sub(forget_after));
            state.head.rewritten_ms = now_ms;
            self.book.rewrite(id, &mut state).await?;
        }
        outcome.known = state.known.len();
        *former = Some(state);
        Ok(outcome)
    }

    /// The first sight: everything becomes known, nothing becomes an event.
    async fn begin(
        &self,
        former: &mut Option<State>,
        revision: u64,
        origin: String,
    ) -> Result<Outcome, Failure> {
        let now_ms = self.clock.now_ms();
        let wanted = Wanted {
            known: &Known::default(),
            only: None,
            since_ms: None,
            now_ms,
        };
        let look = self.source.look(wanted).await?;
        let mut known = Known::default();
        known.apply(first_sight(&look, day_of(now_ms)));
        let head = Head {
            origin,
            scope: self.source.scope(),
            since_ms: now_ms,
            rewritten_ms: now_ms,
            ..Head::default()
        };
        let id = self.source.id();
        let state = self.book.begin(id, revision, head, known).await?;
        tracing::info!(
            "{} {} is seen for the first time: {} things are known now, none of them is new",
            id.kind,
            id.name,
            look.items.len()
        );
        let mut outcome = Outcome::of(&look);
        outcome.known = state.known.len();
        *former = Some(state);
        Ok(outcome)
    }

    /// Stores the events that somebody left on their way.
    async fn settle(&self, state: &mut State) -> Result<(), Failure> {
        let pending = state.head.pending.clone();
        self.store(&pending).await?;
        let day = day_of(self.clock.now_ms());
        let settled: Vec<Change> = pending.iter().map(|it| known_by(it, day)).collect();
        let id = self.source.id();
        self.book.commit(id, state, &settled, Vec::new()).await?;
        Ok(())
    }

    /// The events of the first of these, and how many of them that is. What cannot be told now comes again with the next look.
    async fn pending(
        &self,
        news: &[News<'_>],
        now_ms: i64,
        outcome: &mut Outcome,
    ) -> (Vec<Pending>, usize) {
        let first = &news[..news.len().min(BATCH_MAX)];
        let asked: Vec<_> = first
            .iter()
            .map(|news| self.source.content(news.item))
            .collect();
        let mut contents = stream::iter(asked).buffered(CONTENTS_AT_ONCE);
        let (mut pending, mut taken, mut bytes) = (Vec::new(), 0, 0);
        for news in first {
            let Some(content) = contents.next().await else {
                break;
            };
            match content {
                Ok(content) => {
                    let size = serde_json::to_string(&content).map_or(0, |text| text.len());
                    if bytes + size > BATCH_BYTES_MAX && !pending.is_empty() {
                        break;
                    }
                    bytes += size;
                    pending.push(self.event(news, content, now_ms));
                }
                Err(trouble) => outcome.fail(&news.item.key, &trouble.0),
            }
            taken += 1;
        }
        (pending, taken)
    }

    fn event(&self, news: &News<'_>, content: Map, now_ms: i64) -> Pending {
        let Id { kind, name } = self.source.id();
        let is_near = |at_ms: &i64| (now_ms - PAST_MS..=now_ms + FUTURE_MS).contains(at_ms);
        let at_ms = news.item.at_ms.filter(is_near).unwrap_or(now_ms);
        Pending {
            id: format!(
                "{}-{}-{:016x}-{at_ms}",
                kind.replace('/', "-"),
                token(name),
                news.hash ^ news.value.rotate_left(1)
            ),
            at_ms,
            content,
            hash: news.hash,
            value: news.value,
        }
    }

    async fn store(&self, pending: &[Pending]) -> Result<usize, Failure> {
        let id = self.source.id();
        let mut stored = 0;
        for event in pending {
            let header = Header {
                v: VERSION,
                id: event.id.clone(),
                kind: id.kind.to_owned(),
                source: id.name.clone(),
                at_ms: event.at_ms,
                headers: BTreeMap::new(),
                origin: Origin::Inside,
            };
            let body = serde_json::to_vec(&event.content).expect("an object is plain data");
            let payload = encode(&header, &body).into();
            let kept = self
                .events
                .publish_once(id.kind, &id.name, &event.id, payload);
            match kept.await {
                Ok(_) => stored += 1,
                // It will never be smaller.
                Err(error @ Error::TooLarge { .. }) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    event.id = event.id,
                    "an event of {} {} is too large to be stored and is dropped",
                    id.kind,
                    id.name
                ),
                Err(error) => return Err(Failure::Events(error)),
            }
        }
        metrics::stored(id.kind, stored);
        Ok(stored)
    }

    fn warn(&self, new: usize, outcome: &mut Outcome) {
        let threshold = self.source.item_upper_threshold().unwrap_or(self.threshold);
        if u32::try_from(new).unwrap_or(u32::MAX) <= threshold {
            return;
        }
        let id = self.source.id();
        let warning = format!(
            "{new} new things at once, which is above the threshold of {threshold}; all of them become events"
        );
        tracing::warn!("{} {} has {warning}", id.kind, id.name);
        outcome.warnings.push(warning);
    }
}

impl Outcome {
    fn of(look: &Look) -> Self {
        let mut outcome = Self {
            found: look.items.len(),
            warnings: look.warnings.clone(),
            ..Self::default()
        };
        for (name, why) in &look.failed {
            outcome.fail(name, why);
        }
        outcome
    }

    fn fail(&mut self, name: &str, why: &str) {
        self.failed.push(format!("{name}: {why}"));
    }

    /// What failed, for people.
    pub(crate) fn trouble(&self) -> Option<String> {
        if self.failed.is_empty() {
            return None;
        }
        let told = self.failed.iter().take(TOLD_MAX);
        let mut text = told.cloned().collect::<Vec<_>>().join("; ");
        if self.failed.len() > TOLD_MAX {
            let more = self.failed.len() - TOLD_MAX;
            text.push_str(&format!("; and {more} more"));
        }
        Some(text)
    }
}

fn known_by(pending: &Pending, day: u32) -> Change {
    let value = pending.value;
    (pending.hash, Entry { value, day })
}
