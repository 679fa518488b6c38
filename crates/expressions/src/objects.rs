//! Execution, stage, task, trigger and the like: objects whose getters are the only properties there are.

use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::root::ExecutionView;
use crate::value::{Bean, BeanClass, Data, MapKind, Object, Value};

/// How a property of an object is read.
#[derive(Clone, Copy)]
enum Read {
    /// As it stands in the document.
    Plain,
    /// As text that is a status.
    Status,
    /// A map that is empty when absent.
    Map,
    /// A list that is empty when absent.
    List,
    /// A boolean that is false when absent.
    Flag,
    /// An object of this class.
    Bean(BeanClass),
    /// A list of objects of this class.
    Beans(BeanClass),
    /// There is a getter, but its type is not allowed.
    Refused(&'static str),
}

type Table = &'static [(&'static str, Read)];

const EXECUTION: Table = &[
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

const STAGE: Table = &[
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
    ("additionalMetricTags", Read::Map),
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

const TASK: Table = &[
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

const TRIGGER: Table = &[
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
const TYPED_TRIGGERS: [(&[&str], &str, Table); 9] = [
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

const AUTHENTICATION: Table = &[("user", Read::Plain), ("allowedAccounts", Read::List)];

const PAUSED: Table = &[
    ("pausedBy", Read::Plain),
    ("resumedBy", Read::Plain),
    ("pauseTime", Read::Plain),
    ("resumeTime", Read::Plain),
];

const ARTIFACT: Table = &[
    ("type", Read::Plain),
    ("customKind", Read::Flag),
    ("name", Read::Plain),
    ("version", Read::Plain),
    ("location", Read::Plain),
    ("reference", Read::Plain),
    ("metadata", Read::Refused("class java.lang.Object")),
    ("artifactAccount", Read::Plain),
    ("provenance", Read::Plain),
    ("uuid", Read::Plain),
];

const EXPECTED_ARTIFACT: Table = &[
    ("matchArtifact", Read::Bean(BeanClass::Artifact)),
    ("usePriorArtifact", Read::Flag),
    ("useDefaultArtifact", Read::Flag),
    ("defaultArtifact", Read::Bean(BeanClass::Artifact)),
    ("id", Read::Plain),
    ("boundArtifact", Read::Bean(BeanClass::Artifact)),
];

const BUILD_INFO: Table = &[
    ("name", Read::Plain),
    ("number", Read::Plain),
    ("url", Read::Plain),
    ("result", Read::Plain),
    ("artifacts", Read::Beans(BeanClass::Artifact)),
    ("scm", Read::Beans(BeanClass::SourceControl)),
    ("building", Read::Flag),
    ("fullDisplayName", Read::Plain),
];

const SOURCE_CONTROL: Table = &[
    ("name", Read::Plain),
    ("branch", Read::Plain),
    ("sha1", Read::Plain),
];

/// A property, or nothing if the object has no getter of this name (methods may still serve as properties).
pub(crate) fn property<'a>(
    machine: &mut Machine<'a, '_>,
    object: &Object<'a>,
    name: &str,
) -> Option<Result<Value<'a>>> {
    match object {
        Object::Execution => execution_property(machine, name),
        Object::Stage(stage) => stage_property(machine, *stage, name),
        Object::Bean(bean) => bean_property(bean, name),
    }
}

/// A method that is no getter by table, or a getter called by its method name.
pub(crate) fn method<'a>(
    machine: &mut Machine<'a, '_>,
    object: &Object<'a>,
    name: &str,
    args: &[Value<'a>],
) -> Option<Result<Value<'a>>> {
    let stages = |machine: &mut Machine<'a, '_>, places: Vec<usize>| {
        let _ = machine;
        Value::list(
            places
                .into_iter()
                .map(|place| Value::Object(Object::Stage(place)))
                .collect(),
        )
    };
    match (object, name, args) {
        (Object::Stage(stage), "ancestors", []) => {
            let places = machine.execution()?.stage_ancestors(*stage);
            return Some(Ok(stages(machine, places)));
        }
        (
            Object::Stage(stage),
            "directAncestors" | "children" | "firstBeforeStages" | "beforeStages" | "afterStages",
            [],
        ) => {
            let places = related(machine.execution()?, *stage, name);
            return Some(Ok(stages(machine, places)));
        }
        (Object::Execution, "stageById" | "stageByRef", [Value::Text(id)]) => {
            let key = if name == "stageById" { "id" } else { "refId" };
            let view = machine.execution()?;
            let place = find_stage(view, |place| {
                stage_text(view, place, key).as_deref() == Some(&**id)
            });
            return Some(
                place
                    .map(|place| Value::Object(Object::Stage(place)))
                    .ok_or_else(|| {
                        let shown = if key == "id" { "id" } else { "refId" };
                        Error::illegal_argument(format!("No stage with {shown} {} exists", &**id))
                    }),
            );
        }
        (_, "equals", [other]) => {
            return Some(Ok(Value::Bool(crate::value::compare::equals(
                &Value::Object(object.clone()),
                other,
            ))));
        }
        _ => {}
    }
    if !args.is_empty() {
        return None;
    }
    let bare = name
        .strip_prefix("get")
        .or_else(|| name.strip_prefix("is"))
        .filter(|rest| !rest.is_empty())?;
    let mut chars = bare.chars();
    let property_name: String = chars.next()?.to_lowercase().chain(chars).collect();
    property(machine, object, &property_name)
}

/// The document of an object whose value is a result.
pub(crate) fn document(execution: Option<&dyn ExecutionView>, object: &Object<'_>) -> Json {
    match object {
        Object::Bean(bean) => bean.data.to_json(),
        Object::Execution => execution.map_or(Json::Null, ExecutionView::document),
        Object::Stage(stage) => {
            let Some(execution) = execution else {
                return Json::Null;
            };
            let mut out = Map::new();
            for (name, _) in STAGE {
                let value = match *name {
                    "context" => Some(Json::Object(execution.stage_context(*stage).clone())),
                    "outputs" => Some(Json::Object(execution.stage_outputs(*stage).clone())),
                    name => execution
                        .stage_property(*stage, name)
                        .map(|data| data.to_json()),
                };
                if let Some(value) = value {
                    out.insert((*name).to_owned(), value);
                }
            }
            Json::Object(out)
        }
    }
}

/// A stage property as text.
pub(crate) fn stage_text<'a>(
    view: &'a dyn ExecutionView,
    stage: usize,
    key: &str,
) -> Option<crate::value::Str<'a>> {
    view.stage_property(stage, key)?.into_str()
}

/// The first stage in list order that passes.
pub(crate) fn find_stage(view: &dyn ExecutionView, test: impl Fn(usize) -> bool) -> Option<usize> {
    (0..view.stage_count()).find(|place| test(*place))
}

/// Class of the trigger object, by the `type` of its document.
pub(crate) fn trigger_class(data: &Data<'_>) -> &'static str {
    let kind = data.get_str("type");
    let kind = kind.as_deref().unwrap_or("");
    typed_trigger(kind).map_or(
        "com.netflix.spinnaker.orca.pipeline.model.DefaultTrigger",
        |(_, class, _)| class,
    )
}

fn typed_trigger(kind: &str) -> Option<&'static (&'static [&'static str], &'static str, Table)> {
    TYPED_TRIGGERS
        .iter()
        .find(|(kinds, ..)| kinds.contains(&kind))
}

fn lookup(table: Table, name: &str) -> Option<Read> {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, read)| *read)
}

fn execution_property<'a>(machine: &mut Machine<'a, '_>, name: &str) -> Option<Result<Value<'a>>> {
    let view = machine.execution()?;
    if name == "stages" {
        let stages = (0..view.stage_count()).map(|place| Value::Object(Object::Stage(place)));
        return Some(Ok(Value::list(stages.collect())));
    }
    let read = lookup(EXECUTION, name)?;
    Some(read_data(read, view.property(name), name))
}

fn stage_property<'a>(
    machine: &mut Machine<'a, '_>,
    stage: usize,
    name: &str,
) -> Option<Result<Value<'a>>> {
    let view = machine.execution()?;
    let status = || stage_text(view, stage, "status");
    let at = |key: &str| {
        let id = stage_text(view, stage, key)?;
        find_stage(view, |place| {
            stage_text(view, place, "id").as_deref() == Some(&*id)
        })
    };
    Some(match name {
        "execution" => Ok(Value::Object(Object::Execution)),
        "context" => Ok(machine.stage_map(stage, false)),
        "outputs" => Ok(machine.stage_map(stage, true)),
        "hasSucceeded" => Ok(Value::Bool(status().as_deref() == Some("SUCCEEDED"))),
        "hasFailed" => Ok(Value::Bool(status().as_deref() == Some("TERMINAL"))),
        "join" => {
            let count = view
                .stage_property(stage, "requisiteStageRefIds")
                .map_or(0, |ids| ids.items().len());
            Ok(Value::Bool(count > 1))
        }
        "manualJudgmentType" => Ok(Value::Bool(
            stage_text(view, stage, "type").as_deref() == Some("manualJudgment"),
        )),
        "parent" => match stage_text(view, stage, "parentStageId") {
            None => Err(Error::new(
                crate::error::ILLEGAL_STATE,
                "Not a synthetic stage",
            )),
            Some(_) => at("parentStageId")
                .map(|place| Value::Object(Object::Stage(place)))
                .ok_or_else(|| Error::illegal_argument("No stage with this parent id exists")),
        },
        "topLevelStage" => {
            let mut top = stage;
            for _ in 0..view.stage_count() {
                let Some(id) = stage_text(view, top, "parentStageId") else {
                    break;
                };
                match find_stage(view, |place| {
                    stage_text(view, place, "id").as_deref() == Some(&*id)
                }) {
                    Some(place) => top = place,
                    None => break,
                }
            }
            Ok(Value::Object(Object::Stage(top)))
        }
        name => {
            let read = lookup(STAGE, name)?;
            read_data(read, view.stage_property(stage, name), name)
        }
    })
}

fn bean_property<'a>(bean: &Bean<'a>, name: &str) -> Option<Result<Value<'a>>> {
    let read = match bean.class {
        BeanClass::Task => lookup(TASK, name)?,
        BeanClass::Authentication => lookup(AUTHENTICATION, name)?,
        BeanClass::Paused => lookup(PAUSED, name)?,
        BeanClass::Artifact => lookup(ARTIFACT, name)?,
        BeanClass::ExpectedArtifact => lookup(EXPECTED_ARTIFACT, name)?,
        BeanClass::BuildInfo => lookup(BUILD_INFO, name)?,
        BeanClass::SourceControl => lookup(SOURCE_CONTROL, name)?,
        BeanClass::Execution if name == "stages" => Read::Beans(BeanClass::Stage),
        BeanClass::Execution => lookup(EXECUTION, name)?,
        BeanClass::Stage => match name {
            "hasSucceeded" | "hasFailed" => {
                let wanted = if name == "hasFailed" {
                    "TERMINAL"
                } else {
                    "SUCCEEDED"
                };
                return Some(Ok(Value::Bool(
                    bean.data.get_str("status").as_deref() == Some(wanted),
                )));
            }
            name => lookup(STAGE, name)?,
        },
        BeanClass::Trigger => {
            let kind = bean.data.get_str("type");
            let typed = typed_trigger(kind.as_deref().unwrap_or(""));
            let read = lookup(TRIGGER, name)
                .or_else(|| typed.and_then(|(.., table)| lookup(table, name)))?;
            if name == "other" {
                return Some(Ok(other_fields(
                    &bean.data,
                    typed.map_or(&[], |(.., table)| table),
                )));
            }
            read
        }
    };
    Some(read_data(read, bean.data.get(name), name))
}

/// Fields of a trigger that have no getter of their own.
fn other_fields<'a>(data: &Data<'a>, typed: Table) -> Value<'a> {
    let Json::Object(map) = data.to_json() else {
        return Value::map(MapKind::Hash, []);
    };
    let extra = map
        .into_iter()
        .filter(|(key, _)| lookup(TRIGGER, key).is_none() && lookup(typed, key).is_none());
    Value::map(
        MapKind::Hash,
        extra.map(|(key, value)| (Value::text(key), crate::value::json::from_owned(value))),
    )
}

fn read_data<'a>(read: Read, data: Option<Data<'a>>, name: &str) -> Result<Value<'a>> {
    let present = data.filter(|data| !data.is_null());
    Ok(match (read, present) {
        (Read::Refused(class), _) => {
            return Err(Error::illegal_argument(format!(
                "found getter for requested {name} but rejected due to return type {class}"
            )));
        }
        (Read::Map, None) => Value::map(MapKind::Hash, []),
        (Read::List | Read::Beans(_), None) => Value::list(Vec::new()),
        (Read::Flag, None) => Value::Bool(false),
        (_, None) => Value::Null,
        (Read::Status, Some(data)) => data.into_str().map_or(Value::Null, Value::Status),
        (Read::Bean(class), Some(data)) if data.is_map() => Value::bean(class, data),
        (Read::Beans(class), Some(data)) => Value::list(
            data.items()
                .into_iter()
                .map(|item| Value::bean(class, item))
                .collect(),
        ),
        (_, Some(data)) => data.into_value(),
    })
}

/// Stages around a stage, in list order.
fn related(view: &dyn ExecutionView, stage: usize, which: &str) -> Vec<usize> {
    let id = stage_text(view, stage, "id");
    let child = |place: &usize| {
        id.is_some() && stage_text(view, *place, "parentStageId").as_deref() == id.as_deref()
    };
    let owner = |place: usize| stage_text(view, place, "syntheticStageOwner");
    let places = 0..view.stage_count();
    match which {
        "children" => places.filter(child).collect(),
        "afterStages" => places
            .filter(child)
            .filter(|p| owner(*p).as_deref() == Some("STAGE_AFTER"))
            .collect(),
        "beforeStages" | "firstBeforeStages" => {
            let first = which == "firstBeforeStages";
            let none = |p: &usize| {
                !first
                    || view
                        .stage_property(*p, "requisiteStageRefIds")
                        .is_none_or(|ids| ids.items().is_empty())
            };
            places
                .filter(child)
                .filter(|p| owner(*p).as_deref() == Some("STAGE_BEFORE"))
                .filter(none)
                .collect()
        }
        _ => view.stage_ancestors(stage),
    }
}
