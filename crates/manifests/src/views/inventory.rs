//! The live objects of one account, with their relations.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kind::{CustomKinds, SpinnakerKind};
use crate::{Coordinates, Kind, Manifest, Map, Native, redact};

/// The live objects of one account, with their relations.
#[derive(Clone, Debug)]
pub struct Inventory {
    account: String,
    objects: Vec<Manifest>,
    custom: CustomKinds,
    by_name: BTreeMap<Coordinates, usize>,
    by_owner: BTreeMap<Coordinates, Vec<usize>>,
    by_kind: BTreeMap<SpinnakerKind, Vec<usize>>,
    by_place: BTreeMap<(SpinnakerKind, String), Vec<usize>>,
}

impl Inventory {
    /// Of an account's objects. Those that say `caching.spinnaker.io/ignore` are left out, Secrets redacted.
    #[must_use]
    pub fn new(account: &str, mut objects: Vec<Manifest>, custom: CustomKinds) -> Self {
        objects.retain(|object| !super::is_ignored(object));
        objects.sort_by_cached_key(Coordinates::of);
        let mut inventory = Self {
            account: account.to_owned(),
            objects: Vec::new(),
            custom,
            by_name: BTreeMap::new(),
            by_owner: BTreeMap::new(),
            by_kind: BTreeMap::new(),
            by_place: BTreeMap::new(),
        };
        for (index, object) in objects.iter_mut().enumerate() {
            redact::manifest(object);
            let kind = inventory.custom.spinnaker_kind(&object.kind());
            inventory.by_kind.entry(kind).or_default().push(index);
            let place = (kind, object.namespace().to_owned());
            inventory.by_place.entry(place).or_default().push(index);
            inventory.by_name.insert(Coordinates::of(object), index);
            for owner in object.owners() {
                let owner = Coordinates::new(owner.kind, object.namespace(), &owner.name);
                inventory.by_owner.entry(owner).or_default().push(index);
            }
        }
        inventory.objects = objects;
        inventory
    }

    /// The account's name.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Manifest> {
        self.objects.iter()
    }

    pub(super) fn spinnaker_kind(&self, object: &Manifest) -> SpinnakerKind {
        self.custom.spinnaker_kind(&object.kind())
    }

    /// Everything that is shown as one kind.
    pub(super) fn of(&self, kind: SpinnakerKind) -> impl Iterator<Item = &Manifest> {
        let indexes = self
            .by_kind
            .get(&kind)
            .map(Vec::as_slice)
            .unwrap_or_default();
        indexes.iter().filter_map(|index| self.objects.get(*index))
    }

    /// Everything in a namespace that is shown as one kind.
    fn within(&self, kind: SpinnakerKind, namespace: &str) -> impl Iterator<Item = &Manifest> {
        let indexes = self.by_place.get(&(kind, namespace.to_owned()));
        let indexes = indexes.map(Vec::as_slice).unwrap_or_default();
        indexes.iter().filter_map(|index| self.objects.get(*index))
    }

    /// What takes part in applications.
    pub(super) fn with_application(&self) -> impl Iterator<Item = &Manifest> {
        let kinds = [
            SpinnakerKind::ServerGroups,
            SpinnakerKind::ServerGroupManagers,
            SpinnakerKind::LoadBalancers,
            SpinnakerKind::SecurityGroups,
        ];
        kinds.into_iter().flat_map(|kind| self.of(kind))
    }

    /// The object that a full name means.
    pub(super) fn named(&self, namespace: &str, full_name: &str) -> Option<&Manifest> {
        self.get(&Coordinates::parse(full_name, namespace).ok()?)
    }

    fn get(&self, at: &Coordinates) -> Option<&Manifest> {
        self.objects.get(*self.by_name.get(at)?)
    }

    /// What an object owns, of one kind.
    pub(super) fn owned(&self, owner: &Manifest, kind: Native) -> impl Iterator<Item = &Manifest> {
        let indexes = self
            .by_owner
            .get(&Coordinates::of(owner))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let objects = indexes.iter().filter_map(|index| self.objects.get(*index));
        objects.filter(move |object| object.kind() == kind)
    }

    /// The Deployments that own an object.
    pub(super) fn managers(&self, object: &Manifest) -> impl Iterator<Item = &Manifest> {
        let owners = object.owners().into_iter();
        let at = owners.map(|owner| Coordinates::new(owner.kind, object.namespace(), &owner.name));
        let found: Vec<&Manifest> = at.filter_map(|at| self.get(&at)).collect();
        found
            .into_iter()
            .filter(|owner| self.spinnaker_kind(owner) == SpinnakerKind::ServerGroupManagers)
    }

    /// The server groups behind a load balancer: ReplicaSets by the selector of a Service, StatefulSets by their `serviceName`.
    pub(super) fn balanced(&self, service: &Manifest) -> Vec<&Manifest> {
        if service.kind() != Native::Service {
            return Vec::new();
        }
        self.within(SpinnakerKind::ServerGroups, service.namespace())
            .filter(|group| is_behind(group, service))
            .collect()
    }

    /// The load balancers before a server group.
    pub(super) fn balancers(&self, group: &Manifest) -> Vec<&Manifest> {
        let services = self
            .within(SpinnakerKind::LoadBalancers, group.namespace())
            .filter(|service| service.kind() == Native::Service);
        services
            .filter(|service| is_behind(group, service))
            .collect()
    }
}

/// Both lie in the same namespace.
fn is_behind(group: &Manifest, service: &Manifest) -> bool {
    let kind: Kind = group.kind();
    if kind == Native::StatefulSet {
        let of = group.at(&["spec", "serviceName"]).and_then(Value::as_str);
        return of == Some(service.name());
    }
    if kind != Native::ReplicaSet {
        return false;
    }
    let selector = service.at(&["spec", "selector"]).and_then(Value::as_object);
    let labels = group
        .at(&["spec", "template", "metadata", "labels"])
        .and_then(Value::as_object);
    match (selector, labels) {
        (Some(selector), Some(labels)) => !selector.is_empty() && holds(labels, selector),
        _ => false,
    }
}

fn holds(labels: &Map, selector: &Map) -> bool {
    selector
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}
