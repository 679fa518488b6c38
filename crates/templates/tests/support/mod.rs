//! Documents written as YAML, and what expanding them gives.
#![allow(dead_code, reason = "not every test file uses everything")]

use gennaker_expressions::{Limits, read_yaml};
use gennaker_model::Map;
use gennaker_templates::{Answer, Expansion, Need, Problem, Request, expand, surface};
use serde_json::{Value, json};

/// Reads a document.
pub fn yaml(text: &str) -> Value {
    read_yaml(text, &Limits::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Reads an object.
pub fn map(value: Value) -> Map {
    value
        .as_object()
        .cloned()
        .unwrap_or_else(|| panic!("{value} is no object"))
}

/// Templates by key, and what is asked with them.
#[derive(Default)]
pub struct World {
    templates: Vec<(String, Map)>,
    pub trigger: Map,
    pub plan: bool,
}

impl World {
    /// Stored templates, each by its key.
    pub fn with(templates: &[(&str, &str)]) -> Self {
        Self {
            templates: templates
                .iter()
                .map(|(key, text)| ((*key).to_owned(), map(yaml(text))))
                .collect(),
            ..Self::default()
        }
    }

    pub fn triggered(mut self, trigger: Value) -> Self {
        self.trigger = map(trigger);
        self
    }

    pub fn planning(mut self) -> Self {
        self.plan = true;
        self
    }

    fn answer(&self, need: &Need) -> Option<Answer> {
        Some(match need {
            Need::Template(key) => {
                let found = self.templates.iter().find(|(it, _)| it == key);
                found.map_or(Answer::Missing, |(_, it)| Answer::Template(it.clone()))
            }
            Need::Address(url) => {
                let key = url.rsplit('/').next().unwrap_or_default();
                let found = self.templates.iter().find(|(it, _)| it == key);
                found.map_or(Answer::Failed(format!("404 at {url}")), |(_, it)| {
                    Answer::Text(Value::Object(it.clone()).to_string())
                })
            }
            Need::Pipeline { name, .. } if name == "Child" => Answer::Id("child-id".to_owned()),
            Need::Pipeline { .. } | Need::Strategy { .. } => Answer::Missing,
        })
    }

    fn request<'a>(&'a self, config: &'a Map, limits: &'a Limits) -> Request<'a> {
        Request {
            config,
            trigger: &self.trigger,
            plan: self.plan,
            now_ms: 1_700_000_000_000,
            seed: 7,
            limits,
        }
    }

    /// What expanding a whole pipeline document gives.
    pub fn expand(&self, config: &Value) -> Expansion {
        let (config, limits) = (map(config.clone()), Limits::default());
        expand(&self.request(&config, &limits), &|need| self.answer(need))
    }

    /// The surface of a pipeline document.
    pub fn surface(&self, config: &Value) -> Value {
        let (config, limits) = (map(config.clone()), Limits::default());
        match surface(&self.request(&config, &limits), &|need| self.answer(need)) {
            Expansion::Done(map) => map.into(),
            other => panic!("{other:?}"),
        }
    }

    /// The pipeline that a configuration of the first generation stands for.
    pub fn first(&self, config: &str) -> Value {
        self.pipeline(&first(config))
    }

    /// The pipeline that a document stands for.
    pub fn pipeline(&self, config: &Value) -> Value {
        match self.expand(config) {
            Expansion::Done(pipeline) => pipeline.into(),
            other => panic!("{other:?}"),
        }
    }

    /// What is wrong with a configuration of the first generation.
    pub fn wrong(&self, config: &str) -> Vec<Problem> {
        self.problems(&first(config))
    }

    /// What is wrong with a document.
    pub fn problems(&self, config: &Value) -> Vec<Problem> {
        match self.expand(config) {
            Expansion::Invalid(problems) => problems,
            other => panic!("{other:?}"),
        }
    }
}

/// A pipeline of the first generation with this configuration.
pub fn first(config: &str) -> Value {
    json!({"id": "p-1", "type": "templatedPipeline", "config": yaml(config)})
}

/// Stages as `refId<requisites type config`, without what is derived.
pub fn shown(pipeline: &Value) -> Vec<String> {
    let stages = pipeline["stages"].as_array().cloned().unwrap_or_default();
    stages
        .iter()
        .map(|stage| {
            let mut rest = map(stage.clone());
            for key in ["id", "refId", "type", "requisiteStageRefIds"] {
                rest.shift_remove(key);
            }
            if rest.get("name") == stage.get("refId") {
                rest.shift_remove("name");
            }
            let needs = stage["requisiteStageRefIds"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let needs: Vec<&str> = needs.iter().filter_map(Value::as_str).collect();
            let (id, kind) = (&stage["refId"], &stage["type"]);
            format!(
                "{}<{} {} {}",
                id.as_str().unwrap_or("?"),
                needs.join(","),
                kind.as_str().unwrap_or("?"),
                Value::Object(rest)
            )
        })
        .collect()
}
