//! What Gennaker's development needs and is not a crate of ours: the broker, an S3 server, a Kubernetes control plane, the
//! programs that bake manifests, a Prometheus, a registry of images, a mail server, and cargo-deny.
//!
//! Tools lie in `${XDG_CACHE_HOME:-~/.cache}/gennaker/tools/NAME-VERSION`, outside the clone, so that every clone shares
//! them. A tool that is there is used without touching the network.

mod aiosmtpd;
mod apt;
mod cargo_deny;
mod go;
mod helm3;
mod helm4;
mod helmfile;
mod install;
mod kube;
mod kustomize;
mod minio;
mod nats_server;

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;
use gennaker_broker::find;

pub(crate) use aiosmtpd::ensure as ensure_aiosmtpd;
pub(crate) use apt::{DOCKER_REGISTRY, PROMETHEUS};
pub(crate) use cargo_deny::ensure as ensure_cargo_deny;
pub(crate) use helm3::ensure as ensure_helm3;
pub(crate) use helm4::ensure as ensure_helm4;
pub(crate) use helmfile::ensure as ensure_helmfile;
pub(crate) use kube::ensure as ensure_kube;
pub(crate) use kustomize::ensure as ensure_kustomize;
pub(crate) use minio::ensure as ensure_minio;
pub(crate) use nats_server::ensure as ensure_nats_server;

use crate::console;

/// A tool by the name that people type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// The broker
    NatsServer,
    /// The checker of dependencies
    CargoDeny,
    /// The S3 server for tests of the document store
    Minio,
    /// Helm 3, for tests of baked manifests
    Helm3,
    /// Helm 4, for tests of baked manifests
    Helm4,
    /// Kustomize, for tests of baked manifests
    Kustomize,
    /// Helmfile, for tests of baked manifests
    Helmfile,
    /// The Kubernetes control plane for tests
    Kube,
    /// The source of metrics for tests of canary analysis
    Prometheus,
    /// The registry of images for tests of polling
    DockerRegistry,
    /// The mail server for tests of notifications
    Aiosmtpd,
}

/// Makes sure that the named tools, or all when none is named, can be used, and says where they are.
pub(crate) fn install_named(names: &[Name]) -> Result<()> {
    let names = if names.is_empty() {
        Name::value_variants()
    } else {
        names
    };
    for name in names {
        let path = match name {
            Name::NatsServer => ensure_nats_server()?,
            Name::CargoDeny => ensure_cargo_deny()?,
            Name::Minio => ensure_minio()?,
            Name::Helm3 => ensure_helm3()?,
            Name::Helm4 => ensure_helm4()?,
            Name::Kustomize => ensure_kustomize()?,
            Name::Helmfile => ensure_helmfile()?,
            Name::Kube => ensure_kube()?,
            Name::Prometheus => PROMETHEUS.ensure()?,
            Name::DockerRegistry => DOCKER_REGISTRY.ensure()?,
            Name::Aiosmtpd => ensure_aiosmtpd()?,
        };
        console::note(&format!("{} is {}", label(*name), path.display()));
    }
    Ok(())
}

fn label(name: Name) -> String {
    name.to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned())
}

/// The folder that holds all tools.
fn folder() -> Result<PathBuf> {
    find::tools(env::var_os("XDG_CACHE_HOME"), env::home_dir())
        .context("neither XDG_CACHE_HOME nor HOME names a folder, so there is no place for tools")
}

/// The first program of that name on `PATH`.
fn on_path(program: &str) -> Option<PathBuf> {
    find::on_path(env::var_os("PATH").as_ref(), program)
        .into_iter()
        .next()
}
