//! Preconfigured webhooks: stage types that an operator adds, each calling one address with parameters. Source: orca
//! `PreconfiguredWebhookStage`, `WebhookProperties.PreconfiguredWebhook` (reference 6.8).
//!
//! A stage of such a type is a webhook stage whose preconfigured fields are laid over its own when it is planned. They may hold
//! expressions, which see `parameterValues`. Headers that are secret are not among them: the context is recorded and shown. The
//! stage carries [`NAME_KEY`] instead, and the worker, which alone can read them, adds them to calls of the address that the
//! operator has named.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition,
    definition::{PlanError, Remote},
};
use gennaker_model::Map;
use serde_json::{Value, json};

use crate::webhook::Webhook;

/// What stages have as `alias`, by which Spinnaker finds the definition of all preconfigured webhooks.
pub const ALIAS: &str = "preconfiguredWebhook";

/// Context key of the type whose secret headers go with the calls of a stage.
pub const NAME_KEY: &str = "preconfiguredWebhook";

/// Fields of a webhook stage that can be preconfigured, in Spinnaker's order.
pub const PROPERTIES: &[&str] = &[
    "url",
    "customHeaders",
    "method",
    "payload",
    "failFastStatusCodes",
    "waitForCompletion",
    "statusUrlResolution",
    "statusUrlJsonPath",
    "statusJsonPath",
    "progressJsonPath",
    "successStatuses",
    "canceledStatuses",
    "terminalStatuses",
    "signalCancellation",
    "cancelEndpoint",
    "cancelMethod",
    "cancelPayload",
    "waitBeforeMonitor",
    "retryStatusCodes",
];

/// One preconfigured webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct PreconfiguredWebhook {
    /// The stage type.
    pub kind: String,
    /// Its name for people.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// What a stage may set.
    pub parameters: Vec<Parameter>,
    /// Handed to the web interface as it is.
    pub parameter_data: Option<Value>,
    /// Fields of a webhook stage, named as in [`PROPERTIES`], that replace the stage's own.
    pub properties: Map,
    /// Whether workers have secret headers for it.
    pub has_secrets: bool,
}

/// A parameter of a preconfigured webhook; `${parameterValues['name']}` in its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its value where a stage gives none.
    pub default: Option<String>,
    /// Its place in the web interface.
    pub order: i32,
    /// Whether a stage without value fails (an addition of Gennaker).
    pub required: bool,
}

/// The definition of all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PreconfiguredWebhooks(Vec<PreconfiguredWebhook>);

impl PreconfiguredWebhook {
    /// The preconfigured fields by name, in Spinnaker's order.
    #[must_use]
    pub fn preconfigured_properties(&self) -> Vec<&'static str> {
        let is_set = |name: &&&str| self.properties.contains_key(**name);
        PROPERTIES.iter().filter(is_set).copied().collect()
    }

    /// Whether a stage has nothing left to set but parameters. Source: `PreconfiguredWebhook.noUserConfigurableFields`.
    #[must_use]
    pub fn has_no_configurable_fields(&self) -> bool {
        let is_set = |name: &str| self.properties.contains_key(name);
        match self.properties.get("waitForCompletion") {
            None => false,
            Some(Value::Bool(true)) => {
                // The path in the response matters only when the response is asked.
                let resolution = self.properties.get("statusUrlResolution");
                let spare = usize::from(resolution != Some(&json!("webhookResponse")));
                self.preconfigured_properties().len() + spare >= PROPERTIES.len()
            }
            Some(_) => ["url", "customHeaders", "method", "payload"]
                .into_iter()
                .all(is_set),
        }
    }

    /// The stage's parameter values, with defaults for those that it leaves out.
    fn values(&self, context: &Map) -> Result<Map, PlanError> {
        let kind = &self.kind;
        let mut values = match context.get("parameterValues") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(given)) => given.clone(),
            Some(_) => {
                return Err(PlanError::argument(format!(
                    "parameterValues of a stage of type {kind} must be an object"
                )));
            }
        };
        for Parameter {
            name,
            default,
            required,
            ..
        } in &self.parameters
        {
            let is_missing = match values.get(name) {
                None | Some(Value::Null) => true,
                Some(Value::String(text)) => *required && text.trim().is_empty(),
                Some(Value::Bool(_) | Value::Number(_)) => false,
                Some(Value::Array(_) | Value::Object(_)) => {
                    return Err(PlanError::argument(format!(
                        "parameter {name} of a stage of type {kind} must be a text"
                    )));
                }
            };
            match default {
                Some(default) if is_missing => {
                    values.insert(name.clone(), json!(default));
                }
                None if is_missing && *required => {
                    return Err(PlanError::argument(format!(
                        "a stage of type {kind} needs a value for parameter {name}"
                    )));
                }
                Some(_) | None => {}
            }
        }
        Ok(values)
    }
}

impl PreconfiguredWebhooks {
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn of(webhooks: Vec<PreconfiguredWebhook>) -> Self {
        Self(webhooks)
    }

    pub(crate) fn all(&self) -> &[PreconfiguredWebhook] {
        &self.0
    }

    pub(crate) fn find(&self, kind: &str) -> Option<&PreconfiguredWebhook> {
        self.0.iter().find(|webhook| webhook.kind == kind)
    }
}

impl StageDefinition for PreconfiguredWebhooks {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let stage = context.stage;
        let webhook = self.find(&stage.kind).ok_or_else(|| PlanError {
            class: "PreconfiguredWebhookNotFoundException",
            message: format!("Could not find a stage named '{}'", stage.kind),
        })?;
        let mut laid_over = webhook.properties.clone();
        let values = webhook.values(&stage.context)?;
        laid_over.insert("parameterValues".to_owned(), Value::Object(values));
        if let Some(data) = &webhook.parameter_data {
            laid_over.insert("parameterData".to_owned(), data.clone());
        }
        if webhook.has_secrets || stage.context.contains_key(NAME_KEY) {
            let name = webhook.has_secrets.then_some(&webhook.kind);
            laid_over.insert(NAME_KEY.to_owned(), json!(name));
        }
        let mut whole = (*stage.context).clone();
        whole.extend(laid_over.clone());
        let mut plan = Webhook::tasks_of(&whole)?;
        laid_over.extend(std::mem::take(&mut plan.context));
        plan.context = laid_over;
        Ok(plan)
    }

    /// Who may patch a stage may not change where its call goes.
    fn patched(&self, context: &Map, mut patch: Map, _roles: Option<&[String]>) -> Map {
        patch.shift_remove(NAME_KEY);
        let name = context.get(NAME_KEY).and_then(Value::as_str);
        if let Some(webhook) = name.and_then(|name| self.find(name)) {
            patch.retain(|key, _| !webhook.properties.contains_key(key));
        }
        patch
    }

    fn cancel(&self, context: &Map) -> Option<Remote> {
        Webhook.cancel(context)
    }
}

#[cfg(test)]
#[path = "preconfigured/tests.rs"]
mod tests;
