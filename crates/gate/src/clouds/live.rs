//! What is read from the cluster at the moment of the question: manifests, logs, jobs. Source: gate `ManifestController`,
//! `InstanceController`, clouddriver `ManifestController`, `JobController`.

use gennaker_model::reads::Ask;
use serde_json::{Value, json};

use super::is_meant;
use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// `GET /manifests/{account}/{location}/{name}`; the location `_` stands for none.
pub(crate) async fn manifest(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let location = call.param("location").to_owned();
    read_manifest(gate, call, &location).await
}

/// `GET /manifests/{account}/{name}`, of an object that lies in no namespace.
pub(crate) async fn manifest_of_cluster(gate: Gate, call: Call) -> Result<Answer, Problem> {
    read_manifest(gate, call, "").await
}

/// `GET /manifests/{account}/{location}/{kind}/cluster/{app}/{cluster}`.
pub(crate) async fn members(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let ask = Ask::Cluster {
        location: call.param("location").to_owned(),
        kind: call.param("kind").to_owned(),
        application: call.param("app").to_owned(),
        cluster: call.param("cluster").to_owned(),
    };
    answered(gate, call, ask).await
}

/// `GET /manifests/{account}/{location}/{kind}/cluster/{app}/{cluster}/dynamic/{criteria}`.
pub(crate) async fn target(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let ask = Ask::Target {
        location: call.param("location").to_owned(),
        kind: call.param("kind").to_owned(),
        application: call.param("app").to_owned(),
        cluster: call.param("cluster").to_owned(),
        criteria: call.param("criteria").to_owned(),
    };
    answered(gate, call, ask).await
}

/// `GET /instances/{account}/{region}/{id}/console`.
pub(crate) async fn console(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let account = gate.kubernetes_account(call.param("account"))?;
    if !is_meant(call.query("provider")) {
        return Err(Problem::not_found(
            "Only the provider kubernetes has a console",
        ));
    }
    let id = call.param("id");
    let ask = Ask::Console {
        namespace: call.param("region").to_owned(),
        pod: id.strip_prefix("pod ").unwrap_or(id).to_owned(),
    };
    let output = gate.asked(account, ask, None).await?;
    Ok(Answer::json(json!({ "output": output })))
}

/// `GET /applications/{application}/kubernetes/pods/{account}/{namespace}/{pod}/{container}`: properties out of a log.
pub(crate) async fn pod_file(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let ask = Ask::PodFile {
        namespace: call.param("namespace").to_owned(),
        pod: call.param("pod").to_owned(),
        container: call.param("container").to_owned(),
    };
    answered(gate, call, ask).await
}

/// `GET /applications/{application}/jobs/{account}/{location}/{name}`.
pub(crate) async fn job(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let ask = Ask::Job {
        location: call.param("location").to_owned(),
        name: call.param("name").to_owned(),
    };
    answered(gate, call, ask).await
}

async fn read_manifest(gate: Gate, call: Call, location: &str) -> Result<Answer, Problem> {
    let location = if location == "_" { "" } else { location };
    let ask = Ask::Manifest {
        location: location.to_owned(),
        name: call.param("name").to_owned(),
        events: call.query_bool("includeEvents", true)?,
    };
    answered(gate, call, ask).await
}

async fn answered(gate: Gate, call: Call, ask: Ask) -> Result<Answer, Problem> {
    let account = gate.kubernetes_account(call.param("account"))?;
    let value: Value = gate.asked(account, ask, None).await?;
    Ok(Answer::json(value))
}
