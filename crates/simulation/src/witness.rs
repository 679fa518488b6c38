//! The witness: reads every message of every partition's log as it is stored, folds it into states of its own, and checks
//! after each message that no promise is broken.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};
use gennaker_bus::{
    memory::{Broker, Kept},
    token,
};
use gennaker_engine::{Event, State, apply, audit, notice};
use gennaker_model::{EffectId, Execution, ExecutionId, StageId, Status};
use gennaker_scheduler::inspect::{self, Facts};
use gennaker_store::Object;
use tokio::sync::mpsc;

use crate::{
    promise::{Promise, Verdict},
    told::{self, Follower, Told},
    trace::Trace,
    watch::{self, Counts, Watch},
};

/// How the names of the logs begin.
const LOGS: &str = "GK_LOG_";

/// The stream of announcements.
const ANNOUNCED: &str = "GK_ANNOUNCED";

/// The stream with large values.
const VALUES: &str = "KV_gk_values";

/// What the logs say.
pub(crate) struct Witness {
    tap: mpsc::UnboundedReceiver<(String, Kept)>,
    /// Large values that were stored, by subject: each before the message that refers to it.
    stored: mpsc::UnboundedReceiver<(String, Kept)>,
    announced: mpsc::UnboundedReceiver<(String, Kept)>,
    values: BTreeMap<String, Bytes>,
    large: u64,
    logs: BTreeMap<String, Log>,
    executions: Executions,
    watch: Watch,
    told: Told,
    /// Cancellations that were due so far, by their identity.
    cancellations: BTreeSet<EffectId>,
    verdict: Verdict,
    trace: Trace,
    messages: u64,
    takeovers: u64,
    closings: u64,
}

#[derive(Default)]
struct Log {
    /// Nonce of the ownership that appended last, and the number of its append.
    owner: Option<(String, u64)>,
    /// Nonces of all ownerships so far.
    owners: BTreeSet<String>,
    /// Time of the last message.
    at: i64,
}

struct Known {
    state: State,
    deleted: bool,
}

#[derive(Default)]
struct Executions(BTreeMap<ExecutionId, Known>);

impl watch::States for Executions {
    fn state(&self, id: &ExecutionId) -> Option<&State> {
        let known = self.0.get(id).filter(|known| !known.deleted);
        known.map(|known| &known.state)
    }

    fn documents(&self) -> Box<dyn Iterator<Item = &Execution> + '_> {
        let all = self.0.values().filter(|known| !known.deleted);
        Box::new(all.map(|known| &known.state.doc))
    }
}

impl Witness {
    pub fn new(broker: &Broker, verdict: Verdict, trace: Trace) -> Self {
        Self {
            tap: broker.tap(LOGS),
            stored: broker.tap(VALUES),
            announced: broker.tap(ANNOUNCED),
            values: BTreeMap::new(),
            large: 0,
            logs: BTreeMap::new(),
            executions: Executions::default(),
            watch: Watch::default(),
            told: Told::default(),
            cancellations: BTreeSet::new(),
            verdict,
            trace,
            messages: 0,
            takeovers: 0,
            closings: 0,
        }
    }

    /// Reads what was appended since the last look.
    pub fn catch_up(&mut self) {
        while let Ok((_, kept)) = self.stored.try_recv() {
            self.values.insert(kept.subject, kept.payload);
        }
        while let Ok((_, kept)) = self.announced.try_recv() {
            self.told.stored(&kept.payload);
        }
        while let Ok((stream, kept)) = self.tap.try_recv() {
            self.messages += 1;
            if let Err((promise, sentence)) = self.read(&stream, &kept) {
                self.verdict.broken(
                    promise,
                    format!("{sentence} ({stream} message {})", kept.sequence),
                );
            }
        }
    }

    /// From now on nothing of the pipeline may start.
    pub fn freeze(&mut self, pipeline: &str) {
        self.catch_up();
        self.watch.freeze(pipeline);
    }

    pub fn thaw(&mut self, pipeline: &str) {
        self.catch_up();
        self.watch.thaw(pipeline);
    }

    /// Checks what must hold while nothing goes wrong.
    pub fn look_for_room(&mut self, now_ms: u64) {
        if let Err((promise, sentence)) = self.watch.look_for_room(&self.executions, now_ms) {
            self.verdict.broken(promise, sentence);
        }
    }

    /// Checks what must hold in the end.
    pub fn end(&self) {
        if let Err((promise, sentence)) = self.watch.end().and_then(|()| self.told.end()) {
            self.verdict.broken(promise, sentence);
        }
    }

    pub fn counts(&self) -> Counts {
        self.watch.counts()
    }

    /// These pipelines start when others end.
    pub fn expect(&mut self, followers: Vec<Follower>) {
        self.told.expect(followers);
    }

    pub fn told(&self) -> told::Counts {
        self.told.counts()
    }

    /// Notifications that their channel has taken, by the identity of the effect.
    pub fn delivered(&self) -> Vec<EffectId> {
        self.told.delivered().cloned().collect()
    }

    /// Ids of executions that are not over.
    pub fn unfinished(&self) -> Vec<ExecutionId> {
        let open = self.documents().filter(|doc| !doc.status.is_complete());
        open.map(|doc| doc.id.clone()).collect()
    }

    /// The document of an execution; `None` when it never existed or was deleted.
    pub fn document(&self, execution: &ExecutionId) -> Option<&Execution> {
        self.executions
            .0
            .get(execution)
            .filter(|known| !known.deleted)
            .map(|known| &known.state.doc)
    }

    /// All executions that were not deleted.
    pub fn documents(&self) -> impl Iterator<Item = &Execution> {
        self.executions
            .0
            .values()
            .filter(|known| !known.deleted)
            .map(|known| &known.state.doc)
    }

    /// What is not over yet, in words for the one who asks why a run does not end.
    pub fn open(&self) -> Vec<String> {
        let open = self
            .executions
            .0
            .values()
            .filter(|known| !known.deleted && known.state.is_live());
        open.map(|known| describe(&known.state))
            .chain(self.told.open())
            .collect()
    }

    pub fn messages(&self) -> u64 {
        self.messages
    }

    pub fn takeovers(&self) -> u64 {
        self.takeovers
    }

    /// How often facts referred to a large value.
    pub fn large(&self) -> u64 {
        self.large
    }

    pub fn closings(&self) -> u64 {
        self.closings
    }

    /// Whether the effect of a task may still be called for; if not, why.
    pub fn may_call(
        &self,
        execution: &ExecutionId,
        stage: &StageId,
        task: &str,
    ) -> Result<(), String> {
        let known = self.executions.0.get(execution);
        if let Some(number) = notice::of_place(stage) {
            let open = known.map(|known| &known.state.book.notices.open);
            return match open.is_some_and(|open| open.contains_key(&number)) {
                true => Ok(()),
                false => Err(format!("although notification {number} is settled")),
            };
        }
        let document = self
            .document(execution)
            .ok_or("of an execution that does not exist")?;
        let stage = document
            .stage(stage)
            .ok_or("of a stage that does not exist")?;
        // The one case in which a stage ends before its effect is settled, and it says so.
        if stage.context.contains_key("closing") {
            return Ok(());
        }
        if stage.status != Status::Running {
            return Err(format!(
                "although stage {} is {}",
                stage.ref_id, stage.status
            ));
        }
        match stage.tasks.iter().find(|held| held.id == task) {
            Some(task) if task.status == Status::Running => Ok(()),
            Some(task) => Err(format!(
                "although task {} of stage {} is {}",
                task.name, stage.ref_id, task.status
            )),
            None => Err(format!(
                "although stage {} has no task {task}",
                stage.ref_id
            )),
        }
    }

    /// Stages that succeeded by an effect outside, with the identity of the effect.
    pub fn succeeded_effects(&self) -> Vec<EffectId> {
        let mut found = Vec::new();
        for known in self.executions.0.values().filter(|known| !known.deleted) {
            let document = &known.state.doc;
            for stage in document
                .stages
                .iter()
                .filter(|stage| stage.kind == "webhook" && stage.status == Status::Succeeded)
            {
                let done = stage.tasks.iter().filter(|task| {
                    task.name == "createWebhook" && task.status == Status::Succeeded
                });
                // Success by running out of time says nothing about the effect.
                if !stage.context.contains_key("markSuccessfulOnTimeout") {
                    found.extend(done.map(|task| effect_of(&known.state, &stage.id, &task.id)));
                }
            }
        }
        found
    }

    /// The cancellations that were due so far for stages that had begun and failed, by their identity.
    pub fn cancellations(&self) -> Vec<EffectId> {
        self.cancellations.iter().cloned().collect()
    }

    /// The identity of what a task does outside in the turn that is under way.
    pub fn effect(&self, execution: &ExecutionId, stage: &StageId, task: &str) -> Option<EffectId> {
        let known = self.executions.0.get(execution)?;
        Some(effect_of(&known.state, stage, task))
    }

    /// Stages that ran with another text than their expression gives, in words.
    pub fn misreadings(&self) -> Vec<String> {
        let mut found = Vec::new();
        for document in self.documents() {
            for stage in document
                .stages
                .iter()
                .filter(|stage| stage.status == Status::Succeeded)
            {
                let (read, expected) =
                    (stage.context.get("comments"), stage.context.get("simRead"));
                // A lookup whose workers die ten times is given up, and then the stage says so.
                let said = stage.context.contains_key("expressionEvaluationSummary");
                if read != expected && !said {
                    found.push(format!(
                        "stage {} of {} read {read:?} where {expected:?} stands",
                        stage.ref_id, document.id
                    ));
                }
            }
        }
        found
    }

    fn read(&mut self, stream: &str, kept: &Kept) -> Result<(), (Promise, String)> {
        let backwards = |sentence: String| (Promise::NeverBackwards, sentence);
        let mut large = 0;
        let message = inspect::read(&kept.payload, |object| {
            large += 1;
            value(&self.values, object)
        })
        .map_err(|error| backwards(format!("a log message cannot be read: {error}")))?;
        self.large += large;
        let id = kept.append_id.as_deref().unwrap_or_default();
        let (nonce, number) = id
            .rsplit_once('-')
            .and_then(|(nonce, number)| Some((nonce, number.parse::<u64>().ok()?)))
            .unwrap_or((id, 0));
        self.trace.line(|| summary(stream, kept.sequence, &message));
        let log = self.logs.entry(stream.to_owned()).or_default();
        match (&message.owner, &log.owner) {
            (Some(owner), _) => {
                self.takeovers += 1;
                if !log.owners.insert(nonce.to_owned()) {
                    return Err(backwards(format!("{owner} took over twice with one nonce")));
                }
            }
            (None, Some((held, before))) => {
                if held != nonce {
                    return Err(backwards(
                        "a writer that is not the owner appended to the log".to_owned(),
                    ));
                }
                if number <= *before {
                    return Err(backwards(format!(
                        "append {number} of an owner came after append {before}"
                    )));
                }
            }
            (None, None) => {
                return Err(backwards("the log begins with facts of nobody".to_owned()));
            }
        }
        log.owner = Some((nonce.to_owned(), number));
        if message.at < log.at {
            return Err(backwards(format!(
                "the time in the log runs backwards, from {} to {}",
                log.at, message.at
            )));
        }
        log.at = message.at;
        let changed: BTreeSet<ExecutionId> = message
            .facts
            .iter()
            .map(|facts| facts.execution.clone())
            .collect();
        for facts in message.facts {
            self.fold(facts)?;
        }
        for id in changed {
            self.look_for_zombies(&id)?;
        }
        Ok(())
    }

    fn fold(&mut self, facts: Facts) -> Result<(), (Promise, String)> {
        let backwards = |sentence: String| (Promise::NeverBackwards, sentence);
        let Facts {
            execution: id,
            events,
            deleted,
        } = facts;
        let mut ended = Vec::new();
        for event in events {
            if let Event::StageEnded { stage, status, .. } = &event
                && status.is_halt()
            {
                ended.push(stage.clone());
            }
            if let Event::AttemptOpened { open, .. } = &event {
                self.closings += u64::from(open.ending.is_some());
            }
            self.watch.fact(&self.executions, &id, &event)?;
            let known = self.executions.0.get(&id).map(|known| &known.state);
            self.told.fact(&id, known, &event)?;
            match self.executions.0.get_mut(&id) {
                Some(known) if known.deleted => {
                    return Err(backwards(format!(
                        "execution {id} goes on after it was deleted"
                    )));
                }
                Some(known) => apply(&mut known.state, &event).map_err(|misfit| {
                    backwards(format!(
                        "a fact about execution {id} does not fit: {misfit}"
                    ))
                })?,
                None => {
                    let state = apply::created(&event).ok_or_else(|| {
                        backwards(format!(
                            "the log tells of execution {id}, which never began"
                        ))
                    })?;
                    self.executions.0.insert(
                        id.clone(),
                        Known {
                            state,
                            deleted: false,
                        },
                    );
                }
            }
        }
        if deleted {
            self.watch.deleted(&id);
            self.told.deleted(&id);
        }
        if let Some(known) = self.executions.0.get_mut(&id) {
            let failed = ended.iter().filter_map(|id| known.state.doc.stage(id));
            let due = failed.filter(|stage| {
                stage.kind == "webhook"
                    && stage.start_time.is_some()
                    && !stage.context.contains_key("beforeStagePlanningFailed")
                    && stage.context.contains_key("cancelEndpoint")
            });
            self.cancellations
                .extend(due.map(|stage| effect_of(&known.state, &stage.id, "cancel")));
            known.deleted |= deleted;
        }
        Ok(())
    }

    fn look_for_zombies(&self, id: &ExecutionId) -> Result<(), (Promise, String)> {
        let Some(known) = self.executions.0.get(id).filter(|known| !known.deleted) else {
            return Ok(());
        };
        match audit::zombies(&known.state).first() {
            None => Ok(()),
            Some(zombie) => Err((
                Promise::NoZombies,
                format!("execution {id}: {}", zombie.sentence),
            )),
        }
    }
}

fn effect_of(state: &State, stage: &StageId, task: &str) -> EffectId {
    let turn = state.turn_of(stage);
    EffectId::of(&state.doc.id, stage, turn.incarnation, task, turn.round)
}

fn describe(state: &State) -> String {
    let stages: Vec<String> = state
        .doc
        .stages
        .iter()
        .filter(|stage| !stage.status.is_complete())
        .map(|stage| format!("{} {} {}", stage.ref_id, stage.kind, stage.status))
        .collect();
    let book = &state.book;
    format!(
        "execution {} is {}: stages [{}], attempts {:?}, timers {:?}, questions {:?}, lookups {}, untold {:?}, unsaid {}",
        state.doc.id,
        state.doc.status,
        stages.join(", "),
        book.attempts
            .iter()
            .map(|(number, attempt)| (number.0, attempt.order(), &attempt.zone))
            .collect::<Vec<_>>(),
        book.timers,
        book.questions,
        book.lookups.len(),
        book.announcements.open.keys(),
        book.outbox
            .values()
            .map(|outbox| outbox.open.len())
            .sum::<usize>(),
    )
}

/// A log message in one line: who took over, or which facts.
fn summary(stream: &str, sequence: u64, message: &inspect::Message) -> String {
    if let Some(owner) = &message.owner {
        return format!("{stream} {sequence}: {owner} takes over");
    }
    let facts: Vec<String> = message
        .facts
        .iter()
        .map(|facts| {
            let events: Vec<String> = facts.events.iter().map(name).collect();
            let deleted = if facts.deleted { " deleted" } else { "" };
            format!("{}: {}{deleted}", facts.execution, events.join(" "))
        })
        .collect();
    format!("{stream} {sequence}: {}", facts.join("; "))
}

/// A large value, of which every piece was stored.
fn value(values: &BTreeMap<String, Bytes>, object: &Object) -> Option<Bytes> {
    let (name, digest) = (token(object.name()), object.digest());
    let mut joined = BytesMut::new();
    for number in 0.. {
        let key = format!("$KV.gk_values.v.{name}.{digest}.{number}");
        joined.extend_from_slice(values.get(&key)?);
        if joined.len() as u64 >= object.bytes() {
            break;
        }
    }
    Some(joined.freeze())
}

/// Name of a fact, and what it is about where that is short.
fn name(event: &Event) -> String {
    let text = serde_json::to_value(event).unwrap_or_default();
    let mut name = text["e"].as_str().unwrap_or("?").to_owned();
    for field in ["status", "attempt", "stage", "task"] {
        match &text[field] {
            serde_json::Value::String(value) => name.push_str(&format!(
                " {}",
                value.get(value.len().saturating_sub(6)..).unwrap_or(value)
            )),
            serde_json::Value::Number(value) => name.push_str(&format!(" {value}")),
            _ => {}
        }
    }
    name
}
