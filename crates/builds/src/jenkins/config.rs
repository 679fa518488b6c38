//! What a job is: whether it can be built, and with which parameters (Igor: `JobConfig`).

use gennaker_model::Map;
use roxmltree::Node;
use serde::Serialize;
use serde_json::Value;

use super::answers::{all, parse, text};
use super::{Jenkins, path};
use crate::Error;

const QUERY: &str =
    "exclude=/*/action&exclude=/*/build&exclude=/*/property[not(parameterDefinition)]";

/// The class of parameters that have a list of values.
const CHOICE: &str = "ChoiceParameterDefinition";

/// A job.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    pub(super) buildable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(rename = "parameterDefinitionList")]
    pub(super) parameters: Vec<Parameter>,
    #[serde(rename = "upstreamProjectList")]
    upstream: Vec<Related>,
    #[serde(rename = "downstreamProjectList")]
    downstream: Vec<Related>,
    concurrent_build: bool,
}

/// A parameter that a job declares.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameter {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_value: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<String>,
}

/// A job before or after it.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Related {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl Jenkins {
    /// The configuration of a job, now.
    pub(super) async fn config(&self, job: &str) -> Result<Config, Error> {
        let path = format!("{}/api/xml", path::job(job)?);
        let missing = || format!("Job '{job}' not found");
        read(&self.calls.xml(&path, QUERY, missing).await?)
    }
}

impl Config {
    pub(super) fn to_map(&self) -> Map {
        match serde_json::to_value(self).expect("plain data") {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// Whether the job can be built with these parameters.
    ///
    /// Source: Igor `BuildController.build`, `validateJobParameters`.
    pub(super) fn check(&self, job: &str, parameters: &[(String, String)]) -> Result<(), Error> {
        if !self.buildable {
            return Err(Error::invalid(format!(
                "Job '{job}' is not buildable. It may be disabled."
            )));
        }
        if self.parameters.is_empty() && !parameters.is_empty() {
            return Err(Error::invalid(format!(
                "Job '{job}' is not parameterised, so it takes none of the parameters that were given"
            )));
        }
        for (name, value) in parameters {
            let declared = self.declared(name);
            let Some(choices) = declared.filter(|it| it.kind.as_deref() == Some(CHOICE)) else {
                continue;
            };
            if !choices.choices.contains(value) {
                return Err(Error::invalid(format!(
                    "`{value}` is not a valid choice for `{name}`. Valid choices are: {}",
                    choices.choices.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// The parameter of this name.
    pub(super) fn declared(&self, name: &str) -> Option<&Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.name == name)
    }
}

fn read(answer: &str) -> Result<Config, Error> {
    let document = parse(answer)?;
    let root = document.root_element();
    let own = |node: Node<'_, '_>, name: &str| text(node, name).map(str::to_owned);
    let flag = |name| text(root, name).is_some_and(|text| text.trim() == "true");
    let related = |name| {
        let projects = all(root, name);
        projects
            .map(|node| Related {
                name: own(node, "name"),
                url: own(node, "url"),
            })
            .collect()
    };
    let declared = all(root, "property").flat_map(|property| all(property, "parameterDefinition"));
    Ok(Config {
        description: own(root, "description"),
        display_name: own(root, "displayName"),
        name: own(root, "name"),
        buildable: flag("buildable"),
        color: own(root, "color"),
        url: own(root, "url"),
        parameters: declared
            .map(|node| Parameter {
                name: own(node, "name").unwrap_or_default(),
                description: own(node, "description").filter(|text| !text.is_empty()),
                kind: own(node, "type"),
                default_value: all(node, "defaultParameterValue")
                    .find_map(|value| own(value, "value")),
                choices: all(node, "choice")
                    .map(|it| it.text().unwrap_or_default().to_owned())
                    .collect(),
            })
            .collect(),
        upstream: related("upstreamProject"),
        downstream: related("downstreamProject"),
        concurrent_build: flag("concurrentBuild"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "<freeStyleProject><description>ships</description><name>deploy</name><url>http://ci/job/deploy/</url>\
        <buildable>true</buildable><color>blue</color><concurrentBuild>false</concurrentBuild>\
        <property><parameterDefinition><defaultParameterValue><name>ENV</name><value>test</value></defaultParameterValue>\
        <description/><name>ENV</name><type>ChoiceParameterDefinition</type><choice>test</choice><choice>prod</choice>\
        </parameterDefinition><parameterDefinition><name>WHO</name><type>StringParameterDefinition</type></parameterDefinition>\
        </property><downstreamProject><name>smoke</name><url>u</url></downstreamProject></freeStyleProject>";

    #[test]
    fn a_job_says_what_it_takes() {
        let config = read(JOB).unwrap();
        assert_eq!(
            Value::Object(config.to_map()),
            serde_json::json!({
                "description": "ships", "name": "deploy", "buildable": true, "color": "blue", "url": "http://ci/job/deploy/",
                "parameterDefinitionList": [
                    {"name": "ENV", "type": "ChoiceParameterDefinition", "defaultValue": "test", "choices": ["test", "prod"]},
                    {"name": "WHO", "type": "StringParameterDefinition"},
                ],
                "upstreamProjectList": [], "downstreamProjectList": [{"name": "smoke", "url": "u"}], "concurrentBuild": false,
            })
        );
        let with = |name: &str, value: &str| {
            config.check("deploy", &[(name.to_owned(), value.to_owned())])
        };
        assert_eq!(with("ENV", "prod"), Ok(()));
        assert_eq!(with("WHO", "anything"), Ok(()));
        assert_eq!(
            with("ENV", "moon").unwrap_err().to_string(),
            "`moon` is not a valid choice for `ENV`. Valid choices are: test, prod"
        );
    }

    #[test]
    fn disabled_jobs_and_jobs_without_parameters_say_no() {
        let disabled = read(&JOB.replace("<buildable>true", "<buildable>false")).unwrap();
        assert_eq!(
            disabled.check("deploy", &[]).unwrap_err().to_string(),
            "Job 'deploy' is not buildable. It may be disabled."
        );
        let plain = read("<j><buildable>true</buildable></j>").unwrap();
        assert_eq!(plain.check("j", &[]), Ok(()));
        assert!(
            plain
                .check("j", &[("a".to_owned(), "b".to_owned())])
                .is_err()
        );
    }
}
