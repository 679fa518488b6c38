//! A client of the owners, as the API is one: asks over the bus, repeats with the same command id, compares answers with
//! what clients know.

use std::time::Duration;

use gennaker_bus::{Bus, Class};
use gennaker_model::{
    CommandId, Execution, ExecutionId,
    command::{Answer, Envelope, Refusal, RefusalCode, Reply, Request, VERSION},
    routing::partition_of,
};
use gennaker_runtime::Clock;
use gennaker_store::Blobs;

use crate::{
    knowledge::{Knowledge, Told},
    promise::{Promise, Verdict},
    random::Random,
    trace::Trace,
};

/// One client.
pub(crate) struct Client {
    pub name: String,
    pub bus: Bus,
    pub clock: Clock,
    pub partitions: u32,
    pub knowledge: Knowledge,
    pub verdict: Verdict,
    pub trace: Trace,
    pub random: Random,
    /// Commands so far.
    pub commands: u64,
}

impl Client {
    /// Asks the owner of an execution until it answers something that settles the question.
    pub async fn ask(
        &mut self,
        execution: &ExecutionId,
        request: Request,
    ) -> Result<Reply, Refusal> {
        self.ask_partition(
            partition_of(execution, self.partitions),
            Some(execution),
            request,
        )
        .await
    }

    /// Asks an owner until it answers something that settles the question; about `execution`, if it is about one.
    pub async fn ask_partition(
        &mut self,
        partition: u32,
        execution: Option<&ExecutionId>,
        request: Request,
    ) -> Result<Reply, Refusal> {
        self.commands += 1;
        let id = CommandId::new(format!("{}.{}", self.name, self.commands))
            .expect("a short printable text");
        let at_ms = self.clock.now_ms();
        let word = word(&request);
        let text = serde_json::to_vec(&Envelope {
            v: VERSION,
            id,
            at_ms,
            request,
            trace: None,
        });
        let text = text.expect("a request always serialises");
        let blobs = Blobs::kv(&self.bus);
        let of = execution.map_or("", ExecutionId::as_str);
        let payload = loop {
            match blobs.encode(of, text.clone()).await {
                Ok(payload) => break payload,
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        };
        loop {
            let newest = self.knowledge.sequence(partition);
            let told = execution.and_then(|execution| self.knowledge.told(execution));
            let patience = Duration::from_millis(self.random.between(500..=3_000));
            let answer = self
                .bus
                .command(partition, Class::Request, payload.clone(), patience)
                .await;
            if let Ok(Some(result)) =
                answer.map(|bytes| self.read(&bytes, partition, newest, told.as_ref(), execution))
            {
                self.trace.line(|| {
                    let about = execution
                        .map(|execution| format!(" execution {execution}"))
                        .unwrap_or_default();
                    format!("{}: {word}{about}: {}", self.name, short(&result))
                });
                return result;
            }
            let wait_ms = self.random.between(20..=600);
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
    }

    /// The document of an execution; `None` when there is none.
    pub async fn see(&mut self, execution: &ExecutionId) -> Option<Execution> {
        match self
            .ask(
                execution,
                Request::Read {
                    execution: execution.clone(),
                },
            )
            .await
        {
            Ok(Reply::Execution { document }) => Some(*document),
            Err(Refusal {
                code: RefusalCode::NotFound,
                ..
            }) => None,
            other => {
                self.verdict.broken(
                    Promise::NothingLost,
                    format!(
                        "execution {execution} was asked for and the answer was {}",
                        short(&other)
                    ),
                );
                None
            }
        }
    }

    /// What an answer says, checked against what was known before the question; `None` when the question must be repeated.
    fn read(
        &self,
        bytes: &[u8],
        partition: u32,
        newest: u64,
        told: Option<&Told>,
        execution: Option<&ExecutionId>,
    ) -> Option<Result<Reply, Refusal>> {
        let Ok(Answer {
            sequence, result, ..
        }) = serde_json::from_slice(bytes)
        else {
            self.verdict
                .broken(Promise::StandsUp, "an owner's answer cannot be read");
            return None;
        };
        match &result {
            Err(Refusal {
                code: RefusalCode::Busy,
                ..
            }) => return None,
            Err(Refusal {
                code: RefusalCode::Internal | RefusalCode::WrongPartition,
                message,
                ..
            }) => {
                self.verdict.broken(
                    Promise::StandsUp,
                    format!("an owner failed on a sound request: {message}"),
                );
            }
            Ok(_) | Err(_) => {}
        }
        if sequence < newest {
            let sentence = format!(
                "partition {partition} answered as of log message {sequence}, after it had answered as of {newest}"
            );
            self.verdict.broken(Promise::NeverBackwards, sentence);
        }
        self.knowledge.answered(partition, sequence);
        match (&result, told, execution) {
            (Ok(Reply::Execution { document }), told, _) => {
                // A restart that was asked for since may show already.
                let goes_on = self
                    .knowledge
                    .told(&document.id)
                    .is_some_and(|told| told.restarted);
                let told = told.cloned().map(|mut told| {
                    told.restarted |= goes_on;
                    told
                });
                let contradiction = told.as_ref().and_then(|told| told.contradiction(document));
                if let Some(contradiction) = contradiction {
                    self.verdict.broken(Promise::NeverBackwards, contradiction);
                }
                self.knowledge.saw(document, sequence);
            }
            (
                Err(Refusal {
                    code: RefusalCode::NotFound,
                    ..
                }),
                Some(_),
                Some(execution),
            ) if self.stands(execution) => {
                self.verdict.broken(
                    Promise::NothingLost,
                    format!("execution {execution} exists, and an owner denied it"),
                );
            }
            _ => {}
        }
        Some(result)
    }

    /// Whether nobody has asked for its deletion.
    fn stands(&self, execution: &ExecutionId) -> bool {
        self.knowledge
            .told(execution)
            .is_some_and(|told| !told.deleting)
    }
}

fn word(request: &Request) -> &'static str {
    match request {
        Request::Start(_) => "start",
        Request::Cancel { .. } => "cancel",
        Request::Pause { .. } => "pause",
        Request::Resume { .. } => "resume",
        Request::PatchStage { .. } => "patch a stage of",
        Request::RestartStage { .. } => "restart a stage of",
        Request::Delete { .. } => "delete",
        Request::Read { .. } => "read",
        Request::Explain { .. } => "explain",
        Request::History { .. } => "tell the history of",
        Request::Freezes => "freeze",
        Request::List(_) => "list",
        Request::Peer(_) => "tell",
    }
}

fn short(result: &Result<Reply, Refusal>) -> String {
    match result {
        Ok(Reply::Execution { document }) => format!("{}", document.status),
        Ok(Reply::Executions { documents }) => format!("{} executions", documents.len()),
        Ok(Reply::Places { places }) => format!("{} places", places.len()),
        Ok(Reply::History { steps, .. }) => format!("{} steps", steps.len()),
        Ok(Reply::Explanation { waits, status }) => {
            format!("{status}, waits for {} things", waits.len())
        }
        Ok(reply @ (Reply::Done | Reply::Started { .. } | Reply::Report { .. })) => {
            format!("{reply:?}")
        }
        Err(refusal) => format!("refused, {:?}: {}", refusal.code, refusal.message),
    }
}
