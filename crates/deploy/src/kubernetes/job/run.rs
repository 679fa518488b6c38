//! `runJob`: creates the Job. Source: clouddriver `KubernetesRunJobOperation`, orca `KubernetesJobRunner`.

use gennaker_manifests::{Manifest, annotations, job, text};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use crate::kubernetes::{
    Base, REPEATABLE, deploy, fetch, input,
    outputs::{self, History, names_by_namespace},
    trouble,
};

const PHASE: &str = "RUN_KUBERNETES_JOB";

/// The task.
pub(super) struct RunJob(pub Base);

impl Task for RunJob {
    fn kind(&self) -> &'static str {
        "runJob"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let illegal = |problem: String| trouble::illegal(ctx, &problem);
            let context = fetch::expanded(ctx.input()).map_err(illegal)?;
            let given = context.get("manifests").and_then(Value::as_array);
            let given = given.map(Vec::as_slice).unwrap_or_default();
            let manifests: Vec<Manifest> =
                text::manifests(given).map_err(|error| illegal(error.to_string()))?;
            let namespace = input::text(&context, "namespace");
            let manifest =
                job::prepare(manifests, namespace).map_err(|error| illegal(error.to_string()))?;
            let app = input::text(&context, "application").unwrap_or(&ctx.message().application);
            let account = cluster.account.name();
            let request =
                deploy::request_for(account, Some(app), manifest, &context).map_err(illegal)?;
            let deployed = deploy::deploy(&cluster, &request).await?;
            let jobs = names_by_namespace(deployed.objects());
            let logs = deployed
                .objects()
                .iter()
                .find_map(|object| annotations::text(object, annotations::JOB_LOGS));
            let mut result = deployed.result();
            let manifests = result
                .shift_remove("manifests")
                .unwrap_or_else(|| json!([]));
            result.insert("deployedNamesByLocation".to_owned(), json!(jobs));
            let mut history = History::default();
            history.say(
                PHASE,
                format!("Running Kubernetes job in account {account}"),
            );
            let mut learned = outputs::succeeded(ctx, history, Some(Value::Object(result.clone())));
            result.shift_remove("deployedNamesByLocation");
            learned.insert("outputs.manifests".to_owned(), manifests);
            for (key, value) in result {
                learned.insert(format!("outputs.{key}"), value);
            }
            learned.insert("deploy.jobs".to_owned(), json!(jobs));
            learned.insert("deploy.account.name".to_owned(), json!(account));
            if let Some(logs) = logs {
                learned.insert("execution".to_owned(), json!({ "logs": logs }));
            }
            trouble::settled(ctx, &mut learned);
            Ok(Done {
                context: learned,
                outputs: Map::new(),
                reference: ctx.effect_id().map(str::to_owned),
            })
        })
    }
}
