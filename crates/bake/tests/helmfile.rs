//! Bakes with the real Helmfile.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::pin::Pin;
use std::time::Duration;

use gennaker_bake::{Baker, FileProblem, Files, Input, Limits, Options, Renderer, Request, Tools};
use gennaker_testkit::bakers::{self, archive};
use serde_json::json;

struct None;

impl Files for None {
    fn read<'a>(
        &'a self,
        _reference: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, FileProblem>> + Send + 'a>> {
        unreachable!("a Helmfile is whole")
    }
}

fn baker() -> Baker {
    Baker::new(Options {
        tools: Tools {
            helm3: Some(bakers::HELM3.path()),
            helmfile: Some(bakers::HELMFILE.path()),
            ..Tools::default()
        },
        limits: Limits {
            time: Duration::from_secs(120),
            output_bytes_max: 1 << 20,
            files_bytes_max: 64 << 20,
            files_max: 1_000,
            memory_bytes_max: 2 << 30,
        },
        allow_hooks_and_post_renderers: false,
        overrides_file_threshold: 0,
    })
}

fn request(helmfile: &str) -> Request {
    let files = [
        ("deploy/helmfile.yaml", helmfile),
        (
            "deploy/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 0.1.0\n",
        ),
        (
            "deploy/web/templates/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\n\
             data:\n  a: {{ .Values.a | quote }}\n  b: {{ .Values.b | quote }}\n  # no chart hooks: here\n",
        ),
    ];
    let repository = Input {
        kind: "git/repo".to_owned(),
        reference: "x".to_owned(),
        content: archive(&files),
    };
    let values = Input {
        kind: "http/file".to_owned(),
        reference: "https://x.io/v.yaml".to_owned(),
        content: b"b: file\n".to_vec(),
    };
    let mut request = Request::new(Renderer::Helmfile, vec![repository, values]);
    request.helmfile_file_path = "deploy/helmfile.yaml".to_owned();
    request
}

const HELMFILE: &str = "environments:\n  default: {}\n  prod: {}\n---\nreleases:\n- name: shop\n  namespace: ns\n  chart: ./web\n";

#[tokio::test]
async fn helmfile_bakes_releases() {
    let baker = baker();
    let mut request = request(HELMFILE);
    request.environment = "prod".to_owned();
    request.overrides = json!({"a": "over"}).as_object().unwrap().clone();
    let baked = baker.bake(request.clone(), &None).await.unwrap();
    let text = String::from_utf8(baked.clone()).unwrap();
    for line in ["name: shop", "namespace: ns", "a: \"over\"", "b: \"file\""] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert_eq!(
        baker.bake(request, &None).await.unwrap(),
        baked,
        "the same again"
    );
}

#[tokio::test]
async fn helmfiles_that_run_commands_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let proof = folder.path().join("proof");
    let baker = baker();
    let hook = format!(
        "hooks:\n- events: [prepare]\n  command: touch\n  args: [{}]\nreleases: []\n",
        proof.display()
    );
    let error = baker
        .bake(request(&hook), &None)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("the Helmfile has hooks in deploy/helmfile.yaml: "),
        "{error}"
    );
    let template = format!(
        "{HELMFILE}  values:\n  - a: {{{{ exec \"touch\" (list \"{}\") }}}}\n",
        proof.display()
    );
    let mut request = request(&template);
    request.helmfile_file_path = "deploy/helmfile.yaml.gotmpl".to_owned();
    let files = [("deploy/helmfile.yaml.gotmpl", template.as_str())];
    request.inputs[0].content = archive(&files);
    let error = baker.bake(request, &None).await.unwrap_err().to_string();
    assert!(
        error.contains("insecure function calls are disabled"),
        "{error}"
    );
    assert!(!proof.exists(), "a command ran");
}
