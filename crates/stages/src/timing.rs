//! Which fields of which stage are not evaluated with the rest of its context (orchestration reference 7.2).
//!
//! Under evaluator v4 some of Orca's stages process their expressions themselves (`ExpressionAwareStageDefinitionBuilder`).
//! What each does is a line of a table here; under v3 they get no special treatment, which the engine sees to.

use gennaker_model::Map;

use crate::read;

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// The stage type.
    pub kind: &'static str,
    /// The context key that is left out; with everything in it.
    pub field: &'static str,
    /// What becomes of the expressions in it.
    pub treatment: Treatment,
}

/// What becomes of expressions that are not evaluated with the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// The stage's own task evaluates them, one after the other, so that each sees what the ones before gave.
    InOrder,
    /// They stay text, if this field of the stage is true.
    LeftAloneIf(&'static str),
}

/// The table. A type may stand in it before this release has a stage of that type.
pub static EXCLUSIONS: &[Exclusion] = &[
    Exclusion {
        kind: "evaluateVariables",
        field: "variables",
        treatment: Treatment::InOrder,
    },
    Exclusion {
        kind: "evaluateArtifacts",
        field: "artifactContents",
        treatment: Treatment::InOrder,
    },
    Exclusion {
        kind: "deployManifest",
        field: "manifests",
        treatment: Treatment::LeftAloneIf("skipExpressionEvaluation"),
    },
    Exclusion {
        kind: "deployCloudrunManifest",
        field: "manifests",
        treatment: Treatment::LeftAloneIf("skipExpressionEvaluation"),
    },
];

/// The fields of a stage with this type and context that are left out.
pub(crate) fn excluded(kind: &str, context: &Map) -> Vec<&'static str> {
    EXCLUSIONS
        .iter()
        .filter(|line| line.kind == kind)
        .filter(|line| match line.treatment {
            Treatment::InOrder => true,
            Treatment::LeftAloneIf(flag) => read::boolean(context, flag) == Some(true),
        })
        .map(|line| line.field)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(kind: &str, context: Value) -> Vec<&'static str> {
        excluded(kind, context.as_object().unwrap())
    }

    #[test]
    fn the_table_says_what_is_left_out() {
        assert_eq!(of("evaluateVariables", json!({})), ["variables"]);
        assert_eq!(of("evaluateArtifacts", json!({})), ["artifactContents"]);
        for kind in ["deployManifest", "deployCloudrunManifest"] {
            assert_eq!(of(kind, json!({"manifests": []})), [""; 0]);
            assert_eq!(
                of(kind, json!({"skipExpressionEvaluation": false})),
                [""; 0]
            );
            for yes in [json!(true), json!("true")] {
                let context = json!({ "skipExpressionEvaluation": yes });
                assert_eq!(of(kind, context), ["manifests"]);
            }
        }
        let flag = json!({"skipExpressionEvaluation": true});
        for kind in ["webhook", "patchManifest", "nobodyKnowsThis"] {
            assert_eq!(of(kind, flag.clone()), [""; 0]);
        }
    }

    #[test]
    fn a_field_stands_in_the_table_once() {
        for (place, line) in EXCLUSIONS.iter().enumerate() {
            let again = EXCLUSIONS[..place]
                .iter()
                .any(|other| (other.kind, other.field) == (line.kind, line.field));
            assert!(!again, "{line:?}");
        }
    }
}
