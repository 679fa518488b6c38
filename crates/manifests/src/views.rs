//! What the API and the UI show of live objects: Spinnaker's JSON for clusters, server groups, load balancers, …
//!
//! A reader fetches the objects of [`KINDS`] of every account, makes an [`Inventory`] of each, and asks here. Which accounts and
//! applications a person may see, the caller decides.

use serde_json::Value;

use crate::kind::CustomKinds;
use crate::{Manifest, Native};

/// The kinds that the views show.
pub const KINDS: [Native; 10] = [
    Native::Deployment,
    Native::ReplicaSet,
    Native::StatefulSet,
    Native::DaemonSet,
    Native::Job,
    Native::CronJob,
    Native::Pod,
    Native::Service,
    Native::Ingress,
    Native::NetworkPolicy,
];

/// The live objects of one account, with their relations.
#[derive(Clone, Debug)]
pub struct Inventory {
    account: String,
    objects: Vec<Manifest>,
    custom: CustomKinds,
}

impl Inventory {
    /// Of an account's objects. Those that say `caching.spinnaker.io/ignore` are left out, Secrets redacted.
    #[must_use]
    pub fn new(_account: &str, _objects: Vec<Manifest>, _custom: CustomKinds) -> Self {
        todo!()
    }
}

/// `GET /applications/{app}/clusters`: `{account: [cluster]}`.
#[must_use]
pub fn clusters(_inventories: &[Inventory], _app: &str) -> Value {
    todo!()
}

/// `GET /applications/{app}/clusters/{account}`: all clusters whole; none when there are none.
#[must_use]
pub fn account_clusters(_inventory: &Inventory, _app: &str) -> Option<Value> {
    todo!()
}

/// `GET /applications/{app}/clusters/{account}/{cluster}`: one cluster; none when there is none.
#[must_use]
pub fn cluster(_inventory: &Inventory, _app: &str, _cluster: &str) -> Option<Value> {
    todo!()
}

/// `GET /applications/{app}/serverGroups`; `expand` shows them whole.
#[must_use]
pub fn server_groups(_inventories: &[Inventory], _app: &str, _expand: bool) -> Value {
    todo!()
}

/// `GET /applications/{app}/serverGroups/{account}/{region}/{name}`, `name` as `"replicaSet web-v001"`.
#[must_use]
pub fn server_group(_inventory: &Inventory, _namespace: &str, _name: &str) -> Option<Value> {
    todo!()
}

/// `GET /applications/{app}/serverGroupManagers`.
#[must_use]
pub fn server_group_managers(_inventories: &[Inventory], _app: &str) -> Value {
    todo!()
}

/// `GET /applications/{app}/loadBalancers`, sorted by name.
#[must_use]
pub fn load_balancers(_inventories: &[Inventory], _app: &str) -> Value {
    todo!()
}

/// `GET /loadBalancers/{account}/{region}/{name}`: a list of at most one.
#[must_use]
pub fn load_balancer(_inventory: &Inventory, _namespace: &str, _name: &str) -> Value {
    todo!()
}

/// `GET /securityGroups`: all of these accounts, as a list.
#[must_use]
pub fn security_groups(_inventories: &[Inventory]) -> Vec<Value> {
    todo!()
}

/// `GET /securityGroups/{account}/{region}/{name}`.
#[must_use]
pub fn security_group(_inventory: &Inventory, _namespace: &str, _name: &str) -> Option<Value> {
    todo!()
}

/// `GET /instances/{account}/{region}/{name}`: a pod by `"pod web-abc"` or by its uid.
#[must_use]
pub fn instance(_inventory: &Inventory, _namespace: &str, _name: &str) -> Option<Value> {
    todo!()
}

/// `GET /applications/{app}/rawResources`: every object of an application; `lets_pass` is the account's filter of kinds.
#[must_use]
pub fn raw_resources(_inventories: &[Inventory], _app: &str, _lets_pass: &dyn Fn(&str, &crate::Kind) -> bool) -> Value {
    todo!()
}

/// `GET /applications`: the applications that objects name, with their clusters by account: `[{name, attributes, clusterNames}]`.
#[must_use]
pub fn applications(_inventories: &[Inventory]) -> Vec<Value> {
    todo!()
}

/// `GET /search`: the results of one type (`serverGroups`, `instances`, …) whose name holds `query`, at most `limit`.
#[must_use]
pub fn search(_inventories: &[Inventory], _result_type: &str, _query: &str, _limit: usize) -> Vec<Value> {
    todo!()
}

/// `GET /manifests/{account}/{location}/{name}` of a live object and its events. Secrets are redacted, where Spinnaker shows them.
///
/// # Errors
/// [`crate::stability::UnsupportedVersion`]
pub fn manifest(
    _account: &str,
    _object: &Manifest,
    _events: &[Value],
    _metrics: &[Value],
) -> Result<Value, crate::stability::UnsupportedVersion> {
    todo!()
}

/// `spinnakerKindMap` of `GET /credentials?expand=true`: kind to Spinnaker's kind.
#[must_use]
pub fn spinnaker_kind_map(_custom: &CustomKinds) -> Value {
    todo!()
}
