//! Bakes with the real programs.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use gennaker_bake::{
    Baker, Error, FileProblem, Files, Input, Limits, Options, Renderer, Request, Tools,
};
use gennaker_testkit::bakers::{self, archive};
use serde_json::json;

const LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    output_bytes_max: 1 << 20,
    files_bytes_max: 16 << 20,
    files_max: 500,
    memory_bytes_max: 2 << 30,
};

fn options() -> Options {
    Options {
        tools: Tools {
            helm3: Some(bakers::HELM3.path()),
            helm4: Some(bakers::HELM4.path()),
            kustomize: Some(bakers::KUSTOMIZE.path()),
            helmfile: None,
        },
        limits: LIMITS,
        allow_hooks_and_post_renderers: false,
        overrides_file_threshold: 0,
    }
}

/// Files by reference, and what was asked for.
#[derive(Default)]
struct Remote {
    files: BTreeMap<&'static str, &'static str>,
    asked: Mutex<Vec<String>>,
}

impl Files for Remote {
    fn read<'a>(
        &'a self,
        reference: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, FileProblem>> + Send + 'a>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(reference.to_owned());
            self.files
                .get(reference)
                .map(|text| text.as_bytes().to_vec())
                .ok_or_else(|| FileProblem {
                    reason: "not found".to_owned(),
                    is_missing: true,
                    is_transient: false,
                })
        })
    }
}

fn input(kind: &str, reference: &str, content: impl Into<Vec<u8>>) -> Input {
    Input {
        kind: kind.to_owned(),
        reference: reference.to_owned(),
        content: content.into(),
    }
}

async fn bake(baker: &Baker, request: Request) -> Result<String, String> {
    let baked = baker.bake(request, &Remote::default()).await;
    baked
        .map(|baked| String::from_utf8(baked).unwrap())
        .map_err(|error| error.to_string())
}

const CHART: &str = "apiVersion: v2\nname: web\nversion: 0.1.0\n";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\n\
    data:\n  tag: {{ .Values.tag | quote }}\n  debug: {{ kindOf .Values.debug }}\n  color: {{ .Values.color }}\n  \
    kube: {{ .Capabilities.KubeVersion.Version }}\n  has: {{ .Capabilities.APIVersions.Has \"example.com/v1\" | quote }}\n";

fn chart(below: &str) -> Vec<(String, &'static str)> {
    [
        ("Chart.yaml", CHART),
        ("values.yaml", "tag: none\ndebug: false\ncolor: red\n"),
        ("crds/crd.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n"),
        ("templates/config.yaml", CONFIG),
        ("templates/hook.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: hook\n  annotations: {helm.sh/hook: pre-install}\n"),
        ("templates/tests/test.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: the-test}\n"),
    ]
    .into_iter()
    .map(|(path, content)| (format!("{below}{path}"), content))
    .collect()
}

fn packed_chart(below: &str) -> Vec<u8> {
    let files = chart(below);
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, content)| (path.as_str(), *content))
        .collect();
    archive(&files)
}

fn helm(renderer: Renderer, inputs: Vec<Input>) -> Request {
    let mut request = Request::new(renderer, inputs);
    request.output_name = "shop".to_owned();
    request
}

#[tokio::test]
async fn helm_bakes_charts_with_values_and_overrides() {
    let baker = Baker::new(options());
    for renderer in [Renderer::Helm3, Renderer::Helm4] {
        let values = input(
            "http/file",
            "https://x.io/values.yml",
            "color: green\ntag: from-file\n",
        );
        let more = input("embedded/base64", "Y29sb3I6IGJsdWU=", "color: blue\n");
        let mut request = helm(
            renderer,
            vec![input("helm/chart", "", packed_chart("web/")), values, more],
        );
        request.namespace = "prod".to_owned();
        request.api_versions = "example.com/v1".to_owned();
        request.kube_version = "1.29.3".to_owned();
        request.overrides = json!({"tag": "1.10", "debug": "true"})
            .as_object()
            .unwrap()
            .clone();
        let baked = bake(&baker, request.clone()).await.unwrap();
        for line in [
            "name: shop",
            "namespace: prod",
            "tag: \"1.10\"",
            "debug: string",
            "color: blue",
            "kube: v1.29.3",
            "has: \"true\"",
            "name: hook",
        ] {
            assert!(baked.contains(line), "{renderer:?}: {line} in {baked}");
        }
        assert!(
            !baked.contains("the-test") && !baked.contains("CustomResourceDefinition"),
            "{baked}"
        );
        assert_eq!(
            bake(&baker, request.clone()).await.unwrap(),
            baked,
            "the same again"
        );
        request.raw_overrides = true;
        request.include_crds = true;
        let raw = bake(&baker, request.clone()).await.unwrap();
        assert!(
            raw.contains("debug: bool") && raw.contains("CustomResourceDefinition"),
            "{raw}"
        );
        let by_file = Baker::new(Options {
            overrides_file_threshold: 3,
            ..options()
        });
        assert_eq!(
            bake(&by_file, request).await.unwrap(),
            raw,
            "overrides in a file say the same"
        );
    }
}

#[tokio::test]
async fn helm_bakes_from_repositories_and_registries() {
    let baker = Baker::new(options());
    let image = helm(
        Renderer::Helm3,
        vec![input("helm/image", "team/web:1", packed_chart("web/"))],
    );
    let from_image = bake(&baker, image).await.unwrap();
    let mut request = helm(
        Renderer::Helm3,
        vec![input(
            "git/repo",
            "https://x.io/r.git",
            packed_chart("charts/web/"),
        )],
    );
    request.helm_chart_file_path = "charts/web".to_owned();
    assert_eq!(bake(&baker, request.clone()).await.unwrap(), from_image);
    for (path, sentence) in [
        ("../../etc", "leads out of the repository"),
        ("charts/db", "is not in the repository"),
    ] {
        request.helm_chart_file_path = path.to_owned();
        let error = bake(&baker, request.clone()).await.unwrap_err();
        assert!(error.contains(sentence), "{error}");
    }
    let hostile = helm(
        Renderer::Helm3,
        vec![input(
            "git/repo",
            "x",
            archive(&[("a", "x")])[..20].to_vec(),
        )],
    );
    let error = bake(&baker, hostile).await.unwrap_err();
    assert!(
        error.starts_with("the archive of input artifact 1 cannot be unpacked"),
        "{error}"
    );
}

#[tokio::test]
async fn what_helm_complains_about_is_told_without_our_folder() {
    let baker = Baker::new(options());
    let mut files = chart("web/");
    files.push((
        "web/templates/bad.yaml".to_owned(),
        "a: {{ fail \"the chart says no\" }}\n",
    ));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, content)| (path.as_str(), *content))
        .collect();
    let error = bake(
        &baker,
        helm(
            Renderer::Helm3,
            vec![input("helm/chart", "", archive(&files))],
        ),
    )
    .await
    .unwrap_err();
    assert!(
        error.starts_with("Bake failed: Error: ") && error.contains("the chart says no"),
        "{error}"
    );
    assert!(!error.contains("/tmp/"), "{error}");
    let nameless = Request::new(
        Renderer::Helm3,
        vec![input("helm/chart", "", packed_chart("web/"))],
    );
    assert!(
        bake(&baker, nameless)
            .await
            .unwrap_err()
            .contains("needs outputName")
    );
    let mut option = helm(
        Renderer::Helm3,
        vec![input("helm/chart", "", packed_chart("web/"))],
    );
    option.output_name = "--post-renderer=/bin/sh".to_owned();
    assert!(
        bake(&baker, option)
            .await
            .unwrap_err()
            .contains("is no name of a release")
    );
    let none = bake(&baker, helm(Renderer::Helm3, Vec::new()))
        .await
        .unwrap_err();
    assert_eq!(none, "At least one input artifact to bake must be supplied");
}

#[tokio::test]
async fn limits_hold() {
    let tight = Options {
        limits: Limits {
            output_bytes_max: 100,
            ..LIMITS
        },
        ..options()
    };
    let chart = || {
        helm(
            Renderer::Helm3,
            vec![input("helm/chart", "", packed_chart("web/"))],
        )
    };
    let error = bake(&Baker::new(tight), chart()).await.unwrap_err();
    assert!(
        error.contains("Helm 3 was ended: it wrote more than 100 bytes"),
        "{error}"
    );
    let files = [
        ("web/Chart.yaml", CHART),
        (
            "web/templates/a.yaml",
            "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}",
        ),
    ];
    let slow = Options {
        limits: Limits {
            time: Duration::from_millis(1_500),
            ..LIMITS
        },
        ..options()
    };
    let request = helm(
        Renderer::Helm3,
        vec![input("helm/chart", "", archive(&files))],
    );
    let error = bake(&Baker::new(slow), request).await.unwrap_err();
    assert!(
        error.contains("Helm 3 was ended: it was not done within 1 s")
            || error.contains("Bake failed: it ended"),
        "{error}"
    );
}

#[tokio::test]
async fn the_right_helm_is_found_and_a_missing_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let helm = folder.path().join("helm");
    let mut file = std::fs::File::create(&helm).unwrap();
    writeln!(file, "#!/bin/sh\necho v4.1.0").unwrap();
    drop(file);
    std::fs::set_permissions(&helm, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let tools = Tools {
        helm3: Some(helm),
        kustomize: Some(PathBuf::from("/nowhere/kustomize")),
        ..Tools::default()
    };
    let baker = Baker::new(Options { tools, ..options() });
    let request = helm_request();
    let error = bake(&baker, request).await.unwrap_err();
    assert!(
        error.starts_with(
            "this worker has no Helm 3 for this bake: no program is of that version: "
        ),
        "{error}"
    );
    assert!(
        error.contains("says \"v4.1.0\"") && error.contains("Install Helm 3"),
        "{error}"
    );
    let request = Request::new(
        Renderer::Kustomize,
        vec![input(
            "git/repo",
            "x",
            archive(&[("kustomization.yaml", "")]),
        )],
    );
    let error = baker.bake(request, &Remote::default()).await.unwrap_err();
    assert!(
        matches!(error, Error::Missing(_)) && !error.is_transient(),
        "{error}"
    );
}

fn helm_request() -> Request {
    helm(
        Renderer::Helm3,
        vec![input("helm/chart", "", packed_chart("web/"))],
    )
}

const BASE: &str = "resources:\n- config.yml\n";
const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  a: b\n";
const PROD: &str = "namePrefix: prod-\nresources:\n- ../base\npatches:\n- path: patch.yml\n  target: {kind: ConfigMap}\n";
const PATCH: &str = "- op: replace\n  path: /data/a\n  value: patched\n";
const BUILT: &str =
    "apiVersion: v1\ndata:\n  a: patched\nkind: ConfigMap\nmetadata:\n  name: prod-web\n";

#[tokio::test]
async fn kustomize_builds_a_folder_of_a_repository() {
    let baker = Baker::new(options());
    let repository = archive(&[
        ("k8s/base/kustomization.yaml", BASE),
        ("k8s/base/config.yml", CONFIG_MAP),
        ("k8s/prod/kustomization.yml", PROD),
        ("k8s/prod/patch.yml", PATCH),
        ("k8s/evil/kustomization.yaml", "resources:\n- /etc/passwd\n"),
    ]);
    let mut request = Request::new(
        Renderer::Kustomize,
        vec![input("git/repo", "x", repository)],
    );
    for path in [
        "k8s/prod/kustomization.yml",
        "k8s/prod",
        "/k8s/prod/kustomization.yml",
    ] {
        request.kustomize_file_path = path.to_owned();
        assert_eq!(
            bake(&baker, request.clone()).await.unwrap(),
            BUILT,
            "{path}"
        );
    }
    request.kustomize_file_path = "k8s/evil".to_owned();
    let error = bake(&baker, request.clone()).await.unwrap_err();
    assert!(error.starts_with("Bake failed: "), "{error}");
    request.kustomize_file_path = String::new();
    assert!(
        bake(&baker, request)
            .await
            .unwrap_err()
            .contains("needs kustomizeFilePath")
    );
}

#[tokio::test]
async fn kustomize_fetches_what_a_file_names() {
    let baker = Baker::new(options());
    let at = "https://api.io/repos/o/r/contents/k8s/";
    let remote = Remote {
        files: BTreeMap::from([
            (
                "https://api.io/repos/o/r/contents/k8s/base/kustomization.yml",
                BASE,
            ),
            (
                "https://api.io/repos/o/r/contents/k8s/base/config.yml",
                CONFIG_MAP,
            ),
            (
                "https://api.io/repos/o/r/contents/k8s/prod/patch.yml",
                PATCH,
            ),
        ]),
        asked: Mutex::default(),
    };
    let of = |name: &str, content: &str| {
        Request::new(
            Renderer::Kustomize,
            vec![input("github/file", &format!("{at}{name}"), content)],
        )
    };
    let baked = baker
        .bake(of("prod/kustomization.yaml", PROD), &remote)
        .await
        .unwrap();
    assert_eq!(String::from_utf8(baked).unwrap(), BUILT);
    let asked = std::mem::take(&mut *remote.asked.lock().unwrap());
    let expected = [
        "base/kustomization.yaml",
        "base/kustomization.yml",
        "prod/patch.yml",
        "base/config.yml",
    ];
    assert_eq!(asked, expected.map(|path| format!("{at}{path}")));
    for (content, sentence) in [
        (
            "resources: [gone.yml]",
            "repos/o/r/contents/k8s/prod/gone.yml of the kustomization cannot be read: not found",
        ),
        (
            "resources: [../../../../../../../x]",
            "leads out of the repository",
        ),
        ("resources: [", "cannot be read"),
    ] {
        let error = baker
            .bake(of("prod/kustomization.yaml", content), &remote)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(sentence), "{error}");
    }
    let other = baker
        .bake(of("prod/all.yaml", PROD), &remote)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        other.contains("its reference must lead to one of kustomization.yaml"),
        "{other}"
    );
}
