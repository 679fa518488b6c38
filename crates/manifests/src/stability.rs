//! Whether an object is what was asked for: stable, available, paused, failed.

mod rules;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::{Manifest, Native};

/// One of the four, with the reason in Spinnaker's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// It holds
    pub state: bool,
    /// Why
    pub message: Option<String>,
}

/// An object's status as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// It is what was asked for
    pub stable: Condition,
    /// Its rollout is paused
    pub paused: Condition,
    /// It serves
    pub available: Condition,
    /// It will not become stable
    pub failed: Condition,
}

/// No rule for this version of the API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("No {kind} is supported at api version {api_version}")]
pub struct UnsupportedVersion {
    /// e.g. `deployment`
    pub kind: String,
    /// e.g. `extensions/v1beta1`
    pub api_version: String,
}

/// The status of a live object, by the rules of its kind; kinds without a rule are stable at once, custom resources, too.
///
/// # Errors
/// [`UnsupportedVersion`]
pub fn status(manifest: &Manifest) -> Result<Status, UnsupportedVersion> {
    let Some(native) = manifest.kind().native() else {
        return Ok(Status::default());
    };
    let apps_v1 = || match manifest.api_version() {
        "apps/v1" => Ok(()),
        api_version => Err(UnsupportedVersion {
            kind: native.name().to_owned(),
            api_version: api_version.to_owned(),
        }),
    };
    Ok(match native {
        Native::Deployment => {
            apps_v1()?;
            rules::deployment(manifest)
        }
        Native::ReplicaSet => {
            apps_v1()?;
            rules::replica_set(manifest)
        }
        Native::StatefulSet => {
            apps_v1()?;
            rules::stateful_set(manifest)
        }
        Native::DaemonSet => {
            apps_v1()?;
            rules::daemon_set(manifest)
        }
        Native::Job => rules::job(manifest),
        Native::CronJob => rules::cron_job(manifest),
        Native::Pod => rules::pod(manifest),
        Native::HorizontalPodAutoscaler => rules::autoscaler(manifest),
        Native::ApiService
        | Native::ClusterRole
        | Native::ClusterRoleBinding
        | Native::ConfigMap
        | Native::ControllerRevision
        | Native::CustomResourceDefinition
        | Native::CsiDriver
        | Native::CsiNode
        | Native::Event
        | Native::Ingress
        | Native::LimitRange
        | Native::MutatingWebhookConfiguration
        | Native::Namespace
        | Native::NetworkPolicy
        | Native::PersistentVolume
        | Native::PersistentVolumeClaim
        | Native::PodPreset
        | Native::PodSecurityPolicy
        | Native::PodDisruptionBudget
        | Native::Role
        | Native::RoleBinding
        | Native::Secret
        | Native::Service
        | Native::ServiceAccount
        | Native::StorageClass
        | Native::ValidatingWebhookConfiguration => Status::default(),
    })
}

impl Default for Status {
    /// Stable and available.
    fn default() -> Self {
        let holds = Condition {
            state: true,
            message: None,
        };
        Self {
            stable: holds.clone(),
            paused: Condition::default(),
            available: holds,
            failed: Condition::default(),
        }
    }
}

impl Status {
    /// Nothing was reported yet.
    pub(crate) fn none_reported() -> Self {
        Self::default()
            .unstable("No status reported yet")
            .unavailable("No availability reported")
    }

    pub(crate) fn unstable(mut self, message: &str) -> Self {
        self.stable = told(false, message);
        self
    }

    pub(crate) fn stable(mut self, message: &str) -> Self {
        self.stable = told(true, message);
        self
    }

    pub(crate) fn unavailable(mut self, message: &str) -> Self {
        self.available = told(false, message);
        self
    }

    pub(crate) fn paused(mut self, message: Option<&str>) -> Self {
        self.paused = because(message);
        self
    }

    pub(crate) fn failed(mut self, message: Option<&str>) -> Self {
        self.failed = because(message);
        self
    }
}

fn told(state: bool, message: &str) -> Condition {
    let message = Some(message.to_owned());
    Condition { state, message }
}

fn because(message: Option<&str>) -> Condition {
    Condition {
        state: true,
        message: message.map(str::to_owned),
    }
}
