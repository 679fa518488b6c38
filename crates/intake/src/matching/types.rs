//! The types of triggers that fire: the table.

use gennaker_model::Map;

use super::{
    BUILD_TYPES, CDEVENTS, CRON, Check, Event, PUBSUB, artifactory, build, cdevents, cron, docker,
    dry_run::{self, DRY_RUN},
    ended::{self, PIPELINE},
    git, helm, is_polled, nexus, plugin, pubsub, s3, webhook,
};

/// A type of trigger.
pub(super) struct Type {
    /// Its name in `type`, in any case.
    pub(super) name: &'static str,
    concerns: Concerns,
    asks: Asks,
    adds: Adds,
}

pub(super) static TYPES: [Type; 18] = [
    Type::new("webhook", Concerns::Kind, webhook::check).adding(webhook::complete),
    Type::new(
        "git",
        Concerns::Event(|event| event.scm.is_some()),
        git::check,
    )
    .adding(git::complete),
    Type {
        name: CRON,
        concerns: Concerns::Pipeline(cron::concerns),
        asks: Asks::Place(cron::check),
        adds: Adds::Nothing,
    },
    Type {
        name: PIPELINE,
        concerns: Concerns::Polled,
        asks: Asks::Trigger(ended::check),
        adds: Adds::Pipeline(ended::complete),
    },
    Type {
        name: DRY_RUN,
        concerns: Concerns::Pipeline(dry_run::concerns),
        asks: Asks::Trigger(dry_run::check),
        adds: Adds::Event(dry_run::complete),
    },
    Type::new(CDEVENTS, Concerns::Kind, cdevents::check).adding(cdevents::complete),
    Type::new(PUBSUB, Concerns::Event(pubsub::concerns), pubsub::check).adding(pubsub::complete),
    Type::new("docker", Concerns::Polled, docker::check).adding(docker::complete),
    Type::new("helm/oci", Concerns::Polled, docker::check).adding(docker::complete),
    Type::built_by(BUILD_TYPES[0]),
    Type::built_by(BUILD_TYPES[1]),
    Type::built_by(BUILD_TYPES[2]),
    Type::built_by(BUILD_TYPES[3]),
    Type::new("helm", Concerns::Polled, helm::check).adding(helm::complete),
    Type::new("artifactory", Concerns::Polled, artifactory::check),
    Type::new("nexus", Concerns::Kind, nexus::check),
    Type::new("plugin", Concerns::Polled, plugin::check).adding(plugin::complete),
    Type::new("s3", Concerns::Polled, s3::check).adding(s3::complete),
];

impl Type {
    /// Whether an event is one that it looks at, on a pipeline.
    pub(super) fn concerns(&self, event: &Event, config: &Map) -> bool {
        match self.concerns {
            Concerns::Kind => event.header.kind.eq_ignore_ascii_case(self.name),
            Concerns::Polled => is_polled(event, self.name),
            Concerns::Event(concerns) => concerns(event),
            Concerns::Pipeline(concerns) => concerns(event, config),
        }
    }

    pub(super) fn check(&self, event: &Event, place: usize, trigger: &Map) -> Check {
        match self.asks {
            Asks::Trigger(check) => check(event, trigger),
            Asks::Place(check) => check(event, place, trigger),
        }
    }

    pub(super) fn complete(&self, event: &Event, config: &Map, fired: &mut Map) {
        match self.adds {
            Adds::Nothing => {}
            Adds::Event(complete) => complete(event, fired),
            Adds::Pipeline(complete) => complete(event, config, fired),
        }
    }

    const fn new(name: &'static str, concerns: Concerns, check: fn(&Event, &Map) -> Check) -> Self {
        Self {
            name,
            concerns,
            asks: Asks::Trigger(check),
            adds: Adds::Nothing,
        }
    }

    /// A type whose events are builds.
    const fn built_by(name: &'static str) -> Self {
        Self::new(name, Concerns::Event(build::concerns), build::check).adding(build::complete)
    }

    const fn adding(self, complete: fn(&Event, &mut Map)) -> Self {
        Self {
            adds: Adds::Event(complete),
            ..self
        }
    }
}

/// Which events a type looks at.
enum Concerns {
    /// Those of its own kind, whoever they come from.
    Kind,
    /// Those of its own kind that we saw ourselves: nobody outside can claim them.
    Polled,
    /// These.
    Event(fn(&Event) -> bool),
    /// These, on a pipeline.
    Pipeline(fn(&Event, &Map) -> bool),
}

/// What a type asks of such an event.
enum Asks {
    /// For a trigger.
    Trigger(fn(&Event, &Map) -> Check),
    /// For the trigger at a place.
    Place(fn(&Event, usize, &Map) -> Check),
}

/// What an event adds to the trigger of the execution.
enum Adds {
    /// No more than every event does.
    Nothing,
    /// This.
    Event(fn(&Event, &mut Map)),
    /// This, for a trigger of a pipeline.
    Pipeline(fn(&Event, &Map, &mut Map)),
}
