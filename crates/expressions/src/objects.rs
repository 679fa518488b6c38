//! Execution, stage, task, trigger and the like: objects whose getters are the only properties there are.

mod stages;
mod tables;
mod written;

use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::root::ExecutionView;
use crate::value::{Bean, BeanClass, Data, ListKind, MapKind, Object, Value};
pub(crate) use stages::{execution_id, find_stage, stage_text};
use stages::{own_flag, related};
pub(crate) use tables::trigger_class;
use tables::{
    ARTIFACT, AUTHENTICATION, BUILD_INFO, EXECUTION, EXPECTED_ARTIFACT, PAUSED, Read,
    SOURCE_CONTROL, STAGE, TASK, TRIGGER, lookup, typed_trigger,
};
pub(crate) use written::{Nulls, document, text};

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
    match (object, name, args) {
        (
            Object::Stage(stage),
            "ancestors"
            | "directAncestors"
            | "directChildren"
            | "downstreamStages"
            | "allDownstreamStages",
            [],
        ) => {
            let view = machine.execution()?;
            let count = 8 * view.stage_count();
            let work = match name {
                "allDownstreamStages" => count.saturating_mul(count),
                _ => count,
            };
            let places = match machine.charge(work) {
                Ok(()) => related(view, *stage, name),
                Err(error) => return Some(Err(error)),
            };
            let stages = places
                .into_iter()
                .map(|place| Value::Object(Object::Stage(place)));
            return Some(Ok(Value::list(stages.collect())));
        }
        (Object::Stage(stage), "withPropagateAuthentication", []) => {
            let context = machine.execution()?.stage_context(*stage);
            let set = context.get("propagateAuthenticationContext") == Some(&Json::Bool(true));
            return Some(Ok(Value::Bool(set)));
        }
        (Object::Execution, "namedStage", [Value::Text(kind)]) => {
            let view = machine.execution()?;
            let is_kind = |place| stage_text(view, place, "type").as_deref() == Some(&**kind);
            return Some(Ok(find_stage(view, is_kind)
                .map_or(Value::Null, |place| Value::Object(Object::Stage(place)))));
        }
        (Object::Execution, "stageById" | "stageByRef", [Value::Text(id)]) => {
            let key = if name == "stageById" { "id" } else { "refId" };
            let view = machine.execution()?;
            let found = find_stage(view, |place| {
                stage_text(view, place, key).as_deref() == Some(&**id)
            });
            return Some(
                found
                    .map(|place| Value::Object(Object::Stage(place)))
                    .ok_or_else(|| {
                        let mut text = format!("No stage with {key} {} exists", &**id);
                        if key == "id" {
                            text.push_str(" on execution ");
                            text.push_str(&execution_id(view));
                        }
                        Error::illegal_argument(text)
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
    // A getter whose type is not allowed is no method, either.
    match property(machine, object, &property_name) {
        Some(Err(error)) if error.exception_type() == crate::error::ILLEGAL_ARGUMENT => None,
        result => result,
    }
}

fn execution_property<'a>(machine: &mut Machine<'a, '_>, name: &str) -> Option<Result<Value<'a>>> {
    let view = machine.execution()?;
    if let Err(error) = machine.charge(property_work(view, name)) {
        return Some(Err(error));
    }
    if name == "stages" {
        let stages = (0..view.stage_count()).map(|place| Value::Object(Object::Stage(place)));
        return Some(Ok(Value::list(stages.collect())));
    }
    let read = lookup(EXECUTION, name)?;
    Some(read_data(read, view.property(name), name))
}

/// What a property costs that goes through all stages.
fn property_work(view: &dyn ExecutionView, name: &str) -> usize {
    match name {
        "stages" | "parent" | "topLevelStage" => view.stage_count(),
        _ => 1,
    }
}

fn stage_property<'a>(
    machine: &mut Machine<'a, '_>,
    stage: usize,
    name: &str,
) -> Option<Result<Value<'a>>> {
    let view = machine.execution()?;
    if let Err(error) = machine.charge(property_work(view, name)) {
        return Some(Err(error));
    }
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
            None => Ok(Value::Null),
            Some(_) => at("parentStageId")
                .map(|place| Value::Object(Object::Stage(place)))
                .ok_or_else(|| Error::illegal_argument("No stage with this parent id exists")),
        },
        "allowSiblingStagesToContinueOnFailure" => Ok(own_flag(view, stage, name)),
        "continuePipelineOnFailure" => Ok(own_flag(view, stage, "continuePipeline")),
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
        BeanClass::Paused if name == "paused" => {
            let known = |key: &str| bean.data.get(key).is_some_and(|time| !time.is_null());
            return Some(Ok(Value::Bool(known("pauseTime") && !known("resumeTime"))));
        }
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
            match name {
                // Quirk: all that came in, not only what has no getter (`TriggerDeserializer`).
                "other" => {
                    let all = bean.data.to_json();
                    return Some(Ok(crate::value::json::from_owned(all)));
                }
                "parentStage" => return Some(Ok(parent_stage(&bean.data))),
                _ => read,
            }
        }
    };
    Some(read_data(read, bean.data.get(name), name))
}

/// The stage of the parent execution that started this one (`PipelineTrigger.getParentStage`).
fn parent_stage<'a>(trigger: &Data<'a>) -> Value<'a> {
    let id = trigger.get_str("parentPipelineStageId");
    let stages = trigger
        .get("parentExecution")
        .and_then(|parent| parent.get("stages"))
        .map(|stages| stages.items())
        .unwrap_or_default();
    let found = stages
        .into_iter()
        .find(|stage| id.is_some() && stage.get_str("id").as_deref() == id.as_deref());
    found.map_or(Value::Null, |stage| Value::bean(BeanClass::Stage, stage))
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
        (Read::Set, None) => Value::set(ListKind::HashSet, Vec::new()),
        (Read::Set, Some(data)) => set(&data),
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

/// A set of texts.
fn set<'a>(data: &Data<'a>) -> Value<'a> {
    let mut texts: Vec<Value<'a>> = Vec::new();
    for text in data.items().into_iter().filter_map(Data::into_str) {
        if !texts.iter().any(|known| known.as_str() == Some(&*text)) {
            texts.push(Value::Text(text));
        }
    }
    Value::set(ListKind::HashSet, texts)
}
