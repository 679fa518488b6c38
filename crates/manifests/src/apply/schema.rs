//! How the server merges the lists of built-in kinds: a table of `patchStrategy` and `patchMergeKey`.
//!
//! The facts are those of the field tags in `k8s.io/api` and `ObjectMeta` of `k8s.io/apimachinery` as of Kubernetes 1.36, with what is decided to come, without
//! `status`, which nobody applies. What is not named is merged as an object, or replaced as a list.

/// The fields of a type that are merged in a way of their own, or hold such fields.
pub(super) struct Schema(&'static [(&'static str, Rule, &'static Schema)]);

/// How a field is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Objects are merged, lists replaced.
    Descend,
    /// Objects are replaced.
    Replace,
    /// Objects are merged, and members that the manifest does not have go (`retainKeys`).
    RetainKeys,
    /// Lists of scalars are merged as sets.
    MergeScalars,
    /// Items of a list are merged by a member.
    Merge {
        /// `patchMergeKey`
        key: &'static str,
        /// Items are merged as [`Rule::RetainKeys`]
        retain_keys: bool,
    },
}

impl Schema {
    /// Of a kind; nothing for custom resources, which the server merges as plain JSON.
    pub(super) fn of(kind: &str, api_version: &str) -> Option<&'static Self> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        if !BUILT_IN.contains(&group) {
            return None;
        }
        let root = ROOTS
            .iter()
            .find(|(of, name, _)| (*of, *name) == (group, kind));
        Some(root.map_or(&METADATA, |(_, _, schema)| schema))
    }

    /// How a field is merged, and what it holds.
    pub(super) fn field(&self, name: &str) -> (Rule, &'static Self) {
        let field = self.0.iter().find(|(field, _, _)| *field == name);
        field.map_or((Rule::Descend, &PLAIN), |(_, rule, schema)| (*rule, schema))
    }
}

/// The groups whose types a server merges by the table. Definitions of custom resources and API services are not among kubectl's
/// built-in types; they have no such lists.
const BUILT_IN: [&str; 18] = [
    "",
    "admissionregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

const DESCEND: Rule = Rule::Descend;
const REPLACE: Rule = Rule::Replace;
const RETAIN_KEYS: Rule = Rule::RetainKeys;
const MERGE_SCALARS: Rule = Rule::MergeScalars;

const fn merge(key: &'static str) -> Rule {
    let retain_keys = false;
    Rule::Merge { key, retain_keys }
}

const fn merge_retaining(key: &'static str) -> Rule {
    let retain_keys = true;
    Rule::Merge { key, retain_keys }
}

/// Kinds with lists of their own, beyond those of `metadata`.
const ROOTS: &[(&str, &str, &Schema)] = &[
    ("", "Node", &NODE),
    ("", "Pod", &POD),
    ("", "PodTemplate", &POD_TEMPLATE),
    ("", "ReplicationController", &TEMPLATED),
    ("", "Service", &SERVICE),
    ("", "ServiceAccount", &SERVICE_ACCOUNT),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicy",
        &MUTATING_ADMISSION_POLICY,
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
        &WEBHOOK_CONFIGURATION,
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicy",
        &VALIDATING_ADMISSION_POLICY,
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        &WEBHOOK_CONFIGURATION,
    ),
    ("apps", "DaemonSet", &TEMPLATED),
    ("apps", "Deployment", &DEPLOYMENT),
    ("apps", "ReplicaSet", &TEMPLATED),
    ("apps", "StatefulSet", &TEMPLATED),
    ("batch", "CronJob", &CRON_JOB),
    ("batch", "Job", &JOB),
    ("policy", "PodDisruptionBudget", &POD_DISRUPTION_BUDGET),
    ("storage.k8s.io", "CSINode", &CSI_NODE),
];

static CONTAINER: Schema = Schema(&[
    ("ports", merge("containerPort"), &PLAIN),
    ("env", merge("name"), &PLAIN),
    ("volumeMounts", merge("mountPath"), &PLAIN),
    ("volumeDevices", merge("devicePath"), &PLAIN),
]);

static CRON_JOB: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &CRON_JOB_SPEC),
]);

static CRON_JOB_SPEC: Schema = Schema(&[("jobTemplate", DESCEND, &JOB_TEMPLATE_SPEC)]);

static CSI_NODE: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &CSI_NODE_SPEC),
]);

static CSI_NODE_SPEC: Schema = Schema(&[("drivers", merge("name"), &PLAIN)]);

static DEPLOYMENT: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &DEPLOYMENT_SPEC),
]);

static DEPLOYMENT_SPEC: Schema = Schema(&[
    ("template", DESCEND, &POD_TEMPLATE_SPEC),
    ("strategy", RETAIN_KEYS, &PLAIN),
]);

static EPHEMERAL_VOLUME_SOURCE: Schema = Schema(&[("volumeClaimTemplate", DESCEND, &METADATA)]);

static JOB: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &JOB_SPEC),
]);

static JOB_SCHEDULING_CONFIGURATION: Schema = Schema(&[("resourceClaims", merge("name"), &PLAIN)]);

static JOB_SPEC: Schema = Schema(&[
    ("template", DESCEND, &POD_TEMPLATE_SPEC),
    ("scheduling", DESCEND, &JOB_SCHEDULING_CONFIGURATION),
]);

static JOB_TEMPLATE_SPEC: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &JOB_SPEC),
]);

static METADATA: Schema = Schema(&[("metadata", DESCEND, &OBJECT_META)]);

static MUTATING_ADMISSION_POLICY: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &MUTATING_ADMISSION_POLICY_SPEC),
]);

static MUTATING_ADMISSION_POLICY_SPEC: Schema =
    Schema(&[("matchConditions", merge("name"), &PLAIN)]);

static NODE: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &NODE_SPEC),
]);

static NODE_SPEC: Schema = Schema(&[("podCIDRs", MERGE_SCALARS, &PLAIN)]);

static OBJECT_META: Schema = Schema(&[
    ("ownerReferences", merge("uid"), &PLAIN),
    ("finalizers", MERGE_SCALARS, &PLAIN),
]);

static PLAIN: Schema = Schema(&[]);

static POD: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &POD_SPEC),
]);

static POD_DISRUPTION_BUDGET: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &POD_DISRUPTION_BUDGET_SPEC),
]);

static POD_DISRUPTION_BUDGET_SPEC: Schema = Schema(&[("selector", REPLACE, &PLAIN)]);

static POD_SPEC: Schema = Schema(&[
    ("volumes", merge_retaining("name"), &VOLUME),
    ("initContainers", merge("name"), &CONTAINER),
    ("containers", merge("name"), &CONTAINER),
    ("ephemeralContainers", merge("name"), &CONTAINER),
    ("imagePullSecrets", merge("name"), &PLAIN),
    ("hostAliases", merge("ip"), &PLAIN),
    ("topologySpreadConstraints", merge("topologyKey"), &PLAIN),
    ("schedulingGates", merge("name"), &PLAIN),
    ("resourceClaims", merge_retaining("name"), &PLAIN),
    ("evictionResponders", merge("name"), &PLAIN),
]);

static POD_TEMPLATE: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("template", DESCEND, &POD_TEMPLATE_SPEC),
]);

static POD_TEMPLATE_SPEC: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &POD_SPEC),
]);

static SERVICE: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &SERVICE_SPEC),
]);

static SERVICE_ACCOUNT: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("secrets", merge("name"), &PLAIN),
]);

static SERVICE_SPEC: Schema = Schema(&[("ports", merge("port"), &PLAIN)]);

static TEMPLATED: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &TEMPLATED_SPEC),
]);

static TEMPLATED_SPEC: Schema = Schema(&[("template", DESCEND, &POD_TEMPLATE_SPEC)]);

static VALIDATING_ADMISSION_POLICY: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("spec", DESCEND, &VALIDATING_ADMISSION_POLICY_SPEC),
]);

static VALIDATING_ADMISSION_POLICY_SPEC: Schema = Schema(&[
    ("matchConditions", merge("name"), &PLAIN),
    ("variables", merge("name"), &PLAIN),
]);

static VOLUME: Schema = Schema(&[("ephemeral", DESCEND, &EPHEMERAL_VOLUME_SOURCE)]);

static WEBHOOK: Schema = Schema(&[("matchConditions", merge("name"), &PLAIN)]);

static WEBHOOK_CONFIGURATION: Schema = Schema(&[
    ("metadata", DESCEND, &OBJECT_META),
    ("webhooks", merge("name"), &WEBHOOK),
]);
