//! `diff`: what is different between two executions.

use serde_json::{Map, Value, json};

use crate::{
    Exit, Failure, Global, Io, Tools,
    cause::read_execution,
    difference::differences,
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    refs::Reference,
    snapshot::{Snapshot, stages, text},
    text::clean,
};

/// Say what is different between two executions: parameters, artifacts, stages and what these learned
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct DiffArgs {
    /// An execution id, application/pipeline (its latest execution), or @last
    #[arg(value_name = "REF")]
    pub before: String,

    /// The execution to compare it with
    #[arg(value_name = "REF")]
    pub after: String,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &DiffArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let before = Reference::parse(&args.before)?;
    let after = Reference::parse(&args.after)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let before = before.resolve(&gate, io).await?;
    let after = after.resolve(&gate, io).await?;
    let before = read_execution(&gate, &before).await?;
    let after = read_execution(&gate, &after).await?;
    let found = differences(&comparable(&before), &comparable(&after));
    if format != Format::Human {
        let found: Vec<Value> = found
            .iter()
            .map(|it| json!({"path": it.path, "before": it.before, "after": it.after}))
            .collect();
        return super::print_list(&found, &format, io);
    }
    for document in [&before, &after] {
        let snapshot = Snapshot::read(document);
        io.say(&format!(
            "{}  {}  {}",
            clean(&snapshot.id),
            snapshot.status,
            clean(&snapshot.title())
        ));
    }
    for difference in &found {
        io.say(&format!("  {}", difference.line()));
    }
    if found.is_empty() {
        io.say("  the same parameters, artifacts and stages");
    }
    Ok(Exit::Succeeded)
}

/// What of an execution says something beside another one: no ids and no times, which are always different.
fn comparable(document: &Value) -> Value {
    let trigger = &document["trigger"];
    let stages: Vec<Value> = stages(document)
        .iter()
        .filter(|stage| stage["parentStageId"].is_null())
        .map(|stage| {
            let mut kept = Map::new();
            for key in [
                "refId",
                "name",
                "type",
                "status",
                "requisiteStageRefIds",
                "outputs",
            ] {
                if let Some(value) = stage.get(key) {
                    kept.insert(key.to_owned(), value.clone());
                }
            }
            let context = stage["context"].as_object().into_iter().flatten();
            for (key, value) in context.filter(|(key, _)| !is_own(key)) {
                kept.entry(key.clone()).or_insert_with(|| value.clone());
            }
            Value::Object(kept)
        })
        .collect();
    json!({"pipeline": text(document, "name"), "status": document["status"], "trigger": trigger["type"],
        "user": trigger["user"], "parameters": trigger["parameters"], "artifacts": trigger["artifacts"], "stages": stages})
}

/// Keys of a context that belong to one execution alone.
fn is_own(key: &str) -> bool {
    key.ends_with("Id") && key != "refId" || key.ends_with("Time") && key != "waitTime"
}

#[cfg(test)]
mod tests {
    use crate::{
        difference::{Difference, differences},
        testing::NOW,
    };

    use super::*;

    #[test]
    fn ids_and_times_are_no_differences() {
        let execution = |id: &str, tag: &str, wait: i64| {
            json!({"id": id, "name": "deploy", "status": "SUCCEEDED", "buildTime": NOW,
                "trigger": {"type": "manual", "parameters": {"tag": tag}, "eventId": id},
                "stages": [
                    {"id": id, "refId": "1", "name": "Wait", "type": "wait", "status": "SUCCEEDED", "startTime": wait,
                     "context": {"waitTime": wait, "executionId": id}},
                    {"id": "x", "refId": "1<1", "parentStageId": id, "name": id}]})
        };
        let lines = |one: &Value, other: &Value| -> Vec<String> {
            differences(&comparable(one), &comparable(other))
                .iter()
                .map(Difference::line)
                .collect()
        };
        let one = execution("a", "v1", 1);
        assert_eq!(lines(&one, &execution("b", "v1", 1)), Vec::<String>::new());
        assert_eq!(
            lines(&one, &execution("b", "v2", 2)),
            [
                "parameters.tag: \"v1\" -> \"v2\"",
                "stage \"Wait\": waitTime: 1 -> 2"
            ]
        );
    }
}
