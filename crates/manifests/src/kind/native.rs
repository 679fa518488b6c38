//! The kinds that Spinnaker has rules for.

/// A kind with rules of its own.
///
/// Source: clouddriver `KubernetesKind`, `KubernetesKindProperties` and the handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is Kubernetes' own name")]
pub enum Native {
    ApiService,
    ClusterRole,
    ClusterRoleBinding,
    ConfigMap,
    ControllerRevision,
    CustomResourceDefinition,
    CronJob,
    CsiDriver,
    CsiNode,
    DaemonSet,
    Deployment,
    Event,
    HorizontalPodAutoscaler,
    Ingress,
    Job,
    LimitRange,
    MutatingWebhookConfiguration,
    Namespace,
    NetworkPolicy,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    PodPreset,
    PodSecurityPolicy,
    PodDisruptionBudget,
    ReplicaSet,
    Role,
    RoleBinding,
    Secret,
    Service,
    ServiceAccount,
    StatefulSet,
    StorageClass,
    ValidatingWebhookConfiguration,
}

/// What Spinnaker shows a kind as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is Spinnaker's own word")]
pub enum SpinnakerKind {
    Instances,
    ServerGroups,
    ServerGroupManagers,
    LoadBalancers,
    SecurityGroups,
    Configs,
    Unclassified,
}

/// Where the API server has a kind: for the first look, before discovery is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `""` for the core
    pub group: &'static str,
    /// The version that servers of today have
    pub version: &'static str,
    /// As in a manifest, e.g. `ReplicaSet`
    pub kind: &'static str,
    /// As in addresses, e.g. `replicasets`
    pub plural: &'static str,
    /// It lies in a namespace
    pub namespaced: bool,
}

struct Row {
    native: Native,
    name: &'static str,
    alias: Option<&'static str>,
    resource: Resource,
}

const fn row(
    native: Native,
    name: &'static str,
    alias: Option<&'static str>,
    (group, version): (&'static str, &'static str),
    (kind, plural): (&'static str, &'static str),
    namespaced: bool,
) -> Row {
    let resource = Resource {
        group,
        version,
        kind,
        plural,
        namespaced,
    };
    Row {
        native,
        name,
        alias,
        resource,
    }
}

const CORE: (&str, &str) = ("", "v1");
const APPS: (&str, &str) = ("apps", "v1");
const BATCH: (&str, &str) = ("batch", "v1");
const RBAC: (&str, &str) = ("rbac.authorization.k8s.io", "v1");
const STORAGE: (&str, &str) = ("storage.k8s.io", "v1");
const NETWORKING: (&str, &str) = ("networking.k8s.io", "v1");
const ADMISSION: (&str, &str) = ("admissionregistration.k8s.io", "v1");

#[rustfmt::skip]
const ROWS: [Row; 34] = [
    row(Native::ApiService, "apiService", None, ("apiregistration.k8s.io", "v1"), ("APIService", "apiservices"), false),
    row(Native::ClusterRole, "clusterRole", None, RBAC, ("ClusterRole", "clusterroles"), false),
    row(Native::ClusterRoleBinding, "clusterRoleBinding", None, RBAC, ("ClusterRoleBinding", "clusterrolebindings"), false),
    row(Native::ConfigMap, "configMap", Some("cm"), CORE, ("ConfigMap", "configmaps"), true),
    row(Native::ControllerRevision, "controllerRevision", None, APPS, ("ControllerRevision", "controllerrevisions"), true),
    row(Native::CustomResourceDefinition, "customResourceDefinition", Some("crd"), ("apiextensions.k8s.io", "v1"), ("CustomResourceDefinition", "customresourcedefinitions"), false),
    row(Native::CronJob, "cronJob", None, BATCH, ("CronJob", "cronjobs"), true),
    row(Native::CsiDriver, "csiDriver", None, STORAGE, ("CSIDriver", "csidrivers"), false),
    row(Native::CsiNode, "csiNode", None, STORAGE, ("CSINode", "csinodes"), false),
    row(Native::DaemonSet, "daemonSet", Some("ds"), APPS, ("DaemonSet", "daemonsets"), true),
    row(Native::Deployment, "deployment", Some("deploy"), APPS, ("Deployment", "deployments"), true),
    row(Native::Event, "event", None, CORE, ("Event", "events"), true),
    row(Native::HorizontalPodAutoscaler, "horizontalpodautoscaler", Some("hpa"), ("autoscaling", "v2"), ("HorizontalPodAutoscaler", "horizontalpodautoscalers"), true),
    row(Native::Ingress, "ingress", None, NETWORKING, ("Ingress", "ingresses"), true),
    row(Native::Job, "job", None, BATCH, ("Job", "jobs"), true),
    row(Native::LimitRange, "limitRange", None, CORE, ("LimitRange", "limitranges"), true),
    row(Native::MutatingWebhookConfiguration, "mutatingWebhookConfiguration", None, ADMISSION, ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"), false),
    row(Native::Namespace, "namespace", Some("ns"), CORE, ("Namespace", "namespaces"), false),
    row(Native::NetworkPolicy, "networkPolicy", Some("netpol"), NETWORKING, ("NetworkPolicy", "networkpolicies"), true),
    row(Native::PersistentVolume, "persistentVolume", Some("pv"), CORE, ("PersistentVolume", "persistentvolumes"), false),
    row(Native::PersistentVolumeClaim, "persistentVolumeClaim", Some("pvc"), CORE, ("PersistentVolumeClaim", "persistentvolumeclaims"), true),
    row(Native::Pod, "pod", Some("po"), CORE, ("Pod", "pods"), true),
    row(Native::PodPreset, "podPreset", None, ("settings.k8s.io", "v1alpha1"), ("PodPreset", "podpresets"), true),
    row(Native::PodSecurityPolicy, "podSecurityPolicy", None, ("policy", "v1beta1"), ("PodSecurityPolicy", "podsecuritypolicies"), false),
    row(Native::PodDisruptionBudget, "podDisruptionBudget", None, ("policy", "v1"), ("PodDisruptionBudget", "poddisruptionbudgets"), true),
    row(Native::ReplicaSet, "replicaSet", Some("rs"), APPS, ("ReplicaSet", "replicasets"), true),
    row(Native::Role, "role", None, RBAC, ("Role", "roles"), true),
    row(Native::RoleBinding, "roleBinding", None, RBAC, ("RoleBinding", "rolebindings"), true),
    row(Native::Secret, "secret", None, CORE, ("Secret", "secrets"), true),
    row(Native::Service, "service", Some("svc"), CORE, ("Service", "services"), true),
    row(Native::ServiceAccount, "serviceAccount", Some("sa"), CORE, ("ServiceAccount", "serviceaccounts"), true),
    row(Native::StatefulSet, "statefulSet", None, APPS, ("StatefulSet", "statefulsets"), true),
    row(Native::StorageClass, "storageClass", Some("sc"), STORAGE, ("StorageClass", "storageclasses"), false),
    row(Native::ValidatingWebhookConfiguration, "validatingWebhookConfiguration", None, ADMISSION, ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"), false),
];

impl Native {
    /// All of them, by their names.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.native)
    }

    /// A name or one of kubectl's short names, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        let row = ROWS
            .iter()
            .find(|row| is(row.name) || row.alias.is_some_and(is))?;
        Some(row.native)
    }

    /// Its canonical spelling, used in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Where the API server has it.
    #[must_use]
    pub fn resource(self) -> Resource {
        self.row().resource
    }

    /// It lies in a namespace, as far as Spinnaker knows: it takes `csiDriver` and `csiNode` for namespaced ones.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        self.row().resource.namespaced || matches!(self, Self::CsiDriver | Self::CsiNode)
    }

    /// Each deployment makes a new object, with a version in its name.
    #[must_use]
    pub fn is_versioned(self) -> bool {
        matches!(
            self,
            Self::ConfigMap | Self::Secret | Self::ReplicaSet | Self::Pod
        )
    }

    /// What Spinnaker shows it as.
    #[must_use]
    pub fn spinnaker_kind(self) -> SpinnakerKind {
        match self {
            Self::Pod => SpinnakerKind::Instances,
            Self::ReplicaSet | Self::StatefulSet | Self::DaemonSet | Self::Job | Self::CronJob => {
                SpinnakerKind::ServerGroups
            }
            Self::Deployment => SpinnakerKind::ServerGroupManagers,
            Self::Service | Self::Ingress => SpinnakerKind::LoadBalancers,
            Self::NetworkPolicy => SpinnakerKind::SecurityGroups,
            Self::ConfigMap
            | Self::Secret
            | Self::PersistentVolume
            | Self::PersistentVolumeClaim => SpinnakerKind::Configs,
            Self::ApiService
            | Self::ClusterRole
            | Self::ClusterRoleBinding
            | Self::ControllerRevision
            | Self::CustomResourceDefinition
            | Self::CsiDriver
            | Self::CsiNode
            | Self::Event
            | Self::HorizontalPodAutoscaler
            | Self::LimitRange
            | Self::MutatingWebhookConfiguration
            | Self::Namespace
            | Self::PodPreset
            | Self::PodSecurityPolicy
            | Self::PodDisruptionBudget
            | Self::Role
            | Self::RoleBinding
            | Self::ServiceAccount
            | Self::StorageClass
            | Self::ValidatingWebhookConfiguration => SpinnakerKind::Unclassified,
        }
    }

    /// It has pods, which take part in traffic: what the annotation of load balancers is read for.
    #[must_use]
    pub fn receives_traffic(self) -> bool {
        use Native::{CronJob, DaemonSet, Deployment, Job, Pod, ReplicaSet, StatefulSet};
        matches!(
            self,
            Deployment | ReplicaSet | StatefulSet | DaemonSet | Job | CronJob | Pod
        )
    }

    /// `scaleManifest` takes it.
    #[must_use]
    pub fn can_scale(self) -> bool {
        matches!(
            self,
            Self::Deployment | Self::ReplicaSet | Self::StatefulSet
        )
    }

    /// `resizeServerGroup` takes it.
    #[must_use]
    pub fn can_resize(self) -> bool {
        self.can_scale() || self == Self::DaemonSet
    }

    /// `undoRolloutManifest`, `pauseRolloutManifest`, `resumeRolloutManifest`, `rollingRestartManifest` take it.
    #[must_use]
    pub fn can_roll_out(self) -> bool {
        matches!(self, Self::Deployment | Self::StatefulSet | Self::DaemonSet)
    }

    fn row(self) -> &'static Row {
        ROWS.iter()
            .find(|row| row.native == self)
            .expect("there is a row for each, which a test shows")
    }
}

impl SpinnakerKind {
    /// Spinnaker's spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::ServerGroups => "serverGroups",
            Self::ServerGroupManagers => "serverGroupManagers",
            Self::LoadBalancers => "loadBalancers",
            Self::SecurityGroups => "securityGroups",
            Self::Configs => "configs",
            Self::Unclassified => "unclassified",
        }
    }

    /// Reads Spinnaker's spelling in any case; everything else is unclassified (`SpinnakerKind.fromString`).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let all = [
            Self::Instances,
            Self::ServerGroups,
            Self::ServerGroupManagers,
            Self::LoadBalancers,
            Self::SecurityGroups,
            Self::Configs,
        ];
        let found = all
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(text));
        found.unwrap_or(Self::Unclassified)
    }
}
