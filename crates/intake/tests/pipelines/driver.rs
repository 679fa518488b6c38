//! Plays the outside of one execution: workers, timers, people, children. After every decision it checks that replaying the
//! facts gives the same state, that facts survive being written and read, and that nothing is a zombie.

use std::collections::BTreeMap;

use gennaker_engine::{
    Change, Context, Decision, Effect, Event, Input, Lookup, LookupAnswer, Rules, State, Timer,
    apply, audit, decide,
};
use gennaker_intake::{StartContext, prepare};
use gennaker_model::{
    AttemptId, CommandId, ExecutionType, Map, Stage, Status,
    command::{ChildResult, Peer, PeerBody, Reply, Start},
    routing,
    work::{Outcome, TaskMessage, TaskReport},
};
use gennaker_stages::CATALOGUE;
use serde_json::{Value, json};

pub struct Driver {
    pub state: State,
    pub decisions: usize,
    now: i64,
    timers: BTreeMap<Timer, i64>,
    attempts: BTreeMap<AttemptId, TaskMessage>,
    sent: Vec<Peer>,
    replies: Vec<Reply>,
    commands: u64,
    rules: Rules,
}

impl Driver {
    pub fn start(config: Value) -> Self {
        Self::start_with(config, json!({}))
    }

    pub fn start_with(config: Value, trigger: Value) -> Self {
        Self::start_by(config, trigger, Rules::default())
    }

    pub fn start_by(config: Value, trigger: Value, rules: Rules) -> Self {
        let now = 1_800_000_000_000;
        let mut whole =
            json!({"id": "config", "name": "pipe", "application": "app", "spelEvaluator": "v4"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(config.as_object().unwrap().clone());
        let start = Start {
            execution: routing::execution_id(now, "config", 7),
            kind: ExecutionType::Pipeline,
            config: whole.as_object().unwrap().clone(),
            trigger: trigger.as_object().unwrap().clone(),
            user: "ann".into(),
            origin: "api".into(),
            parent: None,
            error: None,
        };
        let prepared = prepare(&start, &StartContext { now });
        let decision = gennaker_engine::start(prepared.execution, None, &context(now, &rules));
        let mut driver = Self {
            state: decision.after.clone(),
            decisions: 0,
            now,
            timers: BTreeMap::new(),
            attempts: BTreeMap::new(),
            sent: Vec::new(),
            replies: Vec::new(),
            commands: 0,
            rules,
        };
        let mut replayed = apply::created(&decision.events[0]).unwrap();
        for event in &decision.events[1..] {
            apply(&mut replayed, event).unwrap();
        }
        assert_eq!(replayed, decision.after);
        driver.take(decision);
        driver
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
        });
    }

    pub fn succeed(&mut self, ref_id: &str) {
        let attempt = *self
            .attempts
            .iter()
            .find(|(_, message)| message.ref_id == ref_id)
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

    pub fn answer_pipeline(&mut self, id: &str, config: Value) {
        let lookup = Lookup::Pipeline(id.to_owned());
        self.input(&Input::LookupAnswered {
            lookup,
            answer: LookupAnswer::Found { value: config },
        });
    }

    pub fn sent_child_start(&self) -> Start {
        let start = self.sent.iter().find_map(|peer| match &peer.body {
            PeerBody::StartChild(start) => Some((**start).clone()),
            PeerBody::CancelChild { .. } | PeerBody::ChildFinished(_) => None,
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

    fn input(&mut self, input: &Input) {
        let rules = self.rules.clone();
        let context = context(self.now, &rules);
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
                Effect::Reply(answer) => self.replies.extend(*answer),
                Effect::Continue => goes_on = true,
                Effect::Abort { .. } | Effect::Lookup(_) => {}
            }
        }
        assert_eq!(audit::zombies(&self.state), []);
        assert_eq!(self.timers, self.state.book.timers);
        let written = serde_json::to_string(&self.state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&written).unwrap(), self.state);
        if goes_on {
            assert!(self.state.book.interrupted);
            self.input(&Input::Audited);
        }
    }
}

fn context(now: i64, rules: &Rules) -> Context<'_> {
    Context {
        now,
        catalogue: &CATALOGUE,
        rules,
        partition: 0,
    }
}
