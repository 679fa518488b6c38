//! The order in which a stage's objects are deployed.

use crate::Kind;
use crate::kind::{CustomKinds, Native};

/// Of registered custom resources that do not say otherwise, and of everything with pods.
pub const WORKLOAD_CONTROLLER: u32 = 100;
/// Of kinds nobody registered.
pub const LOWEST: u32 = 1000;

/// A kind that Spinnaker never deploys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be deployed")]
pub struct Undeployable(pub Kind);

/// A kind's priority: lower goes first, equal ones keep the order in which they were written (`KubernetesHandler.DeployPriority`).
#[must_use]
pub fn of(kind: &Kind, custom: &CustomKinds) -> u32 {
    let Some(native) = kind.native() else {
        return custom.get(kind).map_or(LOWEST, |custom| custom.priority);
    };
    match native {
        Native::Namespace => 0,
        Native::Role | Native::ClusterRole => 20,
        Native::CustomResourceDefinition | Native::RoleBinding | Native::ClusterRoleBinding => 30,
        Native::PersistentVolume
        | Native::ServiceAccount
        | Native::StorageClass
        | Native::MutatingWebhookConfiguration
        | Native::ValidatingWebhookConfiguration => 40,
        Native::ConfigMap | Native::Secret | Native::PersistentVolumeClaim => 50,
        Native::Service | Native::Ingress | Native::NetworkPolicy => 70,
        Native::ApiService => 80,
        Native::LimitRange
        | Native::PodPreset
        | Native::PodSecurityPolicy
        | Native::PodDisruptionBudget => 90,
        Native::Deployment
        | Native::ReplicaSet
        | Native::StatefulSet
        | Native::DaemonSet
        | Native::Job
        | Native::CronJob
        | Native::Pod => WORKLOAD_CONTROLLER,
        Native::HorizontalPodAutoscaler => 110,
        // No handler of Clouddriver's deploys them.
        Native::ControllerRevision | Native::Event | Native::CsiDriver | Native::CsiNode => LOWEST,
    }
}

/// Reads a `deployPriority` of an account's custom resource: a whole number, or the name of a priority.
#[must_use]
pub fn parse(text: &str) -> Option<u32> {
    let named = match text.trim().to_ascii_uppercase().as_str() {
        "LOWEST_PRIORITY" => LOWEST,
        "WORKLOAD_ATTACHMENT_PRIORITY" => 110,
        "WORKLOAD_CONTROLLER_PRIORITY" | "WORKLOAD_PRIORITY" => WORKLOAD_CONTROLLER,
        "WORKLOAD_MODIFIER_PRIORITY" | "PDB_PRIORITY" => 90,
        "API_SERVICE_PRIORITY" => 80,
        "NETWORK_RESOURCE_PRIORITY" => 70,
        "MOUNTABLE_DATA_PRIORITY" => 50,
        "MOUNTABLE_DATA_BACKING_RESOURCE_PRIORITY"
        | "SERVICE_ACCOUNT_PRIORITY"
        | "STORAGE_CLASS_PRIORITY"
        | "ADMISSION_PRIORITY" => 40,
        "RESOURCE_DEFINITION_PRIORITY" | "ROLE_BINDING_PRIORITY" => 30,
        "ROLE_PRIORITY" => 20,
        "NAMESPACE_PRIORITY" => 0,
        number => return number.parse().ok(),
    };
    Some(named)
}

/// Refuses the kinds that cannot be deployed.
///
/// # Errors
/// [`Undeployable`] for `event` and `controllerRevision`.
pub fn check_deployable(kind: &Kind) -> Result<(), Undeployable> {
    match kind.is_any(&[Native::Event, Native::ControllerRevision]) {
        true => Err(Undeployable(kind.clone())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{LOWEST, check_deployable, of, parse};
    use crate::Kind;
    use crate::kind::{Custom, CustomKinds};

    #[test]
    fn registered_kinds_have_the_priority_they_say() {
        let mut custom = CustomKinds::default();
        custom.register(Kind::parse("Usual.example.com"), Custom::default());
        let early = Custom {
            priority: parse("ROLE_PRIORITY").unwrap(),
            ..Custom::default()
        };
        custom.register(Kind::parse("Early.example.com"), early);
        for (kind, priority) in [
            ("Usual.example.com", 100),
            ("Early.example.com", 20),
            ("Other.example.com", LOWEST),
            ("Endpoints", LOWEST),
        ] {
            assert_eq!(of(&Kind::parse(kind), &custom), priority, "{kind}");
        }
    }

    #[test]
    fn priorities_are_numbers_or_names() {
        for (text, priority) in [
            ("100", Some(100)),
            ("lowest_priority", Some(1000)),
            (" 7 ", Some(7)),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(parse(text), priority, "{text}");
        }
    }

    #[test]
    fn events_are_not_deployed() {
        assert!(check_deployable(&Kind::parse("event")).is_err());
        assert!(check_deployable(&Kind::parse("controllerRevision")).is_err());
        assert!(check_deployable(&Kind::parse("Event.example.com")).is_ok());
    }
}
