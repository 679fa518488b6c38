//! `loadPluginRelease` and `setPreferredPluginRelease`: what is known of a plugin's releases. No plugin is ever run. Source: orca
//! `LoadPluginReleaseStage`, `ExtractRequiredPluginDependenciesTask`, `SetPreferredPluginReleaseStage` (reference 6.5).

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::{PlanError, Remote},
};
use gennaker_model::{Map, Status};
use serde_json::{Value, json};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
};

/// `loadPluginRelease`.
pub(crate) struct LoadPluginRelease;

/// `setPreferredPluginRelease`.
pub(crate) struct SetPreferredPluginRelease;

const TIMEOUT_MS: i64 = 2 * 60 * 1000;

static LOAD: TaskDefinition = TaskDefinition {
    name: "loadPluginRelease",
    class: "com.netflix.spinnaker.orca.front50.tasks.LoadPluginReleaseTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "notify",
            kind: "loadPluginRelease",
            effect: false,
        })
    },
    timeout_ms: Some(TIMEOUT_MS),
    timeout_overridable: false,
};

static EXTRACT: TaskDefinition = TaskDefinition {
    name: "extractPluginDependencies",
    class: "com.netflix.spinnaker.orca.front50.tasks.ExtractRequiredPluginDependenciesTask",
    step: extract,
    timeout_ms: None,
    timeout_overridable: false,
};

static PREFER: TaskDefinition = TaskDefinition {
    name: "setPreferredPluginVersion",
    class: "com.netflix.spinnaker.orca.front50.tasks.SetPreferredPluginReleaseTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "notify",
            kind: "setPreferredPluginVersion",
            effect: true,
        })
    },
    timeout_ms: Some(TIMEOUT_MS),
    timeout_overridable: false,
};

const PLUGIN: Field = Field::required("pluginId", FieldType::Text, "The id of the plugin.");

impl StageType for LoadPluginRelease {
    fn names(&self) -> &'static [&'static str] {
        &["loadPluginRelease"]
    }

    fn summary(&self) -> &'static str {
        "Reads what is known of a release of a plugin, and which services and plugins it requires."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                PLUGIN,
                Field::required("version", FieldType::Text, "The version of the release."),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&LOAD, &EXTRACT] }
    }
}

impl StageDefinition for LoadPluginRelease {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&LOAD, &EXTRACT]))
    }
}

impl StageType for SetPreferredPluginRelease {
    fn names(&self) -> &'static [&'static str] {
        &["setPreferredPluginRelease"]
    }

    fn summary(&self) -> &'static str {
        "Makes a release of a plugin the preferred one."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                PLUGIN,
                Field::required(
                    "preferredVersion",
                    FieldType::Text,
                    "The version of the release; `version` will do.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&PREFER] }
    }
}

impl StageDefinition for SetPreferredPluginRelease {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&PREFER]))
    }
}

/// `requires` is a list such as `orca>=8.0.0,some.plugin>=1.0.0`: what has a dot is a plugin, all else a service.
fn extract(context: &TaskContext<'_>) -> Step {
    let requires = context
        .context
        .get("release")
        .and_then(|release| release.get("requires"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (mut services, mut plugins) = (Vec::new(), Vec::new());
    for part in requires
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let end = part
            .find(|letter: char| !(letter.is_alphanumeric() || "-_.".contains(letter)))
            .unwrap_or(part.len());
        let name = &part[..end];
        if name.is_empty() {
            let message = format!("The provided version requirement '{part}' is not valid");
            return TaskResult::thrown(
                context,
                "InvalidPluginVersionRequirementException",
                &message,
            )
            .into();
        }
        if name.contains('.') {
            plugins.push(name);
        } else {
            services.push(name);
        }
    }
    let mut outputs = Map::new();
    outputs.insert("requiredServices".to_owned(), json!(services));
    outputs.insert("requiredPlugins".to_owned(), json!(plugins));
    for service in services {
        let mut letters = service.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        let key: String = "requires".chars().chain(first).chain(letters).collect();
        outputs.insert(key, json!(true));
    }
    TaskResult {
        outputs,
        ..TaskResult::of(Status::Succeeded)
    }
    .into()
}
