//! `canary canary-config list|get|save|delete|retro` (spin's `cmd/canary/canary-config`).

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use super::{
    Done, Said, Spin,
    args::canary::{CanaryCommand, CanaryConfigCommand, RetroArgs},
    canary_report, decoded, flags,
};
use crate::{
    output::gojson::{Printed, printed},
    text::encode,
};

/// Time between two looks at a retrospective analysis.
const LOOK_EVERY: Duration = Duration::from_secs(6);

/// Most looks after the first.
const LOOKS_MAX: usize = 10;

impl Spin<'_> {
    pub(super) async fn canary(&mut self, command: CanaryCommand) -> Done {
        let command = match command {
            CanaryCommand::CanaryConfig { command } => command,
            CanaryCommand::Calibrate(args) => return self.calibrate(&args).await,
            CanaryCommand::Retro(args) => return self.judge_the_past(&args).await,
            CanaryCommand::Judge(_) | CanaryCommand::Report(_) => {
                return Err(Said::new("this command is run before a server is asked"));
            }
        };
        match command {
            CanaryConfigCommand::List { application, .. } => {
                let path = format!("/v2/canaryConfig?application={}", encode(&application));
                let list = self.document("GET", &path, None).await?;
                self.ui.document(&list);
                Ok(())
            }
            CanaryConfigCommand::Get { ids, id } => {
                let id = self.id_or_argument(&id, &ids, "canary config")?;
                let path = format!("/v2/canaryConfig/{}", encode(&id));
                let config = self.document("GET", &path, None).await?;
                self.ui.document(&config);
                Ok(())
            }
            CanaryConfigCommand::Save { file, .. } => self.save_canary_config(&file).await,
            CanaryConfigCommand::Delete { ids } => {
                let id = self.argument(&ids)?;
                let path = format!("/v2/canaryConfig/{}", encode(&id));
                let response = self.ok("DELETE", &path, None).await?;
                if response.status != 200 {
                    return Err(Said::new(format!(
                        "Encountered an error deleting canary config, status code: {}",
                        response.status
                    )));
                }
                self.ui.success(&format!("Canary config {id} deleted"));
                Ok(())
            }
            CanaryConfigCommand::Retro(args) => self.retro(&args).await,
        }
    }

    async fn save_canary_config(&mut self, file: &str) -> Done {
        let config = self.required_document(file)?;
        let Some(id) = config["id"].as_str() else {
            self.ui.error("Required canary config key 'id' missing...");
            return Err(Said::new(format!(
                "Submitted canary config is invalid: {}",
                printed(&config, Printed::AsString)
            )));
        };
        let path = format!("/v2/canaryConfig/{}", encode(id));
        let found = self.any("GET", &path, None).await?;
        let saved = match found.status {
            200 => self.ok("PUT", &path, Some(&config)).await?,
            404 => self.ok("POST", "/v2/canaryConfig", Some(&config)).await?,
            0..300 => {
                return Err(Said::new(format!(
                    "Encountered an unexpected status code {} querying canary config with id {id}",
                    found.status
                )));
            }
            _ => return Err(Said::about(&found, found.status_line())),
        };
        if saved.status != 200 {
            return Err(Said::new(format!(
                "Encountered an error saving canary config {}, status code: {}",
                printed(&config, Printed::AsValue),
                saved.status
            )));
        }
        self.ui.success("Canary config save succeeded");
        Ok(())
    }

    /// `canary retro`, ours: waits as long as it takes, and prints the report.
    async fn judge_the_past(&mut self, args: &RetroArgs) -> Done {
        let config = self.required_document(&args.file)?;
        let request = retro_request(args)?;
        let (metrics, storage) = (&args.metrics_account, &args.storage_account);
        let id = self
            .start_canary(&config, &request, metrics, storage)
            .await?;
        let result = self.complete(&id, storage, usize::MAX).await?;
        if self.ui.has_format() || args.full_result {
            self.ui.document(&result);
        } else {
            for line in canary_report::told(&result) {
                self.ui.io.say(&line);
            }
        }
        Ok(())
    }

    async fn retro(&mut self, args: &RetroArgs) -> Done {
        let config = self.required_document(&args.file)?;
        let request = retro_request(args)?;
        self.ui
            .info("Initiating canary execution for supplied canary config");
        let id = self
            .start_canary(
                &config,
                &request,
                &args.metrics_account,
                &args.storage_account,
            )
            .await?;
        self.ui.info(&format!(
            "Spawned canary execution with id {id}, polling for completion..."
        ));
        let result = self.complete(&id, &args.storage_account, LOOKS_MAX).await?;
        let judgement = result["result"]["judgeResult"]["score"]["classification"]
            .as_str()
            .ok_or_else(|| Said::new(format!("canary execution {id} has no judgement")))?;
        self.ui.info(&format!(
            "Retrospective canary execution finished, judgement = {}",
            judgement.to_uppercase()
        ));
        if args.full_result {
            self.ui.document(&result);
        }
        Ok(())
    }
}

impl Spin<'_> {
    /// Starts an analysis and gives its id.
    pub(super) async fn start_canary(
        &mut self,
        config: &Value,
        request: &Value,
        metrics_account: &String,
        storage_account: &String,
    ) -> Result<String, Said> {
        let accounts = query(&[
            ("metricsAccountName", metrics_account),
            ("storageAccountName", storage_account),
        ]);
        let body = json!({"canaryConfig": config, "executionRequest": request});
        let path = format!("/v2/canaries/canary{accounts}");
        let response = self.ok("POST", &path, Some(&body)).await?;
        if response.status != 200 {
            return Err(Said::new(format!(
                "Encountered an unexpected status code {} initiating execution for canary config",
                response.status
            )));
        }
        let started = decoded(&response)?;
        let id = started["canaryExecutionId"].as_str().ok_or_else(|| {
            Said::about(
                &response,
                "the answer to the start names no canary execution",
            )
        })?;
        Ok(id.to_owned())
    }

    /// The document of an analysis when it is complete; looks so many times after the first.
    pub(super) async fn complete(
        &mut self,
        id: &str,
        storage_account: &String,
        looks_max: usize,
    ) -> Result<Value, Said> {
        let path = format!(
            "/v2/canaries/canary/{}{}",
            encode(id),
            query(&[("storageAccountName", storage_account)])
        );
        let mut result = self.document("GET", &path, None).await?;
        let mut looks = 0;
        while result["complete"] != true {
            if looks == looks_max {
                return Err(Said::new(format!(
                    "Canary execution {id} incomplete after 60 seconds, aborting"
                )));
            }
            looks += 1;
            sleep(LOOK_EVERY).await;
            result = self.document("GET", &path, None).await?;
        }
        Ok(result)
    }
}

/// The execution request: one scope for the control group, one for the experiment group.
fn retro_request(args: &RetroArgs) -> Result<Value, Said> {
    let groups = [
        (&args.control_group, &args.control_location, "control group"),
        (
            &args.experiment_group,
            &args.experiment_location,
            "experiment group",
        ),
        (&args.start, &args.end, "time interval"),
    ];
    for (one, other, what) in groups {
        if one.is_empty() || other.is_empty() {
            return Err(Said::new(format!("Required {what} flags not supplied")));
        }
    }
    for instant in [&args.start, &args.end] {
        instant.parse::<Timestamp>().map_err(|error| {
            Said::new(format!(
                "parsing time {instant:?} as an ISO instant: {error}"
            ))
        })?;
    }
    let parameters = match args.extended_scope_params.as_slice() {
        [] => Value::Null,
        given => Value::Object(flags::pairs("extended-scope-params", given).map_err(Said::new)?),
    };
    let scope = |group: &str, location: &str| {
        json!({"scope": group, "location": location, "start": args.start, "end": args.end, "step": args.step,
            "extendedScopeParams": parameters})
    };
    Ok(json!({
        "scopes": {"default": {
            "controlScope": scope(&args.control_group, &args.control_location),
            "experimentScope": scope(&args.experiment_group, &args.experiment_location),
        }},
        "thresholds": {"pass": args.pass_score, "marginal": args.marginal_score},
    }))
}

fn query(pairs: &[(&str, &String)]) -> String {
    let given: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    if given.is_empty() {
        String::new()
    } else {
        format!("?{}", given.join("&"))
    }
}
