//! `pipeline-template list|get|save|delete|plan|use` (spin's `cmd/pipeline-template`).
//!
//! One more intended difference: spin runs several `--scopes` together into one word; here each counts.

use serde_json::{Map, Value, json};

use super::{
    Done, Said, Spin,
    args::template::{TemplateCommand, UseArgs},
    decoded, flags, read_file,
    task::is_successful,
};
use crate::{
    output::gojson::{Printed, printed},
    text::encode,
};

impl Spin<'_> {
    pub(super) async fn template(&mut self, command: TemplateCommand) -> Done {
        match command {
            TemplateCommand::List { scopes, .. } => {
                let scopes: Vec<String> = scopes.iter().map(|scope| encode(scope)).collect();
                let path = format!("/v2/pipelineTemplates?scopes={}", scopes.join(","));
                let list = self.document("GET", &path, None).await?;
                self.ui.document(&list);
                Ok(())
            }
            TemplateCommand::Get { ids, id, tag } => {
                let id = self.id_or_argument(&id, &ids, "pipeline template")?;
                let path = versioned(&format!("/v2/pipelineTemplates/{}", encode(&id)), &tag);
                let template = self.document("GET", &path, None).await?;
                self.ui.document(&template);
                Ok(())
            }
            TemplateCommand::Save { file, tag, .. } => self.save_template(&file, &tag).await,
            TemplateCommand::Delete { ids, tag } => {
                let id = self.argument(&ids)?;
                let path = versioned(&format!("/v2/pipelineTemplates/{}", encode(&id)), &tag);
                let response = self.ok("DELETE", &path, None).await?;
                if response.status != 202 {
                    return Err(Said::new(format!(
                        "Encountered an error deleting pipeline template, status code: {}",
                        response.status
                    )));
                }
                self.ui.success(&format!("Pipeline template {id} deleted"));
                Ok(())
            }
            TemplateCommand::Plan { file, .. } => self.plan_template(&file).await,
            TemplateCommand::Use(args) => self.use_template(&args),
        }
    }

    async fn save_template(&mut self, file: &str, tag: &str) -> Done {
        let template = self.required_document(file)?;
        let mut valid = true;
        for key in ["id", "schema"] {
            if template.get(key).is_none() {
                self.ui.error(&format!(
                    "Required pipeline template key '{key}' missing..."
                ));
                valid = false;
            }
        }
        let (Some(id), true) = (template["id"].as_str(), valid) else {
            return Err(Said::new(format!(
                "Submitted pipeline is invalid: {}",
                printed(&template, Printed::AsString)
            )));
        };
        let asked = match tag {
            "" => template["tag"].as_str().unwrap_or_default(),
            tag => tag,
        };
        let path = format!("/v2/pipelineTemplates/{}", encode(id));
        let found = self.any("GET", &versioned(&path, asked), None).await?;
        let path = match found.status {
            200 => format!("/v2/pipelineTemplates/update/{}", encode(id)),
            404 => "/v2/pipelineTemplates/create".to_owned(),
            0..300 => {
                return Err(Said::new(format!(
                    "Encountered an unexpected status code {} querying pipeline template with id {id}",
                    found.status
                )));
            }
            _ => return Err(Said::about(&found, found.status_line())),
        };
        let saved = self
            .ok("POST", &versioned(&path, tag), Some(&template))
            .await?;
        if !matches!(saved.status, 200 | 202) {
            return Err(Said::new(format!(
                "Encountered an error saving pipeline template {}, status code: {}",
                printed(&template, Printed::AsValue),
                saved.status
            )));
        }
        // The finished task, or nothing.
        let task = decoded(&saved)?;
        let is_empty = task.as_object().is_none_or(Map::is_empty);
        if !is_empty && !is_successful(&task) {
            return Err(Said {
                more: super::task::exception(&task),
                ..Said::new(format!(
                    "Encountered an error with saving pipeline template {}",
                    printed(&task, Printed::AsValue)
                ))
            });
        }
        self.ui.success("Pipeline template save succeeded");
        Ok(())
    }

    async fn plan_template(&mut self, file: &str) -> Done {
        let config = self.required_document(file)?;
        if config.get("schema").is_none() {
            return Err(Said::new(
                "Required pipeline key 'schema' missing for templated pipeline config...",
            ));
        }
        let plan = self
            .document("POST", "/v2/pipelineTemplates/plan", Some(&config))
            .await?;
        self.ui.document(&plan);
        Ok(())
    }

    /// Writes a configuration that uses a template; asks nothing of Gate but its version.
    fn use_template(&mut self, args: &UseArgs) -> Done {
        let id = self.id_or_argument(args.id.trim(), &args.ids, "pipeline template")?;
        let required = |value: &str, what: &str| match value.trim() {
            "" => Err(Said::new(format!("no {what} name supplied, exiting"))),
            value => Ok(value.to_owned()),
        };
        let application = required(&args.application, "application")?;
        let name = required(&args.name, "pipeline")?;
        let mut variables = Map::new();
        for list in &args.variables_files {
            for file in flags::comma_separated(list) {
                variables.extend(variables_of(&file)?);
            }
        }
        variables.extend(flags::pairs("set", &args.variables).map_err(Said::new)?);
        self.ui.document(&json!({
            "schema": "v2",
            "application": application,
            "name": name,
            "description": args.description,
            "template": {
                "artifactAccount": args.artifact_account,
                "type": args.template_type,
                "reference": reference(id.trim(), &args.tag),
            },
            "variables": variables,
            "exclude": [],
            "triggers": [],
            "parameters": [],
            "notifications": [],
            "stages": [],
        }));
        Ok(())
    }
}

fn versioned(path: &str, tag: &str) -> String {
    match tag {
        "" => path.to_owned(),
        tag => format!("{path}?tag={}", encode(tag)),
    }
}

/// `spinnaker://ID[:TAG]`, unless the id names its own protocol.
fn reference(id: &str, tag: &str) -> String {
    let protocol = if id.contains("://") {
        ""
    } else {
        "spinnaker://"
    };
    match tag {
        "" => format!("{protocol}{id}"),
        tag => format!("{protocol}{id}:{tag}"),
    }
}

/// Variables of a file. spin decodes them into texts, as which YAML's numbers and truth values count.
fn variables_of(file: &str) -> Result<Map<String, Value>, Said> {
    if file.is_empty() {
        return Err(Said::new("No file path given"));
    }
    let Some(Value::Object(map)) = read_file(file).map_err(Said::new)? else {
        return Err(Said::new("No json or yaml input to parse"));
    };
    map.into_iter()
        .map(|(key, value)| {
            let text = match value {
                Value::String(text) => text,
                Value::Null => String::new(),
                Value::Bool(_) | Value::Number(_) => printed(&value, Printed::AsValue),
                Value::Array(_) | Value::Object(_) => {
                    return Err(Said::new(format!(
                        "Failed to unmarshal: the variable '{key}' of {file} is no text"
                    )));
                }
            };
            Ok((key, Value::String(text)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_get_a_protocol_and_a_tag() {
        assert_eq!(reference("t", ""), "spinnaker://t");
        assert_eq!(reference("t", "stable"), "spinnaker://t:stable");
        assert_eq!(reference("gs://b/t.json", ""), "gs://b/t.json");
    }
}
