//! Pipelines that are made from templates, expanded without being run.
//!
//! Source: orca `OperationsController.planPipeline`, `V2PipelineTemplateController.plan`, `V2Util`.

use gennaker_expressions::{Data, Environment, Root, evaluate_json};
use gennaker_intake::{
    parameters,
    templated::{Planned, planned},
};
use gennaker_model::{
    Map,
    command::{ListQuery, Refusal},
};
use gennaker_templates::{Expansion, INVALID, Request, is_templated};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, executions, problem::Problem};

/// Where a document tells what failed in its expressions.
const SUMMARY: &str = "expressionEvaluationSummary";

/// Most stages that get refIds in a plan.
const STAGES_MAX: usize = 2_000;

/// `POST /v2/pipelineTemplates/plan`: the plan of a configuration, its expressions evaluated as far as they can be.
pub(crate) async fn templated(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let mut config = call.object()?;
    let trigger = match config.shift_remove("trigger") {
        Some(Value::Object(trigger)) => trigger,
        Some(_) | None => Map::new(),
    };
    let is_second = config.get("schema").is_some_and(|it| it == "v2");
    let pipeline = plan(&gate, &call, &config, &trigger, true).await?;
    let (mut pipeline, failed) = evaluated(&gate, &call, pipeline, &trigger);
    if !failed.is_empty() {
        // The original forgets to fill in its own message.
        let message = "Missing template variable values for the following variables: %s";
        return Err(Problem::template(message, failed));
    }
    if is_second && !pipeline.contains_key("source") {
        let source = json!({"type": "templatedPipeline", "version": "v2"});
        pipeline.insert("source".to_owned(), source);
    }
    if !trigger.is_empty() {
        pipeline.insert("trigger".to_owned(), trigger.into());
    }
    Ok(Answer::json(pipeline))
}

/// `POST /pipelines/start` with `plan: true`: the plan of a configuration, which `roer` publishes or shows.
pub(crate) async fn submitted(
    gate: &Gate,
    call: &Call,
    mut config: Map,
) -> Result<Answer, Problem> {
    config.shift_remove("plan");
    let trigger = match config.shift_remove("trigger") {
        Some(Value::Object(trigger)) => Some(trigger),
        Some(_) | None => None,
    };
    let trigger = match trigger {
        Some(trigger) => trigger,
        None if is_templated(&config) => former_trigger(gate, call, &config).await,
        None => Map::new(),
    };
    let trigger = normalized(&config, trigger, call);
    let mut pipeline = plan(gate, call, &config, &trigger, true).await?;
    if pipeline.get("disabled") == Some(&Value::Bool(true)) {
        return Err(Problem::bad_request(
            "Pipeline is disabled and cannot be started.",
        ));
    }
    number(&mut pipeline);
    pipeline.insert("trigger".to_owned(), trigger.into());
    Ok(Answer::json(pipeline))
}

/// What a configuration and its template tell without being expanded; `None` where there is no template, or none to be had.
pub(crate) async fn surface(gate: &Gate, call: &Call, config: &Map) -> Option<Map> {
    if !is_templated(config) {
        return None;
    }
    let trigger = Map::new();
    let limits = gate.config().rules.limits;
    let request = Request {
        config,
        trigger: &trigger,
        plan: false,
        now_ms: call.at_ms,
        seed: 0,
        limits: &limits,
    };
    let surfaced =
        gate.store().expand(
            |answers| match gennaker_templates::surface(&request, answers) {
                Expansion::Needs(need) => Err(need),
                Expansion::Done(surface) => Ok(Some(surface)),
                Expansion::Plain | Expansion::Invalid(_) => Ok(None),
            },
        );
    surfaced.await
}

/// A start that may be refused for its template: an owner says why as text, and the client wants to know it in detail.
pub(crate) struct Again(Option<(Map, Map)>);

impl Again {
    pub(crate) fn of(config: &Map, trigger: &Map) -> Self {
        Self(is_templated(config).then(|| (config.clone(), trigger.clone())))
    }

    /// The refusal with its errors, if it is about the template: the same function is asked what the owner has asked.
    pub(crate) async fn told(
        self,
        gate: &Gate,
        call: &Call,
        refusal: &Refusal,
        message: &impl Fn(String) -> String,
    ) -> Option<Problem> {
        let (config, trigger) = self.0.filter(|_| refusal.message.starts_with(INVALID))?;
        let planned = gate.store().expand(|answers| {
            let limits = &gate.config().rules.limits;
            match planned(&config, &trigger, false, call.at_ms, limits, answers) {
                Planned::Needs(need) => Err(need),
                done => Ok(done),
            }
        });
        let errors = match planned.await {
            Planned::Invalid(problems) => problems.iter().map(|it| it.to_value()).collect(),
            Planned::Pipeline(_) | Planned::Needs(_) => Vec::new(),
        };
        Some(Problem::template(message(INVALID.to_owned()), errors))
    }
}

async fn plan(
    gate: &Gate,
    call: &Call,
    config: &Map,
    trigger: &Map,
    strict: bool,
) -> Result<Map, Problem> {
    let planned = gate.store().expand(|answers| {
        let limits = &gate.config().rules.limits;
        match planned(config, trigger, strict, call.at_ms, limits, answers) {
            Planned::Needs(need) => Err(need),
            done => Ok(done),
        }
    });
    match planned.await {
        Planned::Pipeline(pipeline) => Ok(pipeline),
        Planned::Invalid(problems) => {
            let errors = problems.iter().map(|it| it.to_value()).collect();
            Err(Problem::template(INVALID, errors))
        }
        Planned::Needs(need) => Err(Problem::internal(format!(
            "the plan needs what was not found: {need:?}"
        ))),
    }
}

/// What started the pipeline last, so that texts that refer to it can be planned. Source: `parsePipelineTrigger`.
async fn former_trigger(gate: &Gate, call: &Call, config: &Map) -> Map {
    let text = |field: &str| {
        let text = config.get(field).and_then(Value::as_str);
        text.map(str::to_owned)
    };
    let Some(document) = newest(gate, call, text("executionId"), text("id")).await else {
        return Map::new();
    };
    (*document.trigger).clone()
}

/// An execution by id, else the newest of a pipeline.
pub(crate) async fn newest(
    gate: &Gate,
    call: &Call,
    execution: Option<String>,
    pipeline: Option<String>,
) -> Option<gennaker_model::Execution> {
    if let Some(id) = execution {
        let id = gennaker_model::ExecutionId::new(id).ok()?;
        return executions::read(gate, call, &id).await.ok();
    }
    let query = ListQuery {
        config_ids: vec![pipeline?],
        limit: Some(1),
        expand: true,
        ..ListQuery::default()
    };
    let listed = gate.owners().list(call, &query, true).await.ok()?;
    let newest = |document: &gennaker_model::Execution| document.build_time;
    listed.found.into_iter().max_by_key(newest)
}

fn normalized(config: &Map, mut trigger: Map, call: &Call) -> Map {
    for (field, default) in [("type", "manual"), ("user", call.user())] {
        if !trigger.get(field).is_some_and(Value::is_string) {
            trigger.insert(field.to_owned(), default.into());
        }
    }
    let parameters = parameters::with_defaults(config, &trigger);
    trigger.insert("parameters".to_owned(), parameters.into());
    trigger
}

/// Stages without refIds run one after the other.
fn number(pipeline: &mut Map) {
    let Some(Value::Array(stages)) = pipeline.get_mut("stages") else {
        return;
    };
    let has_id = |stage: &Value| stage.get("refId").is_some_and(|id| !id.is_null());
    if stages.len() > STAGES_MAX || stages.iter().any(has_id) {
        return;
    }
    for (place, stage) in stages.iter_mut().enumerate() {
        if let Value::Object(stage) = stage {
            let before: Vec<String> = place
                .checked_sub(1)
                .into_iter()
                .map(|it| it.to_string())
                .collect();
            stage.insert("refId".to_owned(), place.to_string().into());
            stage.insert("requisiteStageRefIds".to_owned(), before.into());
        }
    }
}

/// The plan with its expressions evaluated, but for stages under evaluator v4, and the names of variables that have no value.
fn evaluated(gate: &Gate, call: &Call, mut pipeline: Map, trigger: &Map) -> (Map, Vec<Value>) {
    let is_v4 = pipeline.get("spelEvaluator").is_some_and(|it| it == "v4");
    let stages = match is_v4 {
        true => pipeline.shift_remove("stages"),
        false => None,
    };
    let variables = match pipeline.get("templateVariables") {
        Some(Value::Object(variables)) => variables.clone(),
        Some(_) | None => Map::new(),
    };
    let rules = &gate.config().rules;
    let mut environment = Environment::fixed(call.at_ms, call.draw());
    environment.zone = rules.zone.clone();
    environment.limits = rules.limits;
    let root = Submitted {
        own: Map::new(),
        trigger,
        variables: &variables,
    };
    let value = Value::Object(pipeline);
    let evaluation = evaluate_json(&value, &root, &environment);
    let mut pipeline = match evaluation.value {
        Value::Object(pipeline) => pipeline,
        _ => Map::new(),
    };
    let mut failed = Vec::new();
    if let Value::Object(summary) = evaluation.summary.to_json()
        && !summary.is_empty()
    {
        let names = summary
            .keys()
            .filter_map(|it| it.strip_prefix("templateVariables."));
        failed = names.map(Value::from).collect();
        pipeline.insert(SUMMARY.to_owned(), summary.into());
    }
    if let Some(stages) = stages {
        pipeline.insert("stages".to_owned(), stages);
    }
    (pipeline, failed)
}

/// What a submitted document is evaluated with.
struct Submitted<'a> {
    own: Map,
    trigger: &'a Map,
    variables: &'a Map,
}

impl Root for Submitted<'_> {
    fn own(&self) -> &Map {
        &self.own
    }

    fn trigger(&self) -> Option<Data<'_>> {
        Some(Data::Map(self.trigger))
    }

    fn template_variables(&self) -> Option<Data<'_>> {
        Some(Data::Map(self.variables))
    }
}
