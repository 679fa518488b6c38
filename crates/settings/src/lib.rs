//! Everything an operator can set: one typed tree, read once, checked whole before a port opens.
//!
//! Three layers, the later wins: the defaults, a TOML file, environment variables. The variable of the setting
//! `broker.tls.ca_file` is `GENNAKER_BROKER__TLS__CA_FILE`; that of the top-level `zone` is `GENNAKER_ZONE`. Keys and
//! variables that nobody knows are errors that name the nearest that somebody does, because a misspelt limit is a limit
//! that does not hold. Other variables without a double underscore (`GENNAKER_NATS_SERVER`, `GENNAKER_URL`) belong to
//! tools and the command line and are not looked at.
//!
//! The types are the only source: their documentation, ranges and defaults become [`schema_json`] and [`example_toml`].
//!
//! It must never open a connection or start anything, and secrets never leave a [`Secret`] in writing. `gennaker` loads
//! the tree and hands each part its section.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod check;
mod error;
mod example;
mod layers;
mod nearest;
mod schema;
mod secret;
mod sections;

pub use error::{Error, Problem};
pub use example::example_toml;
pub use layers::{File, load, read};
pub use schema::schema_json;
pub use secret::Secret;
pub use sections::Announces;
pub use sections::{
    AdHocTask, AddressedChannel, AmazonSubscription, Archive, ArchiveBackend, ArtifactTemplate,
    Artifactory, ArtifactoryRepoType, ArtifactorySearch, Artifacts, AwsCodeBuild,
    AwsCodeBuildAccount, Bake, BearychatChannel, BitbucketAccount, Broker, BrokerTls, Canary,
    CanaryAccount, CanarySource, Concourse, ConcourseMaster, DockerRegistry, DockerRegistryAccount,
    Documents, DocumentsBackend, EmailChannel, Expressions, Gate, GateTls, GcsAccount,
    GitRepoAccount, GithubAccount, GithubStatusChannel, GitlabAccount, GitlabCi, GitlabCiMaster,
    GitlabStatusChannel, GoogleChatChannel, GoogleCloudBuild, GoogleCloudBuildAccount,
    GoogleSubscription, Gremlin, HelmAccount, HelmOciAccount, HipchatChannel, HttpAccount,
    ImageBinding, Jenkins, JenkinsAccount, JenkinsMaster, Jira, JobParameter, Jobs, Kubernetes,
    KubernetesAccount, KubernetesAccounts, KubernetesCustomResource, LogFormat, MailSecurity,
    ManagedServiceAccounts, MavenAccount, MessageFormat, NatsSubscription, Notifications,
    OracleAccount, Outbound, PagerDuty, Polling, PreconfiguredJob, PreconfiguredWebhook, Publisher,
    PublisherContent, PublisherKind, Pubsub, QuietPeriod, RestEndpoint, S3Account, S3Bucket,
    S3Search, Scheduler, Services, Settings, SkippedAccount, SlackApp, SlackChannel, SmsChannel,
    StatusUrlResolution, Telemetry, Travis, TravisMaster, Triggers, Values, WebhookParameter,
    Webhooks, Worker,
};
