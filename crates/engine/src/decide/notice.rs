//! A notification on its way: opened, sent by a worker, tried again, delivered or given up. See [`crate::notice`].

use gennaker_model::{
    Map, Stage, StageId, Status,
    execution::Delivery,
    work::{Abort, Outcome, TaskReport},
};
use serde_json::{Value, json};

use super::{announce::entries_of, draft::Draft, effective_kind};
use crate::{
    effect::Effect,
    event::Event,
    notice::{self, KIND, LIFE_MS, Notice, OPEN_MAX, PAUSE_MS, POOL, REMINDER_MS_MIN, TASK, place},
    rollup::flag,
    state::{Aside, Attempt, Purpose, Turn},
};

/// Word of a judgement that is waited for.
const WAITING: &str = "manualJudgment";

/// Context key in which an entry remembers when it was last sent, by word.
const LAST: &str = "lastNotifiedByNotificationState";

/// Longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 500;

/// Largest receipt that is kept, in bytes of JSON.
const RECEIPT_BYTES_MAX: usize = 4 * 1024;

impl Draft<'_> {
    /// Opens a notification and asks for it to be sent.
    pub(super) fn open_notice(
        &mut self,
        entry: Map,
        when: &str,
        event: &str,
        status: Status,
        stage: Option<&StageId>,
        judgment: Option<Value>,
    ) {
        let kind = entry.get("type").and_then(Value::as_str);
        if kind.is_none_or(str::is_empty) {
            return;
        }
        let number = self.state.book.notices.used + 1;
        let held = stage.and_then(|id| self.stage(id));
        let base = &self.context.rules.address;
        let notice = Notice {
            entry,
            when: when.to_owned(),
            event: event.to_owned(),
            at: self.now(),
            status,
            stage: stage.cloned(),
            judgment,
            link: notice::link(base, &self.state.doc, held.as_deref()),
            failed: 0,
        };
        let receipt = notice.receipt(number, &self.state.doc);
        self.emit(Event::NoticeOpened {
            number,
            notice: Box::new(notice),
            receipt: Box::new(receipt),
        });
        if self.state.book.notices.open.len() > OPEN_MAX {
            let reason = format!("{OPEN_MAX} notifications of this execution are open already");
            self.settle_notice(number, Err(&reason));
            return;
        }
        self.arm(&place(number), Purpose::Timeout, self.now() + LIFE_MS);
        self.send_notice(number);
    }

    /// Asks a worker to send it, for the first time or again.
    fn send_notice(&mut self, number: u64) {
        let Some(notice) = self.state.book.notices.open.get(&number) else {
            return;
        };
        let deadline_ms = Some(notice.at + LIFE_MS);
        let place = place(number);
        let is_open = |attempt: &Attempt| attempt.stage == place;
        if self.state.book.attempts.values().any(is_open) {
            return;
        }
        self.publish(Attempt {
            stage: place,
            task: TASK.to_owned(),
            kind: KIND.to_owned(),
            pool: POOL.to_owned(),
            zone: None,
            effect: Some(Turn::default()),
            deadline_ms,
            since: self.now(),
            ending: None,
            aside: Some(Aside::Notice(number)),
        });
    }

    /// A worker says what became of it.
    pub(super) fn notice_reported(&mut self, report: &TaskReport, number: u64) {
        self.emit(Event::AttemptEnded {
            attempt: report.attempt,
        });
        match &report.outcome {
            Outcome::Succeeded { outputs, .. } => {
                self.settle_notice(number, Ok(outputs.get("receipt")));
            }
            Outcome::Running { again_ms, context } => {
                let reason = reason_of(None, context);
                self.delay_notice(number, *again_ms, reason.as_deref());
            }
            Outcome::Failed {
                exception, context, ..
            } => {
                let reason = reason_of(exception.as_ref(), context);
                let reason = reason.as_deref().unwrap_or("the worker gave no reason");
                self.settle_notice(number, Err(reason));
            }
            Outcome::Canceled { .. } | Outcome::Closed { .. } => {
                self.settle_notice(number, Err("its worker was told to stop"));
            }
        }
    }

    fn delay_notice(&mut self, number: u64, again_ms: u64, reason: Option<&str>) {
        let Some(notice) = self.state.book.notices.open.get(&number) else {
            return;
        };
        let (first, longest) = PAUSE_MS;
        let own = first
            .saturating_mul(1 << notice.failed.min(16))
            .min(longest);
        let asked = i64::try_from(again_ms).unwrap_or(longest);
        let due = self.now() + asked.max(own).min(LIFE_MS);
        if due >= notice.at + LIFE_MS {
            let reason = format!(
                "not delivered in {} tries: {}",
                notice.failed + 1,
                reason.unwrap_or("the channel asked for more time")
            );
            self.settle_notice(number, Err(&reason));
            return;
        }
        self.emit(Event::NoticeDelayed {
            number,
            reason: reason.map(shortened),
        });
        self.arm(&place(number), Purpose::Again, due);
    }

    /// A timer of a notification is due.
    pub(super) fn notice_timer(&mut self, number: u64, purpose: Purpose) {
        match purpose {
            Purpose::Again => self.send_notice(number),
            Purpose::Timeout => {
                let place = place(number);
                let attempts = self.state.book.attempts.iter();
                let open = attempts
                    .filter(|(_, attempt)| attempt.stage == place)
                    .map(|(id, _)| *id)
                    .next();
                let reason = match open {
                    Some(_) => format!(
                        "no worker of the pool {POOL} has confirmed it in {} minutes; it may have been sent",
                        LIFE_MS / 60_000
                    ),
                    None => format!("not delivered in {} minutes", LIFE_MS / 60_000),
                };
                if let Some(attempt) = open {
                    self.emit(Event::AttemptEnded { attempt });
                    self.effect(Effect::Abort {
                        pool: POOL.to_owned(),
                        zone: None,
                        abort: Abort {
                            execution: self.state.doc.id.clone(),
                            attempt,
                        },
                    });
                }
                self.settle_notice(number, Err(&reason));
            }
            Purpose::Closing => {}
        }
    }

    fn settle_notice(&mut self, number: u64, outcome: Result<Option<&Value>, &str>) {
        if !self.state.book.notices.open.contains_key(&number) {
            return;
        }
        let (status, receipt, reason) = match outcome {
            Ok(receipt) => (Delivery::Delivered, receipt.and_then(kept), None),
            Err(reason) => (Delivery::Failed, None, Some(shortened(reason))),
        };
        self.emit(Event::NoticeSettled {
            number,
            at: self.now(),
            status,
            receipt,
            reason,
        });
        let place = place(number);
        for purpose in [Purpose::Again, Purpose::Timeout] {
            self.disarm(&place, purpose);
        }
    }

    /// Who is told that a stage waits for a person, or what that person has said: each entry once for each word, and again while it
    /// waits if the entry asks for that.
    ///
    /// Source: orca `ManualJudgmentStage.processNotifications`, `Notification.shouldNotify` (events reference 7.4).
    pub(super) fn notify_of_judgment(&mut self, id: &StageId) {
        let Some(stage) = self.stage(id) else { return };
        let definition = self.context.catalogue.stage(effective_kind(&stage));
        let Some(word) = definition.and_then(|it| it.judgment(&stage.context)) else {
            return;
        };
        let is_waiting = word == WAITING;
        let sends = flag(&stage.context, "sendNotifications") == Some(true);
        if self.state.doc.canceled || (!is_waiting && !sends) {
            return;
        }
        let now = self.now();
        let mut entries = entries_of(&stage);
        let mut due = Vec::new();
        let mut again: Option<i64> = None;
        for entry in entries.iter_mut().filter(|entry| names(entry, word)) {
            let every = number(entry.get("notifyEveryMs")).filter(|every| *every > 0);
            let every = every.map(|every| every.max(REMINDER_MS_MIN));
            let last = entry.get(LAST).and_then(|last| number(last.get(word)));
            let next = match (last, every) {
                (None, _) => Some(now),
                (Some(_), None) => None,
                (Some(last), Some(every)) => Some(last.saturating_add(every)),
            };
            let sent = next.is_some_and(|next| next <= now);
            if sent {
                due.push(entry.clone());
                let mut marks = match entry.get(LAST) {
                    Some(Value::Object(marks)) => marks.clone(),
                    Some(_) | None => Map::new(),
                };
                marks.insert(word.to_owned(), json!(now));
                entry.insert(LAST.to_owned(), marks.into());
            }
            let next = if sent {
                every.map(|every| now.saturating_add(every))
            } else {
                next
            };
            again = again.into_iter().chain(next).min();
        }
        if !due.is_empty() {
            let context = [("notifications".to_owned(), json!(entries))];
            self.set_context(id, context.into_iter().collect());
        }
        for mut entry in due {
            entry.shift_remove(LAST);
            let judgment = told_judgment(&stage, &entry, word);
            self.open_notice(entry, word, word, stage.status, Some(id), Some(judgment));
        }
        if let Some(due) = again.filter(|_| is_waiting) {
            self.arm(id, Purpose::Again, due);
        }
    }
}

/// Whether an entry is for a word of a judgement: one without `when` is for all.
fn names(entry: &Map, word: &str) -> bool {
    match entry.get("when") {
        None | Some(Value::Null) => true,
        Some(Value::Array(words)) if words.is_empty() => true,
        Some(Value::Array(words)) => words.iter().any(|it| it.as_str() == Some(word)),
        Some(Value::String(held)) => held == word,
        Some(_) => false,
    }
}

/// What a person is asked, or has decided.
fn told_judgment(stage: &Stage, entry: &Map, word: &str) -> Value {
    let context = &stage.context;
    let field = |key: &str| context.get(key).cloned().unwrap_or(Value::Null);
    let message = entry
        .get("message")
        .and_then(|it| it.get(word)?.get("text"));
    let judge = stage.last_modified.as_ref().map(|by| json!(by.user));
    json!({
        "state": word,
        "stageName": stage.name,
        "stageId": stage.ref_id,
        "instructions": field("instructions"),
        "message": message,
        "judgmentInputs": field("judgmentInputs"),
        "judgmentInput": field("judgmentInput"),
        "judgedBy": judge.unwrap_or_else(|| field("lastModifiedBy")),
        "restrictExecutionDuringTimeWindow": field("restrictExecutionDuringTimeWindow"),
    })
}

fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn reason_of(exception: Option<&Value>, context: &Map) -> Option<String> {
    let told = exception.and_then(|exception| {
        let errors = exception.pointer("/details/errors/0");
        errors.or_else(|| exception.pointer("/details/error"))
    });
    let told = told.or_else(|| context.get("reason"));
    told.and_then(Value::as_str).map(str::to_owned)
}

fn shortened(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).collect()
}

/// The receipt, unless it is too large to be kept.
fn kept(receipt: &Value) -> Option<Value> {
    let bytes = serde_json::to_vec(receipt).map_or(usize::MAX, |written| written.len());
    (bytes <= RECEIPT_BYTES_MAX && !receipt.is_null()).then(|| receipt.clone())
}
