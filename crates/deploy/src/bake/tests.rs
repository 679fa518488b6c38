//! `createBake` in a worker, with the real Helm.

use std::sync::Arc;

use gennaker_model::work::Outcome;
use serde_json::{Value, json};

use super::testing::{Fixture, accounts, chart_server, text_of};

fn context(inputs: Value) -> Value {
    json!({"templateRenderer": "HELM3", "outputName": "shop", "namespace": "prod", "overrides": {"tag": "1.10"},
        "resolvedInputArtifacts": inputs,
        "expectedArtifacts": [{"id": "baked", "matchArtifact": {"type": "embedded/base64", "name": "manifests"}}]})
}

fn error_of(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed { exception, .. } => exception.unwrap()["details"]["errors"][0]
            .as_str()
            .unwrap()
            .to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_chart_of_a_repository_becomes_an_artifact() {
    let server = chart_server().await;
    let accounts = accounts(&format!(
        "[[artifacts.helm]]\nname = \"charts\"\nrepository = \"{}\"\n",
        server.url("")
    ));
    let mut fixture = Fixture::new(&accounts).await;
    let values =
        json!({"type": "embedded/base64", "name": "values.yml", "reference": "Y29sb3I6IGdyZWVu"});
    let chart = json!({"type": "helm/chart", "name": "web", "version": "0.1.0", "artifactAccount": "charts"});
    let input = context(json!([chart, values]));
    let Outcome::Succeeded { context, outputs } = fixture.run("createBake", input.clone()).await
    else {
        panic!("not baked");
    };
    assert_eq!(context, outputs);
    assert_eq!(outputs["cloudProvider"], "kubernetes");
    let artifact = &outputs["artifacts"][0];
    assert_eq!(
        (&artifact["type"], &artifact["name"]),
        (&json!("embedded/base64"), &json!("manifests"))
    );
    let baked = text_of(artifact);
    for line in [
        "name: shop",
        "namespace: prod",
        "tag: \"1.10\"",
        "color: green",
    ] {
        assert!(baked.contains(line), "{line} in {baked}");
    }
    let again = fixture.run("createBake", input).await;
    assert_eq!(
        again,
        Outcome::Succeeded { context, outputs },
        "the same inputs, the same artifact"
    );
}

#[tokio::test]
async fn what_cannot_be_fetched_is_tried_again_or_told() {
    let accounts = accounts("[outbound]\n");
    let mut fixture = Fixture::new(&accounts).await;
    let nowhere = json!([{"type": "http/file", "reference": "http://127.0.0.1:1/chart.tgz"}]);
    let again = fixture.run("createBake", context(nowhere.clone())).await;
    let Outcome::Running {
        again_ms,
        context: learned,
    } = again
    else {
        panic!("{again:?}");
    };
    assert_eq!((again_ms, &learned["bakeTries"]), (2_000, &json!(1)));
    let mut last = context(nowhere);
    last["bakeTries"] = json!(4);
    let said = error_of(fixture.run("createBake", last).await);
    assert!(said.starts_with("Unable to download the contents of artifact type http/file, reference http://127.0.0.1:1"), "{said}");
    let unknown = context(json!([{"type": "helm/chart", "artifactAccount": "x"}]));
    let said = error_of(fixture.run("createBake", unknown).await);
    assert_eq!(
        said,
        "Credentials 'x' supporting artifact type 'helm/chart' cannot be found"
    );
    let none = error_of(fixture.run("createBake", context(json!([]))).await);
    assert_eq!(none, "At least one input artifact to bake must be supplied");
    let broken = context(json!([{"type": "embedded/base64", "reference": "bm8gY2hhcnQ="}]));
    let said = error_of(fixture.run("createBake", broken).await);
    assert!(said.starts_with("Bake failed: Error: "), "{said}");
}

#[tokio::test]
async fn a_worker_without_the_program_names_it() {
    let accounts = Arc::new(accounts("[outbound]\n"));
    let mut fixture = Fixture::without_programs(&accounts).await;
    let mut input = context(json!([{"type": "embedded/base64", "reference": ""}]));
    input["templateRenderer"] = json!("HELMFILE");
    let said = error_of(fixture.run("createBake", input).await);
    assert!(
        said.starts_with(
            "this worker has no Helmfile for this bake: the settings name /nowhere/helmfile"
        ),
        "{said}"
    );
    assert!(said.contains("Install Helmfile on the workers"), "{said}");
}

#[tokio::test]
async fn pipelines_are_read_through_the_accounts_of_artifacts() {
    let server = chart_server().await;
    let accounts = accounts(&format!(
        "[[artifacts.helm]]\nname = \"charts\"\nrepository = \"{}\"\n",
        server.url("")
    ));
    let mut fixture = Fixture::new(&accounts).await;
    let index = json!({"type": "helm/index", "artifactAccount": "charts"});
    let outcome = fixture
        .run("fetchPipelines", json!({"pipelinesArtifact": index}))
        .await;
    let Outcome::Running {
        again_ms: 0,
        context,
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    let fetched = &context["pipelinesArtifact"];
    assert_eq!(fetched["type"], "embedded/base64");
    assert!(text_of(fetched).starts_with("apiVersion: v1"), "{fetched}");
    // Kinds that are not built say so by name.
    for (kind, words) in [
        ("ivy/file", "ivy/file"),
        ("cloudfoundry/app", "cloudfoundry/app"),
    ] {
        let artifact = json!({"type": kind, "reference": "x", "artifactAccount": "charts"});
        let outcome = fixture
            .run("fetchPipelines", json!({"pipelinesArtifact": artifact}))
            .await;
        let said = error_of(outcome);
        assert!(said.contains(words), "{said}");
    }
}
