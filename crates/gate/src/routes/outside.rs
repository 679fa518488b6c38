//! Clouds, build systems, registries, canaries, managed delivery: what the gateway reads from services of its own in Spinnaker.
//!
//! A list that pages walk through is empty as long as there is nothing to read; whatever names one thing answers 501.

use super::{Does, Group, Whose, run, table};
use crate::clouds::{clusters, firewalls, live};
use crate::kayenta::objects;
use crate::{
    artifacts, build_services, builds, canary_configs, canary_runs, images, kayenta, pollers,
    preconfigured,
};

/// Why lists of what only other clouds have are empty.
const NO_CLOUDS: &str = "Kubernetes has none, and no other cloud can be read yet";

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "Infrastructure",
        whose: Whose::Gate,
        routes: table! {
            GET "/applications/{application}/clusters" "Clusters by account" Read run!(clusters::of_application);
            GET "/applications/{application}/clusters/{account}" "Clusters of an account" Read run!(clusters::of_account);
            GET "/applications/{application}/clusters/{account}/{cluster}" "A cluster, of each provider" Read
                run!(clusters::of_name);
            GET "/applications/{application}/clusters/{account}/{cluster}/serverGroups" "Server groups of a cluster" Read
                run!(clusters::server_groups_of_any_type);
            GET "/applications/{application}/clusters/{account}/{cluster}/serverGroups/{serverGroup}"
                "Server groups of a cluster by name" Read run!(clusters::server_group_of_cluster);
            GET "/applications/{application}/clusters/{account}/{cluster}/{type}" "A cluster" Read run!(clusters::of_type);
            GET "/applications/{application}/clusters/{account}/{cluster}/{type}/serverGroups" "Server groups of a cluster" Read
                run!(clusters::server_groups_of_cluster);
            GET "/applications/{application}/clusters/{account}/{cluster}/{type}/serverGroups/{serverGroup}"
                "Server groups of a cluster by name" Read run!(clusters::server_group_of_cluster);
            GET "/applications/{application}/clusters/{account}/{cluster}/{type}/loadBalancers" "Load balancers of a cluster" Read
                run!(clusters::load_balancers_of_cluster);
            GET "/applications/{application}/clusters/{account}/{cluster}/{type}/{scope}/serverGroups/target/{target}"
                "The newest, previous or oldest server group" ["onlyEnabled"] Read run!(clusters::target);
            GET "/applications/{application}/serverGroups" "Server groups" ["expand", "cloudProvider", "clusters"] Read
                run!(clusters::server_groups);
            GET "/applications/{application}/serverGroups/{account}/{region}/{name}" "One server group" Read
                run!(clusters::server_group);
            GET "/applications/{application}/serverGroupManagers" "Server group managers" Read run!(clusters::managers);
            GET "/applications/{application}/loadBalancers" "Load balancers" Read run!(clusters::load_balancers);
            GET "/applications/{application}/rawResources" "Raw resources" Read run!(clusters::raw_resources);
            GET "/applications/{application}/functions" "Functions" Read Does::Say("[]", NO_CLOUDS);
            GET "/applications/{application}/jobs/{account}/{location}/{name}" "A job that a stage ran" Read run!(live::job);
            GET "/applications/{application}/kubernetes/pods/{account}/{namespace}/{pod}/{container}"
                "Properties that a container printed" Read run!(live::pod_file);
            GET "/serverGroups" "Server groups by application or id" ["applications", "ids", "cloudProvider"] ReadEach
                run!(clusters::server_groups_by);
            GET "/serverGroups/{account}/{region}/{name}" "One server group" ReadEach run!(clusters::server_group);
            GET "/loadBalancers" "Load balancers of a provider" ["provider"] ReadEach
                Does::Say("[]", "Kubernetes lists them by application only, as in Spinnaker");
            GET "/loadBalancers/{account}/{region}/{name}" "One load balancer" ["provider"] ReadEach
                run!(clusters::load_balancer);
            GET "/firewalls" "Firewalls by account" ReadEach run!(firewalls::all);
            GET "/firewalls/{account}" "Firewalls of an account" ["provider"] ReadEach run!(firewalls::of_account);
            GET "/firewalls/{account}/{region}" "Firewalls of a namespace" ["provider"] ReadEach run!(firewalls::of_region);
            GET "/firewalls/{account}/{region}/{name}" "One firewall" ReadEach run!(firewalls::one);
            GET "/securityGroups" "Security groups by account" ReadEach run!(firewalls::all);
            GET "/securityGroups/{account}" "Security groups of an account" ["provider"] ReadEach run!(firewalls::of_account);
            GET "/securityGroups/{account}/{region}" "Security groups of a namespace" ["provider"] ReadEach
                run!(firewalls::of_region);
            GET "/securityGroups/{account}/{region}/{name}" "One security group" ReadEach run!(firewalls::one);
            GET "/instances/{account}/{region}/{id}" "One instance" ReadEach run!(clusters::instance);
            GET "/instances/{account}/{region}/{id}/console" "What an instance printed" ["provider"] ReadEach run!(live::console);
            GET "/images/find" "Images in registries"
                ["provider", "q", "account", "region", "count", "repository", "tag", "includeDetails"] ReadEach run!(images::find);
            GET "/images/tags" "Tags of a repository" ["provider", "account", "repository"] ReadEach run!(images::tags);
            GET "/images/{*rest}" "One image of a cloud" ReadEach Does::Miss("images of clouds");
            GET "/charts/find" "Charts in registries"
                ["provider", "q", "account", "region", "count", "repository", "tag", "includeDetails"] ReadEach run!(images::find_charts);
            GET "/charts/tags" "Versions of a chart in a registry" ["provider", "account", "repository"] ReadEach
                run!(images::tags);
            GET "/charts/{*rest}" "One chart" ReadEach Does::Miss("single charts");
            GET "/manifests/{account}/{name}" "One Kubernetes object that lies in no namespace" ["includeEvents"] ReadEach
                run!(live::manifest_of_cluster);
            GET "/manifests/{account}/{location}/{name}" "One Kubernetes object" ["includeEvents"] ReadEach run!(live::manifest);
            GET "/manifests/{account}/{location}/{kind}/cluster/{app}/{cluster}" "Kubernetes objects of a cluster" ReadEach
                run!(live::members);
            GET "/manifests/{account}/{location}/{kind}/cluster/{app}/{cluster}/dynamic/{criteria}"
                "The newest, oldest, largest … Kubernetes object of a cluster" ReadEach run!(live::target);
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
            GET "/artifacts/credentials" "Accounts for artifacts" SignIn run!(artifacts::credentials);
            GET "/artifacts/account/{account}/names" "Names of artifacts, such as the charts of a repository" ["type"] SignIn
                run!(artifacts::names);
            GET "/artifacts/account/{account}/versions" "Versions of an artifact" ["type", "artifactName"] SignIn
                run!(artifacts::versions);
            GET "/artifacts/{*rest}" "Packages of plugins, and a Spinnaker's artifact store" SignIn
                Does::Miss("packages of plugins and Spinnaker's artifact store");
            PUT "/artifacts/fetch" "The content of an artifact" SignIn run!(artifacts::fetch);
            GET "/artifactory/names" "Artifactory searches that triggers can use" SignIn run!(pollers::artifactory);
            GET "/nexus/names" "Nexus searches that triggers can use" SignIn
                Does::Say("[]", "a Nexus names its search in the address of its webhook, /webhooks/nexus/SEARCH");
            GET "/concourse/{master}/teams" "Teams of Concourse" ReadEach run!(build_services::teams);
            GET "/concourse/{master}/teams/{team}/pipelines" "Pipelines of a team of Concourse" ReadEach
                run!(build_services::pipelines);
            GET "/concourse/{master}/teams/{team}/pipelines/{pipeline}/jobs" "Jobs of a pipeline of Concourse" ReadEach
                run!(build_services::jobs);
            GET "/concourse/{master}/teams/{team}/pipelines/{pipeline}/resources" "Resources of a pipeline of Concourse" ReadEach
                run!(build_services::resources);
            POST "/concourse/stage/start" "A job of Concourse reports the build that a stage waits for"
                ["stageId", "job", "buildNumber", "executionId"] SignIn run!(build_services::report);
            GET "/gcb/accounts" "Accounts of Google Cloud Build" ReadEach run!(build_services::google_accounts);
            GET "/gcb/triggers/{account}" "Triggers of Google Cloud Build" ReadEach run!(build_services::triggers);
            GET "/codebuild/accounts" "Accounts of AWS CodeBuild" ReadEach run!(build_services::amazon_accounts);
            GET "/codebuild/projects/{account}" "Projects of AWS CodeBuild" ReadEach run!(build_services::projects);
            GET "/builds" "Build systems (older address)" ["type"] ReadEach run!(builds::masters);
            GET "/builds/{master}/jobs" "Jobs of a build system (older address)" ReadEach run!(builds::jobs);
            GET "/builds/{master}/jobs/{*rest}" "One job (older address)" ReadEach run!(builds::job);
            GET "/builds/{master}/builds/{*rest}" "Builds of a job (older address)" ReadEach run!(builds::builds);
            GET "/builds/{master}/build/{number}/{*rest}" "One build (older address)" ReadEach run!(builds::build);
            GET "/v2/builds" "Build systems" ["type"] ReadEach run!(builds::masters);
            GET "/v2/builds/{master}/jobs" "Jobs of a build system" ReadEach run!(builds::jobs);
            GET "/v2/builds/{master}/jobs/{*rest}" "One job; it is the rest of the path" ReadEach run!(builds::job);
            GET "/v2/builds/{master}/builds/{*rest}" "Builds of a job; it is the rest of the path" ReadEach run!(builds::builds);
            GET "/v2/builds/{master}/build/{number}/{*rest}" "One build; its job is the rest of the path" ReadEach
                run!(builds::build);
            GET "/v3/builds" "Build systems" ["type"] ReadEach run!(builds::masters);
            GET "/v3/builds/{master}/jobs" "Jobs of a build system" ReadEach run!(builds::jobs);
            GET "/v3/builds/{master}/job" "One job" ["job"] ReadEach run!(builds::job_asked);
            GET "/v3/builds/{master}/builds" "Builds of a job" ["job"] ReadEach run!(builds::builds_asked);
            GET "/v3/builds/{master}/build/{number}" "One build" ["job"] ReadEach run!(builds::build_asked);
            GET "/ci/builds" "Builds of a commit"
                ["projectKey", "repoSlug", "completionStatus", "buildNumber", "commitId"] SignIn
                Does::Miss("build systems");
            GET "/ci/builds/{id}/output" "What a build printed" SignIn Does::Miss("build systems");
            GET "/webhooks/preconfigured" "Preconfigured webhook stages" SignIn run!(preconfigured::webhooks);
            GET "/jobs/preconfigured" "Preconfigured job stages" SignIn run!(preconfigured::jobs);
            GET "/bakery/options" "Base images by provider" SignIn Does::Say("[]", "no images of machines are baked");
            GET "/bakery/options/{provider}" "Base images of a provider" SignIn Does::Miss("baking of machine images");
            GET "/bakery/logs/{region}/{statusId}" "What a bake printed" SignIn Does::Miss("baking of machine images");
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
            GET "/v2/canaries/credentials" "Accounts of metrics and of storage" SignIn run!(kayenta::credentials);
            GET "/v2/canaries/metadata/metricsService" "Metrics that a source knows" ["filter", "metricsAccountName"] Read
                run!(kayenta::metadata);
            GET "/v2/canaries/{application}/executions" "Canary analyses of an application, newest first"
                ["limit", "page", "statuses", "storageAccountName", "partial"] Read run!(canary_runs::list);
            GET "/v2/canaries/metricSetPairList/{id}" "The metrics that were judged" ["storageAccountName"] Read
                run!(objects::pair_list_of_gate);
            GET "/v2/canaries/{*rest}" "What Kayenta has not" SignIn
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
