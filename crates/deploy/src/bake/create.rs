//! `createBake`: fetches, bakes, and makes one artifact of the manifests. Source: orca `CreateBakeManifestTask`, rosco
//! `BakeManifestService`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_artifacts::{Accounts, Artifact};
use gennaker_bake::{Baker, Input, Renderer};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task, exception};
use serde_json::json;

use super::{files::Beside, request::Wanted};

/// Pause before another try, as Orca's.
const AGAIN: Duration = Duration::from_secs(30);

/// Pause before the first other try: most troubles of networks are short.
const AGAIN_SOON: Duration = Duration::from_secs(2);

/// Context key that counts the tries.
const TRIES: &str = "bakeTries";

/// Most tries, as Orca's of its calls to Rosco.
const TRIES_MAX: u64 = 5;

pub(super) struct CreateBake {
    accounts: Accounts,
    baker: Arc<Baker>,
}

impl CreateBake {
    pub(super) fn new(accounts: Accounts, baker: Arc<Baker>) -> Self {
        Self { accounts, baker }
    }

    async fn bake(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let wanted = Wanted::read(ctx.input()).map_err(|problem| illegal(ctx, &problem))?;
        let mut request = wanted.request;
        for artifact in &wanted.inputs {
            request.inputs.push(self.fetch(ctx, artifact).await?);
        }
        let renderer = request.renderer;
        // The kustomization's own account reads what it names. There is an input: that was looked at.
        let like = wanted.inputs.into_iter().next().unwrap_or_default();
        let beside = Beside {
            accounts: &self.accounts,
            like,
        };
        let baked = unless_cancelled(ctx, self.baker.bake(request, &beside)).await?;
        let baked =
            baked.map_err(|error| self.failed(ctx, &error.to_string(), error.is_transient()))?;
        tracing::info!(
            execution.id = %ctx.message().execution,
            stage.ref_id = %ctx.message().ref_id,
            bytes = baked.len(),
            "manifests were baked by {renderer:?}"
        );
        Ok(done(renderer, &wanted.output_artifact_name, &baked))
    }

    async fn fetch(&self, ctx: &Ctx, artifact: &Artifact) -> Result<Input, Failure> {
        let fetched = unless_cancelled(ctx, self.accounts.fetch(artifact)).await?;
        match fetched {
            Ok(content) => Ok(Input {
                kind: artifact.kind.clone(),
                reference: match artifact.kind.as_str() {
                    // It is the content.
                    "embedded/base64" => artifact.name.clone(),
                    _ => artifact.reference.clone(),
                },
                content: content.into(),
            }),
            Err(error) => Err(self.failed(ctx, &error.to_string(), error.is_transient())),
        }
    }

    /// Another try if that may help, else the end.
    fn failed(&self, ctx: &Ctx, problem: &str, is_transient: bool) -> Failure {
        let tries = ctx
            .input()
            .get(TRIES)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0)
            + 1;
        if !is_transient || tries >= TRIES_MAX {
            return failure(ctx, "SpinnakerHttpException", problem);
        }
        let mut context = Map::new();
        context.insert(TRIES.to_owned(), json!(tries));
        Failure::RetryLater {
            after: if tries == 1 { AGAIN_SOON } else { AGAIN },
            context,
        }
    }
}

impl Task for CreateBake {
    fn kind(&self) -> &'static str {
        "createBake"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.bake(ctx))
    }
}

/// The artifact, as Rosco makes it.
fn done(renderer: Renderer, name: &str, baked: &[u8]) -> Done {
    let artifact = json!({
        "type": "embedded/base64",
        "customKind": false,
        "name": name,
        "reference": STANDARD.encode(baked),
        "metadata": {},
        "artifactAccount": "embedded-artifact",
    });
    let mut found = Map::new();
    found.insert("artifacts".to_owned(), json!([artifact]));
    if renderer != Renderer::CloudFoundry {
        found.insert("cloudProvider".to_owned(), json!("kubernetes"));
    }
    Done {
        context: found.clone(),
        outputs: found,
        reference: None,
    }
}

/// Ends early, and with it what runs, when the task shall end.
async fn unless_cancelled<T>(ctx: &Ctx, work: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::select! {
        done = work => Ok(done),
        () = ctx.cancelled() => Err(Failure::cancelled()),
    }
}

fn illegal(ctx: &Ctx, problem: &str) -> Failure {
    failure(ctx, "IllegalArgumentException", problem)
}

fn failure(ctx: &Ctx, class: &str, problem: &str) -> Failure {
    Failure::give_up(exception::unexpected(
        "createBake",
        class,
        problem,
        ctx.now_ms(),
    ))
}
