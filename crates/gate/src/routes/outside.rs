//! Clouds, build systems, registries, canaries, managed delivery: what the gateway reads from services of its own in Spinnaker.
//!
//! A list that pages walk through is empty as long as there is nothing to read; whatever names one thing answers 501.

use super::{Does, Group, Whose, run, table};
use crate::{canary_configs, canary_runs, preconfigured};

/// Why lists of clouds are empty.
const NO_CLOUDS: &str = "no cloud can be read yet";

/// Why lists of build systems are empty, as in Gate without Igor.
const NO_BUILDS: &str = "no build system can be configured yet";

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "Infrastructure",
        whose: Whose::Gate,
        routes: table! {
            GET "/applications/{application}/clusters" "Clusters by account" Read Does::Say("{}", NO_CLOUDS);
            GET "/applications/{application}/clusters/{*rest}" "Clusters of an account, and what is in them" Read
                Does::Miss("clusters");
            GET "/applications/{application}/serverGroups" "Server groups" ["expand", "cloudProvider", "clusters"] Read
                Does::Say("[]", NO_CLOUDS);
            GET "/applications/{application}/serverGroups/{*rest}" "One server group" Read Does::Miss("server groups");
            GET "/applications/{application}/serverGroupManagers" "Server group managers" Read Does::Say("[]", NO_CLOUDS);
            GET "/applications/{application}/loadBalancers" "Load balancers" Read Does::Say("[]", NO_CLOUDS);
            GET "/applications/{application}/rawResources" "Raw resources" Read Does::Say("[]", NO_CLOUDS);
            GET "/applications/{application}/functions" "Functions" Read Does::Say("[]", NO_CLOUDS);
            GET "/applications/{application}/jobs/{*rest}" "A job that a stage ran" Read Does::Miss("cloud jobs");
            GET "/serverGroups" "Server groups by application or id" ["applications", "ids", "cloudProvider"] ReadEach
                Does::Miss("server groups");
            GET "/loadBalancers" "Load balancers of a provider" ["provider"] ReadEach Does::Miss("load balancers");
            GET "/loadBalancers/{*rest}" "One load balancer" ReadEach Does::Miss("load balancers");
            GET "/firewalls" "Firewalls" ["id"] ReadEach Does::Miss("firewalls");
            GET "/firewalls/{*rest}" "Firewalls of an account" ReadEach Does::Miss("firewalls");
            GET "/securityGroups" "Security groups by account" ReadEach Does::Say("[]", NO_CLOUDS);
            GET "/securityGroups/{*rest}" "Security groups of an account" ReadEach Does::Miss("security groups");
            GET "/instances/{*rest}" "One instance, or what it printed" ReadEach Does::Miss("instances");
            GET "/images/{*rest}" "Images" ReadEach Does::Miss("images");
            GET "/charts/{*rest}" "Helm charts in registries" ReadEach Does::Miss("charts");
            GET "/manifests/{*rest}" "One Kubernetes object" ReadEach Does::Miss("Kubernetes manifests");
            GET "/networks" "Networks by provider" SignIn Does::Say("{}", NO_CLOUDS);
            GET "/networks/{provider}" "Networks of a provider" SignIn Does::Say("[]", NO_CLOUDS);
            GET "/subnets" "Subnets" SignIn Does::Say("[]", NO_CLOUDS);
            GET "/subnets/{provider}" "Subnets of a provider" SignIn Does::Say("[]", NO_CLOUDS);
            GET "/vpcs" "VPCs" SignIn Does::Say("[]", NO_CLOUDS);
            GET "/keyPairs" "Key pairs" SignIn Does::Say("[]", NO_CLOUDS);
            GET "/instanceTypes" "Instance types" SignIn Does::Say("[]", NO_CLOUDS);
            GET "/functions" "Functions of all applications" ["functionName", "region", "account"] ReadEach
                Does::Say("[]", NO_CLOUDS);
            GET "/certificates" "Certificates" SignIn Does::Say("[]", NO_CLOUDS);
            GET "/certificates/{provider}" "Certificates of a provider" SignIn Does::Say("[]", NO_CLOUDS);
            GET "/roles/{provider}" "Roles of a provider" SignIn Does::Say("[]", NO_CLOUDS);
            GET "/storage" "Storage accounts" SignIn Does::Say("[]", NO_CLOUDS);
            GET "/cloudMetrics/{*rest}" "Metrics of a cloud" SignIn Does::Miss("cloud metrics");
            GET "/servicebroker/{*rest}" "Services of a broker" SignIn Does::Miss("service brokers");
            GET "/serviceInstance" "A service instance" SignIn Does::Miss("service brokers");
            GET "/ecs/{*rest}" "What Amazon ECS has" SignIn Does::Miss("Amazon ECS");
            GET "/v1/data/{*rest}" "Files that an operator offers" SignIn Does::Miss("data files");
        },
    },
    Group {
        title: "Artifacts, builds, preconfigured stages",
        whose: Whose::Gate,
        routes: table! {
            GET "/artifacts/credentials" "Accounts for artifacts" SignIn
                Does::Say("[]", "no artifact account can be configured yet");
            GET "/artifacts/{*rest}" "Names and versions of artifacts" SignIn Does::Miss("artifacts");
            PUT "/artifacts/fetch" "The content of an artifact" SignIn Does::Miss("artifacts");
            GET "/artifactory/names" "Artifactory searches that triggers can use" SignIn Does::Say("[]", NO_BUILDS);
            GET "/nexus/names" "Nexus searches that triggers can use" SignIn Does::Say("[]", NO_BUILDS);
            GET "/concourse/{*rest}" "What Concourse has" SignIn Does::Miss("Concourse");
            POST "/concourse/stage/start" "The start of a Concourse job" ["stageId", "job", "buildNumber"] SignIn
                Does::Miss("Concourse");
            GET "/gcb/{*rest}" "What Google Cloud Build has" SignIn Does::Miss("Google Cloud Build");
            GET "/codebuild/{*rest}" "What AWS CodeBuild has" SignIn Does::Miss("AWS CodeBuild");
            GET "/builds" "Build systems (older address)" SignIn Does::Say("[]", NO_BUILDS);
            GET "/builds/{*rest}" "Jobs and builds (older address)" SignIn Does::Miss("build systems");
            GET "/v2/builds" "Build systems" ["type"] SignIn Does::Say("[]", NO_BUILDS);
            GET "/v2/builds/{*rest}" "Jobs and builds; the job is the rest of the path" SignIn Does::Miss("build systems");
            GET "/v3/builds" "Build systems" ["type"] SignIn Does::Say("[]", NO_BUILDS);
            GET "/v3/builds/{*rest}" "Jobs and builds" ["job"] SignIn Does::Miss("build systems");
            GET "/ci/builds" "Builds of a commit"
                ["projectKey", "repoSlug", "completionStatus", "buildNumber", "commitId"] SignIn
                Does::Miss("build systems");
            GET "/ci/builds/{id}/output" "What a build printed" SignIn Does::Miss("build systems");
            GET "/webhooks/preconfigured" "Preconfigured webhook stages" SignIn run!(preconfigured::webhooks);
            GET "/jobs/preconfigured" "Preconfigured job stages" SignIn Does::Say("[]", "none can be configured yet");
            GET "/bakery/options" "Base images by provider" SignIn Does::Say("[]", "baking is not built");
            GET "/bakery/options/{provider}" "Base images of a provider" SignIn Does::Miss("baking");
            GET "/bakery/logs/{region}/{statusId}" "What a bake printed" SignIn Does::Miss("baking");
        },
    },
    Group {
        title: "Canary analysis",
        whose: Whose::Gate,
        routes: table! {
            GET "/v2/canaryConfig" "Canary configurations" ["application", "configurationAccountName"] SignIn
                run!(canary_configs::list);
            POST "/v2/canaryConfig" "Make a canary configuration" ["configurationAccountName"] SignIn
                run!(canary_configs::create);
            GET "/v2/canaryConfig/{id}" "One canary configuration" ["configurationAccountName"] SignIn
                run!(canary_configs::get);
            PUT "/v2/canaryConfig/{id}" "Replace a canary configuration" ["configurationAccountName"] SignIn
                run!(canary_configs::update);
            DELETE "/v2/canaryConfig/{id}" "Delete a canary configuration" ["configurationAccountName"] SignIn
                run!(canary_configs::delete);
            GET "/v2/canaries/judges" "The judges that a configuration can name" SignIn run!(canary_configs::judges);
            POST "/v2/canaries/canary" "Judge a canary by a configuration that is sent along"
                ["application", "parentPipelineExecutionId", "metricsAccountName", "configurationAccountName", "storageAccountName"]
                SignIn run!(canary_runs::start_given);
            POST "/v2/canaries/canary/{id}" "Judge a canary by a stored configuration"
                ["application", "parentPipelineExecutionId", "metricsAccountName", "configurationAccountName", "storageAccountName"]
                SignIn run!(canary_runs::start_stored);
            GET "/v2/canaries/canary/{id}" "What came of a canary analysis" ["storageAccountName"] SignIn
                run!(canary_runs::get);
            GET "/v2/canaries/canary/{configId}/{id}" "The same, as it was asked before" ["storageAccountName"] SignIn
                run!(canary_runs::get);
            GET "/v2/canaries/{*rest}" "Accounts, metrics, lists of runs" SignIn
                Does::Miss("this part of canary analysis");
            POST "/v2/canaries/{*rest}" "What Kayenta has not" SignIn Does::Miss("this part of canary analysis");
            GET "/canaries/{*rest}" "Canaries of the first generation" SignIn
                Does::Miss("canary analysis of the first generation");
            PUT "/canaries/{*rest}" "End a canary of the first generation" SignIn
                Does::Miss("canary analysis of the first generation");
            GET "/canaryConfig/names" "Configurations of the first generation" SignIn
                Does::Miss("canary analysis of the first generation");
            GET "/canaryConfigs/{application}" "Configurations of the first generation of an application" SignIn
                Does::Miss("canary analysis of the first generation");
            GET "/canaryDeployments/{id}/canaryAnalysisHistory" "Results of the first generation" SignIn
                Does::Miss("canary analysis of the first generation");
        },
    },
    Group {
        title: "Managed delivery, and services beside it",
        whose: Whose::Gate,
        routes: table! {
            GET "/managed/{*rest}" "Managed delivery" SignIn Does::Miss("managed delivery");
            POST "/managed/{*rest}" "Managed delivery" SignIn Does::Miss("managed delivery");
            DELETE "/managed/{*rest}" "Managed delivery" SignIn Does::Miss("managed delivery");
            GET "/history/{name}" "Events of a managed resource" SignIn Does::Miss("managed delivery");
            GET "/cleanup/{*rest}" "Resources that are marked for deletion" SignIn Does::Miss("cleaning up clouds");
            POST "/integrations/gremlin/{*rest}" "Gremlin attacks" SignIn Does::Miss("Gremlin");
        },
    },
];
