//! One pipeline that a client starts, looks after and sees to its end: judgements, skipped waits, a pause, a cancel.

use std::{collections::BTreeSet, time::Duration};

use gennaker_model::{
    Execution, ExecutionId, ExecutionType, Map, Stage, Status,
    command::{Refusal, RefusalCode, Reply, Request, Start},
    routing,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    client::Client,
    promise::{Promise, Verdict},
    random::Random,
};

/// What is done with one pipeline.
pub(crate) struct Case {
    config: Map,
    starts_ms: u64,
    starts_twice: bool,
    cancel_ms: Option<u64>,
    pause_ms: Option<u64>,
    paused_for_ms: u64,
    restarts: u64,
    delete: bool,
    poll_ms: u64,
    rest: u64,
    /// The id says nothing about the pipeline: what `--break route` does.
    scatters: bool,
}

/// Times that a deletion is tried while something of the execution is still open.
const DELETES_MAX: u32 = 20;

/// How far a pause is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pause {
    Never,
    At(Instant),
    Until(Instant),
}

impl Case {
    pub fn new(random: &mut Random, config: Map, scatters: bool) -> Self {
        Self {
            config,
            starts_ms: random.between(0..=10_000),
            starts_twice: random.percent(20),
            cancel_ms: random.percent(30).then(|| random.between(0..=30_000)),
            pause_ms: random.percent(25).then(|| random.between(0..=8_000)),
            paused_for_ms: random.between(100..=8_000),
            restarts: if random.percent(30) {
                random.between(1..=2)
            } else {
                0
            },
            delete: random.percent(15),
            poll_ms: random.between(600..=5_000),
            rest: random.draw(),
            scatters,
        }
    }

    /// Runs the case to its end.
    pub async fn run(self, mut client: Client) {
        sleep(Duration::from_millis(self.starts_ms)).await;
        let Some(id) = self.start(&mut client).await else {
            return;
        };
        let began = Instant::now();
        let after = |ms: u64| began + Duration::from_millis(ms);
        let mut cancel = self.cancel_ms.map(after);
        let mut pause = self
            .pause_ms
            .map_or(Pause::Never, |ms| Pause::At(after(ms)));
        let mut open = BTreeSet::from([id.clone()]);
        let mut over = BTreeSet::new();
        let mut restarts = self.restarts;
        while !open.is_empty() {
            if cancel.is_some_and(|at| at <= Instant::now()) {
                cancel = None;
                self.cancel(&mut client, &id).await;
            }
            pause = self.pause(&mut client, &id, pause).await;
            for next in open.clone() {
                // A child that its owner has not heard of yet is asked for again.
                let Some(document) = client.see(&next).await else {
                    continue;
                };
                attend(&mut client, &document).await;
                open.extend(children(&document).filter(|child| !over.contains(child)));
                if document.status.is_complete() && !waits_to_restart(&mut client, &next).await {
                    open.remove(&next);
                    over.insert(next);
                }
            }
            if open.is_empty() && restarts > 0 {
                restarts -= 1;
                // It, or a child, which takes its parents along.
                let family: Vec<ExecutionId> = over.iter().cloned().collect();
                let chosen = client.random.pick(&family).clone();
                if restart(&mut client, &chosen, &family).await {
                    open.append(&mut over);
                }
            }
            sleep(Duration::from_millis(self.poll_ms)).await;
        }
        if self.delete {
            delete(&mut client, &id).await;
        }
    }

    async fn start(&self, client: &mut Client) -> Option<ExecutionId> {
        let key = self
            .config
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let scattered = format!("{key}/{}", self.rest);
        let key = if self.scatters { &scattered } else { key };
        let id = routing::execution_id(client.clock.now_ms(), key, self.rest);
        let start = Start {
            execution: id.clone(),
            kind: ExecutionType::Pipeline,
            config: self.config.clone(),
            trigger: Map::new(),
            user: "ann".to_owned(),
            origin: "api".to_owned(),
            parent: None,
            error: None,
        };
        let times = if self.starts_twice { 2 } else { 1 };
        for time in 0..times {
            let told = client.knowledge.told(&id).is_some();
            match client
                .ask(&id, Request::Start(Box::new(start.clone())))
                .await
            {
                Ok(Reply::Started {
                    execution,
                    existing,
                }) if execution == id && (existing || !told) => {
                    client.knowledge.learn(&id, |_| {});
                }
                Err(refusal) if is_frozen(&refusal) => return None,
                // Nobody answered for minutes.
                Err(Refusal {
                    code: RefusalCode::Expired,
                    ..
                }) if time == 0 => return None,
                other => {
                    let sentence = format!(
                        "start {} of execution {id} was answered with {other:?}",
                        time + 1
                    );
                    client.verdict.broken(Promise::NothingLost, sentence);
                    return None;
                }
            }
        }
        Some(id)
    }

    async fn cancel(&self, client: &mut Client, id: &ExecutionId) {
        let request = Request::Cancel {
            execution: id.clone(),
            user: "bob".to_owned(),
            reason: Some("enough".to_owned()),
        };
        match client.ask(id, request).await {
            Ok(Reply::Done) => client.knowledge.learn(id, |told| told.cancelled = true),
            other => unexpected(&client.verdict, "a cancel", &other),
        }
    }

    /// Pauses and resumes when it is time.
    async fn pause(&self, client: &mut Client, id: &ExecutionId, pause: Pause) -> Pause {
        match pause {
            Pause::At(at) if at <= Instant::now() => {
                match client
                    .ask(
                        id,
                        Request::Pause {
                            execution: id.clone(),
                            user: "bob".to_owned(),
                        },
                    )
                    .await
                {
                    Ok(Reply::Done) => {
                        client.knowledge.learn(id, |told| told.paused = true);
                        Pause::Until(Instant::now() + Duration::from_millis(self.paused_for_ms))
                    }
                    Err(Refusal {
                        code: RefusalCode::Conflict,
                        ..
                    }) => Pause::Never,
                    // It may have been carried out by an earlier try whose answer was lost, minutes ago.
                    Err(Refusal {
                        code: RefusalCode::Expired,
                        ..
                    }) => Pause::Until(Instant::now()),
                    other => {
                        unexpected(&client.verdict, "a pause", &other);
                        Pause::Never
                    }
                }
            }
            Pause::Until(at) if at <= Instant::now() => {
                match client
                    .ask(
                        id,
                        Request::Resume {
                            execution: id.clone(),
                            user: "bob".to_owned(),
                        },
                    )
                    .await
                {
                    Ok(Reply::Done) => {
                        client.knowledge.learn(id, |told| told.resumed = true);
                        Pause::Never
                    }
                    Err(Refusal {
                        code: RefusalCode::Conflict,
                        ..
                    }) => Pause::Never,
                    Err(Refusal {
                        code: RefusalCode::Expired,
                        ..
                    }) => pause,
                    other => {
                        unexpected(&client.verdict, "a resume", &other);
                        Pause::Never
                    }
                }
            }
            Pause::Never | Pause::At(_) | Pause::Until(_) => pause,
        }
    }
}

/// Does what a person would do about a document: judges, skips waits, writes something into a stage.
pub(crate) async fn attend(client: &mut Client, document: &Execution) {
    if document.status.is_complete() {
        return;
    }
    for stage in document
        .stages
        .iter()
        .filter(|stage| stage.status == Status::Running)
    {
        let Some(mut patch) = wish(stage, &mut client.random) else {
            continue;
        };
        let mark = format!("simMark{}", client.random.between(0..=999_999));
        patch.insert(mark.clone(), json!(true));
        let id = document.id.clone();
        let request = Request::PatchStage {
            execution: id.clone(),
            stage: stage.id.clone(),
            patch,
            user: "ann".to_owned(),
            roles: None,
        };
        match client.ask(&id, request).await {
            Ok(Reply::Done) => client
                .knowledge
                .learn(&id, |told| told.marks.push((stage.id.clone(), mark))),
            Err(Refusal {
                code: RefusalCode::Expired,
                ..
            }) => {}
            other => unexpected(&client.verdict, "the patch of a stage", &other),
        }
    }
}

fn wish(stage: &Stage, random: &mut Random) -> Option<Map> {
    let patch = match stage.kind.as_str() {
        "manualJudgment" if !stage.context.contains_key("judgmentStatus") && random.percent(50) => {
            json!({"judgmentStatus": stage.context.get("simJudgment")})
        }
        "wait" if stage.context.get("simSkip") == Some(&json!(true)) && random.percent(30) => {
            json!({"skipRemainingWait": true})
        }
        "restrictExecutionDuringTimeWindow"
            if stage.context.get("simWindowSkip") == Some(&json!(true)) && random.percent(30) =>
        {
            json!({"skipRemainingWait": true})
        }
        _ if random.percent(3) => json!({}),
        _ => return None,
    };
    patch.as_object().cloned()
}

/// Whether an execution that looks over has a restart before it, which waits for what is open at its stages.
async fn waits_to_restart(client: &mut Client, id: &ExecutionId) -> bool {
    if !client.knowledge.told(id).is_some_and(|told| told.restarted) {
        return false;
    }
    let request = Request::Explain {
        execution: id.clone(),
    };
    matches!(client.ask(id, request).await, Ok(Reply::Explanation { waits, .. }) if !waits.is_empty())
}

fn children(document: &Execution) -> impl Iterator<Item = ExecutionId> {
    let stages = document
        .stages
        .iter()
        .filter(|stage| stage.kind == "pipeline");
    stages.filter_map(|stage| ExecutionId::new(stage.context.get("executionId")?.as_str()?).ok())
}

/// Restarts a stage of an execution that is over; true if it may run again, and others of its family with it.
async fn restart(client: &mut Client, id: &ExecutionId, family: &[ExecutionId]) -> bool {
    let Some(document) = client.see(id).await else {
        return false;
    };
    if document.stages.is_empty() || !document.status.is_complete() {
        return !document.status.is_complete();
    }
    let stage = client.random.pick(&document.stages).id.clone();
    // It may be carried out although nobody hears the answer.
    for member in family {
        client.knowledge.learn(member, |told| told.restarted = true);
    }
    let request = Request::RestartStage {
        execution: id.clone(),
        stage,
        preconditions: None,
        user: "bob".to_owned(),
    };
    match client.ask(id, request).await {
        Ok(Reply::Done)
        | Err(Refusal {
            code: RefusalCode::Expired,
            ..
        }) => true,
        // Parts of it are still being stopped.
        Err(Refusal {
            code: RefusalCode::Conflict,
            ..
        }) => false,
        other => {
            unexpected(&client.verdict, "the restart of a stage", &other);
            false
        }
    }
}

/// Whether a start is refused because nothing of the pipeline may start.
fn is_frozen(refusal: &Refusal) -> bool {
    refusal.code == RefusalCode::Invalid && refusal.message.contains(" is frozen by ")
}

async fn delete(client: &mut Client, id: &ExecutionId) {
    client.knowledge.learn(id, |told| told.deleting = true);
    for _ in 0..DELETES_MAX {
        match client
            .ask(
                id,
                Request::Delete {
                    execution: id.clone(),
                },
            )
            .await
        {
            Ok(Reply::Done)
            | Err(Refusal {
                code: RefusalCode::NotFound,
                ..
            }) => {
                return client.knowledge.learn(id, |told| told.deleted = true);
            }
            Err(Refusal {
                code: RefusalCode::Conflict | RefusalCode::Expired,
                ..
            }) => sleep(Duration::from_secs(10)).await,
            other => return unexpected(&client.verdict, "a deletion", &other),
        }
    }
}

fn unexpected(verdict: &Verdict, what: &str, answer: &Result<Reply, Refusal>) {
    verdict.broken(
        Promise::NothingLost,
        format!("{what} was answered with {answer:?}"),
    );
}
