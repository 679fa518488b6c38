//! Preconfigured jobs: from settings to stage types.

use gennaker_cli::{Exit, Failure};
use gennaker_manifests::text;
use gennaker_settings::{PreconfiguredJob, Settings};
use gennaker_stages::preconfigured_job::{self, Parameter};
use serde_json::{Map, Value};

/// The stage types of this installation that run a Job.
///
/// # Errors
/// A manifest cannot be read, or a parameter has no place in it; the type is named.
pub(super) fn stage_types(
    settings: &Settings,
) -> Result<Vec<preconfigured_job::PreconfiguredJob>, Failure> {
    let all = settings.jobs.preconfigured.iter();
    all.filter(|job| job.enabled)
        .map(|job| {
            stage_type(job).map_err(|problem| {
                let message = format!("jobs.preconfigured ({}): {problem}", job.kind);
                Failure::new(Exit::Usage, message)
            })
        })
        .collect()
}

fn stage_type(job: &PreconfiguredJob) -> Result<preconfigured_job::PreconfiguredJob, String> {
    let parameters = job.parameters.iter().map(|parameter| {
        let parameter = parameter.clone();
        Parameter {
            name: parameter.name,
            label: parameter.label,
            description: parameter.description,
            mapping: parameter.mapping,
            default: parameter.default_value,
            order: parameter.order,
        }
    });
    let made = preconfigured_job::PreconfiguredJob {
        kind: job.kind.clone(),
        label: job.label.clone(),
        description: job.description.clone(),
        parameters: parameters.collect(),
        account: job.account.clone(),
        application: job.application.clone(),
        manifest: manifest(&job.manifest)?,
        waits: job.wait_for_completion,
        property_file: job.property_file.clone(),
        produces_artifacts: job.produces_artifacts,
    };
    made.check().map_err(|error| error.to_string())?;
    Ok(made)
}

/// The one Job in a text.
fn manifest(given: &str) -> Result<Map<String, Value>, String> {
    let documents =
        text::parse(given).map_err(|error| format!("the manifest cannot be read: {error}"))?;
    let [Value::Object(manifest)] = documents.as_slice() else {
        return Err(format!(
            "the manifest must be one object, and has {} documents",
            documents.len()
        ));
    };
    match manifest.get("kind").and_then(Value::as_str) {
        Some("Job" | "job") => Ok(manifest.clone()),
        other => Err(format!(
            "the manifest must be a Job, and is {}",
            other.unwrap_or("of no kind")
        )),
    }
}

#[cfg(test)]
mod tests {
    use gennaker_settings::{File, load};

    use super::*;

    fn read(manifest: &str, mapping: &str) -> Result<preconfigured_job::PreconfiguredJob, String> {
        let text = format!(
            "[[jobs.preconfigured]]\ntype = \"migrate\"\nlabel = \"Migrate\"\naccount = \"prod\"\nmanifest = \'\'\'\n{manifest}\'\'\'\n\
             [[jobs.preconfigured.parameters]]\nname = \"to\"\nlabel = \"To\"\nmapping = \"{mapping}\"\ndefault_value = \"1\"\n\
             [[jobs.preconfigured]]\ntype = \"old\"\nlabel = \"Not any more\"\nmanifest = \"{{\"\nenabled = false\n"
        );
        let file = File {
            name: "test",
            text: &text,
        };
        let settings = load(Some(file), Vec::new()).map_err(|error| error.to_string())?;
        let mut types = stage_types(&settings).map_err(|failure| format!("{failure:?}"))?;
        assert_eq!(types.len(), 1);
        Ok(types.remove(0))
    }

    #[test]
    fn a_file_becomes_a_stage_type() {
        let manifest = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\nspec: {template: {spec: {containers: [{name: m, args: [on]}]}}}\n";
        let place = "manifest.spec.template.spec.containers[0].args[0]";
        let made = read(manifest, place).unwrap();
        assert_eq!(made.account.as_deref(), Some("prod"));
        assert!(made.waits);
        assert_eq!(made.manifest["metadata"]["name"], "migrate");
        for (manifest, place, said) in [
            ("kind: Job\n---\nkind: Job\n", place, "has 2 documents"),
            ("kind: Pod\n", place, "must be a Job, and is Pod"),
            ("a: [\n", place, "cannot be read"),
            (
                manifest,
                "manifest.spec.x.y[0]",
                "of parameter to asks for element 0",
            ),
        ] {
            let problem = read(manifest, place).unwrap_err();
            assert!(
                problem.contains("(migrate)") && problem.contains(said),
                "{said}: {problem}"
            );
        }
    }
}
