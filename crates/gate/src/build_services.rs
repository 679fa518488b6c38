//! `/gcb/…`, `/codebuild/…`, `/concourse/…`: what Gate hands on to Igor and Orca (API reference 2.11). Source: gate
//! `BuildServiceController`s, `ConcourseController`.

use gennaker_model::{
    Execution, ExecutionId, Map, Stage, StageId, Status,
    build_reads::POOL,
    build_service_reads::{Account, Kind, Question, Read, VERSION},
    command::{ListQuery, Request},
    ulid,
};
use serde_json::{Value, json};

use crate::{
    Gate,
    answer::Answer,
    builds::{UNREADABLE, WAIT},
    call::Call,
    executions,
    pool::Asked,
    problem::Problem,
};

/// The type of the stage that waits for a report.
const STAGE: &str = "concourse";

/// The kind of server that has teams.
const CONCOURSE: &str = "concourse";

/// `GET /gcb/accounts`.
pub(crate) async fn google_accounts(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(names(&gate.config().google_cloud_build))
}

/// `GET /codebuild/accounts`.
pub(crate) async fn amazon_accounts(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(names(&gate.config().aws_code_build))
}

/// `GET /gcb/triggers/{account}`.
pub(crate) async fn triggers(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let what = ("Google Cloud Build", Kind::Google);
    let accounts = &gate.config().google_cloud_build;
    gate.ask_account(accounts, what, call.param("account"), Read::Triggers)
        .await
}

/// `GET /codebuild/projects/{account}`.
pub(crate) async fn projects(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let what = ("AWS CodeBuild", Kind::Amazon);
    let accounts = &gate.config().aws_code_build;
    gate.ask_account(accounts, what, call.param("account"), Read::Projects)
        .await
}

/// `GET /concourse/{master}/teams`.
pub(crate) async fn teams(gate: Gate, call: Call) -> Result<Answer, Problem> {
    gate.ask_concourse(&call, Read::Teams).await
}

/// `GET /concourse/{master}/teams/{team}/pipelines`.
pub(crate) async fn pipelines(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let team = call.param("team").to_owned();
    gate.ask_concourse(&call, Read::Pipelines { team }).await
}

/// `GET /concourse/{master}/teams/{team}/pipelines/{pipeline}/jobs`.
pub(crate) async fn jobs(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (team, pipeline) = (
        call.param("team").to_owned(),
        call.param("pipeline").to_owned(),
    );
    gate.ask_concourse(&call, Read::Jobs { team, pipeline })
        .await
}

/// `GET /concourse/{master}/teams/{team}/pipelines/{pipeline}/resources`.
pub(crate) async fn resources(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (team, pipeline) = (
        call.param("team").to_owned(),
        call.param("pipeline").to_owned(),
    );
    gate.ask_concourse(&call, Read::Resources { team, pipeline })
        .await
}

/// `POST /concourse/stage/start?stageId=&job=&buildNumber=`: patches the stage. With `executionId` (ours) it is not looked for.
///
/// Orca keeps the report in memory and answers 200 whatever the stage; here a stage that does not exist, or is over, is 404.
pub(crate) async fn report(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let wanted = |name: &str| {
        let missing =
            || Problem::bad_request(format!("Required parameter '{name}' is not present."));
        call.query(name).ok_or_else(missing)
    };
    let (stage, job) = (wanted("stageId")?.to_owned(), wanted("job")?.to_owned());
    let number = wanted("buildNumber")?;
    let wrong = || Problem::bad_request(format!("{number:?} is not the number of a build"));
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let execution = match call.query("executionId") {
        Some(id) => ExecutionId::new(id).map_err(|_| missing_stage(&stage))?,
        None => find(&gate, &call, &stage).await?,
    };
    let ask = call.ask(
        "look",
        Request::Read {
            execution: execution.clone(),
        },
    );
    let document = gate.owners().read(&execution, ask).await?;
    let is_waiting = |document: &Execution| waits(document, &stage);
    if !document.as_ref().is_some_and(is_waiting) {
        return Err(missing_stage(&stage));
    }
    let mut patch = Map::new();
    patch.insert("jobName".to_owned(), job.into());
    patch.insert("buildNumber".to_owned(), number.into());
    let request = Request::PatchStage {
        execution: execution.clone(),
        stage: StageId::new(&stage).map_err(|_| missing_stage(&stage))?,
        patch,
        user: call.user().to_owned(),
        roles: None,
    };
    executions::done(&gate, &execution, call.ask("patch", request), "Pipeline").await
}

/// The execution of a stage. The id of a stage begins with the time at which its execution was made, so that hardly any other is
/// looked at.
async fn find(gate: &Gate, call: &Call, stage: &str) -> Result<ExecutionId, Problem> {
    let (made_ms, _) = ulid::decode(stage).ok_or_else(|| missing_stage(stage))?;
    let query = ListQuery {
        statuses: vec![Status::Running, Status::Paused, Status::NotStarted],
        since_ms: Some(made_ms),
        until_ms: Some(made_ms),
        expand: true,
        ..ListQuery::default()
    };
    let fits = |document: &Execution| waits(document, stage);
    let listed = gate.owners().search(call, &query, 1, fits, false).await?;
    let found = listed.found.into_iter().next();
    found
        .map(|document| document.id)
        .ok_or_else(|| missing_stage(stage))
}

/// Whether a stage of the document waits for a report, or will.
fn waits(document: &Execution, stage: &str) -> bool {
    let is_it =
        |one: &Stage| one.id.as_str() == stage && one.kind == STAGE && !one.status.is_complete();
    document.stages.iter().any(|one| is_it(one))
}

fn missing_stage(stage: &str) -> Problem {
    Problem::not_found(format!("No stage of type {STAGE} waits with id {stage}"))
}

impl Gate {
    async fn ask_account(
        &self,
        accounts: &[Account],
        (what, kind): (&str, Kind),
        name: &str,
        read: Read,
    ) -> Result<Answer, Problem> {
        let known = accounts.iter().find(|account| account.name == name);
        let missing =
            || Problem::not_found(format!("No {what} account with name {name} is configured"));
        let known = known.ok_or_else(missing)?;
        let what = format!("account {name} of {what}");
        let answer = self.ask_service(kind, &what, &known.name, known.zone.as_deref(), read);
        Ok(Answer::json(answer.await?))
    }

    /// A server that is none of Concourse has nothing, as in Igor.
    async fn ask_concourse(&self, call: &Call, read: Read) -> Result<Answer, Problem> {
        let name = call.param("master");
        let master = self.master(name).filter(|master| master.kind == CONCOURSE);
        let Some(master) = master else {
            return Ok(Answer::json(json!([])));
        };
        let what = format!("build master {name}");
        let zone = master.zone.as_deref();
        let answer = self.ask_service(Kind::Concourse, &what, name, zone, read);
        Ok(Answer::json(answer.await?))
    }

    async fn ask_service(
        &self,
        kind: Kind,
        what: &str,
        name: &str,
        zone: Option<&str>,
        read: Read,
    ) -> Result<Value, Problem> {
        let question = Question {
            v: VERSION,
            name: name.to_owned(),
            read,
        };
        let asked = Asked {
            pool: POOL,
            place: &kind.place(name),
            zone,
            does: &format!("serves {what}"),
            otherwise: UNREADABLE,
        };
        self.ask_pool(&asked, &question, WAIT).await
    }
}

fn names(accounts: &[Account]) -> Answer {
    let names: Vec<&str> = accounts
        .iter()
        .map(|account| account.name.as_str())
        .collect();
    Answer::json(json!(names))
}
