//! What a stage says about its build.

use gennaker_builds::{Master, Masters};
use gennaker_model::Map;
use gennaker_worker::{Ctx, Failure};
use serde_json::Value;

use crate::failure::given_up;

/// Context keys that the tasks hand on to each other, with Orca's names.
pub(crate) const QUEUED: &str = "queuedBuild";
pub(crate) const NUMBER: &str = "buildNumber";
pub(crate) const BUILD: &str = "buildInfo";

/// The master and the job of a stage.
pub(crate) struct Target<'a> {
    pub(crate) master: &'a Master,
    pub(crate) job: String,
}

impl<'a> Target<'a> {
    /// Those of the stage.
    pub(crate) fn of(ctx: &Ctx, masters: &'a Masters) -> Result<Self, Failure> {
        let wanted = |key: &str| {
            let missing = || {
                given_up(
                    ctx,
                    "IllegalArgumentException",
                    &format!("{key} must be specified"),
                )
            };
            text(ctx.input(), key).ok_or_else(missing)
        };
        Self::named(ctx, masters, &wanted("master")?, wanted("job")?)
    }

    /// These.
    pub(crate) fn named(
        ctx: &Ctx,
        masters: &'a Masters,
        master: &str,
        job: String,
    ) -> Result<Self, Failure> {
        let unknown = || {
            given_up(
                ctx,
                "NotFoundException",
                &format!("Build master '{master}' not found"),
            )
        };
        let master = masters.get(master).ok_or_else(unknown)?;
        Ok(Self { master, job })
    }
}

/// A text that is there and not blank.
pub(crate) fn text(map: &Map, key: &str) -> Option<String> {
    let text = map.get(key)?.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// A value as it goes to a server: what is no text as JSON.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The number of the build that a stage must know by now.
pub(crate) fn number_of(ctx: &Ctx) -> Result<u64, Failure> {
    let missing = || {
        given_up(
            ctx,
            "IllegalStateException",
            "Unable to find buildNumber in the stage's context",
        )
    };
    number(ctx.input()).ok_or_else(missing)
}

/// The number of the build, also when it is quoted.
pub(crate) fn number(map: &Map) -> Option<u64> {
    match map.get(NUMBER)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
