//! Functions that find stages (`StageExpressionFunctionProvider`, orca).

use super::{failed, text};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::objects::{execution_id, find_stage, stage_text};
use crate::root::ExecutionView;
use crate::value::{Object, Value};

/// The execution that came as hidden argument, for a function that goes through its stages.
pub(super) fn execution<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<&'a dyn ExecutionView> {
    let view = execution_for(machine, args, "getStages")?;
    machine.charge(view.stage_count())?;
    Ok(view)
}

/// The execution that came as hidden argument; `getter` is what the original asks it first.
pub(super) fn execution_for<'a>(
    machine: &Machine<'a, '_>,
    args: &[Value<'a>],
    getter: &str,
) -> Result<&'a dyn ExecutionView> {
    match (&args[0], machine.execution()) {
        (Value::Object(Object::Execution), Some(view)) => Ok(view),
        _ => Err(Error::null_pointer(format!(
            "Cannot invoke \"com.netflix.spinnaker.orca.api.pipeline.models.PipelineExecution.{getter}()\" because \"execution\" is null",
        ))),
    }
}

fn named(view: &dyn ExecutionView, name: Option<&str>) -> Option<usize> {
    let name = name?;
    let is =
        |place: usize, key: &str| stage_text(view, place, key).is_some_and(|text| &*text == name);
    find_stage(view, |place| is(place, "name") || is(place, "id"))
}

fn found<'a>(place: usize) -> Value<'a> {
    Value::Object(Object::Stage(place))
}

pub(super) fn stage<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let view = execution(machine, args)?;
    let name = text(&args[1]);
    named(view, name).map(found).ok_or_else(|| {
        let name = name.unwrap_or("null");
        failed(format!(
            "Unable to locate [{name}] using #stage({name}) in execution {}",
            execution_id(view)
        ))
    })
}

pub(super) fn by_ref_id<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let Some(id) = text(&args[1]) else {
        let view = execution_for(machine, args, "getId")?;
        return Err(failed(format!(
            "Stage refId must not be null in #stageByRefId in execution {}",
            execution_id(view)
        )));
    };
    let view = execution(machine, args)?;
    let place = find_stage(view, |place| {
        stage_text(view, place, "refId").is_some_and(|text| &*text == id)
    });
    place.map(found).ok_or_else(|| {
        failed(format!(
            "Unable to locate [{id}] using #stageByRefId({id}) in execution {}",
            execution_id(view)
        ))
    })
}

pub(super) fn exists<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let view = execution(machine, args)?;
    Ok(Value::Bool(named(view, text(&args[1])).is_some()))
}

pub(super) fn current<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let Some(id) = machine.root.current_stage_id() else {
        return Err(failed("An execution context is required for this function"));
    };
    let view = execution(machine, args)?;
    let place = find_stage(view, |place| {
        stage_text(view, place, "id").is_some_and(|text| text.eq_ignore_ascii_case(id))
    });
    place
        .map(found)
        .ok_or_else(|| failed(format!("No stage found with id '{id}'")))
}

pub(super) fn user<'a>(machine: &mut Machine<'a, '_>, _: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::from(
        machine.root.current_user().unwrap_or("anonymous"),
    ))
}

pub(super) fn judgment<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let view = execution(machine, args)?;
    let name = text(&args[1]);
    let wanted = |place: usize| {
        name.is_some()
            && stage_text(view, place, "name").as_deref() == name
            && stage_text(view, place, "type").as_deref() == Some("manualJudgment")
            && input(view, place).is_some()
    };
    let value = find_stage(view, wanted).and_then(|place| input(view, place)).ok_or_else(|| {
        let name = name.unwrap_or("null");
        failed(format!(
            "Unable to locate manual Judgment stage [{name}] using #judgment({name}) in execution {}. \
             Stage doesn't exist or doesn't contain judgmentInput in its context ",
            execution_id(view)
        ))
    })?;
    super::declared_text(value)
}

/// The input, inherited from ancestors too, as every read of a context is.
fn input(view: &dyn ExecutionView, place: usize) -> Option<Value<'_>> {
    context(view, place, "judgmentInput").filter(|value| !value.is_null())
}

/// A key of a stage's context with its fallback to outputs of ancestors.
pub(super) fn context<'a>(
    view: &'a dyn ExecutionView,
    place: usize,
    key: &str,
) -> Option<Value<'a>> {
    match view.stage_context(place).get(key) {
        Some(value) => Some(crate::value::json::view(value)),
        None => view
            .stage_inherited(place, key)
            .map(crate::value::Data::into_value),
    }
}
