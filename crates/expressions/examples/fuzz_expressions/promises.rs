//! What holds for any text, and the check of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gennaker_engine::scope::Scope;
use gennaker_expressions::{
    Environment, Exact, Known, Level, Limits, Parsed, check_text, contains_expression,
    evaluate_json,
};
use gennaker_model::Execution;
use serde_json::{Value, json};

/// The execution that the texts are evaluated in.
const EXECUTION: &str = include_str!("../../tests/corpus/executions/shop.json");
const STAGE: &str = "6";

/// The execution and what is known about its names, read once.
pub(crate) struct Ground {
    execution: Execution,
    stage: usize,
    known: Known,
}

impl Ground {
    /// # Panics
    /// If the execution of the corpus cannot be read.
    pub(crate) fn new() -> Self {
        let execution: Execution =
            serde_json::from_str(EXECUTION).expect("the execution of the corpus can be read");
        let stage = execution
            .stages
            .iter()
            .position(|stage| stage.ref_id == STAGE)
            .expect("the execution of the corpus has the stage");
        Self {
            execution,
            stage,
            known: Known::default(),
        }
    }

    /// Evaluates one text as a field of the stage: value and summary as text, and whether all went well.
    pub(crate) fn evaluate(&self, text: &str, trace: bool) -> (String, String, bool) {
        let scope = Scope::of_stage(&self.execution, &self.execution.stages[self.stage]);
        let mut environment = Environment::fixed(1_741_964_966_535, 7);
        environment.trace = trace;
        let input = json!({"field": text});
        let evaluation = evaluate_json(&input, &scope, &environment);
        let value = serde_json::to_string(&Exact(&evaluation)).unwrap_or_default();
        let failed = evaluation
            .summary
            .0
            .values()
            .flatten()
            .any(|entry| entry.level == Level::Error);
        (value, evaluation.summary.to_json().to_string(), !failed)
    }

    /// The first promise that the text breaks.
    ///
    /// # Errors
    /// What was promised, and what came instead.
    pub(crate) fn check(&self, text: &str) -> Result<(), String> {
        catch_unwind(AssertUnwindSafe(|| self.check_without_net(text)))
            .unwrap_or_else(|_| Err("it panicked".to_owned()))
    }

    fn check_without_net(&self, text: &str) -> Result<(), String> {
        printing_and_parsing(text)?;
        if let Some(body) = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
        {
            printing_and_parsing(body)?;
        }
        let checked = check_text(text, &self.known, &Limits::default());
        for finding in &checked.findings {
            if !text.is_char_boundary(finding.position) {
                return Err(format!(
                    "a finding does not lie on a character: {finding:?}"
                ));
            }
        }
        let first = self.evaluate(text, false);
        let second = self.evaluate(text, true);
        if first != second {
            return Err(format!("twice is not the same: {first:?} and {second:?}"));
        }
        let (value, _, good) = first;
        if value.len() > 4 * Limits::default().result_bytes_max {
            return Err(format!("the result has {} bytes", value.len()));
        }
        let value: Value = serde_json::from_str(&value).map_err(|error| error.to_string())?;
        let untouched = json!({"field": text});
        if (!good || !contains_expression(&untouched)) && value != untouched {
            return Err(format!("a failed text became {value}"));
        }
        Ok(())
    }
}

/// What a parsed expression prints parses to the same tree.
fn printing_and_parsing(text: &str) -> Result<(), String> {
    // The printed text has more brackets than the original.
    let wide = Limits {
        nesting_max: 200,
        expression_chars_max: 100_000,
        ..Limits::default()
    };
    let Ok(parsed) = Parsed::of(text, &wide) else {
        return Ok(());
    };
    let printed = parsed.to_string();
    match Parsed::of(&printed, &wide) {
        Ok(again) if again == parsed => Ok(()),
        Ok(again) => Err(format!("{printed} is another expression: {again}")),
        Err(error) => Err(format!("{printed} cannot be parsed: {error}")),
    }
}
