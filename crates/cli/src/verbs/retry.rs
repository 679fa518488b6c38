//! `retry`: begins a stage of an execution anew, and says first what that does again. `skip`: ends a stage that runs.

use serde_json::{Value, json};

use super::{agreed, pause::told};
use crate::{
    Exit, Failure, Global, Io, Tools,
    cause::{failing_stage, read_execution},
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    refs::Reference,
    snapshot::{Snapshot, name, stages, status, text},
    text::{clean, closest, encode},
};
use gennaker_model::Status;

/// Most stages that a sentence names.
const NAMED_MAX: usize = 5;

/// Begin a stage anew
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct RetryArgs {
    /// An execution id, application/pipeline (its latest execution), or @last
    #[arg(value_name = "REF", default_value = "@last")]
    pub reference: String,

    /// The stage to begin with: its name, refId or id [default: the one that failed]
    #[arg(long, value_name = "STAGE")]
    pub from: Option<String>,

    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// End a stage that runs, and go on with the next
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct SkipArgs {
    /// An execution id, application/pipeline (its latest execution), or @last
    #[arg(value_name = "REF")]
    pub reference: String,

    /// The stage: its name, refId or id [default: the only one that runs]
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,

    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// Runs `retry`.
pub(crate) async fn run(args: &RetryArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let reference = Reference::parse(&args.reference)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let id = reference.resolve(&gate, io).await?;
    let document = read_execution(&gate, &id).await?;
    let stage = match &args.from {
        Some(wanted) => top_level(&document, find(&document, wanted)?),
        None => failing_stage(&document)
            .map(|stage| top_level(&document, stage))
            .ok_or_else(|| {
                Failure::new(
                    Exit::NotFound,
                    format!("no stage of {id} failed, which is {}", status(&document)),
                )
                .fix("name the stage to begin with by --from")
            })?,
    };
    let what = name(stage);
    if !args.yes && !agreed(&retried(&document, stage), "Do it?", io)? {
        return Ok(Exit::CommandError);
    }
    let path = format!(
        "/pipelines/{}/stages/{}/restart",
        encode(&id),
        encode(&text(stage, "id").unwrap_or_default())
    );
    let request = gate.request("PUT", &path, Some(&json!({})));
    gate.accepted(&format!("stage {what:?} of execution {id}"), request)
        .await?;
    let document = read_execution(&gate, &id).await?;
    let said = format!(
        "begins {} anew: gennaker watch {}",
        clean(&what),
        clean(&id)
    );
    told(&document, &said, &format, &args.global, io)
}

/// Runs `skip`.
pub(crate) async fn skip(args: &SkipArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let reference = Reference::parse(&args.reference)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let id = reference.resolve(&gate, io).await?;
    let document = read_execution(&gate, &id).await?;
    let stage = match &args.stage {
        Some(wanted) => find(&document, wanted)?,
        None => only_running(&document)?,
    };
    let what = name(stage);
    let effect = format!(
        "skipping {:?} of {}: what it has begun is closed, and the stages after it start",
        what,
        Snapshot::read(&document).title()
    );
    if !args.yes && !agreed(&clean(&effect), "Skip it?", io)? {
        return Ok(Exit::CommandError);
    }
    // A wait has its own word for it (Deck's "skip remaining wait").
    let patch = match text(stage, "type").as_deref() {
        Some("wait") => json!({"skipRemainingWait": true}),
        _ => json!({"manualSkip": true}),
    };
    let path = format!(
        "/pipelines/{}/stages/{}",
        encode(&id),
        encode(&text(stage, "id").unwrap_or_default())
    );
    let request = gate.request("PATCH", &path, Some(&patch));
    gate.accepted(&format!("stage {what:?} of execution {id}"), request)
        .await?;
    let document = read_execution(&gate, &id).await?;
    let said = format!("goes on without {}", clean(&what));
    told(&document, &said, &format, &args.global, io)
}

/// What a retry does again.
fn retried(document: &Value, stage: &Value) -> String {
    let all = stages(document);
    let mut again = vec![stage];
    // The graph has no cycle, and every round adds a stage or ends the search.
    loop {
        let more: Vec<&Value> = all
            .iter()
            .filter(|other| other["parentStageId"].is_null() && !again.contains(other))
            .filter(|other| {
                other["requisiteStageRefIds"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|required| again.iter().any(|stage| stage["refId"] == *required))
            })
            .collect();
        if more.is_empty() {
            break;
        }
        again.extend(more);
    }
    let done: Vec<String> = again
        .iter()
        .filter(|stage| status(stage) != Status::NotStarted)
        .map(|stage| clean(&name(stage)))
        .collect();
    let more = match done.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named: Vec<&str> = done.iter().map(String::as_str).take(NAMED_MAX).collect();
    format!(
        "retrying {} from {:?}: {}{more} will be done again, with all that they do outside",
        clean(&Snapshot::read(document).title()),
        clean(&name(stage)),
        named.join(", ")
    )
}

/// A stage by name, refId or id.
fn find<'a>(document: &'a Value, wanted: &str) -> Result<&'a Value, Failure> {
    let all = stages(document);
    let is = |stage: &&Value, key: &str| {
        text(stage, key).is_some_and(|known| known.eq_ignore_ascii_case(wanted))
    };
    let exact = ["id", "refId"]
        .iter()
        .find_map(|key| all.iter().find(|stage| is(stage, key)));
    let named: Vec<&Value> = all.iter().filter(|stage| is(stage, "name")).collect();
    match (exact, named.as_slice()) {
        (Some(stage), _) => Ok(stage),
        (None, [stage]) => Ok(stage),
        (None, []) => {
            let names: Vec<String> = all.iter().map(name).collect();
            let failure = Failure::new(Exit::NotFound, format!("there is no stage {wanted:?}"));
            Err(match closest(wanted, names.iter().map(String::as_str)) {
                Some(near) => failure.fix(format!("did you mean {near:?}?")),
                None => failure.fix(format!("it has {}", names.join(", "))),
            })
        }
        (None, several) => {
            let refs: Vec<String> = several
                .iter()
                .filter_map(|stage| text(stage, "refId"))
                .collect();
            Err(
                Failure::usage(format!("several stages are called {wanted:?}"))
                    .fix(format!("name one by its refId: {}", refs.join(", "))),
            )
        }
    }
}

/// The pipeline's own stage that a synthetic one is a part of.
fn top_level<'a>(document: &'a Value, stage: &'a Value) -> &'a Value {
    let all = stages(document);
    let mut stage = stage;
    for _ in 0..all.len() {
        match all.iter().find(|other| {
            !stage["parentStageId"].is_null() && other["id"] == stage["parentStageId"]
        }) {
            Some(parent) => stage = parent,
            None => break,
        }
    }
    stage
}

fn only_running(document: &Value) -> Result<&Value, Failure> {
    let running: Vec<&Value> = stages(document)
        .iter()
        .filter(|stage| stage["parentStageId"].is_null() && status(stage) == Status::Running)
        .collect();
    match running.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::new(
            Exit::NotFound,
            format!("no stage runs; the execution is {}", status(document)),
        )),
        several => {
            let names: Vec<String> = several.iter().map(|stage| name(stage)).collect();
            Err(Failure::usage("several stages run")
                .fix(format!("choose one with --stage: {}", names.join(", "))))
        }
    }
}
