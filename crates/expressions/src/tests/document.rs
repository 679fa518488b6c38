//! A root over a JSON document, so that the tests here need no other crate. The real one is the engine's.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::root::{ExecutionView, Root};
use crate::value::Data;

/// An execution document, evaluated as one of its stages or as a whole.
#[derive(Debug)]
pub(super) struct DocumentRoot<'d> {
    execution: &'d Map<String, Json>,
    stage: Option<usize>,
    own: Map<String, Json>,
    stages: &'d [Json],
    pipeline: bool,
    user: Option<String>,
    in_handler: bool,
}

static NO_STAGES: &[Json] = &[];

impl<'d> DocumentRoot<'d> {
    /// The root of a stage, found by `refId`, then by id.
    ///
    /// Returns nothing if the document is no map or has no such stage.
    pub fn stage(execution: &'d Json, ref_id: &str) -> Option<Self> {
        let mut root = Self::whole(execution)?;
        let named = |key: &str| {
            root.stages
                .iter()
                .position(|stage| stage.get(key).and_then(Json::as_str) == Some(ref_id))
        };
        let at = named("refId").or_else(|| named("id"))?;
        root.stage = Some(at);
        root.own = object(root.stages[at].get("context"))
            .cloned()
            .unwrap_or_default();
        root.in_handler = true;
        Some(root)
    }

    /// The root with `execution` and `trigger` and no stage.
    pub fn whole(execution: &'d Json) -> Option<Self> {
        let execution = execution.as_object()?;
        let stages = execution
            .get("stages")
            .and_then(Json::as_array)
            .map_or(NO_STAGES, Vec::as_slice);
        let kind = execution
            .get("type")
            .and_then(Json::as_str)
            .unwrap_or("PIPELINE");
        let user = execution
            .get("authentication")
            .and_then(|authentication| authentication.get("user"))
            .and_then(Json::as_str)
            .map(str::to_owned);
        let pipeline = kind.eq_ignore_ascii_case("pipeline");
        Some(Self {
            execution,
            stage: None,
            own: Map::new(),
            stages,
            pipeline,
            user,
            in_handler: false,
        })
    }

    fn field(&self, stage: usize, name: &str) -> Option<&'d str> {
        self.stages.get(stage)?.get(name)?.as_str()
    }

    fn parent(&self, stage: usize) -> Option<usize> {
        let id = self.field(stage, "parentStageId")?;
        self.stages
            .iter()
            .position(|other| other.get("id").and_then(Json::as_str) == Some(id))
    }

    fn children<'s>(&'s self, stage: usize) -> impl Iterator<Item = usize> + 's {
        let id = self.field(stage, "id");
        (0..self.stages.len())
            .filter(move |other| id.is_some() && self.field(*other, "parentStageId") == id)
    }

    fn requisites(&self, stage: usize) -> Vec<usize> {
        let wanted: BTreeSet<&str> = self.stages[stage]
            .get("requisiteStageRefIds")
            .and_then(Json::as_array)
            .map(|ids| ids.iter().filter_map(Json::as_str).collect())
            .unwrap_or_default();
        let found = |other: &usize| {
            self.field(*other, "refId")
                .is_some_and(|id| wanted.contains(id))
        };
        (0..self.stages.len()).filter(found).collect()
    }

    /// Nearest first, in the order of Orca's `StageExecutionImpl.ancestors`: the stage, all direct requisites, their
    /// synthetic children, then the same of each requisite in turn.
    fn ancestors(&self, stage: usize) -> Vec<usize> {
        let mut visited: BTreeSet<&str> = BTreeSet::new();
        let mut out = vec![stage];
        let mut open = vec![stage];
        while let Some(stage) = open.pop() {
            visited.extend(self.field(stage, "refId"));
            let requisites = self.requisites(stage);
            if !requisites.is_empty() {
                let fresh = |other: &usize| {
                    !self
                        .field(*other, "refId")
                        .is_some_and(|id| visited.contains(id))
                };
                let requisites: Vec<usize> = requisites.into_iter().filter(fresh).collect();
                out.extend(&requisites);
                let ids: BTreeSet<&str> = requisites
                    .iter()
                    .filter_map(|other| self.field(*other, "id"))
                    .collect();
                let synthetic = |other: &usize| {
                    self.field(*other, "parentStageId")
                        .is_some_and(|parent| ids.contains(parent))
                };
                out.extend((0..self.stages.len()).filter(synthetic));
                open.extend(requisites.into_iter().rev());
            } else if let Some(parent) = self.parent(stage)
                && !out.contains(&parent)
            {
                if self.field(stage, "syntheticStageOwner") == Some("STAGE_AFTER") {
                    let before = |other: &usize| {
                        self.field(*other, "syntheticStageOwner") == Some("STAGE_BEFORE")
                    };
                    out.extend(self.children(parent).filter(before));
                }
                out.push(parent);
                open.push(parent);
            }
        }
        out
    }

    fn output(&self, stage: usize, key: &str) -> Option<Data<'_>> {
        let mut places = self.ancestors(stage).into_iter();
        places.find_map(|place| {
            object(self.stages[place].get("outputs"))?
                .get(key)
                .map(Data::Json)
        })
    }
}

fn object(json: Option<&Json>) -> Option<&Map<String, Json>> {
    json?.as_object()
}

impl Root for DocumentRoot<'_> {
    fn own(&self) -> &Map<String, Json> {
        &self.own
    }

    fn inherited(&self, name: &str) -> Option<Data<'_>> {
        self.output(self.stage?, name)
    }

    fn trigger(&self) -> Option<Data<'_>> {
        self.execution
            .get("trigger")
            .filter(|_| self.pipeline)
            .map(Data::Json)
    }

    fn template_variables(&self) -> Option<Data<'_>> {
        let v4 = self
            .execution
            .get("spelEvaluator")
            .and_then(Json::as_str)
            .is_some_and(|v| v.eq_ignore_ascii_case("v4"));
        let variables = self
            .execution
            .get("templateVariables")
            .filter(|_| v4 && self.pipeline)?;
        variables
            .as_object()
            .is_some_and(|map| !map.is_empty())
            .then_some(Data::Json(variables))
    }

    fn execution(&self) -> Option<&dyn ExecutionView> {
        if self.pipeline { Some(self) } else { None }
    }

    fn current_stage_id(&self) -> Option<&str> {
        self.field(self.stage.filter(|_| self.in_handler)?, "id")
    }

    fn current_user(&self) -> Option<&str> {
        self.user.as_deref()
    }
}

static EMPTY: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);

impl ExecutionView for DocumentRoot<'_> {
    fn property(&self, name: &str) -> Option<Data<'_>> {
        self.execution.get(name).map(Data::Json)
    }

    fn stage_count(&self) -> usize {
        self.stages.len()
    }

    fn stage_property(&self, stage: usize, name: &str) -> Option<Data<'_>> {
        self.stages.get(stage)?.get(name).map(Data::Json)
    }

    fn stage_context(&self, stage: usize) -> &Map<String, Json> {
        self.stages
            .get(stage)
            .and_then(|stage| object(stage.get("context")))
            .unwrap_or(&EMPTY)
    }

    fn stage_outputs(&self, stage: usize) -> &Map<String, Json> {
        self.stages
            .get(stage)
            .and_then(|stage| object(stage.get("outputs")))
            .unwrap_or(&EMPTY)
    }

    fn stage_inherited(&self, stage: usize, key: &str) -> Option<Data<'_>> {
        self.output(stage, key)
    }

    fn stage_ancestors(&self, stage: usize) -> Vec<usize> {
        self.ancestors(stage)
    }

    fn document(&self) -> Json {
        Json::Object(self.execution.clone())
    }
}
