//! Synthetic stages and what becomes of the results of tasks (orchestration reference 1.6, 2.3, 3.4 to 3.6), with stage types that do
//! what their context says: the catalogue of this release has none that adds stages after its tasks or on failure.
#![allow(clippy::unwrap_used, reason = "tests")]

use gennaker_engine::{
    Catalogue, Context, Decision, Effect, Input, NewStage, Plan, PlanContext, Rules,
    StageDefinition, State, Step, TaskContext, TaskDefinition, TaskResult, decide,
    definition::PlanError, start,
};
use gennaker_model::{Map, Stage, Status, SyntheticOwner};
use serde_json::{Value, json};

const SECOND_MS: i64 = 1_000;

/// Ends as its stage's context says under `first`, or looks again every second.
static FIRST: TaskDefinition = TaskDefinition {
    name: "first",
    class: "First",
    step: |context| as_said(context, "first"),
    timeout_ms: Some(10 * SECOND_MS),
    timeout_overridable: false,
};

static SECOND: TaskDefinition = TaskDefinition {
    name: "second",
    class: "Second",
    step: |context| as_said(context, "second"),
    timeout_ms: None,
    timeout_overridable: false,
};

fn as_said(context: &TaskContext<'_>, key: &str) -> Step {
    let word = context.context.get(key).and_then(Value::as_str);
    let word = word.unwrap_or("SUCCEEDED");
    if word == "RUNNING" {
        return Step::Again {
            at: context.now + SECOND_MS,
            context: Map::new(),
        };
    }
    let status: Status = serde_json::from_value(json!(word)).unwrap();
    if status == Terminal {
        return TaskResult::thrown(context, "SomeException", "no").into();
    }
    TaskResult::of(status).into()
}

/// `tasks: n`, and lists of contexts under `before`, `after` and `onFailure`.
struct Parts;

impl StageDefinition for Parts {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        if context.stage.context.contains_key("cannotBePlanned") {
            return Err(PlanError::argument("it cannot be planned"));
        }
        let tasks = context.stage.context.get("tasks").and_then(Value::as_u64);
        let count = usize::try_from(tasks.unwrap_or(0)).unwrap();
        let mut plan = Plan::of_tasks([&FIRST, &SECOND].into_iter().take(count));
        plan.before = listed(context.stage, "before");
        Ok(plan)
    }

    fn after(&self, context: &PlanContext<'_>) -> Result<Vec<NewStage>, PlanError> {
        if context.stage.context.contains_key("noAfter") {
            return Err(PlanError::argument("what comes after cannot be planned"));
        }
        Ok(listed(context.stage, "after"))
    }

    fn on_failure(&self, context: &PlanContext<'_>) -> Result<Vec<NewStage>, PlanError> {
        Ok(listed(context.stage, "onFailure"))
    }
}

fn listed(stage: &Stage, key: &str) -> Vec<NewStage> {
    let list = stage.context.get(key).and_then(Value::as_array);
    let contexts = list.into_iter().flatten().filter_map(Value::as_object);
    contexts
        .enumerate()
        .map(|(index, context)| NewStage {
            kind: "parts".to_owned(),
            name: format!("{key} {index}"),
            context: context.clone(),
            requires: match context.get("requires").and_then(Value::as_u64) {
                Some(place) => vec![usize::try_from(place).unwrap()],
                None => Vec::new(),
            },
        })
        .collect()
}

struct Only;

impl Catalogue for Only {
    fn stage(&self, kind: &str) -> Option<&dyn StageDefinition> {
        (kind == "parts").then_some(&Parts)
    }

    fn task(&self, class: &str) -> Option<&'static TaskDefinition> {
        [&FIRST, &SECOND]
            .into_iter()
            .find(|task| task.class == class)
    }
}

struct World {
    state: State,
    now: i64,
    /// refIds of stages in the order in which they started.
    started: Vec<String>,
}

impl World {
    fn start(stages: &[Value]) -> Self {
        let stages: Vec<Value> = stages
            .iter()
            .enumerate()
            .map(|(index, context)| {
                let requires: Vec<String> =
                    index.checked_sub(1).map(|_| index.to_string()).into_iter().collect();
                json!({"id": format!("s{index}"), "refId": (index + 1).to_string(), "requisiteStageRefIds": requires,
                    "type": "parts", "name": "top", "status": "NOT_STARTED", "context": context, "outputs": {}, "tasks": []})
            })
            .collect();
        let document = serde_json::from_value(
            json!({"type": "PIPELINE", "id": "e", "application": "a", "buildTime": 1,
            "status": "NOT_STARTED", "authentication": {"user": "ann"}, "trigger": {}, "stages": stages}),
        )
        .unwrap();
        let rules = Rules::default();
        let decision = start(document, None, &[], &context(1, &rules));
        let mut world = Self {
            state: decision.after.clone(),
            now: 1,
            started: Vec::new(),
        };
        world.take(decision);
        world
    }

    /// Lets timers fire for so long.
    fn advance(&mut self, ms: i64) {
        let until = self.now + ms;
        loop {
            let timers = self.state.book.timers.iter();
            let next = timers.min_by_key(|(_, due)| **due);
            let Some((timer, due)) = next.map(|(timer, due)| (timer.clone(), *due)) else {
                break;
            };
            if due > until {
                break;
            }
            self.now = self.now.max(due);
            let rules = Rules::default();
            let input = Input::TimerFired { timer, due };
            let decision = decide(&self.state, &input, &context(self.now, &rules));
            self.take(decision);
        }
        self.now = until;
    }

    fn take(&mut self, decision: Decision) {
        assert!(
            !decision
                .effects
                .iter()
                .any(|it| matches!(it, Effect::Continue))
        );
        for event in &decision.events {
            if let gennaker_engine::Event::StageStarted { stage, .. } = event {
                let stage = decision
                    .after
                    .doc
                    .stages
                    .iter()
                    .find(|held| held.id == *stage);
                self.started.extend(stage.map(|stage| stage.ref_id.clone()));
            }
        }
        self.state = decision.after;
        assert_eq!(gennaker_engine::audit::zombies(&self.state), []);
    }

    fn stages(&self) -> Vec<(&str, Status)> {
        let stages = self.state.doc.stages.iter();
        stages
            .map(|stage| (stage.ref_id.as_str(), stage.status))
            .collect()
    }

    fn stage(&self, ref_id: &str) -> &Stage {
        let mut stages = self.state.doc.stages.iter();
        stages.find(|stage| stage.ref_id == ref_id).unwrap()
    }

    fn tasks(&self, ref_id: &str) -> Vec<Status> {
        self.stage(ref_id)
            .tasks
            .iter()
            .map(|task| task.status)
            .collect()
    }

    fn status(&self) -> Status {
        self.state.doc.status
    }
}

fn context(now: i64, rules: &Rules) -> Context<'_> {
    Context {
        now,
        catalogue: &Only,
        rules,
        partition: 0,
        must_wait: false,
        listeners: &gennaker_engine::Nobody,
    }
}

fn one(context: Value) -> World {
    World::start(&[context])
}

use Status::{
    Canceled, FailedContinue, NotStarted, Running, Skipped, Stopped, Succeeded, Terminal,
};

#[test]
fn rule_1_6_before_stages_stand_before_their_parent_and_after_stages_behind_it() {
    let world = one(json!({"tasks": 1, "before": [{}, {"requires": 0}], "after": [{}, {}]}));
    let order: Vec<&str> = world
        .stages()
        .into_iter()
        .map(|(ref_id, _)| ref_id)
        .collect();
    assert_eq!(order, ["1<1", "1<2", "1", "1>1", "1>2"]);
    assert_eq!(world.stage("1<2").requisite_stage_ref_ids, ["1<1"]);
    for (ref_id, owner) in [
        ("1<1", SyntheticOwner::StageBefore),
        ("1>2", SyntheticOwner::StageAfter),
    ] {
        let stage = world.stage(ref_id);
        assert_eq!(stage.synthetic_stage_owner, Some(owner));
        assert_eq!(stage.parent_stage_id, Some(world.stage("1").id.clone()));
    }
    assert_eq!(world.status(), Succeeded);
}

#[test]
fn rule_1_6_the_tasks_run_after_the_before_stages_and_before_the_after_stages() {
    let part = || json!({"tasks": 1, "first": "RUNNING", "second": "SUCCEEDED"});
    let mut world = one(json!({"tasks": 1, "before": [part()], "after": [{"tasks": 1}]}));
    assert_eq!(world.tasks("1"), [NotStarted]);
    assert_eq!(world.stage("1").status, Running);
    world.advance(10 * SECOND_MS);
    assert_eq!(world.stage("1<1").status, Terminal, "its task has a limit");
    assert_eq!(world.tasks("1"), [NotStarted]);
    assert_eq!(world.stages().len(), 2, "nothing was planned after it");
    let world = one(json!({"tasks": 1, "before": [{"tasks": 1}], "after": [{"tasks": 1}]}));
    let at = |ref_id: &str| world.started.iter().position(|it| it == ref_id);
    assert_eq!((at("1"), at("1<1"), at("1>1")), (Some(0), Some(1), Some(2)));
    assert_eq!(world.status(), Succeeded);
}

#[test]
fn rule_1_6_on_failure_stages_run_one_after_the_other_and_count_on() {
    let world = one(
        json!({"tasks": 1, "first": "TERMINAL", "after": [{}], "onFailure": [{"tasks": 1}, {"tasks": 1}]}),
    );
    assert_eq!(
        world.stages(),
        [("1", Terminal), ("1>1", Succeeded), ("1>2", Succeeded)]
    );
    assert_eq!(world.stage("1>2").requisite_stage_ref_ids, ["1>1"]);
    assert_eq!(world.started, ["1", "1>1", "1>2"]);
    assert_eq!(world.status(), Terminal);
}

#[test]
fn rule_1_6_on_failure_planning_takes_away_what_has_not_started_and_happens_once() {
    // The second after-stage waits for the first, which fails.
    let world = one(
        json!({"tasks": 1, "after": [{"tasks": 1, "first": "TERMINAL"}, {"requires": 0}],
        "onFailure": [{"tasks": 1}]}),
    );
    assert_eq!(
        world.stages(),
        [("1", Terminal), ("1>1", Terminal), ("1>2", Succeeded)]
    );
    assert_eq!(world.stage("1>2").name, "onFailure 0");
    // One that fails itself is not planned again.
    let world = one(
        json!({"tasks": 1, "first": "TERMINAL", "onFailure": [{"tasks": 1, "first": "TERMINAL"}]}),
    );
    assert_eq!(world.stages(), [("1", Terminal), ("1>1", Terminal)]);
}

#[test]
fn rule_1_6_on_failure_stages_follow_terminal_and_stopped_only() {
    for (flags, word, planned) in [
        (json!({}), "TERMINAL", true),
        (json!({"failPipeline": false}), "TERMINAL", true),
        (json!({"continuePipeline": true}), "TERMINAL", false),
        (json!({}), "SUCCEEDED", false),
    ] {
        let mut context = json!({"tasks": 1, "first": word, "onFailure": [{"tasks": 1}]});
        context
            .as_object_mut()
            .unwrap()
            .extend(flags.as_object().unwrap().clone());
        assert_eq!(one(context).stages().len() == 2, planned, "{flags} {word}");
    }
}

#[test]
fn rule_1_6_windows_are_not_handed_to_parts() {
    let inside = json!({"days": [1, 2, 3, 4, 5, 6, 7]});
    let part = json!({"restrictExecutionDuringTimeWindow": true, "restrictedExecutionWindow": inside, "x": 1});
    let world = one(json!({"before": [part]}));
    assert_eq!(json!(world.stage("1<1").context), json!({"x": 1}));
}

#[test]
fn rule_2_3_a_child_that_fails_and_continues_stops_its_siblings() {
    let failing = json!({"tasks": 1, "first": "TERMINAL", "continuePipeline": true});
    let world = one(
        json!({"tasks": 1, "before": [failing, {"requires": 0}, {"tasks": 1, "first": "RUNNING"}]}),
    );
    assert_eq!(
        world.stages(),
        [
            ("1<1", FailedContinue),
            ("1<2", NotStarted),
            ("1<3", Canceled),
            ("1", FailedContinue)
        ]
    );
    assert_eq!(world.tasks("1"), [NotStarted]);
    assert_eq!(world.status(), Succeeded);
}

#[test]
fn rule_2_3_unless_it_lets_them_continue() {
    let failing = json!({"tasks": 1, "first": "TERMINAL", "continuePipeline": true,
        "allowSiblingStagesToContinueOnFailure": true});
    let world = one(json!({"tasks": 1, "before": [failing, {"requires": 0, "tasks": 1}]}));
    assert_eq!(
        world.stages(),
        [
            ("1<1", FailedContinue),
            ("1<2", Succeeded),
            ("1", FailedContinue)
        ]
    );
    assert_eq!(world.tasks("1"), [Succeeded]);
}

#[test]
fn rule_2_3_a_child_that_halts_completes_its_parent_at_once_and_ends_its_siblings() {
    for (word, child, parent) in [
        ("TERMINAL", Terminal, Terminal),
        ("STOPPED", Stopped, Stopped),
        ("CANCELED", Canceled, Canceled),
    ] {
        let failing = json!({"tasks": 1, "first": word});
        let running = json!({"tasks": 1, "first": "RUNNING"});
        let world = one(json!({"tasks": 1, "before": [failing, running]}));
        assert_eq!(
            world.stages(),
            [("1<1", child), ("1<2", Canceled), ("1", parent)],
            "{word}"
        );
    }
}

#[test]
fn rule_3_4_after_stages_are_planned_also_when_the_failure_is_ignored() {
    let world = one(
        json!({"tasks": 1, "first": "TERMINAL", "continuePipeline": true, "after": [{"tasks": 1}]}),
    );
    assert_eq!(world.stages(), [("1", FailedContinue), ("1>1", Succeeded)]);
}

#[test]
fn rule_3_4_a_stage_of_after_stages_only_succeeds_and_one_of_nothing_is_skipped() {
    assert_eq!(
        one(json!({"after": [{"tasks": 1}]})).stages(),
        [("1", Succeeded), ("1>1", Succeeded)]
    );
    assert_eq!(one(json!({})).stages(), [("1", Skipped)]);
}

#[test]
fn rule_3_4_a_plan_that_fails_meets_the_failure_options() {
    for (flags, expected) in [
        (json!({}), Terminal),
        (json!({"continuePipeline": true}), FailedContinue),
        (json!({"failPipeline": false}), Stopped),
    ] {
        let mut context = json!({"cannotBePlanned": 1});
        context
            .as_object_mut()
            .unwrap()
            .extend(flags.as_object().unwrap().clone());
        let world = one(context);
        assert_eq!(world.stage("1").status, expected, "{flags}");
        assert_eq!(world.stage("1").context["beforeStagePlanningFailed"], true);
    }
}

#[test]
fn rule_3_4_what_comes_after_and_cannot_be_planned_is_terminal_whatever_the_options() {
    let world = one(json!({"tasks": 1, "noAfter": true, "continuePipeline": true}));
    assert_eq!(world.stages(), [("1", Terminal)]);
    let errors = &world.stage("1").context["exception"]["details"]["errors"];
    assert_eq!(*errors, json!(["what comes after cannot be planned"]));
}

#[test]
fn rule_3_5_what_a_task_answers_decides_what_comes_next() {
    for (word, flags, tasks, stage) in [
        (
            "SUCCEEDED",
            json!({}),
            vec![Succeeded, Succeeded],
            Succeeded,
        ),
        ("SKIPPED", json!({}), vec![Skipped, Succeeded], Succeeded),
        (
            "FAILED_CONTINUE",
            json!({}),
            vec![FailedContinue, Succeeded],
            FailedContinue,
        ),
        ("STOPPED", json!({}), vec![Stopped, NotStarted], Stopped),
        ("CANCELED", json!({}), vec![Canceled, NotStarted], Canceled),
        (
            "CANCELED",
            json!({"failPipeline": false}),
            vec![Stopped, NotStarted],
            Stopped,
        ),
        (
            "CANCELED",
            json!({"continuePipeline": true}),
            vec![FailedContinue, Succeeded],
            FailedContinue,
        ),
        ("TERMINAL", json!({}), vec![Terminal, NotStarted], Terminal),
        (
            "TERMINAL",
            json!({"failPipeline": false}),
            vec![Stopped, NotStarted],
            Stopped,
        ),
        (
            "TERMINAL",
            json!({"continuePipeline": true}),
            vec![FailedContinue, Succeeded],
            FailedContinue,
        ),
    ] {
        let mut context = json!({"tasks": 2, "first": word});
        context
            .as_object_mut()
            .unwrap()
            .extend(flags.as_object().unwrap().clone());
        let world = one(context);
        assert_eq!(world.tasks("1"), tasks, "{word} {flags}");
        assert_eq!(world.stage("1").status, stage, "{word} {flags}");
    }
}

#[test]
fn rule_3_5_a_task_that_is_not_done_is_looked_at_again() {
    let mut world = one(json!({"tasks": 2, "second": "RUNNING"}));
    world.advance(100 * SECOND_MS);
    assert_eq!(world.tasks("1"), [Succeeded, Running]);
    assert_eq!(world.state.book.timers.len(), 1);
}

#[test]
fn rule_3_6_a_limit_that_cannot_be_overridden_holds_beside_the_stages() {
    for (stage_limit, ends_after) in [(json!(null), 10), (json!(60_000), 10), (json!(4_000), 4)] {
        let mut world = one(json!({"tasks": 1, "first": "RUNNING", "stageTimeoutMs": stage_limit}));
        world.advance(ends_after * SECOND_MS - 1);
        assert_eq!(world.stage("1").status, Running, "{stage_limit}");
        world.advance(1);
        assert_eq!(world.stage("1").status, Terminal, "{stage_limit}");
    }
}

#[test]
fn rule_3_6_the_stages_limit_holds_for_a_task_without_one() {
    let mut world = one(json!({"tasks": 2, "second": "RUNNING", "stageTimeoutMs": 60_000}));
    world.advance(60 * SECOND_MS);
    assert_eq!(world.tasks("1"), [Succeeded, Terminal]);
    let errors = &world.stage("1").context["exception"]["details"]["errors"];
    assert_eq!(*errors, json!(["Stage top timed out after 1 minute"]));
}

#[test]
fn rule_3_6_the_nearest_of_stage_and_parents_counts() {
    let part = |limit: Value| json!({"tasks": 2, "second": "RUNNING", "stageTimeoutMs": limit});
    for (inner, outer, ends_after) in [
        (json!(null), json!(5_000), 5),
        (json!(8_000), json!(5_000), 8),
        (json!("5000"), json!(7_000), 7),
    ] {
        let mut world = one(json!({"before": [part(inner.clone())], "stageTimeoutMs": outer}));
        world.advance(ends_after * SECOND_MS - 1);
        assert_eq!(world.stage("1<1").status, Running, "{inner} in {outer}");
        world.advance(1);
        assert_eq!(world.stage("1<1").status, Terminal, "{inner} in {outer}");
    }
}

#[test]
fn rule_2_4_stages_below_a_halted_one_stay_not_started() {
    for word in ["TERMINAL", "STOPPED", "CANCELED"] {
        let world = World::start(&[json!({"tasks": 1, "first": word}), json!({})]);
        assert_eq!(world.stage("2").status, NotStarted, "{word}");
        assert!(world.status().is_complete());
    }
}
