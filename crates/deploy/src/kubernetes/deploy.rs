//! `deployManifest`: applies what the stage says, one object after the other (Kubernetes reference 5).
//!
//! ```text
//! read      the versions that exist, and what traffic and capacity need
//! prepare   order, bindings, versions, annotations: all of it before anything is sent
//! send      one by one; what carries our effect already was sent by a worker before us and is adopted
//! ```
//!
//! A version is taken by creating its object: if somebody else was faster, everything is read and prepared once more, and what we
//! have sent until then is found and left as it is. Source: clouddriver `KubernetesDeployManifestOperation`.

mod applied;
mod read;
mod send;

use gennaker_manifests::{
    Manifest, Moniker, deploy::Prepared, deploy::Request, deploy::Rules, text,
};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Stopped, Task};
use serde_json::{Value, json};

use super::{
    Base, REPEATABLE,
    cluster::Cluster,
    fetch, input,
    outputs::{self, DEPLOY_PHASE, History},
    trouble,
};
use send::{Sender, Sent};

/// How often a version is chosen again when others take it.
const ROUNDS_MAX: usize = 8;

/// Context key of what was applied, also by an operation that failed in the middle.
const APPLIED: &str = "appliedManifests";

/// Context key of the revisions to go back to.
const REVISIONS: &str = "revisionsBefore";

/// The task.
pub(super) struct DeployManifest(pub Base);

impl Task for DeployManifest {
    fn kind(&self) -> &'static str {
        "deployManifest"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let request = request_of(ctx)?;
            let done = deploy(&cluster, &request).await?;
            Ok(Done {
                context: done.context(ctx, &cluster),
                outputs: Map::new(),
                reference: ctx.effect_id().map(str::to_owned),
            })
        })
    }

    fn stop<'a>(
        &'a self,
        ctx: &'a Ctx,
        _reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async move {
            let Ok(request) = request_of(ctx) else {
                return Ok(Stopped::Gone);
            };
            let cluster = self.0.cluster(ctx)?;
            let applied = applied::by_us(&cluster, &request).await?;
            Ok(match applied::sentence(cluster.account.name(), &applied) {
                Some(sentence) => Stopped::Remains(sentence),
                None => Stopped::Gone,
            })
        })
    }
}

/// A deployment that was carried out.
pub(super) struct Deployed {
    prepared: Prepared,
    answers: Vec<Manifest>,
    revisions: Vec<Value>,
    history: History,
}

impl Deployed {
    /// The operation's result: `manifests`, `manifestNamesByNamespace`, `createdArtifacts`, `boundArtifacts`.
    pub(super) fn result(&self) -> Map {
        match self.prepared.result(&self.answers) {
            Value::Object(result) => result,
            _ => Map::new(),
        }
    }

    /// The objects as the server has them now.
    pub(super) fn objects(&self) -> &[Manifest] {
        &self.answers
    }

    fn context(self, ctx: &Ctx, cluster: &Cluster<'_>) -> Map {
        let mut result = self.result();
        let manifests = result
            .shift_remove("manifests")
            .unwrap_or_else(|| json!([]));
        let mut context =
            outputs::succeeded(ctx, self.history, Some(Value::Object(result.clone())));
        context.insert(
            "deploy.account.name".to_owned(),
            json!(cluster.account.name()),
        );
        context.insert("outputs.manifests".to_owned(), manifests);
        let applied = result
            .get("manifestNamesByNamespace")
            .cloned()
            .unwrap_or_else(|| json!({}));
        for (key, value) in result {
            context.insert(format!("outputs.{key}"), value);
        }
        context.insert(APPLIED.to_owned(), applied);
        if !self.revisions.is_empty() {
            context.insert(REVISIONS.to_owned(), Value::Array(self.revisions));
        }
        trouble::settled(ctx, &mut context);
        context.insert("messages".to_owned(), json!([]));
        context
    }
}

/// What the stage asks for.
fn request_of(ctx: &Ctx) -> Result<Request, Failure> {
    let context =
        fetch::expanded(ctx.input()).map_err(|problem| trouble::illegal(ctx, &problem))?;
    let request = Request::from_context(&context)
        .map_err(|error| trouble::illegal(ctx, &error.to_string()))?;
    check(&request).map_err(|problem| trouble::illegal(ctx, &problem))?;
    Ok(request)
}

/// What Spinnaker leaves to the API server, or silently gets wrong.
fn check(request: &Request) -> Result<(), String> {
    if request.manifests.is_empty() {
        return Err("there is no manifest to deploy".to_owned());
    }
    text::check_unique(&request.manifests).map_err(|error| error.to_string())
}

/// A request for manifests that no stage has written: the Job of a Run Job stage.
pub(super) fn request_for(
    account: &str,
    app: Option<&str>,
    manifest: Manifest,
    context: &Map,
) -> Result<Request, String> {
    let mut context = context.clone();
    context.insert(
        "manifests".to_owned(),
        json!([manifest.clone().into_value()]),
    );
    let mut request = Request::from_context(&context).map_err(|error| error.to_string())?;
    request.account = account.to_owned();
    request.moniker = Moniker {
        app: app.map(str::to_owned),
        ..Moniker::default()
    };
    request.manifests = vec![manifest];
    check(&request)?;
    Ok(request)
}

/// Carries a request out.
pub(super) async fn deploy(cluster: &Cluster<'_>, request: &Request) -> Result<Deployed, Failure> {
    let ctx = cluster.ctx;
    let account = cluster.account.name();
    let rules = Rules {
        custom: cluster.must("", cluster.account.kinds()).await?,
        images: cluster.account.images(),
        labels: cluster.account.labels().clone(),
    };
    let mut history = History::default();
    history.say(
        DEPLOY_PHASE,
        format!("Beginning deployment of manifests in account {account} ..."),
    );
    let token = ctx.effect_id().unwrap_or_default();
    let undoes = input::boolean(ctx.input(), "undoOnFailure") == Some(true);
    for _ in 0..ROUNDS_MAX {
        let prepared = read::prepare(cluster, request, &rules, token).await?;
        let names: Vec<String> = prepared
            .steps
            .iter()
            .map(|step| step.manifest.full_name().to_string())
            .collect();
        let mut sender = Sender::new(cluster, token, undoes);
        let mut raced = false;
        for (place, step) in prepared.steps.iter().enumerate() {
            if !step.selected {
                continue;
            }
            match sender.send(place, step).await? {
                Sent::Done => {}
                Sent::Taken => {
                    raced = true;
                    break;
                }
            }
        }
        if raced {
            tracing::info!(
                execution.id = %ctx.message().execution,
                "another deployment took a version first; the versions are chosen again"
            );
            continue;
        }
        let Sender {
            answers, revisions, ..
        } = sender;
        history.say(
            DEPLOY_PHASE,
            format!("Deploy order is: {}", names.join(", ")),
        );
        for answer in &answers {
            history.say(
                DEPLOY_PHASE,
                format!(
                    "Deploy manifest task completed successfully for manifest {} in account {account}",
                    answer.full_name()
                ),
            );
        }
        history.say(
            DEPLOY_PHASE,
            format!(
                "Deploy manifest task completed successfully for all manifests in account {account}"
            ),
        );
        return Ok(Deployed {
            prepared,
            answers,
            revisions,
            history,
        });
    }
    Err(trouble::give_up(
        ctx,
        "KubectlException",
        &format!(
            "other deployments took the version of an object {ROUNDS_MAX} times before this one could; nothing is wrong with \
             the manifests, start it again"
        ),
    ))
}
