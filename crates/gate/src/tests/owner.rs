//! An owner of partitions that knows just enough: it starts what it is told to, and does the tasks that save documents.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_bus::CommandStream;
use gennaker_model::{
    Execution, ExecutionId, ExecutionType, Map, StageId, Status,
    command::{
        Answer, Envelope, ListPlace, ListQuery, Refusal, RefusalCode, Reply, Request, Start, Wait,
    },
    routing,
};
use gennaker_store::{Blobs, SaveError, Store, TemplateVersion};
use serde_json::{Value, json};

use super::{NOW, PARTITIONS};

pub(crate) struct Owner {
    store: Store,
    pub(crate) executions: BTreeMap<String, Execution>,
    /// Every command that came in.
    pub(crate) asked: Vec<Envelope>,
    /// Answers to give instead of the usual ones, in order; `None` stays silent.
    pub(crate) script: VecDeque<Option<Answer>>,
    /// Ad-hoc tasks stay RUNNING for this many reads.
    pub(crate) reads_until_done: usize,
    /// How many documents it has listed.
    pub(crate) listed: usize,
    sequence: u64,
}

pub(crate) async fn serve(
    partition: u32,
    mut commands: CommandStream,
    blobs: Blobs,
    owner: Arc<Mutex<Owner>>,
) {
    while let Some(command) = commands.next().await {
        let payload = blobs.open(command.payload.clone()).await.unwrap();
        let envelope: Envelope = serde_json::from_slice(&payload).unwrap();
        let request = envelope.request.clone();
        let (scripted, store) = {
            let mut owner = owner.lock().unwrap();
            owner.asked.push(envelope);
            (owner.script.pop_front(), owner.store.clone())
        };
        let answer = match scripted {
            Some(answer) => answer,
            None => {
                let ran = match &request {
                    Request::Start(start) => run(start, &store).await,
                    _ => None,
                };
                Some(owner.lock().unwrap().answer(partition, request, ran))
            }
        };
        if let Some(answer) = answer {
            let bytes = serde_json::to_vec(&answer).unwrap();
            command.responder.send(bytes.into()).await.unwrap();
        }
    }
}

/// What owners have indexes of, of a trigger and a name.
fn fits_trigger(query: &ListQuery, execution: &Execution) -> bool {
    let text = |field: &str| execution.trigger.get(field).and_then(Value::as_str);
    (query.event.is_none() || query.event.as_deref() == text("eventId"))
        && (query.name.is_none() || query.name == execution.name)
        && (query.trigger_types.is_empty()
            || text("type").is_some_and(|kind| query.trigger_types.iter().any(|it| it == kind)))
}

fn place(execution: &Execution) -> (i64, ExecutionId) {
    (execution.build_time, execution.id.clone())
}

pub(crate) fn answer(sequence: u64, result: Result<Reply, Refusal>) -> Option<Answer> {
    Some(Answer {
        partition: 0,
        sequence,
        result,
    })
}

pub(crate) fn refusal(code: RefusalCode, message: &str) -> Refusal {
    Refusal {
        code,
        message: message.to_owned(),
        execution: None,
    }
}

impl Owner {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            executions: BTreeMap::new(),
            asked: Vec::new(),
            script: VecDeque::new(),
            reads_until_done: 0,
            listed: 0,
            sequence: 10,
        }
    }

    /// The starts that came in, repeats included.
    pub(crate) fn starts(&self) -> Vec<Start> {
        let start = |envelope: &Envelope| match &envelope.request {
            Request::Start(start) => Some((**start).clone()),
            _ => None,
        };
        self.asked.iter().filter_map(start).collect()
    }

    fn answer(&mut self, partition: u32, request: Request, ran: Option<(Status, Map)>) -> Answer {
        self.sequence += 1;
        Answer {
            partition,
            sequence: self.sequence,
            result: self.result(partition, request, ran),
        }
    }

    fn result(
        &mut self,
        partition: u32,
        request: Request,
        ran: Option<(Status, Map)>,
    ) -> Result<Reply, Refusal> {
        let missing = || Err(refusal(RefusalCode::NotFound, ""));
        match request {
            Request::Start(start) => self.start(*start, ran),
            Request::Read { execution } => match self.executions.get(execution.as_str()) {
                None => missing(),
                Some(found) => {
                    let mut document = found.clone();
                    if document.kind == ExecutionType::Orchestration && self.reads_until_done > 0 {
                        self.reads_until_done -= 1;
                        document.status = Status::Running;
                    }
                    Ok(Reply::Execution {
                        document: Box::new(document),
                    })
                }
            },
            Request::Cancel {
                execution,
                user,
                reason,
            } => match self.executions.get_mut(execution.as_str()) {
                None => missing(),
                Some(found) => {
                    found.status = Status::Canceled;
                    found.canceled = true;
                    found.canceled_by = Some(user);
                    found.cancellation_reason = reason;
                    Ok(Reply::Done)
                }
            },
            Request::PatchStage {
                execution,
                stage,
                patch,
                user,
                ..
            } => match self.executions.get_mut(execution.as_str()) {
                None => missing(),
                Some(found) => match found.stages.iter_mut().find(|it| it.id == stage) {
                    None => Err(refusal(RefusalCode::NotFound, "Stage not found")),
                    Some(stage) => {
                        let stage = Arc::make_mut(stage);
                        let context = Arc::make_mut(&mut stage.context);
                        context.extend(patch);
                        context.insert("lastModifiedBy".to_owned(), user.into());
                        Ok(Reply::Done)
                    }
                },
            },
            Request::Pause { execution, .. }
            | Request::Resume { execution, .. }
            | Request::RestartStage { execution, .. } => {
                match self.executions.contains_key(execution.as_str()) {
                    true => Ok(Reply::Done),
                    false => missing(),
                }
            }
            Request::Delete { execution } => match self.executions.get(execution.as_str()) {
                None => missing(),
                Some(found) if !found.status.is_complete() => {
                    Err(refusal(RefusalCode::Conflict, "it runs"))
                }
                Some(_) => {
                    self.executions.remove(execution.as_str());
                    Ok(Reply::Done)
                }
            },
            Request::History { execution } => match self.executions.get(execution.as_str()) {
                None => missing(),
                Some(_) => Ok(Reply::History {
                    dropped: 0,
                    steps: vec![json!({"rev": 1, "at": 7, "e": []})],
                }),
            },
            Request::Explain { execution } => match self.executions.get(execution.as_str()) {
                None => missing(),
                Some(found) => Ok(Reply::Explanation {
                    waits: vec![Wait {
                        stage: StageId::new("S").unwrap(),
                        name: "judge".to_owned(),
                        sentence: "a person has to decide".to_owned(),
                        until_ms: None,
                    }],
                    status: found.status,
                }),
            },
            Request::List(query) => {
                let mut documents: Vec<Execution> = self
                    .executions
                    .values()
                    .filter(|it| routing::partition_of(&it.id, PARTITIONS) == partition)
                    .filter(|it| query.kind.is_none_or(|kind| kind == it.kind))
                    .filter(|it| {
                        query
                            .application
                            .as_ref()
                            .is_none_or(|app| *app == it.application)
                    })
                    .filter(|it| query.executions.is_empty() || query.executions.contains(&it.id))
                    .filter(|it| {
                        let config = it.pipeline_config_id.clone().unwrap_or_default();
                        query.config_ids.is_empty() || query.config_ids.contains(&config)
                    })
                    .filter(|it| query.statuses.is_empty() || query.statuses.contains(&it.status))
                    .filter(|it| query.since_ms.is_none_or(|since| it.build_time >= since))
                    .filter(|it| query.until_ms.is_none_or(|until| it.build_time <= until))
                    .filter(|it| {
                        let name = it.name.clone().unwrap_or_default().to_lowercase();
                        let part = query.name_contains.clone().unwrap_or_default();
                        name.contains(&part.to_lowercase())
                    })
                    .filter(|it| fits_trigger(&query, it))
                    .map(|it| {
                        if query.expand {
                            it.clone()
                        } else {
                            it.unexpanded()
                        }
                    })
                    .collect();
                documents.sort_by_key(place);
                if !query.oldest_first {
                    documents.reverse();
                }
                if let Some(after) = query.after {
                    let after = (after.time_ms, after.execution);
                    documents.retain(|it| match query.oldest_first {
                        true => place(it) > after,
                        false => place(it) < after,
                    });
                }
                documents.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
                if query.places_only {
                    let place = |it: Execution| ListPlace {
                        time_ms: it.build_time,
                        execution: it.id,
                    };
                    let places = documents.into_iter().map(place).collect();
                    return Ok(Reply::Places { places });
                }
                self.listed += documents.len();
                Ok(Reply::Executions { documents })
            }
            Request::Freezes => Ok(Reply::Done),
            Request::Peer(_) => Err(refusal(RefusalCode::Invalid, "no peers here")),
        }
    }

    fn start(&mut self, start: Start, ran: Option<(Status, Map)>) -> Result<Reply, Refusal> {
        let id = start.execution.clone();
        if self.executions.contains_key(id.as_str()) {
            return Ok(Reply::Started {
                execution: id,
                existing: true,
            });
        }
        let disabled = start.config.get("disabled").and_then(Value::as_bool) == Some(true);
        let mut document = document(&start);
        if let Some((status, context)) = ran {
            document.status = status;
            let mut stage = (*document.stages[0]).clone();
            stage.context = Arc::new(context);
            document.stages[0] = Arc::new(stage);
        }
        if disabled {
            document.status = Status::Terminal;
        }
        self.executions.insert(id.as_str().to_owned(), document);
        if disabled {
            return Err(Refusal {
                execution: Some(id),
                ..refusal(
                    RefusalCode::Invalid,
                    "Pipeline is disabled and cannot be started.",
                )
            });
        }
        Ok(Reply::Started {
            execution: id,
            existing: false,
        })
    }
}

fn document(start: &Start) -> Execution {
    let text = |field: &str| start.config.get(field).and_then(Value::as_str);
    let stages = start.config.get("stages").and_then(Value::as_array);
    let stages: Vec<Value> = stages
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(place, stage)| {
            json!({"id": format!("S{place}"), "refId": place.to_string(), "requisiteStageRefIds": [],
                   "type": stage["type"].as_str().unwrap_or("none"), "name": "n", "status": "RUNNING",
                   "context": stage.as_object().cloned().unwrap_or_default(), "outputs": {}, "tasks": []})
        })
        .collect();
    let value = json!({
        "type": start.kind, "id": start.execution, "application": text("application"), "name": text("name"),
        "description": text("description"), "pipelineConfigId": text("id"), "buildTime": NOW, "startTime": NOW,
        "status": "RUNNING", "stages": stages, "authentication": {"user": start.user}, "origin": start.origin,
        "trigger": start.trigger, "notifications": start.config.get("notifications").unwrap_or(&json!([])),
    });
    serde_json::from_value(value).unwrap()
}

/// What the tasks of the pools would do with documents.
async fn run(start: &Start, store: &Store) -> Option<(Status, Map)> {
    if start.kind != ExecutionType::Orchestration {
        return None;
    }
    let job = start.config["stages"][0].as_object().unwrap();
    let pipeline = || -> Map {
        let json = BASE64_STANDARD
            .decode(job["pipeline"].as_str().unwrap())
            .unwrap();
        serde_json::from_slice(&json).unwrap()
    };
    let fresh = format!("generated-{}", start.execution.as_str().to_lowercase());
    let stale_check = job.get("staleCheck").and_then(Value::as_bool) == Some(true);
    let outcome: Result<Map, SaveError> = match job["type"].as_str().unwrap() {
        "savePipeline" if job.contains_key("pipelines") => {
            let json = BASE64_STANDARD
                .decode(job["pipelines"].as_str().unwrap())
                .unwrap();
            let pipelines: Vec<Map> = serde_json::from_slice(&json).unwrap();
            let ids = |place: usize| format!("{fresh}-{place}");
            let bulk = store
                .pipelines()
                .save_many(&pipelines, ids, "me", false, NOW)
                .await
                .unwrap();
            Ok(context(json!({"bulksave": {
                "successful_pipelines_count": bulk.successful.len(), "successful_pipelines": bulk.successful,
                "failed_pipelines_count": bulk.failed.len(), "failed_pipelines": bulk.failed,
            }})))
        }
        "savePipeline" => store
            .pipelines()
            .save(&pipeline(), &fresh, "me", stale_check, NOW)
            .await
            .map(|saved| context(json!({"pipeline.id": saved.document.id()}))),
        "updatePipeline" => {
            let pipeline = pipeline();
            let id = pipeline["id"].as_str().unwrap().to_owned();
            store
                .pipelines()
                .update(&id, &pipeline, "me", stale_check, NOW)
                .await
                .map(|_| Map::new())
        }
        "deletePipeline" => {
            let pipeline = pipeline();
            let text = |field: &str| pipeline[field].as_str().unwrap().to_owned();
            store
                .pipelines()
                .delete(&text("application"), &text("name"))
                .await
                .map(|_| Map::new())
        }
        "reorderPipelines" => {
            let decoded = |field: &str| -> Value {
                let json = BASE64_STANDARD
                    .decode(job[field].as_str().unwrap())
                    .unwrap();
                serde_json::from_slice(&json).unwrap()
            };
            let configs = match decoded("isStrategy") == true {
                true => store.strategies(),
                false => store.pipelines(),
            };
            let indices = serde_json::from_value(decoded("idsToIndices")).unwrap();
            let application = decoded("application");
            configs
                .reorder(application.as_str().unwrap(), &indices, "me", NOW)
                .await
                .map(|()| Map::new())
        }
        "createApplication" => store
            .upsert_application(job["application"].as_object().unwrap(), "me", NOW)
            .await
            .map(|_| Map::new()),
        "upsertProject" => store
            .upsert_project(job["project"].as_object().unwrap(), &fresh, "me", NOW)
            .await
            .map(|saved| context(json!({"id": saved.document.id()}))),
        "deleteProject" => store
            .delete_project(job["project"]["id"].as_str().unwrap())
            .await
            .map(|_| Map::new()),
        "upsertPluginInfo" => store
            .save_plugin(job["pluginInfo"].as_object().unwrap(), "me", NOW)
            .await
            .map(|_| Map::new()),
        "deletePluginInfo" => store
            .delete_plugin(job["pluginInfoId"].as_str().unwrap())
            .await
            .map(|_| Map::new()),
        "upsertEntityTags" => store
            .upsert_entity_tags(job, "me", NOW)
            .await
            .map(|_| Map::new()),
        "deleteEntityTags" => {
            let names = job["tags"].as_array().unwrap().iter();
            let names: Vec<String> = names.map(|it| it.as_str().unwrap().to_owned()).collect();
            store
                .delete_entity_tags(job["id"].as_str().unwrap(), &names, false, "me", NOW)
                .await
                .map(|()| Map::new())
        }
        "saveCanaryConfig" => {
            let json = BASE64_STANDARD
                .decode(job["canaryConfig"].as_str().unwrap())
                .unwrap();
            let config: Value = serde_json::from_slice(&json).unwrap();
            let is_new = job["isNew"] == true;
            store
                .save_canary_config(config.as_object().unwrap(), is_new, NOW)
                .await
                .map(|_| Map::new())
        }
        "deleteCanaryConfig" => store
            .delete_canary_config(job["canaryConfigId"].as_str().unwrap())
            .await
            .map(|_| Map::new()),
        kind if kind.contains("PipelineTemplate") => template(kind, job, store).await,
        _ => return None,
    };
    Some(match outcome {
        Ok(context) => (Status::Succeeded, context),
        Err(error) => {
            let exception = json!({"exception": {"details": {"errors": [error.to_string()]}}});
            (Status::Terminal, context(exception))
        }
    })
}

async fn template(kind: &str, job: &Map, store: &Store) -> Result<Map, SaveError> {
    let text = |field: &str| job.get(field).and_then(Value::as_str);
    let tag = text("tag");
    if let Some(id) = text("pipelineTemplateId") {
        let version = match (tag, text("digest")) {
            (Some(tag), _) => TemplateVersion::Tag(tag),
            (None, Some(digest)) => TemplateVersion::Digest(digest),
            (None, None) => TemplateVersion::Untagged,
        };
        return store.delete_template(id, version).await.map(|_| Map::new());
    }
    let json = BASE64_STANDARD
        .decode(text("pipelineTemplate").unwrap())
        .unwrap();
    let template: Map = serde_json::from_slice(&json).unwrap();
    let saved = match (kind.contains("V2"), text("id")) {
        (true, None) => store.create_template(&template, tag, "me", NOW).await,
        (true, Some(id)) => store.update_template(id, &template, tag, "me", NOW).await,
        (false, id) => store.save_template_v1(id, &template, "me", NOW).await,
    };
    saved.map(|_| Map::new())
}

fn context(value: Value) -> Map {
    value.as_object().unwrap().clone()
}
