//! Plays the outside of one execution: workers, timers, people, children. After every decision it checks that replaying the
//! facts gives the same state, that facts survive being written and read, and that nothing is a zombie.

use std::collections::BTreeMap;

use gennaker_engine::{
    Change, Context, Decision, Effect, Event, Forwards, Input, Listening, Lookup, LookupAnswer,
    Rules, State, Telling, Timer, apply, audit, decide,
};
use gennaker_intake::{StartContext, prepare};
use gennaker_model::{
    AttemptId, CommandId, ExecutionId, ExecutionType, Map, Stage, Status,
    command::{ChildResult, Peer, PeerBody, Reply, Start},
    routing,
    work::{Outcome, TaskMessage, TaskReport},
};
use gennaker_stages::{CATALOGUE, Catalogue};
use serde_json::{Value, json};

/// A Friday, 08:00 UTC.
pub const BEGAN_MS: i64 = 1_800_000_000_000;

/// Who listens to what executions tell.
#[derive(Clone, Debug, Default)]
pub struct Ears {
    /// Whether a pipeline waits for the end.
    pub triggers: bool,
    /// What those who follow everything hear.
    pub forwards: Forwards,
    /// Notifications of the application.
    pub application: Option<Map>,
}

impl Listening for Ears {
    fn triggers(&self, _pipeline: &str) -> bool {
        self.triggers
    }

    fn forwards(&self) -> Forwards {
        self.forwards
    }

    fn notifications(&self, _application: &str) -> Option<Map> {
        self.application.clone()
    }
}

pub struct Driver {
    pub state: State,
    pub decisions: usize,
    now: i64,
    timers: BTreeMap<Timer, i64>,
    attempts: BTreeMap<AttemptId, TaskMessage>,
    sent: Vec<Peer>,
    replies: Vec<Reply>,
    refusals: Vec<String>,
    commands: u64,
    rules: Rules,
    catalogue: &'static Catalogue,
    /// Whether as many others run as the pipeline allows.
    pub must_wait: bool,
    /// Who listens.
    pub ears: Ears,
    /// What was told.
    pub told: Vec<Telling>,
}

impl Driver {
    pub fn start(config: Value) -> Self {
        Self::start_with(config, json!({}))
    }

    pub fn start_with(config: Value, trigger: Value) -> Self {
        Self::start_by(config, trigger, Rules::default())
    }

    pub fn start_by(config: Value, trigger: Value, rules: Rules) -> Self {
        Self::start_beside(config, trigger, rules, false)
    }

    /// With as many others running as its pipeline allows.
    pub fn start_in_line(config: Value) -> Self {
        Self::start_beside(config, json!({}), Rules::default(), true)
    }

    fn start_beside(config: Value, trigger: Value, rules: Rules, must_wait: bool) -> Self {
        Self::begin(submission(&config, &trigger), rules, must_wait)
    }

    /// Whatever somebody submits.
    pub fn begin(start: Start, rules: Rules, must_wait: bool) -> Self {
        Self::begin_with(start, rules, must_wait, &CATALOGUE)
    }

    /// The same in an installation with these stage types.
    pub fn begin_with(
        start: Start,
        rules: Rules,
        must_wait: bool,
        catalogue: &'static Catalogue,
    ) -> Self {
        Self::begin_before(start, rules, must_wait, catalogue, Ears::default())
    }

    /// The same while somebody listens.
    pub fn begin_before(
        start: Start,
        rules: Rules,
        must_wait: bool,
        catalogue: &'static Catalogue,
        ears: Ears,
    ) -> Self {
        let now = BEGAN_MS;
        let prepared = prepare(
            &start,
            &StartContext {
                now,
                rules: &rules,
                frozen: None,
                prior: None,
            },
        );
        let decision = gennaker_engine::start(
            prepared.execution,
            start.parent.clone(),
            &prepared.needs,
            &context(now, &rules, catalogue, must_wait, &ears),
        );
        let mut driver = Self {
            state: decision.after.clone(),
            decisions: 0,
            now,
            timers: BTreeMap::new(),
            attempts: BTreeMap::new(),
            sent: Vec::new(),
            replies: Vec::new(),
            refusals: Vec::new(),
            commands: 0,
            rules,
            catalogue,
            must_wait,
            ears,
            told: Vec::new(),
        };
        let mut replayed = apply::created(&decision.events[0]).unwrap();
        for event in &decision.events[1..] {
            apply(&mut replayed, event).unwrap();
        }
        assert_eq!(replayed, decision.after);
        driver.take(decision);
        driver
    }

    /// Epoch milliseconds.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Statuses of the tasks of a stage.
    pub fn tasks(&self, ref_id: &str) -> Vec<Status> {
        let tasks = self.stage(ref_id).tasks.iter();
        tasks.map(|task| task.status).collect()
    }

    /// The errors that a stage shows.
    pub fn errors(&self, ref_id: &str) -> Vec<String> {
        let exception = self.stage(ref_id).context.get("exception");
        let errors = exception.and_then(|held| held.pointer("/details/errors")?.as_array());
        let errors = errors.into_iter().flatten().filter_map(Value::as_str);
        errors.map(str::to_owned).collect()
    }

    pub fn status(&self) -> Status {
        self.state.doc.status
    }

    pub fn statuses(&self) -> Vec<(&str, Status)> {
        self.state
            .doc
            .stages
            .iter()
            .map(|stage| (stage.ref_id.as_str(), stage.status))
            .collect()
    }

    pub fn stage(&self, ref_id: &str) -> &Stage {
        self.state
            .doc
            .stages
            .iter()
            .find(|stage| stage.ref_id == ref_id)
            .unwrap()
    }

    pub fn open_attempts(&self) -> Vec<AttemptId> {
        self.attempts.keys().copied().collect()
    }

    pub fn open_kinds(&self) -> Vec<&str> {
        self.attempts
            .values()
            .map(|message| message.kind.as_str())
            .collect()
    }

    /// The addresses that workers are asked to read now.
    pub fn reads(&self) -> Vec<String> {
        let open = self.state.book.attempts.iter();
        open.filter(|(number, held)| {
            held.aside.is_some() && self.attempts[*number].kind == "readAddress"
        })
        .map(|(number, _)| {
            self.attempts[number].input["url"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
    }

    /// A worker reports what it found at an address, for the first stage that asked.
    pub fn read(&mut self, url: &str, found: Result<&str, &str>) {
        let asked = self.attempts.iter().find(|(number, message)| {
            self.state.book.attempts.contains_key(*number)
                && message.input.get("url") == Some(&json!(url))
        });
        let attempt = *asked.unwrap_or_else(|| panic!("nobody asked for {url}")).0;
        self.report(attempt, read_outcome(found));
    }

    /// The open attempt of this kind.
    pub fn attempt(&self, kind: &str) -> AttemptId {
        let open = self.attempts.iter().find(|(number, message)| {
            message.kind == kind && self.state.book.attempts.contains_key(*number)
        });
        *open.unwrap_or_else(|| panic!("no {kind} is open")).0
    }

    pub fn message(&self, attempt: AttemptId) -> &TaskMessage {
        &self.attempts[&attempt]
    }

    pub fn is_closing(&self, attempt: AttemptId) -> bool {
        self.attempts[&attempt].order == gennaker_model::work::Order::Close
    }

    /// refIds of the stages that wait for a person.
    pub fn questions(&self) -> Vec<String> {
        let stages = self.state.doc.stages.iter();
        stages
            .filter(|stage| self.state.book.questions.contains(&stage.id))
            .map(|stage| stage.ref_id.clone())
            .collect()
    }

    pub fn advance(&mut self, ms: i64) {
        let target = self.now + ms;
        while let Some((timer, due)) = self
            .timers
            .iter()
            .filter(|(_, due)| **due <= target)
            .min_by_key(|(_, due)| **due)
            .map(|(timer, due)| (timer.clone(), *due))
        {
            self.now = self.now.max(due);
            self.timers.remove(&timer);
            self.input(&Input::TimerFired { timer, due });
        }
        self.now = target;
    }

    pub fn change(&mut self, change: Change) {
        self.commands += 1;
        let id = CommandId::new(format!("command-{}", self.commands)).unwrap();
        self.input(&Input::Command {
            id,
            at_ms: self.now,
            change,
        });
    }

    pub fn pause_twice_with_one_id(&mut self) {
        let id = CommandId::new("the-same").unwrap();
        for _ in 0..2 {
            self.input(&Input::Command {
                id: id.clone(),
                at_ms: self.now,
                change: Change::Pause { user: "ann".into() },
            });
            assert_eq!(self.replies.last(), Some(&Reply::Done));
        }
    }

    pub fn patch(&mut self, ref_id: &str, patch: Value) {
        let stage = self.stage(ref_id).id.clone();
        let patch = patch.as_object().unwrap().clone();
        self.change(Change::PatchStage {
            stage,
            patch,
            user: "ann".into(),
            roles: None,
        });
    }

    /// A patch by somebody with these roles only.
    pub fn patch_as(&mut self, ref_id: &str, patch: Value, user: &str, roles: &[&str]) {
        let stage = self.stage(ref_id).id.clone();
        let patch = patch.as_object().unwrap().clone();
        self.change(Change::PatchStage {
            stage,
            patch,
            user: user.into(),
            roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
        });
    }

    pub fn succeed(&mut self, ref_id: &str) {
        let attempt = *self
            .attempts
            .iter()
            .find(|(number, message)| {
                message.ref_id == ref_id && self.state.book.attempts.contains_key(*number)
            })
            .unwrap()
            .0;
        self.report(
            attempt,
            Outcome::Succeeded {
                context: Map::new(),
                outputs: Map::new(),
            },
        );
    }

    /// The open attempt of this kind fails with this error.
    pub fn fail(&mut self, kind: &str, error: &str) {
        let attempt = self.attempt(kind);
        let exception = json!({"exceptionType": "SomeException", "details": {"errors": [error]}});
        self.report(
            attempt,
            Outcome::Failed {
                exception: Some(exception),
                context: Map::new(),
                outputs: Map::new(),
            },
        );
    }

    /// Bob cancels it.
    pub fn cancel(&mut self) {
        self.change(Change::Cancel {
            user: "bob".into(),
            reason: Some("enough".into()),
        });
    }

    pub fn pause(&mut self) {
        self.change(Change::Pause { user: "bob".into() });
    }

    pub fn resume(&mut self) {
        self.change(Change::Resume { user: "bob".into() });
    }

    pub fn report(&mut self, attempt: AttemptId, outcome: Outcome) {
        assert!(!self.is_stale(attempt, outcome));
    }

    pub fn is_stale(&mut self, attempt: AttemptId, outcome: Outcome) -> bool {
        let message = self
            .attempts
            .remove(&attempt)
            .unwrap_or_else(|| TaskMessage {
                v: 1,
                partition: 0,
                execution: self.state.doc.id.clone(),
                application: "app".into(),
                stage: self.state.doc.stages[0].id.clone(),
                ref_id: "1".into(),
                task: "1".into(),
                attempt,
                kind: String::new(),
                order: gennaker_model::work::Order::Run,
                pool: String::new(),
                zone: None,
                effect: None,
                input: Map::new(),
                user: String::new(),
                deadline_ms: None,
                trace: None,
            });
        let report = TaskReport {
            v: 1,
            execution: message.execution,
            stage: message.stage,
            task: message.task,
            attempt,
            worker: "w".into(),
            outcome,
        };
        self.input(&Input::Report(report));
        matches!(self.replies.last(), Some(Reply::Report { stale: true }))
    }

    /// The answer to the last input that got one.
    pub fn last_reply(&self) -> Option<&Reply> {
        self.replies.last()
    }

    /// Refusals so far.
    pub fn refusals(&self) -> &[String] {
        &self.refusals
    }

    /// Restarts the stage with this refId.
    pub fn restart(&mut self, ref_id: &str) {
        let stage = self.stage(ref_id).id.clone();
        self.change(Change::RestartStage {
            stage,
            preconditions: None,
            user: "bob".into(),
        });
    }

    /// What was said to other executions.
    pub fn said(&self) -> &[Peer] {
        &self.sent
    }

    /// Another execution took everything that was said to it.
    pub fn all_taken(&mut self) {
        loop {
            let Some(peer) = self.state.sendable().next().cloned() else {
                return;
            };
            self.input(&Input::PeerAnswered {
                to: peer.to,
                number: peer.number,
                refused: None,
            });
        }
    }

    /// Another execution says something.
    pub fn hear(&mut self, from: ExecutionId, number: u64, body: PeerBody) {
        self.input(&Input::Peer(Peer {
            from,
            number,
            to: self.state.doc.id.clone(),
            body,
        }));
    }

    pub fn answer_pipeline(&mut self, id: &str, config: Value) {
        let lookup = Lookup::Pipeline(id.to_owned());
        self.input(&Input::LookupAnswered {
            lookup,
            answer: LookupAnswer::Found { value: config },
        });
    }

    /// Somebody outside answers what the engine asked.
    pub fn answer(&mut self, lookup: Lookup, answer: LookupAnswer) {
        assert!(
            self.state.book.lookups.contains_key(&lookup),
            "nobody asked for {lookup:?} but for {:?}",
            self.state.book.lookups.keys()
        );
        self.input(&Input::LookupAnswered { lookup, answer });
    }

    pub fn sent_child_start(&self) -> Start {
        let start = self.sent.iter().find_map(|peer| match &peer.body {
            PeerBody::StartChild(start) => Some((**start).clone()),
            PeerBody::CancelChild { .. }
            | PeerBody::FlagChild { .. }
            | PeerBody::ChildFinished(_)
            | PeerBody::ChildRestarted { .. } => None,
        });
        start.unwrap()
    }

    pub fn child_refused(&mut self, reason: &str) {
        let peer = self.sent.last().unwrap().clone();
        self.input(&Input::PeerAnswered {
            to: peer.to,
            number: peer.number,
            refused: Some(reason.to_owned()),
        });
    }

    pub fn child_finished(&mut self, status: Status, outputs: Value) {
        let start = self.sent_child_start();
        let number = self.sent.last().unwrap().number;
        self.input(&Input::PeerAnswered {
            to: start.execution.clone(),
            number,
            refused: None,
        });
        let result = ChildResult {
            stage: start.parent.unwrap().stage,
            name: "child".into(),
            status,
            outputs: outputs.as_object().unwrap().clone(),
            exception: None,
        };
        let peer = Peer {
            from: start.execution,
            number: 1,
            to: self.state.doc.id.clone(),
            body: PeerBody::ChildFinished(Box::new(result)),
        };
        self.input(&Input::Peer(peer.clone()));
        let before = self.state.clone();
        self.input(&Input::Peer(peer));
        assert_eq!(self.state, before, "heard twice, counted once");
    }

    /// How the child of the first stage could end.
    pub fn result_of_child(&self, status: Status) -> ChildResult {
        ChildResult {
            stage: self.state.doc.stages[0].id.clone(),
            name: "child".into(),
            status,
            outputs: Map::new(),
            exception: None,
        }
    }

    pub fn input(&mut self, input: &Input) {
        let rules = self.rules.clone();
        let ears = self.ears.clone();
        let context = context(self.now, &rules, self.catalogue, self.must_wait, &ears);
        let decision = decide(&self.state, input, &context);
        assert_eq!(
            decide(&self.state, input, &context),
            decision,
            "same inputs, same facts"
        );
        let mut replayed = self.state.clone();
        for event in &decision.events {
            let written = serde_json::to_string(event).unwrap();
            let read: Event = serde_json::from_str(&written).unwrap();
            assert_eq!(&read, event);
            apply(&mut replayed, &read).unwrap();
        }
        assert_eq!(replayed, decision.after, "replay is apply alone");
        self.take(decision);
    }

    fn take(&mut self, decision: Decision) {
        self.decisions += 1;
        self.state = decision.after;
        let mut goes_on = false;
        for effect in decision.effects {
            match effect {
                Effect::Dispatch(message) => {
                    self.attempts.insert(message.attempt, *message);
                }
                Effect::Arm { timer, due } => {
                    self.timers.insert(timer, due);
                }
                Effect::Disarm { timer } => {
                    self.timers.remove(&timer);
                }
                Effect::Send(peer) => self.sent.push(*peer),
                Effect::Reply(answer) => match *answer {
                    Ok(reply) => self.replies.push(reply),
                    Err(refusal) => self.refusals.push(refusal.message),
                },
                Effect::Continue => goes_on = true,
                Effect::Announce(telling) => self.told.push(*telling),
                Effect::Abort { .. } | Effect::Lookup(_) => {}
            }
        }
        assert_eq!(audit::zombies(&self.state), []);
        for (number, held) in &self.state.book.attempts {
            // What a task has learned meanwhile is told with it, and how long it was paused; all else is what was published.
            if let Some(published) = self.attempts.get(number) {
                let again = self.state.message_of(*number, held, 0);
                let input = if held.aside.is_some() {
                    again.input.clone()
                } else {
                    published.input.clone()
                };
                assert_eq!(
                    TaskMessage {
                        input: input.clone(),
                        ..again.clone()
                    },
                    TaskMessage {
                        input,
                        deadline_ms: again.deadline_ms,
                        ..published.clone()
                    },
                    "what the audit publishes is what was published"
                );
            }
        }
        assert_eq!(self.timers, self.state.book.timers);
        let written = serde_json::to_string(&self.state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&written).unwrap(), self.state);
        if goes_on {
            assert!(self.state.book.interrupted);
            self.input(&Input::Audited);
        }
    }
}

/// The start of a pipeline by ann over the API; the config needs no more than what matters.
pub fn submission(config: &Value, trigger: &Value) -> Start {
    let mut whole =
        json!({"id": "config", "name": "pipe", "application": "app", "spelEvaluator": "v4"});
    whole
        .as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    Start {
        execution: routing::execution_id(BEGAN_MS, "config", 7),
        kind: ExecutionType::Pipeline,
        config: whole.as_object().unwrap().clone(),
        trigger: trigger.as_object().unwrap().clone(),
        user: "ann".into(),
        origin: "api".into(),
        parent: None,
        error: None,
    }
}

/// What a worker says that has read an address.
pub fn read_outcome(found: Result<&str, &str>) -> Outcome {
    let map = |key: &str, value: &str| [(key.to_owned(), json!(value))].into_iter().collect();
    match found {
        Ok(body) => Outcome::Succeeded {
            context: Map::new(),
            outputs: map("body", body),
        },
        Err(reason) => Outcome::Failed {
            exception: None,
            context: map("reason", reason),
            outputs: Map::new(),
        },
    }
}

fn context<'a>(
    now: i64,
    rules: &'a Rules,
    catalogue: &'a Catalogue,
    must_wait: bool,
    ears: &'a Ears,
) -> Context<'a> {
    Context {
        now,
        catalogue,
        rules,
        partition: 0,
        must_wait,
        listeners: ears,
    }
}
