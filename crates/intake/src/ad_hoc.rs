//! Tasks that are started beside pipelines, and which of them an installation allows (orchestration reference 4.3).
//!
//! Source: orca `ExecutionLauncher.checkIfPipelineCanBeStarted`, `ExecutionConfigurationProperties`. Orca stops looking at the first type
//! that everybody may start; here every stage is looked at.

use std::collections::{BTreeMap, BTreeSet};

use gennaker_model::{ExecutionType, command::Start};
use serde_json::Value;

/// Which types of tasks may be started beside pipelines, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdHocTasks {
    /// The users of each allowed type, none for everybody; `None` allows all types.
    allowed: Option<BTreeMap<String, BTreeSet<String>>>,
}

impl AdHocTasks {
    /// Only these types, each for these users, or for everybody if there is none.
    #[must_use]
    pub fn only(allowed: BTreeMap<String, BTreeSet<String>>) -> Self {
        let allowed = Some(allowed);
        Self { allowed }
    }

    /// Why the start is refused, as the caller is told.
    #[must_use]
    pub fn refusal(&self, start: &Start) -> Option<String> {
        let allowed = self.allowed.as_ref()?;
        if start.kind != ExecutionType::Orchestration {
            return None;
        }
        let stages = start.config.get("stages").and_then(Value::as_array);
        let kinds = stages
            .into_iter()
            .flatten()
            .map(|stage| stage.get("type").and_then(Value::as_str).unwrap_or("null"));
        for kind in kinds {
            let Some(users) = allowed.get(kind) else {
                return Some(format!(
                    "ad-hoc execution of type: {kind} has been explicitly disabled"
                ));
            };
            if !users.is_empty() && !users.contains(&start.user) {
                return Some(format!(
                    "ad-hoc execution of type: {kind} has been disabled for user: {}",
                    start.user
                ));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use gennaker_model::ExecutionId;
    use serde_json::json;

    use super::*;

    fn start(kinds: &[&str], user: &str) -> Start {
        let stages: Vec<Value> = kinds.iter().map(|kind| json!({ "type": kind })).collect();
        let config = json!({ "stages": stages });
        Start {
            execution: ExecutionId::new("01J00000000000000000000000").unwrap(),
            kind: ExecutionType::Orchestration,
            config: config.as_object().cloned().unwrap(),
            trigger: gennaker_model::Map::new(),
            user: user.to_owned(),
            origin: "api".to_owned(),
            parent: None,
            error: None,
        }
    }

    fn only(allowed: &[(&str, &[&str])]) -> AdHocTasks {
        let of = |users: &[&str]| users.iter().map(|user| (*user).to_owned()).collect();
        let allowed = allowed
            .iter()
            .map(|(kind, users)| ((*kind).to_owned(), of(users)));
        AdHocTasks::only(allowed.collect())
    }

    #[test]
    fn rule_4_3_ad_hoc_tasks_can_be_blocked_by_type_and_user() {
        let all = AdHocTasks::default();
        assert_eq!(all.refusal(&start(&["resizeServerGroup"], "ann")), None);
        let some = only(&[("updateApplication", &[]), ("savePipeline", &["ann"])]);
        assert_eq!(some.refusal(&start(&["updateApplication"], "bob")), None);
        assert_eq!(some.refusal(&start(&["savePipeline"], "ann")), None);
        for (kinds, sentence) in [
            (
                &["savePipeline"][..],
                "ad-hoc execution of type: savePipeline has been disabled for user: bob",
            ),
            (
                // Orca does not look at the second.
                &["updateApplication", "resizeServerGroup"],
                "ad-hoc execution of type: resizeServerGroup has been explicitly disabled",
            ),
        ] {
            assert_eq!(
                some.refusal(&start(kinds, "bob")).as_deref(),
                Some(sentence)
            );
        }
        let nothing = only(&[]);
        assert!(nothing.refusal(&start(&["wait"], "ann")).is_some());
        let pipeline = Start {
            kind: ExecutionType::Pipeline,
            ..start(&["wait"], "ann")
        };
        assert_eq!(
            nothing.refusal(&pipeline),
            None,
            "pipelines are no matter of this"
        );
    }
}
