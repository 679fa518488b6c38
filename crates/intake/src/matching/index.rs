//! Finding, among the triggers of many pipelines, those that an event could fire.
//!
//! Most triggers name where their events come from: a webhook's source, a repository, a subscription. An event of another place
//! passes them, whatever else they say, so they need not be looked at; they are only counted, and some are named.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use gennaker_model::Map;

use super::{
    BUILD_TYPES, Event, Scm, TYPES, Type, Verdict, built, cdevents::CDEVENTS, cron::CRON,
    dry_run::DRY_RUN, ended::PIPELINE, judge, pubsub::PUBSUB, text, triggers_of, type_of,
};

/// A trigger: the number of its pipeline, and its place there.
type At = (usize, usize);

/// The triggers of a list of pipelines, by type and by what they name.
#[derive(Debug, Default)]
pub struct Index {
    /// In the order of [`TYPES`].
    shelves: Vec<Shelf>,
}

/// The triggers of one type.
#[derive(Debug, Default)]
struct Shelf {
    all: Vec<At>,
    /// Those that name something.
    named: BTreeMap<String, Vec<At>>,
    /// The others.
    nameless: Vec<At>,
}

/// The verdict on a trigger of one of many pipelines.
#[derive(Debug, PartialEq)]
pub struct Found {
    /// Number of the pipeline in the list.
    pub config: usize,
    /// Place of the trigger in the pipeline.
    pub place: usize,
    /// What became of it.
    pub verdict: Verdict,
    /// [`super::is_near`].
    pub is_near: bool,
}

/// What an event means for all of them.
#[derive(Debug, Default)]
pub struct Considered {
    /// The triggers that could have fired, and some of the others, in the order of the pipelines.
    pub found: Vec<Found>,
    /// How many more it concerns by its type only.
    pub others: usize,
}

impl Index {
    /// Over the configurations of pipelines, in an order that stays.
    pub fn of<'a>(configs: impl IntoIterator<Item = &'a Map>) -> Self {
        let mut shelves: Vec<Shelf> = TYPES.iter().map(|_| Shelf::default()).collect();
        for (number, config) in configs.into_iter().enumerate() {
            for (place, trigger) in triggers_of(config) {
                let Some(shelf) = type_of(trigger).and_then(|kind| shelf_of(&mut shelves, kind))
                else {
                    continue;
                };
                let at = (number, place);
                shelf.all.push(at);
                match name_in_trigger(config, trigger) {
                    Some(name) => shelf.named.entry(name).or_default().push(at),
                    None => shelf.nameless.push(at),
                }
            }
        }
        Self { shelves }
    }

    /// The verdicts on what could fire, as [`super::consider`] gives them, and on at most `far_max` of the rest. `configs` are those
    /// that the index was made of.
    #[must_use]
    pub fn consider(&self, event: &Event, configs: &[&Map], far_max: usize) -> Considered {
        let mut considered = Considered::default();
        for (kind, shelf) in TYPES.iter().zip(&self.shelves) {
            let concerned = |at: &At| {
                let config = *configs.get(at.0)?;
                kind.concerns(event, config).then_some(config)
            };
            let name = name_in_event(kind, event);
            let near = name.as_ref().and_then(|name| shelf.named.get(name));
            let near = near.map_or(&[][..], Vec::as_slice);
            let is_all = name.is_none();
            let mut far = 0;
            for at in &shelf.all {
                let is_looked_at = is_all
                    || near.binary_search(at).is_ok()
                    || shelf.nameless.binary_search(at).is_ok();
                if !is_looked_at && far >= far_max {
                    // What it concerns, it concerns by its type.
                    considered.others += usize::from(concerned(at).is_some());
                    continue;
                }
                let Some(config) = concerned(at) else {
                    continue;
                };
                far += usize::from(!is_looked_at);
                considered.found.extend(found(event, config, *at, kind));
            }
        }
        considered.found.sort_by_key(|it| (it.config, it.place));
        considered
    }
}

fn found(event: &Event, config: &Map, at: At, kind: &'static Type) -> Option<Found> {
    let (_, trigger) = triggers_of(config).find(|(place, _)| *place == at.1)?;
    Some(Found {
        config: at.0,
        place: at.1,
        verdict: judge(event, config, at.1, trigger, kind),
        is_near: names_same(event, config, trigger, kind),
    })
}

fn shelf_of<'s>(shelves: &'s mut [Shelf], kind: &Type) -> Option<&'s mut Shelf> {
    let place = TYPES.iter().position(|it| it.name == kind.name)?;
    shelves.get_mut(place)
}

/// Whether event and trigger name the same place. What names none is asked for by its type.
pub(super) fn names_same(event: &Event, config: &Map, trigger: &Map, kind: &Type) -> bool {
    match name_in_event(kind, event) {
        Some(name) => name_in_trigger(config, trigger) == Some(name),
        None => true,
    }
}

/// What the triggers that an event could fire name. `None`: any.
fn name_in_event(kind: &Type, event: &Event) -> Option<String> {
    let field = |name: &str| text(&event.payload, name).map(str::to_owned);
    match (kind.name, &event.scm) {
        ("webhook" | "nexus" | CDEVENTS | CRON | PIPELINE | DRY_RUN, _) => {
            Some(event.header.source.clone())
        }
        (PUBSUB, _) => Some(folded(&event.header.source)),
        ("git", Some(Scm::Push(push))) => Some(folded(&push.slug)),
        ("docker" | "helm/oci", _) => field("repository"),
        ("helm", _) => field("account"),
        ("artifactory", _) => field("name"),
        ("s3", _) => field("search"),
        (kind, _) if BUILD_TYPES.contains(&kind) => built(event).map(|built| built.job),
        _ => None,
    }
}

/// What a trigger names. `None`: nothing, or its type is looked through whole.
fn name_in_trigger(config: &Map, trigger: &Map) -> Option<String> {
    let field = |name: &str| text(trigger, name);
    match type_of(trigger)?.name {
        "webhook" | CDEVENTS => field("source").map(str::to_owned),
        PUBSUB => field("subscriptionName").map(folded),
        "git" => field("slug").map(folded),
        CRON | DRY_RUN => text(config, "id").map(str::to_owned),
        "docker" | "helm/oci" => field("repository").map(str::to_owned),
        "helm" => field("account").map(str::to_owned),
        "artifactory" => field("artifactorySearchName").map(str::to_owned),
        PIPELINE => field("pipeline").map(str::to_owned),
        "nexus" => field("nexusSearchName").map(str::to_owned),
        "s3" => field("search").map(str::to_owned),
        kind if BUILD_TYPES.contains(&kind) => field("job").map(str::to_owned),
        _ => None,
    }
}

/// As `equalsIgnoreCase` compares, where names are ASCII.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}
