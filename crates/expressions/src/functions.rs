//! The functions of expressions, `#name(…)`, and the textual rewriting that gives some of them the execution.

mod artifacts;
mod deployed;
mod json;
mod lookups;
mod plain;
mod properties;
mod stages;
mod yaml;

use std::borrow::Cow;

use crate::error::{Error, HELPER, Result};
use crate::machine::Machine;
use crate::types::Param;
use crate::value::Value;
pub use yaml::read_yaml;

type Run = for<'a, 'e> fn(&mut Machine<'a, 'e>, &[Value<'a>]) -> Result<Value<'a>>;

/// One function.
pub(crate) struct Function {
    pub name: &'static str,
    pub params: &'static [Param],
    pub varargs: bool,
    pub call: Run,
    names: &'static [&'static str],
    description: &'static str,
}

/// What a client may be told about a function (`/capabilities/expressions`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Name without `#`.
    pub name: &'static str,
    /// Names of the arguments as written; the hidden execution is left out.
    pub arguments: &'static [&'static str],
    /// Whether the last argument may be left out or repeated.
    pub variadic: bool,
    /// What it does, in one line.
    pub description: &'static str,
    /// Whether the execution is handed in as a hidden first argument.
    pub execution_aware: bool,
}

const E: Param = Param::Execution;
const T: Param = Param::Text;

const fn row(
    name: &'static str,
    params: &'static [Param],
    names: &'static [&'static str],
    description: &'static str,
    call: Run,
) -> Function {
    Function {
        name,
        params,
        varargs: false,
        call,
        names,
        description,
    }
}

const FUNCTIONS: &[Function] = &[
    row(
        "alphanumerical",
        &[T],
        &["value"],
        "Removes everything but ASCII letters and digits",
        plain::alphanumerical,
    ),
    row(
        "applicationMetadata",
        &[T],
        &["applicationName"],
        "The metadata of an application",
        lookups::application,
    ),
    row(
        "canaryConfigNameToId",
        &[T, T],
        &["name", "app"],
        "The id of a canary configuration",
        lookups::canary_config,
    ),
    row(
        "cfServiceKey",
        &[E, T],
        &["idOrName"],
        "The service key that a stage created",
        deployed::service_key,
    ),
    row(
        "currentStage",
        &[E],
        &[],
        "The stage that is being executed",
        stages::current,
    ),
    row("currentUser", &[], &[], "The current user", stages::user),
    Function {
        name: "deployedServerGroups",
        params: &[E, Param::TextArray],
        varargs: true,
        call: deployed::server_groups,
        names: &["ids"],
        description: "The server groups that deploy stages created, by stage name or id",
    },
    row(
        "doNotEval",
        &[Param::Object],
        &["value"],
        "Lets #toJson write a value that holds an expression",
        plain::do_not_eval,
    ),
    row(
        "fetchReference",
        &[T],
        &["ref"],
        "The content of an artifact-store reference",
        plain::fetch_reference,
    ),
    row(
        "fromBase64",
        &[T],
        &["value"],
        "Decodes base64 text",
        plain::from_base64,
    ),
    row(
        "fromUrl",
        &[T],
        &["url"],
        "The content of an address as text",
        lookups::from_url,
    ),
    row(
        "jsonFromUrl",
        &[T],
        &["url"],
        "The JSON content of an address",
        lookups::json_from_url,
    ),
    row(
        "judgement",
        &[E, T],
        &["idOrName"],
        "The choice made in a manual judgment stage",
        stages::judgment,
    ),
    row(
        "judgment",
        &[E, T],
        &["idOrName"],
        "The choice made in a manual judgment stage",
        stages::judgment,
    ),
    row(
        "manifestLabelValue",
        &[E, T, T, T],
        &["stageName", "kind", "labelKey"],
        "The value of a pod template label of a deployed manifest",
        artifacts::manifest_label,
    ),
    row(
        "pipelineId",
        &[E, T],
        &["pipelineName"],
        "The id of a pipeline of this application",
        lookups::pipeline_id,
    ),
    row(
        "pipelineIdInApplication",
        &[E, T, T],
        &["pipelineName", "applicationName"],
        "The id of a pipeline of an application",
        lookups::pipeline_id_in_application,
    ),
    row(
        "pipelineIdOrNull",
        &[E, T],
        &["pipelineName"],
        "As pipelineId, null if there is none",
        lookups::pipeline_id_or_null,
    ),
    row(
        "propertiesFromUrl",
        &[T],
        &["url"],
        "The Java properties at an address",
        lookups::properties_from_url,
    ),
    row(
        "readAllYaml",
        &[T],
        &["text"],
        "All documents of a YAML text",
        yaml::read_all,
    ),
    row(
        "readJson",
        &[T],
        &["text"],
        "The value of a JSON text",
        json::read,
    ),
    row(
        "readYaml",
        &[T],
        &["text"],
        "The value of a YAML text",
        yaml::read,
    ),
    row(
        "resolvedArtifacts",
        &[E],
        &[],
        "All artifacts that stages put into their outputs",
        artifacts::resolved,
    ),
    row(
        "stage",
        &[E, T],
        &["idOrName"],
        "A stage by name or id",
        stages::stage,
    ),
    row(
        "stageByRefId",
        &[E, T],
        &["refId"],
        "A stage by refId",
        stages::by_ref_id,
    ),
    row(
        "stageExists",
        &[E, T],
        &["idOrName"],
        "Whether there is a stage of this name or id",
        stages::exists,
    ),
    row(
        "toBase64",
        &[T],
        &["value"],
        "Encodes text as base64",
        plain::to_base64,
    ),
    row(
        "toBoolean",
        &[T],
        &["value"],
        "Whether a text is true",
        plain::to_boolean,
    ),
    row(
        "toFloat",
        &[T],
        &["value"],
        "A text as a number with a fraction",
        plain::to_float,
    ),
    row(
        "toInt",
        &[T],
        &["value"],
        "A text as a number",
        plain::to_int,
    ),
    row(
        "toJson",
        &[Param::Object],
        &["value"],
        "A value as JSON text",
        json::write,
    ),
    row(
        "triggerResolvedArtifact",
        &[E, T],
        &["name"],
        "An artifact that the trigger bound, by name",
        artifacts::trigger_by_name,
    ),
    row(
        "triggerResolvedArtifactByType",
        &[E, T],
        &["type"],
        "An artifact that the trigger bound, by type",
        artifacts::trigger_by_type,
    ),
    row(
        "yamlFromUrl",
        &[T],
        &["url"],
        "The YAML content of an address",
        lookups::yaml_from_url,
    ),
];

/// The names that are rewritten even where they are not called.
const ALIASES: [&str; 1] = ["deployedServerGroups"];

/// All functions, by name.
pub fn functions() -> impl Iterator<Item = FunctionInfo> {
    FUNCTIONS.iter().map(|function| FunctionInfo {
        name: function.name,
        arguments: function.names,
        variadic: function.varargs,
        description: function.description,
        execution_aware: function.params.first() == Some(&E),
    })
}

pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// A text after the rewriting that gives some functions the execution.
pub(crate) struct Rewritten<'s> {
    pub text: Cow<'s, str>,
    /// What was put in: where it begins in `text`, and how long it is. In order.
    inserted: Vec<(usize, usize)>,
}

impl Rewritten<'_> {
    /// The place in the text as written of a place in the rewritten text.
    pub fn original(&self, at: usize) -> usize {
        let before = self.inserted.iter().take_while(|(from, _)| *from <= at);
        let cut = before.map(|(from, length)| (*length).min(at - from));
        at - cut.sum::<usize>()
    }

    /// Puts `before` and `after` around `kept` wherever it stands.
    fn surround(&mut self, kept: &str, before: &str, after: &str) {
        let mut text = String::with_capacity(self.text.len() + before.len() + after.len());
        let mut inserted = Vec::new();
        let mut earlier = std::mem::take(&mut self.inserted).into_iter().peekable();
        let mut copied = 0;
        for (at, _) in self.text.match_indices(kept) {
            let grown = text.len() - copied;
            while let Some((from, length)) = earlier.next_if(|(from, _)| *from <= at) {
                inserted.push((from + grown, length));
            }
            text.push_str(&self.text[copied..at]);
            for (part, is_new) in [(before, true), (kept, false), (after, true)] {
                if is_new && !part.is_empty() {
                    inserted.push((text.len(), part.len()));
                }
                text.push_str(part);
            }
            copied = at + kept.len();
        }
        let grown = text.len() - copied;
        inserted.extend(earlier.map(|(from, length)| (from + grown, length)));
        text.push_str(&self.text[copied..]);
        self.text = Cow::Owned(text);
        self.inserted = inserted;
    }
}

/// Puts the execution into calls that want it, by replacing text wherever it stands
/// (`PipelineExpressionEvaluator.includeExecutionParameter`, orca).
pub(crate) fn with_hidden_argument(source: &str) -> Rewritten<'_> {
    const HIDDEN: &str = " #root.execution, ";
    const HIDDEN_ALONE: &str = "( #root.execution)";
    let mut rewritten = Rewritten {
        text: Cow::Borrowed(source),
        inserted: Vec::new(),
    };
    if source.contains('#') {
        for function in FUNCTIONS
            .iter()
            .filter(|function| function.params.first() == Some(&E))
        {
            let call = format!("#{}(", function.name);
            if rewritten.text.contains(&call)
                && !rewritten.text.contains(&format!("{call}{HIDDEN}"))
            {
                rewritten.surround(&call, "", HIDDEN);
            }
        }
    }
    for alias in ALIASES {
        if rewritten.text.contains(alias) && !rewritten.text.contains(&format!("#{alias}({HIDDEN}"))
        {
            rewritten.surround(alias, "#", HIDDEN_ALONE);
        }
    }
    rewritten
}

/// `SpelHelperFunctionException`
fn failed(text: impl Into<String>) -> Error {
    Error::new(HELPER, text)
}

/// The result of a function that is declared to give text.
fn declared_text(value: Value<'_>) -> Result<Value<'_>> {
    match value {
        Value::Text(_) | Value::Null => Ok(value),
        other => {
            let class = crate::types::class_name(&other);
            Err(Error::new(
                "java.lang.ClassCastException",
                crate::types::class_cast(&class, "java.lang.String"),
            ))
        }
    }
}

/// Text of an argument; null stays null.
fn text<'v, 'a>(value: &'v Value<'a>) -> Option<&'v str> {
    value.as_chars()
}
