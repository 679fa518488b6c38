//! Rollout strategies of `deployManifest`: the stages that take the old ReplicaSets out of service (Kubernetes reference 5.6).
//! Source: orca `DeployManifestStage`.

use gennaker_engine::{NewStage, definition::PlanError};
use gennaker_model::Map;
use serde_json::{Value, json};

use super::{account, given};
use crate::read;

/// Context key of the ReplicaSets that were there before, as the worker has found them.
pub(super) const OLD: &str = "oldReplicaSets";

/// The task that looks for them: the one after the old versions were cleaned up.
pub(super) const LOOKS_IN: &str = "monitorCleanup";

/// A strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    /// The old ones lose their traffic.
    RedBlack,
    /// The old ones are deleted.
    Highlander,
}

/// Most after-stages of one stage.
const STAGES_MAX: usize = 100;

/// The strategy that the stage asks for. `redblack` and `bluegreen` mean the same.
fn wanted(context: &Map) -> Result<Option<Strategy>, PlanError> {
    let Some(Value::Object(traffic)) = given(context, "trafficManagement") else {
        return Ok(None);
    };
    if read::boolean(traffic, "enabled") != Some(true) {
        return Ok(None);
    }
    let Some(Value::Object(options)) = given(traffic, "options") else {
        return Ok(None);
    };
    let Some(named) = read::text(options, "strategy") else {
        return Ok(None);
    };
    match named.to_ascii_lowercase().as_str() {
        "none" => Ok(None),
        "redblack" | "bluegreen" => Ok(Some(Strategy::RedBlack)),
        "highlander" => Ok(Some(Strategy::Highlander)),
        _ => Err(PlanError::argument(format!(
            "Unknown rollout strategy '{named}': manifests are rolled out by none, redblack, bluegreen or highlander. A \
             Deployment rolls itself out step by step; its strategy is part of the manifest"
        ))),
    }
}

/// Refuses a strategy that nobody knows, before anything is deployed.
pub(super) fn check(context: &Map) -> Result<(), PlanError> {
    wanted(context).map(|_| ())
}

/// Whether the old ReplicaSets must be known.
pub(super) fn is_wanted(context: &Map) -> bool {
    matches!(wanted(context), Ok(Some(_)))
}

/// The after-stages, one after the other.
pub(super) fn stages(context: &Map) -> Result<Vec<NewStage>, PlanError> {
    let Some(strategy) = wanted(context)? else {
        return Ok(Vec::new());
    };
    let old: Vec<&Map> = context
        .get(OLD)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    let per_object = if strategy == Strategy::Highlander {
        2
    } else {
        1
    };
    if old.len() * per_object > STAGES_MAX {
        return Err(PlanError::argument(format!(
            "there are {} older ReplicaSets, more than one stage can take out of service ({}); delete some, or limit them with \
             strategy.spinnaker.io/max-version-history",
            old.len(),
            STAGES_MAX / per_object
        )));
    }
    let mut stages: Vec<NewStage> = Vec::new();
    let mut append = |kind: &str, old: &Map| {
        let requires = stages.len().checked_sub(1).into_iter().collect();
        stages.push(NewStage {
            kind: kind.to_owned(),
            name: kind.to_owned(),
            context: context_of(context, old),
            requires,
        });
    };
    match strategy {
        Strategy::RedBlack => {
            for old in old {
                let dead = read::boolean(old, "isDead") == Some(true);
                append(
                    if dead {
                        "deleteManifest"
                    } else {
                        "disableManifest"
                    },
                    old,
                );
            }
        }
        Strategy::Highlander => {
            for kind in ["disableManifest", "deleteManifest"] {
                for old in &old {
                    append(kind, old);
                }
            }
        }
    }
    Ok(stages)
}

fn context_of(context: &Map, old: &Map) -> Map {
    let mut own = Map::new();
    own.insert("account".to_owned(), json!(account(context)));
    let app = context
        .get("moniker")
        .and_then(|moniker| moniker.get("app"));
    own.insert("app".to_owned(), app.cloned().unwrap_or(Value::Null));
    own.insert("cloudProvider".to_owned(), json!("kubernetes"));
    for key in ["manifestName", "location"] {
        own.insert(key.to_owned(), old.get(key).cloned().unwrap_or(Value::Null));
    }
    if let Some(zone) = given(context, "zone") {
        own.insert("zone".to_owned(), zone.clone());
    }
    own
}
