//! Stage types that the operator adds, for editors. Source: orca `OperationsController.preconfiguredWebhooks`, `preconfiguredJob`.

use gennaker_stages::PreconfiguredJob;
use gennaker_stages::preconfigured::{Parameter, PreconfiguredWebhook};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// `GET /webhooks/preconfigured`: what an editor needs to offer them. Where they call, and with what headers, is not in it.
pub(crate) async fn webhooks(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let catalogue = &gate.config().catalogue;
    let webhooks: Vec<Value> = catalogue.webhooks().iter().map(shown).collect();
    Ok(Answer::json(Value::Array(webhooks)))
}

/// `GET /jobs/preconfigured`: what an editor needs to offer them. What they run is not in it.
pub(crate) async fn jobs(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let catalogue = &gate.config().catalogue;
    let jobs: Vec<Value> = catalogue.jobs().iter().map(shown_job).collect();
    Ok(Answer::json(Value::Array(jobs)))
}

fn shown_job(job: &PreconfiguredJob) -> Value {
    let parameters: Vec<Value> = job.parameters.iter().map(|it| it.to_value()).collect();
    json!({
        "label": job.label,
        "description": job.description,
        "type": job.kind,
        "waitForCompletion": job.waits,
        "noUserConfigurableFields": true,
        "parameters": parameters,
        "producesArtifacts": job.produces_artifacts,
        "uiType": "CUSTOM",
    })
}

fn shown(webhook: &PreconfiguredWebhook) -> Value {
    json!({
        "label": webhook.label,
        "description": webhook.description,
        "type": webhook.kind,
        "waitForCompletion": webhook.properties.get("waitForCompletion"),
        "preconfiguredProperties": webhook.preconfigured_properties(),
        "noUserConfigurableFields": webhook.has_no_configurable_fields(),
        "parameters": webhook.parameters.iter().map(parameter).collect::<Vec<Value>>(),
        "parameterData": webhook.parameter_data,
    })
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "label": parameter.label,
        "defaultValue": parameter.default,
        "description": parameter.description,
        "type": "string",
        "order": parameter.order,
        "required": parameter.required,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gennaker_stages::Catalogue;

    use super::*;
    use crate::{Config, tests::Fixture};
    use gennaker_stages::preconfigured_job;

    #[tokio::test]
    async fn they_are_listed_without_where_they_call() {
        let fixture = Fixture::new().await;
        let none = fixture.ok("GET", "/webhooks/preconfigured", Value::Null);
        assert_eq!(none.await, json!([]));
        let properties = json!({"url": "https://chat.io/hook", "customHeaders": {"X-Team": "a"}, "method": "POST",
                                "waitForCompletion": false});
        let webhook = PreconfiguredWebhook {
            kind: "tellTeam".to_owned(),
            label: "Tell the team".to_owned(),
            description: Some("Writes into its room".to_owned()),
            parameters: vec![Parameter {
                name: "text".to_owned(),
                label: "Text".to_owned(),
                description: None,
                default: Some("done".to_owned()),
                order: 1,
                required: false,
            }],
            parameter_data: None,
            properties: properties.as_object().unwrap().clone(),
            has_secrets: true,
        };
        let config = Config {
            catalogue: Arc::new(Catalogue::with_webhooks(vec![webhook]).unwrap()),
            ..Config::default()
        };
        let fixture = Fixture::with(config).await;
        let listed = fixture
            .ok("GET", "/webhooks/preconfigured", Value::Null)
            .await;
        assert_eq!(
            listed,
            json!([{
                "label": "Tell the team", "description": "Writes into its room", "type": "tellTeam",
                "waitForCompletion": false, "preconfiguredProperties": ["url", "customHeaders", "method", "waitForCompletion"],
                "noUserConfigurableFields": false,
                "parameters": [{"name": "text", "label": "Text", "defaultValue": "done", "description": null,
                                "type": "string", "order": 1, "required": false}],
                "parameterData": null,
            }])
        );
    }

    #[tokio::test]
    async fn jobs_are_listed_without_what_they_run() {
        let fixture = Fixture::new().await;
        let none = fixture.ok("GET", "/jobs/preconfigured", Value::Null);
        assert_eq!(none.await, json!([]));
        let manifest = json!({"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "m"}});
        let job = PreconfiguredJob {
            kind: "migrate".to_owned(),
            label: "Migrate".to_owned(),
            description: Some("The schema".to_owned()),
            parameters: vec![preconfigured_job::Parameter {
                name: "to".to_owned(),
                label: "To".to_owned(),
                description: None,
                mapping: "manifest.metadata.name".to_owned(),
                default: Some("m".to_owned()),
                order: 1,
            }],
            account: None,
            application: None,
            manifest: manifest.as_object().unwrap().clone(),
            waits: true,
            property_file: None,
            produces_artifacts: false,
        };
        let catalogue = Catalogue::new().with_jobs(vec![job]).unwrap();
        let config = Config {
            catalogue: Arc::new(catalogue),
            ..Config::default()
        };
        let fixture = Fixture::with(config).await;
        assert_eq!(
            fixture.ok("GET", "/jobs/preconfigured", Value::Null).await,
            json!([{
                "label": "Migrate", "description": "The schema", "type": "migrate", "waitForCompletion": true,
                "noUserConfigurableFields": true,
                "parameters": [{"name": "to", "label": "To", "defaultValue": "m", "description": null, "type": "string",
                                "mapping": "manifest.metadata.name", "order": 1}],
                "producesArtifacts": false, "uiType": "CUSTOM",
            }])
        );
    }
}
