//! `judge`: lists what waits for a person, and decides.

use serde_json::{Value, json};

use super::{Wanted, change, executions, print_list};
use crate::{
    Exit, Failure, Global, Io, Tools,
    cause::read_execution,
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    refs::Reference,
    snapshot::{Snapshot, StageView},
    text::{ago, clean, closest, encode, table},
};

/// Most running executions that the inbox looks at.
const INBOX_MAX: usize = 2000;

/// Most child executions that are looked into for a judgement.
const CHILDREN_MAX: usize = 64;

/// List what waits for a person, or decide
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct JudgeArgs {
    /// An execution id, application/pipeline (its latest execution), or @last; without it: everything that waits
    #[arg(value_name = "REF")]
    pub reference: Option<String>,

    /// continue, stop, or one of the options, which continues with it
    #[arg(value_name = "DECISION")]
    pub decision: Option<String>,

    /// The option to continue with
    #[arg(long, value_name = "OPTION")]
    pub input: Option<String>,

    /// Name, refId or id of the stage, where several wait
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

/// A judgement that nobody has given.
#[derive(Clone, Debug, PartialEq)]
struct Waiting {
    execution: String,
    title: String,
    stage: StageView,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decision {
    status: &'static str,
    input: Option<String>,
}

pub(crate) async fn run(args: &JudgeArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let chosen = match &args.reference {
        None => {
            let inbox = inbox(&gate).await?;
            list(&inbox, &format, args.global.quiet, io)?;
            match pick(&inbox, &format, io) {
                Some(chosen) => chosen,
                None => return Ok(Exit::Succeeded),
            }
        }
        Some(reference) => {
            let id = Reference::parse(reference)?.resolve(&gate, io).await?;
            only(waiting_in(&gate, &id).await?, args.stage.as_deref(), &id)?
        }
    };
    let decision = match (&args.decision, &args.input) {
        (Some(word), input) => Some(decide(&chosen.stage, word, input.as_deref())?),
        (None, Some(input)) => Some(decide(&chosen.stage, "continue", Some(input))?),
        (None, None) => ask(&chosen, &format, io)?,
    };
    let Some(decision) = decision else {
        return Ok(Exit::Succeeded);
    };
    let mut body = json!({"judgmentStatus": decision.status});
    if let Some(input) = &decision.input {
        body["judgmentInput"] = json!(input);
    }
    let path = format!(
        "/pipelines/{}/stages/{}",
        encode(&chosen.execution),
        encode(&chosen.stage.id)
    );
    let what = format!(
        "judgement {:?} of execution {}",
        chosen.stage.name, chosen.execution
    );
    change(&gate, &what, "PATCH", &path, Some(&body)).await?;
    if format == Format::Human && !args.global.quiet {
        let input = decision
            .input
            .map_or(String::new(), |input| format!(", {}", clean(&input)));
        io.say(&format!(
            "Judged {} of {}: {}{input}",
            clean(&chosen.stage.label),
            clean(&chosen.title),
            decision.status
        ));
    } else {
        io.say(&clean(&chosen.execution));
    }
    Ok(Exit::Succeeded)
}

/// Everything that waits for a person in all applications.
async fn inbox(gate: &Gate) -> Result<Vec<Waiting>, Failure> {
    let wanted = Wanted {
        statuses: "RUNNING",
        limit: INBOX_MAX,
        expand: true,
        ..Wanted::default()
    };
    let running = executions(gate, wanted).await?;
    let mut inbox: Vec<Waiting> = running
        .iter()
        .map(Snapshot::read)
        .flat_map(|snapshot| waiting(&snapshot))
        .collect();
    inbox.sort_by_key(|waiting| waiting.stage.start_ms);
    Ok(inbox)
}

/// What waits in one execution, and, when nothing does, in the children that it waits for.
async fn waiting_in(gate: &Gate, id: &str) -> Result<Vec<Waiting>, Failure> {
    let mut open = vec![id.to_owned()];
    let mut read = 0;
    let mut found = Vec::new();
    let mut first = None;
    while let Some(id) = open.pop() {
        let snapshot = Snapshot::read(&read_execution(gate, &id).await?);
        found.extend(waiting(&snapshot));
        read += 1;
        if read < CHILDREN_MAX {
            open.extend(
                snapshot
                    .stages
                    .iter()
                    .filter_map(|stage| stage.child.clone()),
            );
        }
        first.get_or_insert(snapshot);
    }
    match (found.is_empty(), first) {
        (true, Some(snapshot)) => Err(Failure::new(
            Exit::NotFound,
            format!(
                "nothing waits for a person in {} {}, which is {}",
                snapshot.title(),
                snapshot.id,
                snapshot.status
            ),
        )),
        _ => Ok(found),
    }
}

fn waiting(snapshot: &Snapshot) -> Vec<Waiting> {
    snapshot
        .asking()
        .map(|stage| Waiting {
            execution: snapshot.id.clone(),
            title: snapshot.title(),
            stage: stage.clone(),
        })
        .collect()
}

/// The one that is meant.
fn only(found: Vec<Waiting>, wanted: Option<&str>, id: &str) -> Result<Waiting, Failure> {
    let names: Vec<String> = found
        .iter()
        .map(|waiting| waiting.stage.name.clone())
        .collect();
    let mut matching: Vec<Waiting> = found
        .into_iter()
        .filter(|waiting| {
            wanted.is_none_or(|wanted| {
                let stage = &waiting.stage;
                [&stage.id, &stage.ref_id, &stage.name, &stage.label]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(wanted))
            })
        })
        .collect();
    let choices = names.join(", ");
    match (matching.pop(), matching.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(Failure::usage(format!(
            "several stages of {id} wait for a person"
        ))
        .fix(format!("choose one with --stage: {choices}"))),
        (None, _) => Err(Failure::new(
            Exit::NotFound,
            format!(
                "no stage {:?} of {id} waits for a person",
                wanted.unwrap_or_default()
            ),
        )
        .fix(format!("these do: {choices}"))),
    }
}

/// Reads a decision.
fn decide(stage: &StageView, word: &str, input: Option<&str>) -> Result<Decision, Failure> {
    let question = stage.question.clone().unwrap_or_default();
    let option = |text: &str| {
        question
            .options
            .iter()
            .find(|option| option.as_str() == text)
            .or_else(|| {
                question
                    .options
                    .iter()
                    .find(|option| option.eq_ignore_ascii_case(text))
            })
            .cloned()
    };
    let status = match word.to_ascii_lowercase().as_str() {
        "continue" => "continue",
        "stop" => "stop",
        _ => {
            return match (option(word), input) {
                (Some(chosen), None) => Ok(Decision {
                    status: "continue",
                    input: Some(chosen),
                }),
                _ => Err(unknown(word, &question.options)),
            };
        }
    };
    let input = match input {
        None if status == "continue" && !question.options.is_empty() => {
            return Err(
                Failure::usage(format!("{:?} asks which way to continue", stage.name)).fix(
                    format!("add --input with one of: {}", question.options.join(", ")),
                ),
            );
        }
        None => None,
        Some(input) if question.options.is_empty() => Some(input.to_owned()),
        Some(input) => Some(option(input).ok_or_else(|| unknown(input, &question.options))?),
    };
    Ok(Decision { status, input })
}

fn unknown(word: &str, options: &[String]) -> Failure {
    let known = options
        .iter()
        .map(String::as_str)
        .chain(["continue", "stop"]);
    let fix = match closest(word, known.clone()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("it takes {}", known.collect::<Vec<_>>().join(", ")),
    };
    Failure::usage(format!("'{word}' is no decision here")).fix(fix)
}

fn list(inbox: &[Waiting], format: &Format, quiet: bool, io: &mut Io) -> Result<(), Failure> {
    if *format != Format::Human || quiet {
        let documents: Vec<Value> = inbox
            .iter()
            .map(|waiting| {
                let question = waiting.stage.question.clone().unwrap_or_default();
                json!({"id": waiting.execution, "pipeline": waiting.title, "stageId": waiting.stage.id,
                    "refId": waiting.stage.ref_id, "stage": waiting.stage.name, "startTime": waiting.stage.start_ms,
                    "instructions": question.instructions, "judgmentInputs": question.options})
            })
            .collect();
        let format = if quiet { &Format::Name } else { format };
        return print_list(&documents, format, io).map(drop);
    }
    if inbox.is_empty() {
        io.note("Nothing waits for a person.");
        return Ok(());
    }
    let now_ms = io.now_ms();
    let rows: Vec<Vec<String>> = inbox
        .iter()
        .enumerate()
        .map(|(index, waiting)| {
            vec![
                (index + 1).to_string(),
                clean(&waiting.title),
                clean(&waiting.stage.label),
                waiting
                    .stage
                    .start_ms
                    .map_or(String::new(), |at| ago(now_ms, at)),
                clean(&choices(&waiting.stage)),
                clean(&waiting.execution),
            ]
        })
        .collect();
    for line in table(&["#", "PIPELINE", "STAGE", "SINCE", "CHOICES", "ID"], &rows) {
        io.say(&line);
    }
    Ok(())
}

fn choices(stage: &StageView) -> String {
    match &stage.question {
        Some(question) if !question.options.is_empty() => question.options.join(", "),
        _ => "continue, stop".to_owned(),
    }
}

/// Lets a person at a terminal pick a line of the inbox.
fn pick(inbox: &[Waiting], format: &Format, io: &mut Io) -> Option<Waiting> {
    if inbox.is_empty() || *format != Format::Human || !io.can_ask() || !io.out_is_terminal {
        return None;
    }
    let answer = io.ask(&format!(
        "Judge which, 1 to {}? (nothing leaves all as they are) ",
        inbox.len()
    ))?;
    let number: usize = answer.parse().ok()?;
    inbox.get(number.checked_sub(1)?).cloned()
}

/// Shows the question and, at a terminal, asks it.
fn ask(waiting: &Waiting, format: &Format, io: &mut Io) -> Result<Option<Decision>, Failure> {
    if *format != Format::Human {
        list(std::slice::from_ref(waiting), format, false, io)?;
        return Ok(None);
    }
    io.say(&format!(
        "{} of {} waits for a person",
        clean(&waiting.stage.label),
        clean(&waiting.title)
    ));
    let question = waiting.stage.question.clone().unwrap_or_default();
    for line in question.instructions.iter().flat_map(|text| text.lines()) {
        io.say(&format!("  {}", clean(line)));
    }
    io.say(&format!("  choices: {}", clean(&choices(&waiting.stage))));
    if !io.can_ask() {
        io.note(&format!(
            "decide with: gennaker judge {} DECISION",
            clean(&waiting.execution)
        ));
        return Ok(None);
    }
    match io.ask("Your decision (nothing leaves it as it is): ") {
        Some(word) if !word.is_empty() => decide(&waiting.stage, &word, None).map(Some),
        _ => Ok(None),
    }
}
