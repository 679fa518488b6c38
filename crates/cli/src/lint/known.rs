//! Which words can stand in the `type` of a stage: what the catalogue runs, what it knows and says why not, and what Spinnaker has
//! besides. Whatever the catalogue learns needs no change here.

use gennaker_stages::CATALOGUE;

/// Stage types of Spinnaker that a catalogue may not know. One that it runs by now is no harm.
const SPINNAKERS: &[&str] = &[
    "bake",
    "bulkDestroyServerGroup",
    "canaryAnalysis",
    "cloneServerGroup",
    "codebuild",
    "concourse",
    "createServerGroup",
    "deleteCloudFormation",
    "deleteLoadBalancer",
    "deleteSecurityGroup",
    "deploy",
    "deployAppEngineConfiguration",
    "deployCloudFormation",
    "deployCloudrunManifest",
    "deployService",
    "destroyJob",
    "destroyServerGroup",
    "destroyService",
    "disableCluster",
    "disableServerGroup",
    "enableServerGroup",
    "findImage",
    "findImageFromTags",
    "googleCloudBuild",
    "jenkins",
    "lambdaDelete",
    "lambdaDeployment",
    "lambdaFunction",
    "lambdaInvoke",
    "lambdaTrafficRouting",
    "lambdaUpdateCode",
    "modifyAsg",
    "modifyScalingProcess",
    "resizeServerGroup",
    "rollbackCluster",
    "rollbackServerGroup",
    "rollingPush",
    "scaleDownCluster",
    "script",
    "shareService",
    "shrinkCluster",
    "startServerGroup",
    "stopServerGroup",
    "tagImage",
    "terminateInstances",
    "travis",
    "unshareService",
    "upsertImageTags",
    "upsertLoadBalancer",
    "upsertScalingPolicy",
    "upsertSecurityGroup",
];

/// Whether Spinnaker has stages of this type.
pub(super) fn is_spinnakers(kind: &str) -> bool {
    CATALOGUE.not_built().any(|name| name == kind) || SPINNAKERS.contains(&kind)
}

/// Every word that makes sense.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    let runs = CATALOGUE
        .types()
        .flat_map(|stage| stage.names().iter().copied());
    runs.chain(CATALOGUE.not_built())
        .chain(SPINNAKERS.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_the_catalogue_has_needs_no_line_here() {
        let known: BTreeSet<&str> = all().collect();
        for name in ["wait", "saveSnapshot", "upsertEntityTags", "deployManifest"] {
            assert!(known.contains(name), "{name}");
        }
        assert!(is_spinnakers("saveSnapshot") && is_spinnakers("bake"));
        assert!(!is_spinnakers("wait") && !is_spinnakers("madeUp"));
        assert!(SPINNAKERS.is_sorted());
    }
}
