//! Stages of a configuration replace those of the template with the same refId, or are injected among them.
//!
//! Source: orca `V2ConfigStageInjectionTransform`. Unlike there, a stage that replaces another may have requisites, and stages of
//! a template that a configuration leaves alone keep their order.

use gennaker_model::Map;
use serde_json::Value;

use crate::{
    fields::{Fields, Read},
    graph::{self, Charge, Inject, Node},
    problem::{Halt, Problem},
};

#[derive(Clone, Debug)]
struct Stage {
    ref_id: String,
    needs: Vec<String>,
    inject: Option<Inject>,
    written: Map,
}

impl Node for Stage {
    fn id(&self) -> &str {
        &self.ref_id
    }

    fn needs(&self) -> &Vec<String> {
        &self.needs
    }

    fn needs_mut(&mut self) -> &mut Vec<String> {
        &mut self.needs
    }

    fn inject(&self) -> Option<&Inject> {
        self.inject.as_ref()
    }
}

/// Puts the stages of a configuration into the pipeline.
pub(super) fn place(pipeline: &mut Map, config: &Map, charge: Charge<'_>) -> Result<(), Halt> {
    let mine = Fields::of(config, "").each("stages", Stage::read);
    let mine = mine.map_err(|cause| Halt::from(Problem::malformed(cause)))?;
    let injects = |stage: &Stage| stage.inject.as_ref().is_some_and(Inject::has_any);
    let fields = Fields::of(pipeline, "pipeline");
    let mut stages = fields
        .each("stages", Stage::read)
        .map_err(|cause| Halt::from(Problem::loading(cause)))?;
    if mine.is_empty() && !stages.iter().any(injects) {
        return Ok(());
    }
    if let Some(stage) = stages.iter().chain(&mine).find(|it| it.ref_id.is_empty()) {
        let name = stage.written.get("name").unwrap_or(&Value::Null);
        let cause = format!("a stage has no refId (name: {name})");
        return Err(Problem::malformed(cause).into());
    }
    for stage in &mine {
        if let Some(held) = stages.iter_mut().find(|it| it.ref_id == stage.ref_id) {
            held.clone_from(stage);
        } else if !stage.needs.is_empty() {
            stages.push(stage.clone());
        }
    }
    charge(stages.len().saturating_mul(8))?;
    let mut stages = graph::sorted(stages)?;
    for candidates in [stages.clone(), mine] {
        graph::inject(&candidates, &mut stages, charge)?;
    }
    let stages = stages.into_iter().map(|stage| {
        let mut written = stage.written;
        written.shift_remove("inject");
        written.insert("requisiteStageRefIds".to_owned(), stage.needs.into());
        Value::Object(written)
    });
    pipeline.insert("stages".to_owned(), stages.collect());
    Ok(())
}

impl Stage {
    fn read(fields: Fields<'_>) -> Read<Self> {
        let inject = fields.map("inject")?;
        let mut needs = Vec::new();
        for need in fields.texts("requisiteStageRefIds")?.unwrap_or_default() {
            graph::add(&mut needs, &need);
        }
        Ok(Self {
            ref_id: fields.text("refId")?.unwrap_or_default(),
            needs,
            inject: match inject.is_empty() {
                true => None,
                false => Some(Inject::read(Fields::of(&inject, "inject"))?),
            },
            written: fields.whole().clone(),
        })
    }
}
