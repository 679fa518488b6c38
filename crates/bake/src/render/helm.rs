//! Helm: `helm template` (Rosco: `HelmTemplateUtils`, `HelmBakeManifestService`).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{
    overrides::{as_values, joined},
    within,
};
use crate::{Baker, Error, Request, Tool, kitchen::Kitchen, output};

pub(crate) async fn bake(
    baker: &Baker,
    kitchen: Kitchen,
    mut request: Request,
    tool: Tool,
) -> Result<Vec<u8>, Error> {
    if request.output_name.is_empty() {
        return Err(Error::Request(
            "a bake with Helm needs outputName, the name of the release".to_owned(),
        ));
    }
    // Everything else stands behind the option that it is the value of.
    if request.output_name.starts_with('-') {
        return Err(Error::Request(format!(
            "outputName {:?} is no name of a release",
            request.output_name
        )));
    }
    let program = baker.program(tool).await?;
    let mut inputs = std::mem::take(&mut request.inputs).into_iter().enumerate();
    let Some((_, chart)) = inputs.next() else {
        return Err(Error::Request(
            "At least one input artifact to bake must be supplied".to_owned(),
        ));
    };
    let is_repository = chart.kind == "git/repo";
    let is_archive = chart.is_archive();
    let mut chart = kitchen.put(1, chart).await?;
    if is_repository {
        chart = within(&chart, &request.helm_chart_file_path, "helmChartFilePath")?;
    } else if is_archive {
        chart = only_folder(&chart)?;
    }
    let mut values = Vec::new();
    for (place, input) in inputs {
        values.push(kitchen.put(place + 1, input).await?);
    }
    let threshold = baker.options().overrides_file_threshold;
    let arguments = arguments(&request, &chart, &mut values, |content| {
        let is_long = threshold > 0 && joined(&request.overrides).chars().count() > threshold;
        let content = content.filter(|_| is_long)?;
        let file = kitchen.path("inputs/overrides.yml");
        std::fs::write(&file, content).ok()?;
        Some(file)
    });
    let run = kitchen
        .program(&program, &kitchen.path("inputs"))
        .args(arguments);
    let output = kitchen.run(tool, run).await?;
    let output = String::from_utf8(output);
    let output = output.map_err(|_| Error::Failed("Helm wrote what is not UTF-8".to_owned()))?;
    Ok(output::without_tests(&output).into_bytes())
}

/// The arguments in Rosco's order. `as_file` may put the overrides into a values file.
fn arguments(
    request: &Request,
    chart: &Path,
    values: &mut Vec<PathBuf>,
    as_file: impl FnOnce(Option<String>) -> Option<PathBuf>,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "template".into(),
        request.output_name.clone().into(),
        chart.into(),
    ];
    let mut option = |name: &str, value: &str| {
        if !value.is_empty() {
            arguments.extend([OsString::from(name), OsString::from(value)]);
        }
    };
    option("--namespace", &request.namespace);
    if request.include_crds {
        arguments.push("--include-crds".into());
    }
    for version in request.api_versions.split(',').map(str::trim) {
        if !version.is_empty() {
            arguments.extend(["--api-versions".into(), OsString::from(version)]);
        }
    }
    if !request.kube_version.is_empty() {
        arguments.extend(["--kube-version".into(), request.kube_version.clone().into()]);
    }
    if !request.overrides.is_empty() {
        match as_file(as_values(&request.overrides, request.raw_overrides)) {
            Some(file) => values.push(file),
            None => {
                let name = if request.raw_overrides {
                    "--set"
                } else {
                    "--set-string"
                };
                arguments.extend([OsString::from(name), joined(&request.overrides).into()]);
            }
        }
    }
    if !values.is_empty() {
        let all: Vec<&std::ffi::OsStr> = values.iter().map(|file| file.as_os_str()).collect();
        arguments.extend([
            OsString::from("--values"),
            all.join(std::ffi::OsStr::new(",")),
        ]);
    }
    arguments
}

/// The one folder that the archive of a chart holds.
fn only_folder(unpacked: &Path) -> Result<PathBuf, Error> {
    let entries = std::fs::read_dir(unpacked).map_err(|error| Error::Machine(error.to_string()))?;
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("Chart.yaml").is_file())
        .collect();
    match (folders.pop(), folders.pop()) {
        (Some(only), None) => Ok(only),
        _ => Err(Error::Request(
            "the archive is not that of one chart: it has no folder with a Chart.yaml".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Renderer;

    #[test]
    fn arguments_are_roscos() {
        let mut request = Request::new(Renderer::Helm3, Vec::new());
        request.output_name = "web".to_owned();
        let shown = |request: &Request, values: &[&str]| {
            let mut values = values.iter().map(PathBuf::from).collect();
            let all = arguments(request, Path::new("/c"), &mut values, |_| None);
            all.iter()
                .map(|one| one.to_string_lossy().into_owned())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(shown(&request, &[]), "template web /c");
        request.namespace = "prod".to_owned();
        request.include_crds = true;
        request.api_versions = "apps/v1, batch/v1".to_owned();
        request.kube_version = "1.29".to_owned();
        request.overrides = json!({"image.tag": "1.2", "debug": true})
            .as_object()
            .unwrap()
            .clone();
        assert_eq!(
            shown(&request, &["/a", "/b"]),
            "template web /c --namespace prod --include-crds --api-versions apps/v1 --api-versions batch/v1 --kube-version 1.29 \
             --set-string image.tag=1.2,debug=true --values /a,/b"
        );
        request.raw_overrides = true;
        assert!(shown(&request, &[]).ends_with("--set image.tag=1.2,debug=true"));
        let mut values = vec![PathBuf::from("/a")];
        let all = arguments(&request, Path::new("/c"), &mut values, |content| {
            assert_eq!(
                content.unwrap(),
                "{\"image\":{\"tag\":\"1.2\"},\"debug\":true}"
            );
            Some(PathBuf::from("/o"))
        });
        assert_eq!(all.last().unwrap(), "/a,/o", "the overrides win");
        assert!(!all.iter().any(|one| one == "--set"));
    }
}
