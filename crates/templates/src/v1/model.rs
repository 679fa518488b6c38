//! The documents of the first generation. Source: orca `PipelineTemplate`, `TemplateConfiguration`, `StageDefinition`.

use gennaker_model::Map;
use serde_json::Value;

use crate::{
    fields::{Fields, Read},
    graph::{self, Inject, Node},
    java,
    render::{Module, ModuleVariable},
};

/// A variable of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variable {
    pub name: String,
    /// As it was written; `object` when it was not.
    pub kind: Option<String>,
    pub default: Value,
    pub nullable: bool,
    pub merge: bool,
    pub remove: bool,
    /// What only people read: group, description, example.
    pub notes: Map,
}

/// Lists that a configuration may inherit, and how many executions may run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings {
    pub concurrent: Map,
    pub triggers: Vec<Map>,
    pub parameters: Vec<Map>,
    pub notifications: Vec<Map>,
    pub artifacts: Vec<Map>,
}

/// A change of a stage that another template or the configuration defines.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    pub path: String,
    pub value: Value,
}

/// Changes, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Control {
    pub merge: Vec<Rule>,
    pub replace: Vec<Rule>,
    pub remove: Vec<Rule>,
}

/// A stage, or what stands for several.
#[derive(Clone, Debug, Default)]
pub(super) struct Stage {
    /// Empty when it has none: told as a problem before anything is done with it.
    pub id: String,
    pub name: Option<String>,
    pub kind: Option<String>,
    pub config: Value,
    /// The stages before it.
    pub needs: Vec<String>,
    pub inject: Option<Inject>,
    pub when: Vec<Option<String>>,
    pub comments: Option<String>,
    pub control: Option<Control>,
    pub loop_with: Option<String>,
    /// What a loop made of it.
    pub looped: Vec<Stage>,
    /// The element of the loop.
    pub element: Option<Value>,
    /// The partial that it comes from.
    pub group: Option<String>,
}

/// Stages that are used in several places.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    pub id: String,
    pub name: Option<String>,
    pub variables: Vec<ModuleVariable>,
    pub stages: Vec<Stage>,
}

/// A template.
#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    pub schema: Option<String>,
    pub source: Option<String>,
    pub metadata: Value,
    pub protect: bool,
    pub variables: Vec<Variable>,
    pub settings: Settings,
    pub stages: Vec<Stage>,
    pub modules: Vec<Module>,
    pub partials: Vec<Partial>,
}

/// A configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Configuration {
    pub schema: Option<String>,
    pub application: Option<String>,
    pub config_id: Option<String>,
    pub name: Option<String>,
    /// The source of its template.
    pub source: Option<String>,
    pub variables: Map,
    pub inherit: Vec<String>,
    pub settings: Settings,
    pub stages: Vec<Stage>,
    pub modules: Vec<Module>,
    pub partials: Vec<Partial>,
}

impl Node for Stage {
    fn id(&self) -> &str {
        &self.id
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

impl Stage {
    fn read(fields: Fields<'_>) -> Read<Self> {
        let object = |key: &str| -> Read<Option<Map>> {
            Ok(Some(fields.map(key)?).filter(|_| fields.value(key).is_object()))
        };
        let mut needs = Vec::new();
        for need in fields.texts("dependsOn")?.unwrap_or_default() {
            graph::add(&mut needs, &need);
        }
        // Jackson reads a set, which gives them back so.
        let order = java::hash_order(needs.iter().map(String::as_str));
        let needs = order.iter().map(|place| needs[*place].clone()).collect();
        Ok(Self {
            id: fields.text("id")?.unwrap_or_default(),
            name: fields.text("name")?,
            kind: fields.text("type")?,
            config: fields.value("config"),
            needs,
            inject: object("inject")?
                .map(|map| Inject::read(Fields::of(&map, "inject")))
                .transpose()?,
            when: fields
                .texts("when")?
                .unwrap_or_default()
                .into_iter()
                .map(Some)
                .collect(),
            comments: fields.text("comments")?,
            control: object("inheritanceControl")?
                .map(|map| Control::read(Fields::of(&map, "inheritanceControl")))
                .transpose()?,
            loop_with: fields.text("loopWith")?.filter(|it| !it.is_empty()),
            looped: Vec::new(),
            element: None,
            group: None,
        })
    }

    /// What people call it.
    pub(super) fn shown_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    pub(super) fn is_partial(&self) -> bool {
        self.kind
            .as_deref()
            .is_some_and(|kind| kind.starts_with("partial."))
    }

    /// The partial that it stands for.
    pub(super) fn partial_id(&self) -> &str {
        let kind = self.kind.as_deref().unwrap_or_default();
        kind.rsplit('.').next().unwrap_or_default()
    }
}

impl Control {
    fn read(fields: Fields<'_>) -> Read<Self> {
        let rules = |key: &str| {
            fields.each(key, |rule| {
                Ok(Rule {
                    path: rule.text("path")?.unwrap_or_default(),
                    value: rule.value("value"),
                })
            })
        };
        Ok(Self {
            merge: rules("merge")?,
            replace: rules("replace")?,
            remove: rules("remove")?,
        })
    }
}

impl Settings {
    fn read(fields: Fields<'_>) -> Read<Self> {
        Ok(Self {
            concurrent: fields.map("concurrentExecutions")?,
            triggers: fields.maps("triggers")?,
            parameters: fields.maps("parameters")?,
            notifications: fields.maps("notifications")?,
            artifacts: fields.maps("expectedArtifacts")?,
        })
    }
}

impl Variable {
    pub(super) fn read(fields: Fields<'_>) -> Read<Self> {
        let mut notes = Map::new();
        for key in ["group", "description", "example"] {
            if let Some(text) = fields.text(key)? {
                notes.insert(key.to_owned(), text.into());
            }
        }
        Ok(Self {
            name: fields.text("name")?.unwrap_or_default(),
            kind: fields.text("type")?,
            default: fields.value("defaultValue"),
            nullable: fields.flag("nullable")?,
            merge: fields.flag("merge")?,
            remove: fields.flag("remove")?,
            notes,
        })
    }
}

impl Template {
    /// Reads a template. `stages` that are one text are left out: they are rendered first.
    pub(super) fn read(map: &Map) -> Read<Self> {
        let fields = Fields::of(map, "");
        let settings = fields.map("configuration")?;
        Ok(Self {
            schema: fields.text("schema")?,
            source: fields.text("source")?,
            metadata: fields.value("metadata"),
            protect: fields.flag("protect")?,
            variables: fields.each("variables", Variable::read)?,
            settings: Settings::read(Fields::of(&settings, "configuration"))?,
            stages: fields.each("stages", Stage::read)?,
            modules: modules(fields)?,
            partials: partials(fields)?,
        })
    }
}

impl Configuration {
    pub(super) fn read(map: &Map) -> Read<Self> {
        let fields = Fields::of(map, "");
        let (pipeline, settings) = (fields.map("pipeline")?, fields.map("configuration")?);
        let pipeline = Fields::of(&pipeline, "pipeline");
        let settings = Fields::of(&settings, "configuration");
        let template = pipeline.map("template")?;
        Ok(Self {
            schema: fields.text("schema")?,
            application: pipeline.text("application")?,
            config_id: pipeline.text("pipelineConfigId")?,
            name: pipeline.text("name")?,
            source: Fields::of(&template, "pipeline.template").text("source")?,
            variables: pipeline.map("variables")?,
            inherit: settings.texts("inherit")?.unwrap_or_default(),
            settings: Settings::read(settings)?,
            stages: fields.each("stages", Stage::read)?,
            modules: modules(fields)?,
            partials: partials(fields)?,
        })
    }

    pub(super) fn inherits(&self, what: &str) -> bool {
        self.inherit.iter().any(|it| it == what)
    }
}

fn modules(fields: Fields<'_>) -> Read<Vec<Module>> {
    fields.each("modules", |module| {
        Ok(Module {
            id: module.text("id")?.unwrap_or_default(),
            variables: module_variables(module)?,
            definition: module.value("definition"),
        })
    })
}

fn partials(fields: Fields<'_>) -> Read<Vec<Partial>> {
    fields.each("partials", |partial| {
        Ok(Partial {
            id: partial.text("id")?.unwrap_or_default(),
            name: partial.text("name")?,
            variables: module_variables(partial)?,
            stages: partial.each("stages", Stage::read)?,
        })
    })
}

fn module_variables(fields: Fields<'_>) -> Read<Vec<ModuleVariable>> {
    fields.each("variables", |variable| {
        Ok(ModuleVariable {
            name: variable.text("name")?.unwrap_or_default(),
            default: variable.value("defaultValue"),
        })
    })
}
