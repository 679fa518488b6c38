//! The Deploy (Manifest) operation: from a stage to the objects that are sent, in order.

mod context;
mod prepare;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::artifact::{Artifact, ImageMatch, Unbound};
use crate::kind::CustomKinds;
use crate::rollout::Strategy;
use crate::selector::{BadSelector, Selectors};
use crate::strategy::Submission;
use crate::{Coordinates, Kind, Manifest, Map, Moniker, labels, redact, text, traffic};

/// What a stage asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// `account`
    pub account: String,
    /// `moniker`
    pub moniker: Moniker,
    /// `manifests`, evaluated and flattened
    pub manifests: Vec<Manifest>,
    /// `requiredArtifacts`: each must find a place
    pub required: Vec<Artifact>,
    /// `optionalArtifacts`
    pub optional: Vec<Artifact>,
    /// `enableArtifactBinding`, by default true
    pub bind: bool,
    /// `versioned`
    pub versioned: Option<bool>,
    /// `services` of the traffic options
    pub services: Vec<String>,
    /// `enableTraffic`; true without traffic management
    pub enable_traffic: bool,
    /// `strategy` of the traffic options
    pub strategy: Strategy,
    /// `labelSelectors`
    pub selectors: Selectors,
    /// `allowNothingSelected`
    pub allow_nothing_selected: bool,
    /// `skipSpecTemplateLabels`
    pub skip_spec_template_labels: bool,
    /// `namespaceOverride`
    pub namespace_override: Option<String>,
}

/// What the provider's and the account's settings say.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The account's custom resources
    pub custom: CustomKinds,
    /// How images are compared
    pub images: ImageMatch,
    /// How objects are labelled
    pub labels: labels::Rules,
}

/// Something to read from the cluster before [`Request::prepare`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// All objects of a kind in a namespace: their versions are chosen among
    List {
        /// The kind
        kind: Kind,
        /// Empty: the account's default
        namespace: String,
    },
    /// One object, which need not be there
    Get(Coordinates),
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Live {
    lists: BTreeMap<(Kind, String), Vec<Manifest>>,
    objects: BTreeMap<Coordinates, Manifest>,
}

/// Why nothing is deployed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The stage's context cannot be read.
    #[error("`{field}` of the stage must be {expected}")]
    Context {
        /// Its path
        field: &'static str,
        /// e.g. `a list of manifests`
        expected: &'static str,
    },
    /// The manifests cannot be read.
    #[error(transparent)]
    Text(#[from] text::Error),
    /// The selectors cannot be read.
    #[error(transparent)]
    Selector(#[from] BadSelector),
    /// A rollout strategy that does not exist.
    #[error(transparent)]
    Strategy(#[from] crate::rollout::Error),
    /// A kind that is never deployed.
    #[error(transparent)]
    Kind(#[from] crate::priority::Undeployable),
    /// A required artifact found no place.
    #[error(transparent)]
    Unbound(#[from] Unbound),
    /// A load balancer does not fit.
    #[error(transparent)]
    Traffic(#[from] traffic::Error),
    /// Red/black with a history of fewer than two versions.
    #[error(
        "The max version history specified in your manifest conflicts with the behavior of the Red/Black rollout strategy. Please update your strategy.spinnaker.io/max-version-history annotation to a value greater than or equal to 2."
    )]
    VersionHistory,
    /// `replace` takes no selector.
    #[error("label selectors not supported with replace strategy, not deploying")]
    ReplaceSelected,
    /// Nothing matched the selectors.
    #[error("nothing deployed to account {account} with label selector(s) {selectors}")]
    NothingSelected {
        /// The account
        account: String,
        /// As kubectl writes them
        selectors: String,
    },
    /// Something that [`Request::reads`] named was not read.
    #[error("{0} was not read")]
    NotRead(String),
}

/// One object that is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// As it is sent, without the annotation of what was applied last
    pub manifest: Manifest,
    /// How it is sent
    pub submission: Submission,
    /// The label selectors leave it out: it is not sent
    pub selected: bool,
    /// Its version; none for an unversioned one
    pub version: Option<crate::version::Version>,
}

/// What is deployed, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The objects
    pub steps: Vec<Step>,
    /// `createdArtifacts`, also for what the selectors leave out
    pub created: Vec<Artifact>,
    /// `boundArtifacts`
    pub bound: Vec<Artifact>,
}

impl Request {
    /// Reads a stage's context, as Orca's payload has it; `manifests`, `requiredArtifacts` and `optionalArtifacts` are resolved
    /// already.
    ///
    /// # Errors
    /// [`Error::Context`], [`Error::Text`], [`Error::Selector`], [`Error::Strategy`]
    pub fn from_context(context: &Map) -> Result<Self, Error> {
        context::read(context)
    }

    /// What must be read before [`Request::prepare`].
    ///
    /// # Errors
    /// As [`Request::prepare`], for what is seen without reading.
    pub fn reads(&self, rules: &Rules) -> Result<Vec<Read>, Error> {
        prepare::reads(self, rules)
    }

    /// The objects as they are sent, in order. Nothing is sent before all of them are prepared.
    ///
    /// # Errors
    /// [`Error`]
    pub fn prepare(&self, rules: &Rules, live: &Live) -> Result<Prepared, Error> {
        prepare::prepare(self, rules, live)
    }
}

impl Live {
    /// Keeps a list that was read.
    pub fn insert_list(&mut self, kind: Kind, namespace: &str, objects: Vec<Manifest>) {
        self.lists.insert((kind, namespace.to_owned()), objects);
    }

    /// Keeps an object that was read; one that is not there is not kept.
    pub fn insert_object(&mut self, at: Coordinates, object: Manifest) {
        self.objects.insert(at, object);
    }
}

impl Prepared {
    /// The operation's result, from what the server answered for each step that was sent, in their order: `manifests` (Secrets redacted,
    /// without `managedFields`), `manifestNamesByNamespace`, `createdArtifacts`, `boundArtifacts`.
    #[must_use]
    pub fn result(&self, answers: &[Manifest]) -> Value {
        let mut names = Map::new();
        for answer in answers {
            let name = Value::from(answer.full_name().to_string());
            let of_namespace = names
                .entry(answer.namespace())
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = of_namespace
                && !list.contains(&name)
            {
                list.push(name);
            }
        }
        let shown = |answer: &Manifest| {
            let mut answer = answer.clone();
            redact::manifest(&mut answer);
            answer.into_value()
        };
        let mut result = Map::new();
        result.insert("manifestNamesByNamespace".into(), names.into());
        result.insert("manifests".into(), answers.iter().map(shown).collect());
        result.insert("createdArtifacts".into(), distinct(&self.created));
        result.insert("boundArtifacts".into(), distinct(&self.bound));
        result.into()
    }
}

fn distinct(artifacts: &[Artifact]) -> Value {
    let mut values: Vec<Value> = Vec::new();
    for artifact in artifacts {
        let value = artifact.to_value();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values.into()
}
