//! `show`: one execution on one screen, or its document.

use serde_json::Value;

use crate::{
    Exit, Failure, Global, Io, Tools,
    cause::read_execution,
    exit::EXIT_CODES,
    follow::render::{counts, painted},
    gate::{Caller, Gate},
    output::Format,
    refs::Reference,
    snapshot::{Snapshot, text},
    text::{ago, clean, duration, first_line, instant, pad},
};

/// Show an execution
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct ShowArgs {
    /// An execution id, application/pipeline (its latest execution), or @last
    #[arg(value_name = "REF", default_value = "@last")]
    pub reference: String,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &ShowArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let reference = Reference::parse(&args.reference)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let id = reference.resolve(&gate, io).await?;
    let document = read_execution(&gate, &id).await?;
    print(&document, &format, &args.global, io)
}

/// Prints an execution in any format.
pub(super) fn print(
    document: &Value,
    format: &Format,
    global: &Global,
    io: &mut Io,
) -> Result<Exit, Failure> {
    match format {
        Format::Human => {
            let color = io.out_has_color(global);
            for line in page(document, io.now_ms(), color) {
                io.say(&line);
            }
            Ok(Exit::Succeeded)
        }
        Format::Name => {
            io.say(&clean(&text(document, "id").unwrap_or_default()));
            Ok(Exit::Succeeded)
        }
        Format::Json | Format::Yaml | Format::JsonPath(_) | Format::JsonLines => {
            super::print(document, format, io)
        }
    }
}

/// The page for people.
fn page(document: &Value, now_ms: i64, color: bool) -> Vec<String> {
    let snapshot = Snapshot::read(document);
    let mut lines = vec![format!(
        "{}  {}  {}  {}",
        snapshot.status,
        clean(&snapshot.title()),
        clean(&snapshot.id),
        super::took(&snapshot, now_ms)
    )];
    let trigger = &document["trigger"];
    let by = text(trigger, "user")
        .or_else(|| text(&document["authentication"], "user"))
        .map_or(String::new(), |user| format!(" by {}", clean(&user)));
    let kind =
        text(trigger, "type").map_or(String::new(), |kind| format!(", trigger {}", clean(&kind)));
    if let Some(built) = snapshot.build_ms {
        lines.push(format!(
            "  started     {} ({}){by}{kind}",
            instant(built),
            ago(now_ms, built)
        ));
    }
    let parameters: Vec<String> = trigger["parameters"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            format!("{}={}", clean(key), first_line(&value, 200))
        })
        .collect();
    if !parameters.is_empty() {
        lines.push(format!("  parameters  {}", parameters.join("  ")));
    }
    if snapshot.canceled_by.is_some() || snapshot.cancellation_reason.is_some() {
        let by = snapshot.canceled_by.as_deref().unwrap_or("somebody");
        let reason = snapshot
            .cancellation_reason
            .as_deref()
            .unwrap_or("no reason given");
        lines.push(format!("  canceled    by {}: {}", clean(by), clean(reason)));
    }
    let width = snapshot
        .stages
        .iter()
        .map(|stage| crate::text::columns(&clean(&stage.label)))
        .max()
        .unwrap_or_default()
        .min(48);
    for stage in &snapshot.stages {
        let took = stage.took_ms(now_ms).map_or(String::new(), duration);
        let error = stage
            .error
            .as_deref()
            .map_or(String::new(), |error| first_line(error, 200));
        let rest = format!(
            "{}  {}  {error}",
            pad(&clean(&stage.label), width),
            pad(&took, 8)
        );
        lines.push(format!(
            "  {}  {}",
            painted(&pad(stage.word(), 4), stage, color),
            rest.trim_end()
        ));
    }
    lines.push(format!("  {}", counts(&snapshot)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_page_has_what_a_person_asks_first() {
        let now = 1_763_640_271_220;
        let document = json!({"id": "01K", "application": "demo", "name": "deploy", "status": "CANCELED",
            "buildTime": now - 60_000, "startTime": now - 60_000, "endTime": now - 30_000, "canceledBy": "me",
            "cancellationReason": "wrong tag", "trigger": {"type": "manual", "user": "me", "parameters": {"tag": "v1", "n": 2}},
            "stages": [{"id": "a", "refId": "1", "type": "wait", "name": "Wait", "status": "CANCELED",
                "startTime": now - 60_000, "endTime": now - 30_000}]});
        assert_eq!(
            page(&document, now, false),
            [
                "CANCELED  demo/deploy  01K  30s",
                "  started     2025-11-20T12:03:31Z (1m ago) by me, trigger manual",
                "  parameters  tag=v1  n=2",
                "  canceled    by me: wrong tag",
                "  canc  Wait  30s",
                "  1 done",
            ]
        );
    }
}
