//! The tree. Documentation, ranges and defaults of the fields are what operators read in the schema and the example.

mod archive;
mod artifacts;
mod bake;
mod broker;
mod bucket;
mod build_systems;
mod canary;
mod documents;
mod expressions;
mod jenkins;
mod jobs;
mod kubernetes;
mod notifications;
mod polling;
mod processes;
mod pubsub;
mod services;
mod support;
mod triggers;
mod values;
mod webhooks;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use archive::{Archive, ArchiveBackend};
pub use artifacts::{
    Artifacts, BitbucketAccount, GcsAccount, GitRepoAccount, GithubAccount, GitlabAccount,
    HelmAccount, HelmOciAccount, HttpAccount, JenkinsAccount, MavenAccount, OracleAccount,
    S3Account,
};
pub use bake::Bake;
pub use broker::{Broker, BrokerTls};
pub use bucket::S3Bucket;
pub use build_systems::{
    AwsCodeBuild, AwsCodeBuildAccount, Concourse, ConcourseMaster, GitlabCi, GitlabCiMaster,
    GoogleCloudBuild, GoogleCloudBuildAccount, Travis, TravisMaster,
};
pub use canary::{Canary, CanaryAccount, CanarySource, CanaryStorage};
pub use documents::{Documents, DocumentsBackend, ManagedServiceAccounts};
pub use expressions::Expressions;
pub use jenkins::{Jenkins, JenkinsMaster};
pub use jobs::{JobParameter, Jobs, PreconfiguredJob};
pub use kubernetes::{
    ImageBinding, Kubernetes, KubernetesAccount, KubernetesAccounts, KubernetesCustomResource,
    SkippedAccount,
};
pub use notifications::{
    AddressedChannel, BearychatChannel, EmailChannel, GithubStatusChannel, GitlabStatusChannel,
    GoogleChatChannel, HipchatChannel, MailSecurity, Notifications, Publisher, PublisherContent,
    PublisherKind, RestEndpoint, SlackApp, SlackChannel, SmsChannel,
};
pub use polling::{
    Artifactory, ArtifactoryRepoType, ArtifactorySearch, DockerRegistry, DockerRegistryAccount,
    Polling, S3Search,
};
pub use processes::{AdHocTask, Announces, Gate, GateTls, Scheduler, Worker};
pub use pubsub::{AmazonSubscription, GoogleSubscription, MessageFormat, NatsSubscription, Pubsub};
pub use services::{Gremlin, Jira, PagerDuty, Services};
pub use support::{LogFormat, Outbound, Telemetry};
pub use triggers::{ArtifactTemplate, QuietPeriod, Triggers};
pub use values::Values;
pub use webhooks::{PreconfiguredWebhook, StatusUrlResolution, WebhookParameter, Webhooks};

/// Settings of Gennaker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The zone that this process runs in. Workers take the tasks of accounts in their zone, and those of none. Letters,
    /// digits, `-` and `_`; not `any`.
    pub zone: String,
    /// The HTTP API and the UI.
    pub gate: Gate,
    /// The NATS servers that hold all state.
    ///
    /// Their JetStream must run with `sync_interval: always`: with NATS's own default, two minutes, a power failure of
    /// several servers loses requests that were acknowledged.
    pub broker: Broker,
    /// Where applications, pipelines and all other documents lie. All processes of an installation should say the same.
    pub documents: Documents,
    /// What becomes of complete executions.
    pub archive: Archive,
    /// Large values of executions.
    pub values: Values,
    /// Running executions.
    pub scheduler: Scheduler,
    /// Running tasks.
    pub worker: Worker,
    /// What starts pipelines by itself.
    pub triggers: Triggers,
    /// Subscriptions whose messages become events.
    pub pubsub: Pubsub,
    /// What is looked at for them again and again.
    pub polling: Polling,
    /// Registries of images.
    pub docker_registry: DockerRegistry,
    /// Searches in Artifactory.
    pub artifactory: Artifactory,
    /// How the expressions of pipelines (`${…}`) are evaluated.
    ///
    /// What they gave is recorded with the execution: a change concerns what is evaluated from then on. All schedulers
    /// and API processes of an installation should have the same values.
    pub expressions: Expressions,
    /// Calls to addresses that pipelines choose: webhooks and the like.
    pub outbound: Outbound,
    /// Stage types of this installation that call an address.
    pub webhooks: Webhooks,
    /// Stage types of this installation that run a Kubernetes Job.
    pub jobs: Jobs,
    /// Services that stages call by name.
    pub services: Services,
    /// Channels by which people and programs hear about executions.
    pub notifications: Notifications,
    /// Accounts from which artifacts are read. All workers and API processes of an installation should have the same.
    pub artifacts: Artifacts,
    /// How manifests are baked.
    pub bake: Bake,
    /// Kubernetes clusters that pipelines deploy to.
    pub kubernetes: Kubernetes,
    /// Jenkins.
    pub jenkins: Jenkins,
    /// Servers of Travis CI.
    pub travis: Travis,
    /// Servers of GitLab CI.
    pub gitlab_ci: GitlabCi,
    /// Servers of Concourse.
    pub concourse: Concourse,
    /// Accounts of Google Cloud Build.
    pub google_cloud_build: GoogleCloudBuild,
    /// Accounts of AWS CodeBuild.
    pub aws_code_build: AwsCodeBuild,
    /// Canary analysis.
    pub canary: Canary,
    /// Logs, traces and metrics.
    pub telemetry: Telemetry,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            zone: "local".to_owned(),
            gate: Gate::default(),
            broker: Broker::default(),
            documents: Documents::default(),
            archive: Archive::default(),
            values: Values::default(),
            scheduler: Scheduler::default(),
            worker: Worker::default(),
            triggers: Triggers::default(),
            pubsub: Pubsub::default(),
            polling: Polling::default(),
            docker_registry: DockerRegistry::default(),
            artifactory: Artifactory::default(),
            expressions: Expressions::default(),
            outbound: Outbound::default(),
            webhooks: Webhooks::default(),
            jobs: Jobs::default(),
            services: Services::default(),
            notifications: Notifications::default(),
            artifacts: Artifacts::default(),
            bake: Bake::default(),
            kubernetes: Kubernetes::default(),
            jenkins: Jenkins::default(),
            travis: Travis::default(),
            gitlab_ci: GitlabCi::default(),
            concourse: Concourse::default(),
            google_cloud_build: GoogleCloudBuild::default(),
            aws_code_build: AwsCodeBuild::default(),
            canary: Canary::default(),
            telemetry: Telemetry::default(),
        }
    }
}
