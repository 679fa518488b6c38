//! What must be true when everything has ended.

use std::sync::{Arc, Mutex, PoisonError};

use gennaker_engine::{Event, State, apply};
use gennaker_model::{
    Execution, ExecutionId,
    command::{ListQuery, Refusal, RefusalCode, Reply, Request},
    routing::partition_of,
};
use serde_json::Value;

use crate::{client::Client, outside::Outside, pipelines, promise::Promise, witness::Witness};

/// Compares what the owners say with the logs, with what clients were told, and with the outside.
pub(crate) async fn check(client: &mut Client, witness: &Arc<Mutex<Witness>>, outside: &Outside) {
    for id in client.knowledge.executions() {
        let said = client.see(&id).await;
        let logged = document(witness, &id);
        match (said, logged) {
            (Some(said), Some(logged)) if said == logged => history(client, &said).await,
            (None, None) if client.knowledge.told(&id).is_some_and(|told| told.deleting) => {}
            (said, logged) => {
                let sentence = format!(
                    "execution {id} is {} by its owner and {} by the log",
                    said.map_or("not there".to_owned(), |said| said.status.to_string()),
                    logged.map_or("not there".to_owned(), |logged| logged.status.to_string()),
                );
                client.verdict.broken(Promise::NothingLost, sentence);
            }
        }
    }
    for partition in 0..client.partitions {
        lists(client, witness, partition).await;
    }
    let (effects, cancellations, misreadings, delivered) = {
        let witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
        (
            witness.succeeded_effects(),
            witness.cancellations(),
            witness.misreadings(),
            witness.delivered(),
        )
    };
    for effect in delivered {
        if !outside.happened(effect.as_str()) {
            let sentence = format!("{effect} was delivered, and nothing happened outside");
            client.verdict.broken(Promise::EffectOnce, sentence);
        }
    }
    for misreading in misreadings {
        client.verdict.broken(Promise::NothingLost, misreading);
    }
    for cancellation in cancellations {
        if !outside.was_cancelled(cancellation.as_str()) {
            client.verdict.broken(
                Promise::NothingLost,
                format!("{cancellation} was due, and nobody told the outside"),
            );
        }
    }
    for effect in effects {
        if !outside.happened(effect.as_str()) {
            client.verdict.broken(
                Promise::EffectOnce,
                format!("{effect} succeeded, and nothing happened outside"),
            );
        }
    }
}

/// The history of an execution leads to what it is now, wherever it was kept and however often its owner changed.
async fn history(client: &mut Client, said: &Execution) {
    let id = &said.id;
    let request = Request::History {
        execution: id.clone(),
    };
    let steps = match client.ask(id, request).await {
        Ok(Reply::History { dropped: 0, steps }) => steps,
        // Asked for too often, which is no contradiction.
        Err(Refusal {
            code: RefusalCode::Expired,
            ..
        }) => return,
        _ => Vec::new(),
    };
    if folded(steps).as_ref() != Some(said) {
        let sentence = format!("the history of execution {id} does not lead to what it is");
        client.verdict.broken(Promise::NothingLost, sentence);
    }
}

fn folded(steps: Vec<Value>) -> Option<Execution> {
    let mut state: Option<State> = None;
    for mut step in steps {
        let events: Vec<Event> = serde_json::from_value(step.get_mut("e")?.take()).ok()?;
        for event in events {
            match &mut state {
                None => state = Some(apply::created(&event)?),
                Some(state) => apply(state, &event).ok()?,
            }
        }
        let revision = state.as_ref().map(|state| state.revision);
        if revision != step.get("rev").and_then(Value::as_u64) {
            return None;
        }
    }
    state.map(|state| state.doc)
}

/// A list has every execution of its partition.
async fn lists(client: &mut Client, witness: &Arc<Mutex<Witness>>, partition: u32) {
    let query = ListQuery {
        application: Some(pipelines::APPLICATION.to_owned()),
        ..ListQuery::default()
    };
    let mut listed: Vec<Execution> = match client
        .ask_partition(partition, None, Request::List(query))
        .await
    {
        Ok(Reply::Executions { documents }) => documents,
        Err(Refusal {
            code: RefusalCode::Expired,
            ..
        }) => return,
        other => {
            return client.verdict.broken(
                Promise::NothingLost,
                format!("a list was answered with {other:?}"),
            );
        }
    };
    listed.sort_by(|one, other| one.id.cmp(&other.id));
    let logged: Vec<Execution> = {
        let witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
        let of_partition = witness
            .documents()
            .filter(|document| partition_of(&document.id, client.partitions) == partition);
        of_partition.map(Execution::unexpanded).collect()
    };
    if listed != logged {
        let ids = |documents: &[Execution]| {
            documents
                .iter()
                .map(|document| format!("{} {}", document.id, document.status))
                .collect::<Vec<_>>()
        };
        let sentence = format!(
            "partition {partition} lists {:?}, and its log has {:?}",
            ids(&listed),
            ids(&logged)
        );
        client.verdict.broken(Promise::NothingLost, sentence);
    }
}

fn document(witness: &Arc<Mutex<Witness>>, id: &ExecutionId) -> Option<Execution> {
    let mut witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
    witness.catch_up();
    witness.document(id).cloned()
}
