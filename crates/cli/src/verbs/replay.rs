//! `replay`: the history of an execution, decision by decision, folded here by the engine's own rules.

mod sentence;
#[cfg(test)]
mod tests;

use gennaker_engine::{Event, State, apply, apply::created};
use serde::Deserialize as _;
use serde_json::Value;

use super::show;
use crate::{
    Exit, Failure, Global, Io, Tools,
    exit::EXIT_CODES,
    gate::{Caller, Gate},
    output::Format,
    refs::Reference,
    snapshot::Snapshot,
    text::{clean, count, encode, first_line, instant_ms},
};
use sentence::{Names, sentence};

/// Longest sentence about one fact, in columns.
const SENTENCE_COLUMNS: usize = 400;

/// Show every decision about an execution, oldest first
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct ReplayArgs {
    /// An execution id, application/pipeline (its latest execution), or @last
    #[arg(value_name = "REF", default_value = "@last")]
    pub reference: String,

    /// Show the execution as it was at this revision instead
    #[arg(long, value_name = "REV")]
    pub at: Option<u64>,

    /// Show what the engine noted for itself, too: attempts, timers, lookups, changes of contexts
    #[arg(long)]
    pub all: bool,

    /// Where the server is and how to print.
    #[command(flatten)]
    pub global: Global,
}

pub(crate) async fn run(args: &ReplayArgs, tools: &Tools, io: &mut Io) -> Result<Exit, Failure> {
    let format = Format::of_verb(args.global.output.as_deref())?;
    let reference = Reference::parse(&args.reference)?;
    let gate = Gate::connect(&args.global, Caller::Verb, tools, io).await?;
    let id = reference.resolve(&gate, io).await?;
    let answer = gate
        .get(
            &format!("the history of execution {id}"),
            &format!("/v2/executions/{}/history", encode(&id)),
        )
        .await?;
    let history = History::read(&answer)?;
    if let Some(at) = args.at {
        let state = history.fold(at)?;
        let document = serde_json::to_value(&state.doc)
            .map_err(|error| Failure::command(format!("the execution is no JSON: {error}")))?;
        return show::print(&document, &format, &args.global, io);
    }
    match format {
        Format::Human if !args.global.quiet => {
            for line in history.lines(args.all) {
                io.say(&line);
            }
            Ok(Exit::Succeeded)
        }
        Format::Human | Format::Name => {
            io.say(&clean(&id));
            Ok(Exit::Succeeded)
        }
        Format::JsonLines => super::print_list(
            answer["steps"].as_array().map_or(&[][..], Vec::as_slice),
            &format,
            io,
        ),
        Format::Json | Format::Yaml | Format::JsonPath(_) => super::print(&answer, &format, io),
    }
}

/// What the server tells.
struct History {
    /// Records of the oldest decisions that it has dropped.
    dropped: u64,
    steps: Vec<Step>,
}

/// One decision.
struct Step {
    /// The revision after it.
    rev: u64,
    at_ms: i64,
    facts: Vec<Fact>,
}

/// One fact of it; one of a newer server is a sentence about it.
type Fact = Result<Event, String>;

impl History {
    fn read(answer: &Value) -> Result<Self, Failure> {
        let steps = answer["steps"].as_array().ok_or_else(|| {
            Failure::command("the history has no steps")
                .fix("check that the server is Gennaker's: Spinnaker's Gate keeps no history")
        })?;
        Ok(Self {
            dropped: answer["dropped"].as_u64().unwrap_or_default(),
            steps: steps.iter().map(Step::read).collect(),
        })
    }

    /// The state at a revision: after the last decision that is not beyond it.
    fn fold(&self, at: u64) -> Result<State, Failure> {
        if self.dropped > 0 {
            return Err(Failure::command(
                "the oldest decisions were dropped, because the history was too long; what is left cannot be folded",
            )
            .fix("show the rest without --at"));
        }
        let mut state: Option<State> = None;
        for step in self.steps.iter().take_while(|step| step.rev <= at) {
            for fact in &step.facts {
                let event = fact.as_ref().map_err(|unknown| {
                    Failure::command(format!("revision {}: {unknown}", step.rev))
                        .fix("use a gennaker of the server's version")
                })?;
                match &mut state {
                    None => state = created(event),
                    Some(state) => apply(state, event).map_err(|misfit| {
                        Failure::command(format!(
                            "revision {} does not fit what was before it: {misfit}",
                            step.rev
                        ))
                    })?,
                }
            }
        }
        state.ok_or_else(|| {
            let from = self.steps.first().map_or(0, |step| step.rev);
            Failure::new(
                Exit::NotFound,
                format!("the history has no revision {at}; it begins with {from}"),
            )
        })
    }

    /// The page for people.
    fn lines(&self, all: bool) -> Vec<String> {
        let mut names = Names::default();
        let mut lines = vec![self.heading()];
        if self.dropped > 0 {
            lines.push(format!(
                "  {} of the oldest decisions dropped, because the history was too long",
                count(
                    usize::try_from(self.dropped).unwrap_or(usize::MAX),
                    "record"
                )
            ));
        }
        let began = self.steps.first().map_or(0, |step| step.at_ms);
        for step in &self.steps {
            let mut head = format!(
                "  {:>12}  rev {:<6}",
                offset(step.at_ms.saturating_sub(began)),
                step.rev
            );
            for fact in &step.facts {
                let said = match fact {
                    Ok(event) => sentence(event, &mut names),
                    Err(unknown) => sentence::Said::shown(unknown.clone()),
                };
                if said.is_shown || all {
                    lines.push(format!(
                        "{head}  {}",
                        first_line(&said.text, SENTENCE_COLUMNS)
                    ));
                    head = " ".repeat(head.len());
                }
            }
        }
        lines.push(self.ending());
        lines
    }

    fn heading(&self) -> String {
        let facts: usize = self.steps.iter().map(|step| step.facts.len()).sum();
        let began = self.steps.first().map_or(String::new(), |step| {
            format!(" from {}", instant_ms(step.at_ms))
        });
        format!(
            "{}, {}{began}",
            count(self.steps.len(), "decision"),
            count(facts, "fact")
        )
    }

    /// What all of it comes to, as the engine here sees it.
    fn ending(&self) -> String {
        match self.fold(u64::MAX) {
            Ok(state) => {
                let document = serde_json::to_value(&state.doc).unwrap_or_default();
                let snapshot = Snapshot::read(&document);
                format!(
                    "  folded here: {} {} at revision {}",
                    clean(&snapshot.title()),
                    snapshot.status,
                    state.revision
                )
            }
            Err(failure) => format!("  cannot be folded here: {}", clean(&failure.sentence)),
        }
    }
}

impl Step {
    fn read(step: &Value) -> Self {
        let facts = step["e"].as_array().into_iter().flatten();
        Self {
            rev: step["rev"].as_u64().unwrap_or_default(),
            at_ms: step["at"].as_i64().unwrap_or_default(),
            facts: facts
                .map(|fact| {
                    Event::deserialize(fact).map_err(|error| {
                        let name = fact["e"].as_str().unwrap_or("without a name");
                        format!("a fact {name} that this version cannot read: {error}")
                    })
                })
                .collect(),
        }
    }
}

/// `+1.204s` since the first decision.
fn offset(ms: i64) -> String {
    let ms = ms.max(0);
    format!("+{}.{:03}s", ms / 1000, ms % 1000)
}
