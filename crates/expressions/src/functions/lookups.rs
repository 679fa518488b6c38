//! Functions that need the outside: each asks one question and makes something of the answer.

use serde_json::Value as Json;

use super::stages::execution_for;
use super::{failed, json, properties, text, yaml};
use crate::env::{Lookup, LookupAnswer};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::value::{Value, json as values};

/// A failed answer as the exception that the original's client would have thrown.
fn cause(reason: String) -> Error {
    Error::new("java.lang.RuntimeException", reason)
}

/// Classes that reading an address throws in the original: what an answer may name.
const READING: [&str; 7] = [
    "java.lang.IllegalArgumentException",
    "java.net.UnknownHostException",
    "java.net.ConnectException",
    "java.net.SocketTimeoutException",
    "javax.net.ssl.SSLException",
    "java.io.IOException",
    "com.netflix.spinnaker.orca.pipeline.util.HttpClientUtils$RetryRequestException",
];

fn fetch<'a>(machine: &mut Machine<'a, '_>, url: &Value<'a>) -> Result<String> {
    let url = text(url).unwrap_or("null").to_owned();
    let problem =
        |error: Error| error.wrapped(crate::error::HELPER, format!("#from({url}) failed"));
    match machine.answer(Lookup::Url { url: url.clone() })? {
        LookupAnswer::Found {
            value: Json::String(body),
        } => {
            machine.charge(body.len() / 4)?;
            Ok(body)
        }
        LookupAnswer::Found { value } => Ok(value.to_string()),
        LookupAnswer::Missing => Err(problem(cause("not found".into()))),
        LookupAnswer::Failed { exception, reason } => {
            let class = READING
                .into_iter()
                .find(|class| exception.as_deref() == Some(*class));
            Err(problem(class.map_or_else(
                || cause(reason.clone()),
                |class| Error::new(class, reason.clone()),
            )))
        }
    }
}

pub(super) fn from_url<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    fetch(machine, &args[0]).map(Value::text)
}

pub(super) fn json_from_url<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let body = fetch(machine, &args[0])?;
    json::read(machine, &[Value::text(body)])
}

pub(super) fn yaml_from_url<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let body = fetch(machine, &args[0])?;
    yaml::read(machine, &[Value::text(body)])
}

pub(super) fn properties_from_url<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let url = text(&args[0]).unwrap_or("null").to_owned();
    let problem = |error: Error| {
        error.wrapped(
            crate::error::HELPER,
            format!("#propertiesFromUrl({url}) failed"),
        )
    };
    let body = fetch(machine, &args[0]).map_err(problem)?;
    properties::read(machine, &body).map_err(problem)
}

fn id_of<'a>(value: Json) -> Value<'a> {
    match value {
        Json::Object(mut map) => map
            .shift_remove("id")
            .map_or(Value::Null, values::from_owned),
        other => values::from_owned(other),
    }
}

fn search<'a>(
    machine: &mut Machine<'a, '_>,
    function: &str,
    application: &str,
    name: &str,
) -> Result<Option<Value<'a>>> {
    let lookup = Lookup::Pipeline {
        application: application.to_owned(),
        name: name.to_owned(),
    };
    match machine.answer(lookup)? {
        LookupAnswer::Found { value } => Ok(Some(id_of(value))),
        LookupAnswer::Missing => Ok(None),
        LookupAnswer::Failed { reason, .. } => Err(cause(reason).wrapped(
            crate::error::HELPER,
            format!("Failed to evaluate #{function} function"),
        )),
    }
}

fn in_current<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<(Option<Value<'a>>, String, String)> {
    let name = match text(&args[1]) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => {
            return Err(failed(
                "pipelineName must be specified for function #pipelineId",
            ));
        }
    };
    let view = execution_for(machine, args, "getApplication")?;
    let application = view
        .property("application")
        .and_then(|name| name.into_str());
    let application = application.map_or_else(|| "null".to_owned(), |name| name.to_string());
    Ok((
        search(machine, "pipelineId", &application, &name)?,
        name,
        application,
    ))
}

pub(super) fn pipeline_id<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let (found, name, application) = in_current(machine, args)?;
    found.ok_or_else(|| {
        failed(format!(
            "Pipeline with name '{name}' could not be found on application {application}"
        ))
    })
}

pub(super) fn pipeline_id_or_null<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    in_current(machine, args).map(|(found, ..)| found.unwrap_or(Value::Null))
}

pub(super) fn pipeline_id_in_application<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let Some(application) = text(&args[2])
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
    else {
        return Err(failed(
            "applicationName must be specified for function #pipelineIdInApplication",
        ));
    };
    let Some(name) = text(&args[1]).map(str::to_owned) else {
        let error = Error::null_pointer(
            "Cannot invoke \"String.equals(Object)\" because \"pipelineName\" is null",
        );
        return Err(error.wrapped(
            crate::error::HELPER,
            "Failed to evaluate #pipelineIdInApplication function",
        ));
    };
    Ok(search(machine, "pipelineIdInApplication", &application, &name)?.unwrap_or(Value::Null))
}

pub(super) fn application<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let name = text(&args[0]).unwrap_or("null").to_owned();
    let problem = |reason: String| {
        let text = format!("Application metadata for application '{name}' could not be retrieved");
        cause(reason).wrapped(crate::error::HELPER, text)
    };
    match machine.answer(Lookup::Application { name: name.clone() })? {
        LookupAnswer::Found { value } => Ok(values::from_owned(value)),
        LookupAnswer::Missing => Err(problem("not found".into())),
        LookupAnswer::Failed { reason, .. } => Err(problem(reason)),
    }
}

pub(super) fn canary_config<'a>(
    machine: &mut Machine<'a, '_>,
    args: &[Value<'a>],
) -> Result<Value<'a>> {
    let given = |value: &Value<'a>| {
        text(value)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let Some(name) = given(&args[0]) else {
        return Err(failed(
            "Config name is a required field for the canaryConfigNameToId function.",
        ));
    };
    let Some(application) = given(&args[1]) else {
        return Err(failed(
            "App is a required field for the canaryConfigNameToId function.",
        ));
    };
    match machine.answer(Lookup::CanaryConfig {
        name: name.clone(),
        application: application.clone(),
    })? {
        LookupAnswer::Found { value } => Ok(id_of(value)),
        LookupAnswer::Missing => Err(failed(format!(
            "Unable to find config with name {name} for app {application}."
        ))),
        LookupAnswer::Failed { reason, .. } => Err(cause(reason)),
    }
}
