//! Which executions a list shows.

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    ops::Bound,
    sync::Arc,
};

use gennaker_model::{ExecutionId, Status, command::ListQuery};

use super::{Entry, Index, Order, Place, fold, hash_of};

impl Index {
    /// Ids that match a query, newest first, or oldest first if it says so.
    pub fn find(&self, query: &ListQuery) -> Vec<ExecutionId> {
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        if !query.executions.is_empty() {
            let asked: BTreeSet<&ExecutionId> = query.executions.iter().collect();
            let known = asked.into_iter().filter(|id| self.contains(id));
            return known.take(limit).cloned().collect();
        }
        let per_config = query
            .limit_per_config
            .map_or(usize::MAX, |limit| limit as usize);
        let mut filter = Filter::new(query);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut merge = Merge::new(self.orders(query), query);
        let mut found = Vec::new();
        while found.len() < limit
            && let Some((place, source)) = merge.next()
        {
            let Some(entry) = self.entry(place).filter(|entry| filter.matches(entry)) else {
                merge.go_on(source);
                continue;
            };
            let mut is_wanted = true;
            let mut has_more = true;
            if let Some(config) = entry.config.as_deref().filter(|_| per_config < usize::MAX) {
                let count = counts.entry(config).or_default();
                *count += 1;
                is_wanted = *count <= per_config;
                has_more = *count < per_config || !merge.is_of_pipelines;
            }
            if is_wanted {
                found.push(entry.id.clone());
            }
            if has_more {
                merge.go_on(source);
            }
        }
        found
    }

    /// The shortest orders that hold everything that can match, and whether each holds the executions of one pipeline.
    fn orders(&self, query: &ListQuery) -> (Vec<&Order>, bool) {
        if !query.statuses.is_empty() && !query.statuses.contains(&Status::Succeeded) {
            let is_asked = |complete: bool| {
                let mut statuses = query.statuses.iter();
                statuses.any(|status| status.is_complete() == complete)
            };
            let few = [(false, &self.active), (true, &self.failed)].into_iter();
            let few = few.filter(|(complete, _)| is_asked(*complete));
            return (few.map(|(_, order)| order).collect(), false);
        }
        let application = query.application.as_deref().map(fold);
        if !query.config_ids.is_empty() {
            let configs: BTreeSet<&str> = query.config_ids.iter().map(String::as_str).collect();
            let homes = configs.into_iter().filter_map(|config| {
                let (config, homes) = self.homes.get_key_value(config)?;
                Some(
                    homes
                        .iter()
                        .map(|home| (home.clone(), Some(config.clone()))),
                )
            });
            let wanted = homes.flatten().filter(|(home, _)| {
                application
                    .as_deref()
                    .is_none_or(|application| application == &**home)
            });
            let orders = wanted.filter_map(|pipeline| self.by_pipeline.get(&pipeline));
            return (orders.collect(), true);
        }
        let Some(application) = application else {
            return (vec![&self.all], false);
        };
        let application: Arc<str> = application.into();
        let first = (Arc::clone(&application), None);
        let of_application = self
            .by_pipeline
            .range(first..)
            .take_while(|((home, _), _)| *home == application);
        (of_application.map(|(_, order)| order).collect(), true)
    }
}

/// Several orders as one.
struct Merge<'a> {
    sources: Vec<Box<dyn Iterator<Item = (&'a Place, &'a u32)> + 'a>>,
    /// The next of each source; the heap's greatest is the next of all.
    heads: BinaryHeap<Head<'a>>,
    oldest_first: bool,
    is_of_pipelines: bool,
}

struct Head<'a> {
    at: &'a Place,
    place: u32,
    source: usize,
    oldest_first: bool,
}

impl<'a> Merge<'a> {
    fn new((orders, is_of_pipelines): (Vec<&'a Order>, bool), query: &ListQuery) -> Self {
        let mut merge = Self {
            sources: Vec::with_capacity(orders.len()),
            heads: BinaryHeap::with_capacity(orders.len()),
            oldest_first: query.oldest_first,
            is_of_pipelines,
        };
        let Some((from, to)) = bounds(query) else {
            return merge;
        };
        for order in orders {
            let range = order.range((from.clone(), to.clone()));
            if query.oldest_first {
                merge.sources.push(Box::new(range));
            } else {
                merge.sources.push(Box::new(range.rev()));
            }
            merge.go_on(merge.sources.len() - 1);
        }
        merge
    }

    /// The next place, and the source to go on with, if more of it is wanted.
    fn next(&mut self) -> Option<(u32, usize)> {
        self.heads.pop().map(|head| (head.place, head.source))
    }

    fn go_on(&mut self, source: usize) {
        if let Some((at, place)) = self.sources[source].next() {
            self.heads.push(Head {
                at,
                place: *place,
                source,
                oldest_first: self.oldest_first,
            });
        }
    }
}

/// The first and the last place that the times of a query and where it goes on allow; none if they exclude each other.
fn bounds(query: &ListQuery) -> Option<(Bound<Place>, Bound<Place>)> {
    // Control characters are in no id, so none is smaller than a blank.
    let least = ExecutionId::new(" ").ok()?;
    let at = |time: i64| Place {
        time,
        id: least.clone(),
    };
    let mut from = query.since_ms.map(at);
    let mut to = query.until_ms.map(|until| at(until.saturating_add(1)));
    let mut is_behind = false;
    if let Some(after) = &query.after {
        let after = Place {
            time: after.time_ms,
            id: after.execution.clone(),
        };
        if query.oldest_first {
            if from.as_ref().is_none_or(|from| *from <= after) {
                from = Some(after);
                is_behind = true;
            }
        } else if to.as_ref().is_none_or(|to| *to > after) {
            to = Some(after);
        }
    }
    if let (Some(from), Some(to)) = (&from, &to)
        && from >= to
    {
        return None;
    }
    let from = match from {
        Some(from) if is_behind => Bound::Excluded(from),
        Some(from) => Bound::Included(from),
        None => Bound::Unbounded,
    };
    Some((from, to.map_or(Bound::Unbounded, Bound::Excluded)))
}

/// What is left to look at, of an execution that one of the orders holds.
struct Filter<'a> {
    query: &'a ListQuery,
    application: Option<String>,
    configs: BTreeSet<&'a str>,
    name_part: Option<String>,
    event: u64,
    /// Whether the names that were met have the wanted part.
    names: BTreeMap<Arc<str>, bool>,
}

impl<'a> Filter<'a> {
    fn new(query: &'a ListQuery) -> Self {
        Self {
            query,
            application: query.application.as_deref().map(fold),
            configs: query.config_ids.iter().map(String::as_str).collect(),
            name_part: query.name_contains.as_deref().map(str::to_lowercase),
            event: query.event.as_deref().map_or(0, hash_of),
            names: BTreeMap::new(),
        }
    }

    fn matches(&mut self, entry: &Entry) -> bool {
        let Self {
            query,
            application,
            configs,
            ..
        } = self;
        query.kind.is_none_or(|kind| kind == entry.kind)
            && is_wanted(&query.statuses, entry.status)
            && application
                .as_deref()
                .is_none_or(|application| *application == *entry.application)
            && (configs.is_empty()
                || entry
                    .config
                    .as_deref()
                    .is_some_and(|config| configs.contains(config)))
            && (query.event.is_none() || self.event == entry.event)
            && query
                .name
                .as_deref()
                .is_none_or(|name| *name == *entry.name)
            && (query.trigger_types.is_empty()
                || query
                    .trigger_types
                    .iter()
                    .any(|kind| **kind == *entry.trigger_type))
            && self.has_part(&entry.name)
    }

    /// Names are few, and to fold them is dear.
    fn has_part(&mut self, name: &Arc<str>) -> bool {
        let Some(part) = &self.name_part else {
            return true;
        };
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let has_part = name.to_lowercase().contains(part);
        self.names.insert(Arc::clone(name), has_part);
        has_part
    }
}

fn is_wanted(statuses: &[Status], found: Status) -> bool {
    statuses.is_empty() || statuses.contains(&found)
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Head<'_> {}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if self.oldest_first {
            other.at.cmp(self.at)
        } else {
            self.at.cmp(other.at)
        }
    }
}
