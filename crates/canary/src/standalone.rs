//! `archiveCanaryAnalysis`: what stays of a standalone analysis with all its intervals (Kayenta
//! `StandaloneCanaryAnalysisExecutionArchivalListener`, `CanaryAnalysisExecutionStatusResponse`).

use gennaker_model::{Map, work::TaskMessage};
use gennaker_store::CanaryGroup;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task, exception};
use serde_json::{Value, json};

use crate::{
    question::Trouble,
    storage::{Storage, Storages},
};

/// Pause before storage that does not answer is asked again.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Most times.
const TRIES_MAX: u64 = 20;

/// Context key that counts them.
const TRIES: &str = "canaryArchiveTries";

pub(crate) struct Gather {
    storages: Storages,
}

impl Gather {
    pub(crate) const fn new(storages: Storages) -> Self {
        Self { storages }
    }

    async fn run(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let input = ctx.input();
        let tries = input.get(TRIES).and_then(Value::as_u64).unwrap_or(0) + 1;
        match self.archive(ctx.message(), ctx.now_ms()).await {
            Ok(()) => Ok(Done {
                context: Map::new(),
                outputs: Map::new(),
                reference: None,
            }),
            Err(Trouble::Later(problem)) if tries < TRIES_MAX => {
                tracing::warn!(tries, "a canary analysis is archived later: {problem}");
                Err(Failure::RetryLater {
                    after: AGAIN,
                    context: [(TRIES.to_owned(), tries.into())].into_iter().collect(),
                })
            }
            Err(Trouble::Later(problem) | Trouble::Never(problem)) => {
                let class = "IllegalStateException";
                let said = exception::unexpected(self.kind(), class, &problem, ctx.now_ms());
                Err(Failure::give_up(said))
            }
        }
    }

    async fn archive(&self, message: &TaskMessage, now_ms: i64) -> Result<(), Trouble> {
        let input = &message.input;
        let name = input.get("storageAccountName").and_then(Value::as_str);
        let storage = self
            .storages
            .resolve(name.filter(|name| !name.is_empty()))?;
        let Some(Value::Object(gathered)) = input.get("standaloneCanaryAnalysis") else {
            return Err(Trouble::Never("there is nothing to archive".to_owned()));
        };
        let mut document = gathered.clone();
        document.insert(
            "storageAccountName".to_owned(),
            storage.name.as_str().into(),
        );
        let results = document
            .get_mut("canaryAnalysisExecutionResult")
            .and_then(|result| result.get_mut("canaryExecutionResults"))
            .and_then(Value::as_array_mut);
        for result in results.into_iter().flatten() {
            with_result(storage, result).await?;
        }
        let content = serde_json::to_vec(&document).map_err(|error| error.to_string())?;
        let id = message.execution.as_str();
        storage
            .keep(CanaryGroup::StandaloneArchive, id, content, now_ms)
            .await
    }
}

/// The verdict of one interval, from the archive of its analysis.
async fn with_result(storage: &Storage, result: &mut Value) -> Result<(), Trouble> {
    let Some(id) = result["executionId"].as_str() else {
        return Ok(());
    };
    let found = storage.objects.get(CanaryGroup::Archive, id).await;
    let found = found.map_err(|error| {
        let said = format!("the archive of {id} cannot be read: {error}");
        match error.is_transient() {
            true => Trouble::Later(said),
            false => Trouble::Never(said),
        }
    })?;
    let archive = found.and_then(|content| serde_json::from_slice::<Value>(&content).ok());
    let archive = archive.unwrap_or_else(|| json!({}));
    for field in ["result", "exception"] {
        if let Some(value) = archive.get(field) {
            result[field] = value.clone();
        }
    }
    Ok(())
}

impl Task for Gather {
    fn kind(&self) -> &'static str {
        "archiveCanaryAnalysis"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.run(ctx))
    }
}
