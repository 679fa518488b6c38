//! One try: an execution, a stage in it, and what the engine makes of an expression there.
//!
//! Evaluation is bounded but may take some milliseconds for each expression, so it runs beside the threads that serve
//! requests, a few at a time.

use std::{sync::Arc, time::Duration};

use gennaker_engine::{
    Catalogue as _, Context, ExpressionLookup, Lookup, LookupAnswer, State, Step, TaskContext,
    scope::{self, Evaluated, Scope},
    state::{Asked, Book},
};
use gennaker_expressions::{Environment, evaluate_json};
use gennaker_model::{Execution, Map, Stage, StageId, Status, Task};
use gennaker_stages::CATALOGUE;
use serde_json::{Value, json};

use crate::{Gate, lookups, problem::Problem};

/// Tries that run at once in one process.
pub(crate) const AT_ONCE: usize = 4;

/// Most rounds of evaluating, asking and evaluating again.
const ROUNDS_MAX: usize = 32;

/// Longest wait for a place among those that run.
const QUEUE_MAX: Duration = Duration::from_secs(10);

/// What the original calls the task of an *Evaluate variables* stage.
const EVALUATE_VARIABLES: &str = "com.netflix.spinnaker.orca.pipeline.tasks.EvaluateVariablesTask";

/// An execution as the engine has it, and the stage in whose scope is evaluated, if any.
pub(super) struct Trial {
    state: State,
    stage: Option<Stage>,
}

/// What one round came to.
enum Tried {
    /// The result, and what failed.
    Done(Value, Map),
    /// These must be known first.
    Needs(Vec<Lookup>),
}

/// A stage that no execution has.
pub(super) fn preview(kind: &str) -> Stage {
    Stage {
        id: preview_id(),
        ref_id: "preview".to_owned(),
        requisite_stage_ref_ids: Vec::new(),
        kind: kind.to_owned(),
        name: "preview".to_owned(),
        start_time: None,
        end_time: None,
        start_time_expiry: None,
        status: Status::Running,
        context: Arc::default(),
        outputs: Arc::default(),
        tasks: Vec::new(),
        synthetic_stage_owner: None,
        parent_stage_id: None,
        scheduled_time: None,
        last_modified: None,
    }
}

impl Trial {
    /// Evaluates with nothing but the execution and its trigger in scope.
    pub(super) fn outside(execution: Execution) -> Self {
        Self {
            state: State {
                doc: execution,
                book: Book::default(),
                revision: 0,
            },
            stage: None,
        }
    }

    /// Evaluates in the scope of one of the execution's stages.
    pub(super) fn inside(execution: Execution, stage: Stage) -> Self {
        Self {
            stage: Some(stage),
            ..Self::outside(execution)
        }
    }

    /// Evaluates in the scope of one more stage, behind those that it requires.
    pub(super) fn behind(mut execution: Execution, stage: Stage) -> Self {
        execution.stages.push(Arc::new(stage.clone()));
        Self::inside(execution, stage)
    }

    /// The value of a text, and what failed. Messages call it `expression`, as Orca's do.
    pub(super) async fn expression(
        self,
        gate: &Gate,
        text: Value,
    ) -> Result<(Value, Map), Problem> {
        let value = json!({"expression": text});
        self.settled(gate, move |trial, context| {
            let evaluated = match &trial.stage {
                Some(stage) => scope::evaluate(&trial.state, stage, &value, context),
                None => trial.evaluate_outside(&value, context),
            };
            needs(&evaluated).unwrap_or_else(|| {
                Tried::Done(evaluated.value["expression"].clone(), evaluated.summary)
            })
        })
        .await
    }

    /// The stage's `variables` as the task of an *Evaluate variables* stage leaves them, and what failed.
    pub(super) async fn variables(self, gate: &Gate) -> Result<(Value, Map), Problem> {
        self.settled(gate, |trial, context| match &trial.stage {
            Some(stage) => evaluate_variables(&trial.state, stage, context),
            None => Tried::Done(Value::Null, Map::new()),
        })
        .await
    }

    /// Evaluates, answers what that asks for, and evaluates again, until nothing is asked any more.
    async fn settled<F>(mut self, gate: &Gate, evaluate: F) -> Result<(Value, Map), Problem>
    where
        F: Fn(&Self, &Context<'_>) -> Tried + Send + Sync + 'static,
    {
        let evaluate = Arc::new(evaluate);
        let now = gate.now_ms();
        for _ in 0..ROUNDS_MAX {
            let place = Arc::clone(gate.evaluations()).acquire_owned();
            let place = tokio::time::timeout(QUEUE_MAX, place)
                .await
                .map_err(|_| Problem::unavailable("Too many expressions are evaluated just now"))?
                .map_err(|_| Problem::unavailable("The server is stopping"))?;
            let (evaluate, around) = (Arc::clone(&evaluate), gate.clone());
            // A client that goes away leaves it behind; its limits end it.
            let round = tokio::task::spawn_blocking(move || {
                let context = Context {
                    now,
                    catalogue: &*around.config().catalogue,
                    rules: &around.config().rules,
                    partition: 0,
                    must_wait: false,
                    listeners: &gennaker_engine::Nobody,
                };
                let tried = evaluate(&self, &context);
                drop(place);
                (self, tried)
            });
            let (trial, tried) = round
                .await
                .map_err(|_| Problem::internal("The server failed to evaluate this expression"))?;
            self = trial;
            let needs = match tried {
                Tried::Done(result, summary) => return Ok((result, summary)),
                Tried::Needs(needs) => needs,
            };
            for lookup in needs {
                let answer = lookups::answer(gate.store(), &lookup).await;
                self.know(now, lookup, answer);
            }
        }
        Err(Problem::bad_request(format!(
            "The expressions ask for more than {ROUNDS_MAX} things outside the execution"
        )))
    }

    /// As [`scope::evaluate`], without a stage.
    fn evaluate_outside(&self, value: &Value, context: &Context<'_>) -> Evaluated {
        let doc = &self.state.doc;
        let asker = self.asker();
        let answers = |lookup: &ExpressionLookup| {
            let lookup = Lookup::Expression(lookup.clone());
            self.state.answer(&asker, &lookup).cloned()
        };
        let mut environment = Environment::fixed(context.now, scope::seed(doc, None, 0));
        environment.zone = context.rules.zone.clone();
        environment.limits = context.rules.limits;
        environment.lookups = &answers;
        evaluate_json(value, &Scope::of_execution(doc), &environment).into()
    }

    /// Records an answer where the engine records it.
    fn know(&mut self, now: i64, lookup: Lookup, answer: LookupAnswer) {
        let asked = self.state.book.asked.entry(self.asker());
        let asked = asked.or_insert_with(|| {
            Arc::new(Asked {
                at: now,
                ..Asked::default()
            })
        });
        Arc::make_mut(asked).answers.insert(lookup, answer);
    }

    /// On whose behalf is asked.
    fn asker(&self) -> StageId {
        self.stage
            .as_ref()
            .map_or_else(preview_id, |stage| stage.id.clone())
    }
}

/// Does what the engine does with such a stage: its context first, then what its task evaluates by itself.
fn evaluate_variables(state: &State, stage: &Stage, context: &Context<'_>) -> Tried {
    let evaluated = scope::evaluate_context(state, stage, &stage.context, context);
    if let Some(needs) = needs(&evaluated) {
        return needs;
    }
    let mut own = evaluated.into_context(&stage.context);
    let definition = CATALOGUE
        .task(EVALUATE_VARIABLES)
        .expect("the catalogue has a stage type with this task");
    let task = Task {
        id: "1".to_owned(),
        implementing_class: definition.class.to_owned(),
        name: definition.name.to_owned(),
        start_time: None,
        end_time: None,
        status: Status::Running,
        stage_start: true,
        stage_end: true,
        loop_start: false,
        loop_end: false,
        task_exception_details: None,
        retry: 0,
    };
    let evaluate = |value: &Value, own: &Map| {
        let stage = Stage {
            context: Arc::new(own.clone()),
            ..stage.clone()
        };
        scope::evaluate(state, &stage, value, context)
    };
    let step = (definition.step)(&TaskContext {
        zone: &context.rules.zone,
        state,
        stage,
        context: &own,
        task: &task,
        now: context.now,
        evaluate: &evaluate,
    });
    match step {
        Step::Lookup(lookup) => return Tried::Needs(vec![lookup]),
        Step::Done(result) => own.extend(result.context),
        Step::Again { .. }
        | Step::Scheduled { .. }
        | Step::Ask { .. }
        | Step::Dispatch(_)
        | Step::StartChild(_)
        | Step::AwaitChild => {}
    }
    let summary = match own.shift_remove(scope::SUMMARY) {
        Some(Value::Object(summary)) => summary,
        _ => Map::new(),
    };
    let variables = own.shift_remove("variables").unwrap_or_default();
    Tried::Done(variables, summary)
}

fn preview_id() -> StageId {
    StageId::new("preview").expect("a word is an id")
}

fn needs(evaluated: &Evaluated) -> Option<Tried> {
    (!evaluated.needs.is_empty()).then(|| Tried::Needs(evaluated.needs.clone()))
}
