//! Which properties the objects have: the getters of the original's classes.

use crate::value::{BeanClass, Data};

/// How a property of an object is read.
#[derive(Clone, Copy)]
pub(super) enum Read {
    /// As it stands in the document.
    Plain,
    /// As text that is a status.
    Status,
    /// A map that is empty when absent.
    Map,
    /// A list that is empty when absent.
    List,
    /// A set of texts that is empty when absent.
    Set,
    /// A boolean that is false when absent.
    Flag,
    /// An object of this class.
    Bean(BeanClass),
    /// A list of objects of this class.
    Beans(BeanClass),
    /// There is a getter, but its type is not allowed.
    Refused(&'static str),
}

pub(super) type Table = &'static [(&'static str, Read)];

pub(super) const EXECUTION: Table = &[
    ("id", Read::Plain),
    ("rootId", Read::Plain),
    ("application", Read::Plain),
    ("name", Read::Plain),
    ("buildTime", Read::Plain),
    ("startTime", Read::Plain),
    ("endTime", Read::Plain),
    ("canceled", Read::Flag),
    ("canceledBy", Read::Plain),
    ("cancellationReason", Read::Plain),
    ("limitConcurrent", Read::Flag),
    ("maxConcurrentExecutions", Read::Plain),
    ("keepWaitingPipelines", Read::Flag),
    ("context", Read::Map),
    ("startTimeExpiry", Read::Plain),
    ("status", Read::Status),
    ("authentication", Read::Bean(BeanClass::Authentication)),
    ("paused", Read::Bean(BeanClass::Paused)),
    ("origin", Read::Plain),
    ("trigger", Read::Bean(BeanClass::Trigger)),
    ("description", Read::Plain),
    ("pipelineConfigId", Read::Plain),
    ("notifications", Read::List),
    ("initialConfig", Read::Map),
    ("systemNotifications", Read::List),
    ("spelEvaluator", Read::Plain),
    ("templateVariables", Read::Plain),
    ("partition", Read::Plain),
    ("additionalHeaders", Read::Map),
    (
        "type",
        Read::Refused("class com.netflix.spinnaker.orca.api.pipeline.models.ExecutionType"),
    ),
    (
        "source",
        Read::Refused(
            "class com.netflix.spinnaker.orca.api.pipeline.models.PipelineExecution$PipelineSource",
        ),
    ),
];

pub(super) const STAGE: Table = &[
    ("id", Read::Plain),
    ("refId", Read::Plain),
    ("type", Read::Plain),
    ("name", Read::Plain),
    ("startTime", Read::Plain),
    ("endTime", Read::Plain),
    ("startTimeExpiry", Read::Plain),
    ("status", Read::Status),
    ("context", Read::Map),
    ("outputs", Read::Map),
    ("tasks", Read::Beans(BeanClass::Task)),
    ("parentStageId", Read::Plain),
    ("requisiteStageRefIds", Read::List),
    ("scheduledTime", Read::Plain),
    ("additionalMetricTags", Read::Plain),
    (
        "lastModified",
        Read::Refused(
            "class com.netflix.spinnaker.orca.api.pipeline.models.StageExecution$LastModifiedDetails",
        ),
    ),
    (
        "syntheticStageOwner",
        Read::Refused("class com.netflix.spinnaker.orca.api.pipeline.SyntheticStageOwner"),
    ),
];

pub(super) const TASK: Table = &[
    ("id", Read::Plain),
    ("name", Read::Plain),
    ("implementingClass", Read::Plain),
    ("startTime", Read::Plain),
    ("endTime", Read::Plain),
    ("status", Read::Status),
    ("stageStart", Read::Flag),
    ("stageEnd", Read::Flag),
    ("loopStart", Read::Flag),
    ("loopEnd", Read::Flag),
    ("taskExceptionDetails", Read::Map),
];

pub(super) const TRIGGER: Table = &[
    ("type", Read::Plain),
    ("correlationId", Read::Plain),
    ("user", Read::Plain),
    ("parameters", Read::Map),
    ("artifacts", Read::Beans(BeanClass::Artifact)),
    ("notifications", Read::List),
    ("rebake", Read::Flag),
    ("dryRun", Read::Flag),
    ("strategy", Read::Flag),
    (
        "resolvedExpectedArtifacts",
        Read::Beans(BeanClass::ExpectedArtifact),
    ),
    ("other", Read::Map),
];

/// Getters that only some triggers have, by `type`.
pub(super) const TYPED_TRIGGERS: [(&[&str], &str, Table); 9] = [
    (
        &["jenkins"],
        "com.netflix.spinnaker.orca.pipeline.model.JenkinsTrigger",
        &[
            ("master", Read::Plain),
            ("job", Read::Plain),
            ("buildNumber", Read::Plain),
            ("propertyFile", Read::Plain),
            ("buildInfo", Read::Bean(BeanClass::BuildInfo)),
            ("properties", Read::Map),
        ],
    ),
    (
        &["concourse"],
        "com.netflix.spinnaker.orca.pipeline.model.ConcourseTrigger",
        &[
            ("buildInfo", Read::Bean(BeanClass::BuildInfo)),
            ("properties", Read::Map),
        ],
    ),
    (
        &["docker"],
        "com.netflix.spinnaker.orca.pipeline.model.DockerTrigger",
        &[
            ("account", Read::Plain),
            ("repository", Read::Plain),
            ("tag", Read::Plain),
        ],
    ),
    (
        &["helm"],
        "com.netflix.spinnaker.orca.pipeline.model.HelmTrigger",
        &[
            ("account", Read::Plain),
            ("chart", Read::Plain),
            ("version", Read::Plain),
            ("digest", Read::Plain),
        ],
    ),
    (
        &["git"],
        "com.netflix.spinnaker.orca.pipeline.model.GitTrigger",
        &[
            ("hash", Read::Plain),
            ("source", Read::Plain),
            ("project", Read::Plain),
            ("branch", Read::Plain),
            ("slug", Read::Plain),
            ("action", Read::Plain),
        ],
    ),
    (
        &["pipeline"],
        "com.netflix.spinnaker.orca.pipeline.model.PipelineTrigger",
        &[
            ("parentExecution", Read::Bean(BeanClass::Execution)),
            ("parentPipelineStageId", Read::Plain),
            ("parentStage", Read::Plain),
        ],
    ),
    (
        &["artifactory"],
        "com.netflix.spinnaker.orca.pipeline.model.ArtifactoryTrigger",
        &[("artifactorySearchName", Read::Plain)],
    ),
    (
        &["nexus"],
        "com.netflix.spinnaker.orca.pipeline.model.NexusTrigger",
        &[("nexusSearchName", Read::Plain)],
    ),
    (
        &["plugin"],
        "com.netflix.spinnaker.orca.pipeline.model.PluginTrigger",
        &[
            ("pluginId", Read::Plain),
            ("description", Read::Plain),
            ("provider", Read::Plain),
            ("version", Read::Plain),
            ("releaseDate", Read::Plain),
            ("requires", Read::List),
            ("binaryUrl", Read::Plain),
            ("preferred", Read::Flag),
        ],
    ),
];

pub(super) const AUTHENTICATION: Table = &[("user", Read::Plain), ("allowedAccounts", Read::Set)];

pub(super) const PAUSED: Table = &[
    ("pausedBy", Read::Plain),
    ("resumedBy", Read::Plain),
    ("pauseTime", Read::Plain),
    ("resumeTime", Read::Plain),
];

pub(super) const ARTIFACT: Table = &[
    ("type", Read::Plain),
    ("customKind", Read::Flag),
    ("name", Read::Plain),
    ("version", Read::Plain),
    ("location", Read::Plain),
    ("reference", Read::Plain),
    ("metadata", Read::Map),
    ("artifactAccount", Read::Plain),
    ("provenance", Read::Plain),
    ("uuid", Read::Plain),
];

pub(super) const EXPECTED_ARTIFACT: Table = &[
    ("matchArtifact", Read::Bean(BeanClass::Artifact)),
    ("usePriorArtifact", Read::Flag),
    ("useDefaultArtifact", Read::Flag),
    ("defaultArtifact", Read::Bean(BeanClass::Artifact)),
    ("id", Read::Plain),
    ("boundArtifact", Read::Bean(BeanClass::Artifact)),
];

pub(super) const BUILD_INFO: Table = &[
    ("name", Read::Plain),
    ("number", Read::Plain),
    ("url", Read::Plain),
    ("result", Read::Plain),
    ("artifacts", Read::Beans(BeanClass::Artifact)),
    ("scm", Read::Beans(BeanClass::SourceControl)),
    ("building", Read::Flag),
    ("fullDisplayName", Read::Plain),
];

pub(super) const SOURCE_CONTROL: Table = &[
    ("name", Read::Plain),
    ("branch", Read::Plain),
    ("sha1", Read::Plain),
];

/// Class of the trigger object, by the `type` of its document.
pub(crate) fn trigger_class(data: &Data<'_>) -> &'static str {
    let kind = data.get_str("type");
    let kind = kind.as_deref().unwrap_or("");
    typed_trigger(kind).map_or(
        "com.netflix.spinnaker.orca.pipeline.model.DefaultTrigger",
        |(_, class, _)| class,
    )
}

pub(super) fn typed_trigger(
    kind: &str,
) -> Option<&'static (&'static [&'static str], &'static str, Table)> {
    TYPED_TRIGGERS
        .iter()
        .find(|(kinds, ..)| kinds.contains(&kind))
}

/// How a property of a class is read, if it has it.
pub(super) fn lookup(table: Table, name: &str) -> Option<Read> {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, read)| *read)
}
