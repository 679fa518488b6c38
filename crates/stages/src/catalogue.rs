//! All stage types, found by name.

use std::collections::BTreeMap;

use gennaker_engine::{StageDefinition, TaskDefinition};
use gennaker_model::{Execution, Map, Stage};

use crate::{
    applications, bake_manifest, check_preconditions, cloud_builds, concourse,
    depends_on_execution,
    dry_run::{self, DRY_RUN},
    entity_tags, evaluate_artifacts, evaluate_variables, execution_window,
    field::Field,
    find_artifact, jenkins, kayenta, kubernetes, manual_judgment, monitor_pipeline, noop,
    not_built, pipeline, pipeline_documents, pipeline_templates, plugin_releases,
    preconfigured::{self, PreconfiguredWebhook, PreconfiguredWebhooks},
    preconfigured_job::{self, PreconfiguredJob, PreconfiguredJobs},
    run_multiple_pipelines, save_pipelines, services, timing, travis, wait, wait_until, webhook,
};

/// A stage type with what people need to know about it.
pub trait StageType: StageDefinition {
    /// Names that stand in `type`; the first is the usual one.
    fn names(&self) -> &'static [&'static str];

    /// One sentence: what it is for.
    fn summary(&self) -> &'static str;

    /// Its own fields, without those common to all stages.
    fn fields(&self) -> &'static [Field];

    /// Tasks that it may plan.
    fn tasks(&self) -> &'static [&'static TaskDefinition];

    /// Its tasks as people see them, in order; what stands in brackets is planned only if the stage asks for it. Empty: the names
    /// of [`Self::tasks`].
    fn shown_tasks(&self) -> &'static [&'static str] {
        &[]
    }

    /// What is not as in Spinnaker, in sentences for people; empty when nothing is.
    fn differs(&self) -> &'static str {
        ""
    }
}

/// The stage types of this release, and those that an installation adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    webhooks: PreconfiguredWebhooks,
    jobs: PreconfiguredJobs,
    dry_runs: bool,
    /// The zone that the operations of each account are pinned to, by the account's name.
    accounts: BTreeMap<String, String>,
    /// The zone that the builds of each build server are pinned to, by its name.
    masters: BTreeMap<String, String>,
    /// The zone that analyses are pinned to, by the name of the account of metrics.
    metric_accounts: BTreeMap<String, String>,
}

/// The catalogue of an installation that adds nothing.
pub static CATALOGUE: Catalogue = Catalogue::new();

static TYPES: &[&dyn StageType] = &[
    &execution_window::ExecutionWindow,
    &wait::Wait,
    &wait_until::WaitUntil,
    &noop::Noop,
    &evaluate_variables::EvaluateVariables,
    &evaluate_artifacts::EvaluateArtifacts,
    &check_preconditions::CheckPreconditions,
    &manual_judgment::ManualJudgment,
    &webhook::Webhook,
    &pipeline::Pipeline,
    &monitor_pipeline::MonitorPipeline,
    &run_multiple_pipelines::RunMultiplePipelines,
    &depends_on_execution::DependsOnExecution,
    &find_artifact::FindArtifactFromExecution,
    &bake_manifest::BakeManifest,
    &bake_manifest::BakeCloudFoundryManifest,
    &applications::UpsertApplication,
    &applications::DeleteApplication,
    &applications::UpsertProject,
    &applications::DeleteProject,
    &pipeline_documents::SavePipeline,
    &pipeline_documents::UpdatePipeline,
    &pipeline_documents::DeletePipeline,
    &pipeline_documents::ReorderPipelines,
    &save_pipelines::SavePipelinesFromArtifact,
    &pipeline_documents::UpsertPluginInfo,
    &pipeline_documents::DeletePluginInfo,
    &pipeline_documents::SaveCanaryConfig,
    &pipeline_documents::DeleteCanaryConfig,
    &entity_tags::UpsertEntityTags,
    &entity_tags::BulkUpsertEntityTags,
    &entity_tags::DeleteEntityTags,
    &plugin_releases::LoadPluginRelease,
    &plugin_releases::SetPreferredPluginRelease,
    &kayenta::KayentaCanary,
    &kayenta::RunCanaryIntervals,
    &kayenta::RunCanary,
    &jenkins::Jenkins,
    &jenkins::Script,
    &jenkins::GetProperties,
    &kayenta::GenerateCanaryAnalysisResult,
    &services::Jira,
    &services::PageApplicationOwner,
    &services::Gremlin,
    &pipeline_templates::CreatePipelineTemplate,
    &pipeline_templates::UpdatePipelineTemplate,
    &pipeline_templates::DeletePipelineTemplate,
    &pipeline_templates::CreateV2PipelineTemplate,
    &pipeline_templates::UpdateV2PipelineTemplate,
    &pipeline_templates::DeleteV2PipelineTemplate,
    &kubernetes::DeployManifest,
    &kubernetes::DELETE,
    &kubernetes::SCALE,
    &kubernetes::PatchManifest,
    &kubernetes::UNDO,
    &kubernetes::PAUSE,
    &kubernetes::RESUME,
    &kubernetes::RESTART,
    &kubernetes::ENABLE,
    &kubernetes::DISABLE,
    &kubernetes::FindArtifactsFromResource,
    &kubernetes::RunJob,
    &cloud_builds::GoogleCloudBuild,
    &cloud_builds::AwsCodeBuild,
    &concourse::Concourse,
    &travis::Travis,
    &travis::GitlabCi,
];

/// The pool that analyses canaries.
const CANARY_POOL: &str = "canary";

/// The name of a preconfigured webhook or job is another stage type's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is the name of another stage type")]
pub struct NameTaken(String);

impl Catalogue {
    /// The types of this release.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            webhooks: PreconfiguredWebhooks::none(),
            jobs: PreconfiguredJobs::none(),
            dry_runs: false,
            accounts: BTreeMap::new(),
            masters: BTreeMap::new(),
            metric_accounts: BTreeMap::new(),
        }
    }

    /// The same where `trigger.dryRun` has an effect: most stages only show that they would run.
    #[must_use]
    pub fn with_dry_runs(self, dry_runs: bool) -> Self {
        Self { dry_runs, ..self }
    }

    /// The same with stage types that call one address each.
    ///
    /// # Errors
    /// [`NameTaken`]: the type of one of them means something else already.
    pub fn with_webhooks(webhooks: Vec<PreconfiguredWebhook>) -> Result<Self, NameTaken> {
        let plain = Self::new();
        for (place, webhook) in webhooks.iter().enumerate() {
            let kind = &webhook.kind;
            let twice = webhooks[..place].iter().any(|other| other.kind == *kind);
            if twice || plain.is_known(kind) {
                return Err(NameTaken(kind.clone()));
            }
        }
        Ok(Self {
            webhooks: PreconfiguredWebhooks::of(webhooks),
            ..plain
        })
    }

    /// The same with stage types that run one Job each.
    ///
    /// # Errors
    /// [`NameTaken`]: the type of one of them means something else already.
    pub fn with_jobs(self, jobs: Vec<PreconfiguredJob>) -> Result<Self, NameTaken> {
        for (place, job) in jobs.iter().enumerate() {
            let kind = &job.kind;
            let twice = jobs[..place].iter().any(|other| other.kind == *kind);
            if twice || self.is_known(kind) {
                return Err(NameTaken(kind.clone()));
            }
        }
        Ok(Self {
            jobs: PreconfiguredJobs::of(jobs),
            ..self
        })
    }

    /// The same with accounts of a cloud that can be reached from some zones only: the account's name, and what its operations are
    /// pinned to. An account that is not named here is reached from everywhere.
    #[must_use]
    pub fn with_accounts(self, accounts: BTreeMap<String, String>) -> Self {
        Self { accounts, ..self }
    }

    /// The same with build servers, and accounts of clouds that build, that can be reached from one zone only: the name, and its zone.
    #[must_use]
    pub fn with_masters(self, masters: BTreeMap<String, String>) -> Self {
        Self { masters, ..self }
    }

    /// Under which name [`Self::with_masters`] takes an account of a cloud that builds: servers may have the same one.
    #[must_use]
    pub fn build_account(name: &str) -> String {
        format!("account:{name}")
    }

    /// The same with accounts of metric servers that can be reached from some zones only: the account's name, and what analyses
    /// that name it are pinned to.
    #[must_use]
    pub fn with_metric_accounts(self, metric_accounts: BTreeMap<String, String>) -> Self {
        Self {
            metric_accounts,
            ..self
        }
    }

    /// Every stage type of this release.
    pub fn types(&self) -> impl Iterator<Item = &'static dyn StageType> {
        TYPES.iter().copied()
    }

    /// The names of Spinnaker's types that are known and fail when they start, saying why.
    pub fn not_built(&self) -> impl Iterator<Item = &'static str> {
        let names = not_built::NOT_BUILT.iter();
        names
            .flat_map(|known| known.names.iter().copied())
            .filter(|name| self.find(name).is_none())
    }

    /// The stage type with this name, of those of this release.
    #[must_use]
    pub fn find(&self, kind: &str) -> Option<&'static dyn StageType> {
        self.types().find(|stage| stage.names().contains(&kind))
    }

    /// The preconfigured webhooks, in their order.
    #[must_use]
    pub fn webhooks(&self) -> &[PreconfiguredWebhook] {
        self.webhooks.all()
    }

    /// The preconfigured jobs, in their order.
    #[must_use]
    pub fn jobs(&self) -> &[PreconfiguredJob] {
        self.jobs.all()
    }

    fn is_known(&self, kind: &str) -> bool {
        gennaker_engine::Catalogue::stage(self, kind).is_some()
    }
}

impl gennaker_engine::Catalogue for Catalogue {
    fn stage(&self, kind: &str) -> Option<&dyn StageDefinition> {
        if let Some(found) = self.find(kind) {
            return Some(found as &dyn StageDefinition);
        }
        if kind == preconfigured::ALIAS || self.webhooks.find(kind).is_some() {
            return Some(&self.webhooks);
        }
        if kind == preconfigured_job::ALIAS || self.jobs.find(kind).is_some() {
            return Some(&self.jobs);
        }
        not_built::find(kind).map(|found| found as &dyn StageDefinition)
    }

    fn task(&self, class: &str) -> Option<&'static TaskDefinition> {
        self.types()
            .flat_map(|stage| stage.tasks().iter().copied())
            .chain([&DRY_RUN])
            .find(|task| task.class == class)
    }

    fn stand_in(&self, execution: &Execution, stage: &Stage) -> Option<&'static TaskDefinition> {
        dry_run::stand_in(execution, stage, self.dry_runs)
    }

    fn zone(&self, pool: &str, context: &Map) -> Option<String> {
        match pool {
            kubernetes::POOL if !self.accounts.is_empty() => {
                self.accounts.get(kubernetes::account(context)?).cloned()
            }
            jenkins::POOL if !self.masters.is_empty() => {
                let name = match jenkins::master(context) {
                    Some(master) => master.to_owned(),
                    None => Self::build_account(cloud_builds::account(context)?),
                };
                self.masters.get(&name).cloned()
            }
            CANARY_POOL => {
                let account = context.get("metricsAccountName")?.as_str()?;
                self.metric_accounts.get(account).cloned()
            }
            _ => None,
        }
    }

    fn left_to_the_stage(&self, kind: &str, context: &Map) -> Vec<&'static str> {
        timing::excluded(kind, context)
    }
}

#[cfg(test)]
#[path = "catalogue/tests.rs"]
mod tests;
