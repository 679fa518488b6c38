//! How a followed execution looks: a few lines for a terminal, one line per change elsewhere. Pure: state in, lines out.

use gennaker_model::Status;
use serde_json::{Value, json};

use crate::{
    snapshot::{Change, Phase, Snapshot, StageView},
    text::{clean, columns, duration, first_line, fit, instant, instant_ms, pad},
};

/// What the live view draws on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Canvas {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) color: bool,
}

/// What the live view knows beside the execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    pub(crate) now_ms: i64,
    /// Median of the last runs.
    pub(crate) about_ms: Option<i64>,
    /// Whether the server answers now.
    pub(crate) lost_contact: bool,
    /// What Ctrl-C does.
    pub(crate) ctrl_c: &'static str,
}

/// The lines of the live view, never more than the terminal has rows and none wider than it.
///
/// When all stages fit they stand in the order of the document, so that nothing moves. Otherwise failed ones come first,
/// then those that wait for a person, then running ones, and the rest are counts.
pub(crate) fn live(snapshot: &Snapshot, canvas: Canvas, around: Surroundings) -> Vec<String> {
    let width = canvas.columns.saturating_sub(1).max(20);
    let room = canvas.rows.saturating_sub(2).max(1);
    let shown = choose(&snapshot.stages, room);
    let label_width = shown
        .iter()
        .map(|stage| columns(&clean(&stage.label)))
        .max()
        .unwrap_or_default()
        .min(width / 2);
    let mut lines: Vec<String> = shown
        .iter()
        .map(|stage| {
            let word = pad(stage.word(), 4);
            let rest = format!(
                "{}  {}  {}",
                pad(&clean(&stage.label), label_width),
                pad(&took(stage, around.now_ms), 8),
                remark(stage, &snapshot.id)
            );
            let rest = fit(rest.trim_end(), width.saturating_sub(8));
            format!("  {}  {rest}", painted(&word, stage, canvas.color))
        })
        .collect();
    let hidden = snapshot.stages.len() - shown.len();
    lines.push(fit(&summary(snapshot, hidden, around, width), width));
    lines
}

/// The line for one change, with the instant in UTC.
pub(crate) fn change_line(snapshot: &Snapshot, change: &Change, now_ms: i64) -> String {
    let at = instant(now_ms);
    match change {
        Change::Execution { to } => {
            let took = snapshot
                .took_ms(now_ms)
                .filter(|_| to.is_complete())
                .map_or(String::new(), |ms| format!("  {}", duration(ms)));
            format!("{at}  {}  {to}{took}", clean(&snapshot.title()))
        }
        Change::Stage { index } => {
            let stage = &snapshot.stages[*index];
            let parts = [
                clean(&stage.label),
                took(stage, now_ms),
                remark(stage, &snapshot.id),
            ];
            let parts: Vec<&str> = parts
                .iter()
                .map(String::as_str)
                .filter(|part| !part.is_empty())
                .collect();
            format!("{at}  {}  {}", pad(stage.word(), 4), parts.join("  "))
        }
    }
}

/// The line that says, every half minute, that nothing has changed.
pub(crate) fn heartbeat(snapshot: &Snapshot, around: Surroundings) -> String {
    format!(
        "{}  {}  still {}: {}",
        instant(around.now_ms),
        clean(&snapshot.title()),
        snapshot.status,
        counts(snapshot)
    )
}

/// The machine form of one change.
pub(crate) fn change_json(snapshot: &Snapshot, change: &Change, seq: u64, now_ms: i64) -> Value {
    let mut line = json!({"seq": seq, "at": instant_ms(now_ms)});
    let fields = match change {
        Change::Execution { to } => {
            json!({"kind": "execution", "id": snapshot.id, "application": snapshot.application,
            "name": snapshot.name, "status": to})
        }
        Change::Stage { index } => {
            let stage = &snapshot.stages[*index];
            let mut fields = json!({"kind": "stage", "id": stage.id, "execution": snapshot.id, "refId": stage.ref_id,
                "name": stage.name, "type": stage.kind, "status": stage.status});
            if let Some(question) = &stage.question {
                fields["judgmentInputs"] = json!(question.options);
            }
            if let Some(error) = &stage.error {
                fields["error"] = json!(error);
            }
            fields
        }
    };
    if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
        line.extend(fields);
    }
    line
}

/// `1 failed, 1 waiting for a person, 2 running, 3 done, 4 to come`.
pub(crate) fn counts(snapshot: &Snapshot) -> String {
    let words = [
        (Phase::Failed, "failed"),
        (Phase::Asking, "waiting for a person"),
        (Phase::Running, "running"),
        (Phase::Done, "done"),
        (Phase::Ahead, "to come"),
    ];
    let parts: Vec<String> = words
        .iter()
        .filter_map(|(phase, word)| {
            let number = snapshot
                .stages
                .iter()
                .filter(|stage| stage.phase() == *phase)
                .count();
            (number > 0).then(|| format!("{number} {word}"))
        })
        .collect();
    if parts.is_empty() {
        "no stages yet".to_owned()
    } else {
        parts.join(", ")
    }
}

/// A word in the colour of its state.
pub(crate) fn painted(word: &str, stage: &StageView, color: bool) -> String {
    let code = match (stage.phase(), stage.status) {
        (Phase::Failed, _) => "31",
        (Phase::Asking, _) => "35",
        (Phase::Running, _) => "34",
        (Phase::Done, Status::Succeeded) => "32",
        (Phase::Done, Status::Stopped) => "33",
        (Phase::Done | Phase::Ahead, _) => "2",
    };
    if color {
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    } else {
        word.to_owned()
    }
}

fn choose(stages: &[StageView], room: usize) -> Vec<&StageView> {
    if stages.len() <= room {
        return stages.iter().collect();
    }
    let mut urgent: Vec<&StageView> = stages
        .iter()
        .filter(|stage| stage.phase() <= Phase::Running)
        .collect();
    urgent.sort_by_key(|stage| stage.phase());
    urgent.truncate(room);
    urgent
}

fn took(stage: &StageView, now_ms: i64) -> String {
    stage.took_ms(now_ms).map_or(String::new(), duration)
}

/// What there is to say about a stage beside its name and time.
fn remark(stage: &StageView, execution: &str) -> String {
    match stage.phase() {
        Phase::Failed => stage
            .error
            .as_deref()
            .map_or(String::new(), |error| first_line(error, 400)),
        Phase::Asking => {
            let options = stage
                .question
                .as_ref()
                .map(|question| question.options.join(", "))
                .filter(|options| !options.is_empty())
                .map_or_else(|| "continue or stop".to_owned(), |options| clean(&options));
            format!("{options}?  gennaker judge {execution}")
        }
        Phase::Running => stage
            .child
            .as_ref()
            .map_or(String::new(), |child| format!("child {}", clean(child))),
        Phase::Ahead if !stage.after.is_empty() => {
            format!("after {}", clean(&stage.after.join(", ")))
        }
        Phase::Ahead | Phase::Done => String::new(),
    }
}

fn summary(snapshot: &Snapshot, hidden: usize, around: Surroundings, width: usize) -> String {
    let mut time = snapshot
        .took_ms(around.now_ms)
        .map_or(String::new(), duration);
    if let Some(about) = around.about_ms.filter(|_| !snapshot.status.is_complete()) {
        time.push_str(&format!(" of about {}", duration(about)));
    }
    let hidden = match hidden {
        0 => String::new(),
        hidden => format!("{hidden} not shown"),
    };
    let state = if around.lost_contact {
        "lost contact, trying again"
    } else if snapshot.status.is_complete() {
        snapshot.status.as_str()
    } else {
        around.ctrl_c
    };
    let mut line = counts(snapshot);
    for part in [time.as_str(), state, hidden.as_str()] {
        if !part.is_empty() && columns(&line) + columns(part) + 3 <= width {
            line.push_str("   ");
            line.push_str(part);
        }
    }
    line
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
