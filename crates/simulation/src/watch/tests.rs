//! Each promise is noticed when a fact breaks it.

use gennaker_engine::{apply, state::Book};
use gennaker_model::command::ChildResult;
use serde_json::json;

use super::*;

#[derive(Default)]
struct All(BTreeMap<ExecutionId, State>);

impl States for All {
    fn state(&self, id: &ExecutionId) -> Option<&State> {
        self.0.get(id)
    }

    fn documents(&self) -> Box<dyn Iterator<Item = &Execution> + '_> {
        Box::new(self.0.values().map(|state| &state.doc))
    }
}

impl All {
    fn add(&mut self, id: &str, status: Status, more: Value) -> ExecutionId {
        let mut document = json!({"type": "PIPELINE", "id": id, "application": "a", "pipelineConfigId": "p", "buildTime": 1,
            "status": status, "authentication": {"user": "ann"}, "trigger": {}, "limitConcurrent": true, "stages": []});
        let map = document.as_object_mut().unwrap();
        map.extend(more.as_object().unwrap().clone());
        let state = State {
            doc: serde_json::from_value(document).unwrap(),
            book: Book::default(),
            revision: 1,
        };
        let id = state.doc.id.clone();
        self.0.insert(id.clone(), state);
        id
    }
}

fn broken(watch: &mut Watch, known: &All, id: &ExecutionId, event: Value) -> Option<Promise> {
    let event: Event = serde_json::from_value(event).unwrap();
    watch
        .fact(known, id, &event)
        .err()
        .map(|(promise, _)| promise)
}

fn started() -> Value {
    json!({"e": "executionStarted", "at": 5})
}

#[test]
fn one_more_than_may_run() {
    let (mut watch, mut known) = (Watch::default(), All::default());
    let first = known.add("e1", Status::NotStarted, json!({}));
    assert_eq!(broken(&mut watch, &known, &first, started()), None);
    known.add("e2", Status::Paused, json!({}));
    known.add("e3", Status::Running, json!({"pipelineConfigId": "other"}));
    assert_eq!(broken(&mut watch, &known, &first, started()), None);
    known.add("e4", Status::Running, json!({}));
    let found = broken(&mut watch, &known, &first, started());
    assert_eq!(found, Some(Promise::Limits));
}

#[test]
fn one_that_waits_although_there_is_room() {
    let (mut watch, mut known) = (Watch::default(), All::default());
    let waits = known.add("e1", Status::NotStarted, json!({}));
    known.0.get_mut(&waits).unwrap().book.waits_since = Some(1);
    let runs = known.add("e2", Status::Running, json!({}));
    for now_ms in [0, 10 * ROOM_MS] {
        assert_eq!(watch.look_for_room(&known, now_ms), Ok(()));
    }
    known.0.remove(&runs);
    let from = 11 * ROOM_MS;
    assert_eq!(watch.look_for_room(&known, from), Ok(()));
    assert_eq!(watch.look_for_room(&known, from + ROOM_MS), Ok(()));
    let late = watch.look_for_room(&known, from + ROOM_MS + 1);
    assert_eq!(late.unwrap_err().0, Promise::Limits);
}

#[test]
fn something_that_begins_although_it_is_stopped() {
    let stage = json!({"e": "stageStarted", "stage": "s", "at": 5, "tasks": []});
    for (status, canceled, expected) in [
        (Status::Running, false, None),
        (Status::Paused, false, Some(Promise::Stops)),
        (Status::Running, true, Some(Promise::Stops)),
    ] {
        let (mut watch, mut known) = (Watch::default(), All::default());
        let id = known.add("e1", status, json!({ "canceled": canceled }));
        assert_eq!(broken(&mut watch, &known, &id, stage.clone()), expected);
    }
}

#[test]
fn a_window_that_is_closed() {
    let window = |at: i64, more: Value| {
        let (mut watch, mut known) = (Watch::default(), All::default());
        let mut context = json!({"simHoursAhead": 9, "restrictedExecutionWindow": {"whitelist": [
            {"startHour": 9, "startMin": 1, "endHour": 9, "endMin": 2}]}});
        let map = context.as_object_mut().unwrap();
        map.extend(more.as_object().unwrap().clone());
        let stage = json!({"id": "s", "refId": "1<1", "requisiteStageRefIds": [], "type": WINDOW, "name": WINDOW,
            "status": "RUNNING", "context": context, "outputs": {}, "tasks": []});
        let id = known.add("e1", Status::Running, json!({"stages": [stage]}));
        let ended =
            json!({"e": "taskEnded", "stage": "s", "task": "1", "status": "SUCCEEDED", "at": at});
        broken(&mut watch, &known, &id, ended)
    };
    let midnight = 20_000 * 24 * 3_600_000;
    let closed = Some(Promise::Windows);
    assert_eq!(window(midnight + 59_999, json!({})), closed);
    assert_eq!(window(midnight + 60_000, json!({})), None);
    assert_eq!(window(midnight + 179_999, json!({})), None);
    assert_eq!(window(midnight + 180_000, json!({})), closed);
    let by_hand = json!({"skipRemainingWait": true});
    assert_eq!(window(midnight + 180_000, by_hand), None);
}

#[test]
fn a_stage_that_begins_before_its_window() {
    let stage = |id: &str, kind: &str, status: Status, parent: Option<&str>| {
        json!({"id": id, "refId": id, "requisiteStageRefIds": [], "type": kind, "name": id, "status": status,
            "context": {WINDOW: parent.is_none()}, "outputs": {}, "tasks": [], "parentStageId": parent})
    };
    for (status, expected) in [
        (Status::Running, Some(Promise::Windows)),
        (Status::Succeeded, None),
    ] {
        let (mut watch, mut known) = (Watch::default(), All::default());
        let stages = [
            stage("w", WINDOW, status, Some("s")),
            stage("s", "wait", Status::Running, None),
        ];
        let id = known.add("e1", Status::Running, json!({ "stages": stages }));
        let task = json!({"e": "taskStarted", "stage": "s", "task": "1", "at": 5});
        assert_eq!(broken(&mut watch, &known, &id, task), expected);
    }
}

#[test]
fn one_of_a_frozen_pipeline() {
    let (mut watch, mut known) = (Watch::default(), All::default());
    let id = known.add("e1", Status::NotStarted, json!({}));
    let created = |known: &All| {
        let execution = Box::new(known.0[&id].doc.clone());
        json!(Event::Created {
            execution,
            parent: None
        })
    };
    watch.freeze("p");
    let event = created(&known);
    let found = broken(&mut watch, &known, &id, event.clone());
    assert_eq!(found, Some(Promise::Frozen));
    watch.thaw("p");
    assert_eq!(broken(&mut watch, &known, &id, event), None);
    watch.freeze("p");
    known.0.get_mut(&id).unwrap().doc.status = Status::Terminal;
    let refused = created(&known);
    assert_eq!(broken(&mut watch, &known, &id, refused), None);
}

fn family(watch: &mut Watch) -> (All, ExecutionId, ExecutionId) {
    let mut known = All::default();
    let stage = json!({"id": "s", "refId": "1", "requisiteStageRefIds": [], "type": "pipeline", "name": "s",
        "status": "RUNNING", "context": {}, "outputs": {}, "tasks": []});
    let parent = known.add("parent", Status::Running, json!({"stages": [stage]}));
    let child = known.add("child", Status::Running, json!({}));
    let linked = Event::ChildLinked {
        stage: StageId::new("s").unwrap(),
        child: child.clone(),
        name: None,
    };
    apply(known.0.get_mut(&parent).unwrap(), &linked).unwrap();
    known.0.get_mut(&child).unwrap().book.parent = serde_json::from_value(
        json!({"execution": "parent", "stage": "s", "root": "parent", "depth": 1}),
    )
    .unwrap();
    let ended = json!({"e": "executionEnded", "status": "TERMINAL", "at": 5});
    assert_eq!(broken(watch, &known, &child, ended), None);
    (known, parent, child)
}

#[test]
fn a_parent_that_is_told_something_else() {
    let mut watch = Watch::default();
    let (known, parent, _) = family(&mut watch);
    for (status, expected) in [
        (Status::Terminal, None),
        (Status::Succeeded, Some(Promise::Families)),
    ] {
        let result = ChildResult {
            stage: StageId::new("s").unwrap(),
            name: "child".to_owned(),
            status,
            outputs: gennaker_model::Map::new(),
            exception: None,
        };
        let told = json!({"e": "childEnded", "result": result});
        assert_eq!(broken(&mut watch, &known, &parent, told), expected);
    }
}

#[test]
fn a_parent_that_does_not_go_on_with_its_child() {
    let mut watch = Watch::default();
    let (mut known, parent, child) = family(&mut watch);
    let reopened = json!({"e": "executionReopened"});
    assert_eq!(broken(&mut watch, &known, &child, reopened.clone()), None);
    assert_eq!(watch.end(), Ok(()), "the parent still runs");
    let state = known.0.get_mut(&parent).unwrap();
    state.doc.status = Status::Terminal;
    std::sync::Arc::make_mut(&mut state.doc.stages[0]).status = Status::Terminal;
    assert_eq!(broken(&mut watch, &known, &child, reopened), None);
    assert_eq!(watch.end().unwrap_err().0, Promise::Families);
    let restart =
        json!({"e": "restartRequested", "restart": {"stage": "s", "user": "u", "byChild": true}});
    assert_eq!(broken(&mut watch, &known, &parent, restart), None);
    assert_eq!(watch.end(), Ok(()));
}
