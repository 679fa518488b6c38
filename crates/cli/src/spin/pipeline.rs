//! `pipeline list|get|save|update|delete|execute`.

use serde_json::{Map, Value, json};

use super::{Done, Said, Spin, args::PipelineCommand, decoded, flags, read_file};
use crate::{
    lint::graph,
    output::gojson::{Printed, printed},
    refs::PipelineName,
    text::encode,
    verbs::dry_run,
};

const UNNAMED: &str = "one of required parameters 'application' or 'name' not set";

impl Spin<'_> {
    pub(super) async fn pipeline(&mut self, command: PipelineCommand) -> Done {
        match command {
            PipelineCommand::List { application, .. } => {
                if application.is_empty() {
                    return Err(Said::new("required parameter 'application' not set"));
                }
                let path = format!("/applications/{}/pipelineConfigs", encode(&application));
                let list = self.document("GET", &path, None).await?;
                self.ui.document(&list);
                Ok(())
            }
            PipelineCommand::Get {
                application, name, ..
            } => {
                let path = config_path(&application, &name)?;
                let pipeline = self.document("GET", &path, None).await?;
                self.ui.document(&pipeline);
                Ok(())
            }
            PipelineCommand::Save { file, .. } => self.save_pipeline(&file).await,
            PipelineCommand::Update {
                application,
                name,
                disabled,
                enabled,
                ..
            } => {
                self.update_pipeline(&application, &name, disabled, enabled)
                    .await
            }
            PipelineCommand::Delete {
                application, name, ..
            } => {
                let path = pipeline_path(&application, &name)?;
                let response = self.ok("DELETE", &path, None).await?;
                if response.status != 200 {
                    return Err(Said::new(format!(
                        "Encountered an error deleting pipeline, status code: {}",
                        response.status
                    )));
                }
                self.ui.success("Pipeline deleted");
                Ok(())
            }
            PipelineCommand::Execute {
                application,
                name,
                parameter_file,
                artifacts_file,
                parameters,
                dry_run,
                ..
            } => {
                let path = pipeline_path(&application, &name)?;
                let trigger = trigger(&parameter_file, &artifacts_file, &parameters)?;
                if dry_run {
                    return self.plan(application, name, trigger).await;
                }
                self.execute(&path, trigger).await
            }
            PipelineCommand::Execution { command } => self.execution(command).await,
        }
    }

    async fn save_pipeline(&mut self, file: &str) -> Done {
        let mut pipeline = self.required_document(file)?;
        let mut valid = true;
        for key in ["name", "application"] {
            if pipeline.get(key).is_none() {
                self.ui
                    .error(&format!("Required pipeline key '{key}' missing..."));
                valid = false;
            }
        }
        if pipeline["template"]
            .as_object()
            .is_some_and(|template| !template.is_empty())
        {
            if pipeline.get("schema").is_none() {
                self.ui
                    .error("Required pipeline key 'schema' missing for templated pipeline...");
                valid = false;
            }
            pipeline["type"] = json!("templatedPipeline");
        }
        let (Some(application), Some(name), true) = (
            pipeline["application"].as_str(),
            pipeline["name"].as_str(),
            valid,
        ) else {
            return Err(Said::new(format!(
                "Submitted pipeline is invalid: {}",
                printed(&pipeline, Printed::AsString)
            )));
        };
        let found = self
            .any("GET", &config_path(application, name)?, None)
            .await?;
        match found.status {
            200 => {
                let id = decoded(&found)?["id"].as_str().map(str::to_owned);
                if let Some(id) = id {
                    pipeline["id"] = json!(id);
                }
            }
            404 => {}
            status => {
                return Err(Said::new(format!(
                    "unhandled response {status}: {}",
                    String::from_utf8_lossy(&found.body)
                )));
            }
        }
        self.post_pipeline(&pipeline).await?;
        self.ui.success("Pipeline save succeeded");
        Ok(())
    }

    async fn update_pipeline(
        &mut self,
        application: &str,
        name: &str,
        disabled: Option<bool>,
        enabled: Option<bool>,
    ) -> Done {
        let missing: Vec<&str> = [("\"application\"", application), ("\"name\"", name)]
            .into_iter()
            .filter(|(_, value)| value.is_empty())
            .map(|(flag, _)| flag)
            .collect();
        if !missing.is_empty() {
            return Err(Said::new(format!(
                "required flag(s) {} not set",
                missing.join(", ")
            )));
        }
        let found = self
            .any("GET", &config_path(application, name)?, None)
            .await?;
        match found.status {
            0..300 => {}
            404 => {
                return Err(Said::new(format!(
                    "Pipeline {name} not found under application {application}"
                )));
            }
            _ => return Err(Said::about(&found, found.status_line())),
        }
        let mut pipeline = decoded(&found)?;
        match (disabled, enabled) {
            (Some(_), Some(_)) => {
                return Err(Said::new("Cannot pass in both enabled and disabled flag"));
            }
            (Some(disabled), None) => pipeline["disabled"] = json!(disabled),
            (None, Some(enabled)) => pipeline["disabled"] = json!(!enabled),
            (None, None) => {}
        }
        self.post_pipeline(&pipeline).await?;
        self.ui.success("Pipeline update succeeded");
        Ok(())
    }

    async fn post_pipeline(&mut self, pipeline: &Value) -> Done {
        let response = self.ok("POST", "/pipelines", Some(pipeline)).await?;
        if response.status == 200 {
            Ok(())
        } else {
            Err(Said::new(format!(
                "Encountered an error saving pipeline, status code: {}",
                response.status
            )))
        }
    }

    /// What a start would do, without it.
    async fn plan(
        &mut self,
        application: String,
        name: String,
        trigger: Map<String, Value>,
    ) -> Done {
        let name = PipelineName {
            application,
            pipeline: name,
        };
        let planned = dry_run::planned(&self.gate, name, trigger, graph::check).await;
        let planned = planned.map_err(|failure| Said::new(failure.lines().join("\n")))?;
        self.ui.document(&planned.document);
        match planned.refusals.first() {
            None => Ok(()),
            Some(refusal) => Err(Said::new(format!("It would be refused: {refusal}"))),
        }
    }

    async fn execute(&mut self, path: &str, trigger: Map<String, Value>) -> Done {
        let trigger = Value::Object(trigger);
        let response = self.any("POST", path, Some(&trigger)).await?;
        match response.status {
            202 => {
                self.ui.success("Pipeline execution started");
                Ok(())
            }
            0..300 => Err(Said::new(format!(
                "Encountered an error executing pipeline, status code: {}",
                response.status
            ))),
            _ => Err(Said::about(
                &response,
                format!(
                    "Execute pipeline failed with response: {} and error: {}",
                    response.status,
                    response.status_line()
                ),
            )),
        }
    }
}

/// The trigger that `execute` sends.
fn trigger(
    parameter_file: &str,
    artifacts_file: &str,
    parameters: &[String],
) -> Result<Map<String, Value>, Said> {
    let mut trigger = Map::new();
    trigger.insert("type".to_owned(), "manual".into());
    let parameters = if parameter_file.is_empty() {
        flags::parameters(parameters)
    } else {
        let read = read_file(parameter_file).map_err(|error| {
            Said::new(format!(
                "Could not parse supplied pipeline parameters: {error}."
            ))
        })?;
        match read {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        }
    };
    if !parameters.is_empty() {
        trigger.insert("parameters".to_owned(), parameters.into());
    }
    if !artifacts_file.is_empty() {
        let read = read_file(artifacts_file)
            .map_err(|error| Said::new(format!("Could not parse supplied artifacts: {error}.")))?
            .unwrap_or_default();
        match &read["artifacts"] {
            Value::Array(artifacts) if !artifacts.is_empty() => {
                trigger.insert("artifacts".to_owned(), json!(artifacts));
            }
            Value::Array(_) | Value::Null => {}
            _ => {
                return Err(Said::new(
                    "Could not parse supplied artifacts: 'artifacts' is no list.",
                ));
            }
        }
    }
    Ok(trigger)
}

fn config_path(application: &str, name: &str) -> Result<String, Said> {
    if application.is_empty() || name.is_empty() {
        return Err(Said::new(UNNAMED));
    }
    Ok(format!(
        "/applications/{}/pipelineConfigs/{}",
        encode(application),
        encode(name)
    ))
}

fn pipeline_path(application: &str, name: &str) -> Result<String, Said> {
    if application.is_empty() || name.is_empty() {
        return Err(Said::new(UNNAMED));
    }
    Ok(format!(
        "/pipelines/{}/{}",
        encode(application),
        encode(name)
    ))
}
