//! From a request to the objects that are sent.
//!
//! Source: clouddriver `KubernetesDeployManifestOperation`, `KubernetesDeployManifestConverter`.

use std::collections::BTreeSet;

use super::{Error, Live, Prepared, Read, Request, Rules, Step};
use crate::artifact::{Artifact, Available, unbound};
use crate::rollout;
use crate::strategy::{Strategy, Submission};
use crate::version::{self, Version};
use crate::{
    Coordinates, Manifest, Map, Moniker, Native, annotations, apply, labels, priority, strategy,
    traffic,
};

/// What must be read, each once, in a stable order.
pub(super) fn reads(request: &Request, rules: &Rules) -> Result<Vec<Read>, Error> {
    let manifests = ordered(request, rules)?;
    let given: BTreeSet<Coordinates> = manifests.iter().map(Coordinates::of).collect();
    let mut reads = BTreeSet::new();
    for manifest in &manifests {
        let (kind, namespace) = (manifest.kind(), manifest.namespace().to_owned());
        let keeps_capacity = keeps_capacity(manifest, &strategy::of(manifest));
        if is_versioned(request, rules, manifest) {
            reads.insert(Read::List { kind, namespace });
        } else if keeps_capacity {
            reads.insert(Read::Get(Coordinates::of(manifest)));
        }
        for at in load_balancers(request, manifest)? {
            if !given.contains(&at) {
                reads.insert(Read::Get(at));
            }
        }
    }
    Ok(reads.into_iter().collect())
}

pub(super) fn prepare(request: &Request, rules: &Rules, live: &Live) -> Result<Prepared, Error> {
    let manifests = ordered(request, rules)?;
    let mut available = match request.bind {
        true => Available::new(&request.required, &request.optional),
        false => Available::default(),
    };
    let mut prepared = Prepared {
        steps: Vec::new(),
        created: Vec::new(),
        bound: Vec::new(),
    };
    for manifest in &manifests {
        let mut manifest = apply::without_nulls(manifest);
        let strategy = strategy::of(&manifest);
        check_history(request, &strategy)?;
        prepared.bound.extend(
            available
                .bind(&mut manifest, rules.images, &request.account)
                .bound,
        );

        let priors = priors(request, rules, live, &manifest)?;
        let version = priors
            .as_ref()
            .map(|priors| version::choose(priors, &manifest));
        let moniker = moniker(request, &manifest, version);
        let artifact = artifact(&manifest, &request.account, version);
        available.add(artifact.clone());

        annotations::annotate_artifact(&mut manifest, &artifact);
        if keeps_capacity(&manifest, &strategy)
            && let Some(replicas) = source_capacity(live, &manifest, priors.as_deref())
        {
            manifest.set_replicas(replicas);
        }
        attach(request, live, &manifests, &mut manifest)?;
        annotations::annotate(&mut manifest, &moniker);
        labels::label(
            &mut manifest,
            &rules.labels,
            &moniker,
            request.skip_spec_template_labels,
        );
        if let Some(name) = artifact.reference.as_deref() {
            manifest.set_name(name);
        }
        prepared.created.push(artifact);
        prepared.steps.push(Step {
            selected: request.selectors.matches(manifest.labels()),
            submission: strategy.submission,
            version,
            manifest,
        });
    }
    if request.bind {
        unbound(&request.required, &prepared.bound)?;
    }
    check_selected(request, &prepared.steps)?;
    Ok(prepared)
}

/// The manifests in the order of deployment, in the namespace that the stage says.
fn ordered(request: &Request, rules: &Rules) -> Result<Vec<Manifest>, Error> {
    let mut manifests = request.manifests.clone();
    for manifest in &mut manifests {
        priority::check_deployable(&manifest.kind())?;
        if let Some(namespace) = &request.namespace_override
            && rules.custom.is_namespaced(&manifest.kind())
        {
            manifest.set_namespace(namespace);
        }
    }
    manifests.sort_by_key(|manifest| priority::of(&manifest.kind(), &rules.custom));
    Ok(manifests)
}

/// Red/black needs two versions, which a history of fewer deletes.
fn check_history(request: &Request, strategy: &Strategy) -> Result<(), Error> {
    let is_short = strategy
        .max_version_history
        .is_some_and(|history| history < 2);
    match request.strategy {
        rollout::Strategy::BlueGreen if is_short => Err(Error::VersionHistory),
        rollout::Strategy::BlueGreen | rollout::Strategy::None | rollout::Strategy::Highlander => {
            Ok(())
        }
    }
}

/// An object that the server names has no version (Clouddriver would call it `null-v000`).
fn is_versioned(request: &Request, rules: &Rules, manifest: &Manifest) -> bool {
    !manifest.has_generated_name()
        && version::is_versioned(manifest, request.versioned, &rules.custom)
}

fn priors(
    request: &Request,
    rules: &Rules,
    live: &Live,
    manifest: &Manifest,
) -> Result<Option<Vec<version::Prior>>, Error> {
    if !is_versioned(request, rules, manifest) {
        return Ok(None);
    }
    let (kind, namespace) = (manifest.kind(), manifest.namespace());
    let Some(objects) = live.lists.get(&(kind.clone(), namespace.to_owned())) else {
        return Err(Error::NotRead(format!(
            "the list of {kind} in namespace `{namespace}`"
        )));
    };
    // Without a namespace the account's default is meant, and the objects there say its name.
    let at = match (namespace, objects.first()) {
        ("", Some(first)) => first.namespace(),
        (namespace, _) => namespace,
    };
    Ok(Some(version::priors(objects, &kind, manifest.name(), at)))
}

fn moniker(request: &Request, manifest: &Manifest, version: Option<Version>) -> Moniker {
    let mut moniker = request.moniker.clone();
    if let Some(version) = version {
        moniker.sequence = Some(version.number);
    }
    moniker
        .cluster
        .get_or_insert_with(|| manifest.full_name().to_string());
    moniker
}

/// `ArtifactConverter.toArtifact`.
fn artifact(manifest: &Manifest, account: &str, version: Option<Version>) -> Artifact {
    let name = match manifest.name() {
        "" => None,
        name => Some(name.to_owned()),
    };
    let version = version.map_or_else(String::new, |version| version::text(version.number));
    let reference = name.as_ref().map(|name| match version.as_str() {
        "" => name.clone(),
        version => format!("{name}-{version}"),
    });
    let mut metadata = Map::new();
    metadata.insert("account".into(), account.into());
    Artifact {
        artifact_type: Some(format!("kubernetes/{}", manifest.kind())),
        name,
        version: Some(version),
        location: Some(manifest.namespace().to_owned()),
        reference,
        metadata: Some(metadata),
        rest: Map::new(),
    }
}

/// Only what scales keeps its size.
fn keeps_capacity(manifest: &Manifest, strategy: &Strategy) -> bool {
    strategy.use_source_capacity
        && !manifest.has_generated_name()
        && manifest.kind().native().is_some_and(Native::can_scale)
}

/// The size of the live object: of the same name, or of the latest version.
fn source_capacity(
    live: &Live,
    manifest: &Manifest,
    priors: Option<&[version::Prior]>,
) -> Option<i64> {
    let Some(priors) = priors else {
        return live.objects.get(&Coordinates::of(manifest))?.replicas();
    };
    let latest = format!(
        "{}-{}",
        manifest.name(),
        version::text(version::latest(priors)?)
    );
    let objects = live
        .lists
        .get(&(manifest.kind(), manifest.namespace().to_owned()))?;
    objects
        .iter()
        .find(|object| object.name() == latest)?
        .replicas()
}

/// The load balancers that a manifest is attached to: those of the stage, or of its own annotation.
fn load_balancers(request: &Request, manifest: &Manifest) -> Result<Vec<Coordinates>, Error> {
    if !request.enable_traffic
        || !manifest
            .kind()
            .native()
            .is_some_and(Native::receives_traffic)
    {
        return Ok(Vec::new());
    }
    let names = match request.services.is_empty() {
        true => traffic::load_balancers(manifest),
        false => request.services.clone(),
    };
    Ok(traffic::resolve(&names, manifest.namespace())?)
}

fn attach(
    request: &Request,
    live: &Live,
    given: &[Manifest],
    manifest: &mut Manifest,
) -> Result<(), Error> {
    if manifest
        .kind()
        .native()
        .is_some_and(Native::receives_traffic)
    {
        traffic::annotate(manifest, &request.services)?;
    }
    for at in load_balancers(request, manifest)? {
        let found = given
            .iter()
            .find(|other| Coordinates::of(other) == at)
            .or_else(|| live.objects.get(&at));
        let service = found.ok_or_else(|| traffic::Error::Missing(at.full_name()))?;
        traffic::attach(service, manifest)?;
    }
    Ok(())
}

/// Clouddriver notices only after all was sent that nothing was; the sentence is the same.
fn check_selected(request: &Request, steps: &[Step]) -> Result<(), Error> {
    if request.selectors.is_empty() {
        return Ok(());
    }
    if steps
        .iter()
        .any(|step| step.submission == Submission::Replace)
    {
        return Err(Error::ReplaceSelected);
    }
    match request.allow_nothing_selected || steps.iter().any(|step| step.selected) {
        true => Ok(()),
        false => Err(Error::NothingSelected {
            account: request.account.clone(),
            selectors: request.selectors.expression(),
        }),
    }
}
