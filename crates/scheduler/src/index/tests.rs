use gennaker_model::{
    Execution, ExecutionId,
    command::{ListPlace, ListQuery},
};
use serde_json::{Value, json};

use super::{Index, Place};

fn document(id: &str, application: &str, config: Option<&str>, time: i64) -> Execution {
    with(id, application, config, time, json!({}))
}

fn with(id: &str, application: &str, config: Option<&str>, time: i64, more: Value) -> Execution {
    let mut document = json!({
        "type": "PIPELINE", "id": id, "application": application, "name": "deploy",
        "pipelineConfigId": config, "buildTime": time, "status": "SUCCEEDED", "stages": [],
        "authentication": {"user": "anonymous"}, "trigger": {"type": "manual"},
    });
    let more = more.as_object().unwrap().clone();
    document.as_object_mut().unwrap().extend(more);
    serde_json::from_value(document).unwrap()
}

fn id(text: &str) -> ExecutionId {
    ExecutionId::new(text).unwrap()
}

fn found(index: &Index, query: &ListQuery) -> Vec<String> {
    let found = index.find(query);
    found.iter().map(ToString::to_string).collect()
}

/// Twenty of the application `shop`, of two pipelines in turn.
fn twenty() -> Index {
    let mut index = Index::default();
    for time in 0..20 {
        let config = if time % 2 == 0 { "even" } else { "odd" };
        let name = format!("e{time:02}");
        index.put(&document(&name, "shop", Some(config), time));
    }
    index
}

#[test]
fn texts_are_kept_once_and_as_long_as_needed() {
    let mut index = Index::default();
    for (id, application) in [("a", "shop"), ("b", "Shop"), ("c", "bank")] {
        index.put(&document(id, application, Some("deploy"), 1));
    }
    // Two applications, one text that is a name and a configuration, one type of trigger.
    assert_eq!(index.texts.len(), 4, "{:?}", index.texts);
    for name in ["a", "b", "b", "x"] {
        index.remove(&id(name));
    }
    assert!(!index.texts.contains("shop"));
    assert_eq!(index.len(), 1);
    index.remove(&id("c"));
    assert!(index.texts.is_empty() && index.all.is_empty() && index.by_pipeline.is_empty());
    assert!(index.homes.is_empty() && index.by_id.is_empty());
    index.put(&document("d", "shop", None, 1));
    assert_eq!(index.entries.len(), 3, "places are used again");
}

#[test]
fn lists_are_newest_first_and_limited_per_pipeline() {
    let index = twenty();
    let query = ListQuery {
        limit: Some(3),
        ..ListQuery::default()
    };
    assert_eq!(found(&index, &query), ["e19", "e18", "e17"]);
    let query = ListQuery {
        config_ids: vec!["odd".to_owned(), "odd".to_owned(), "none".to_owned()],
        limit_per_config: Some(2),
        ..ListQuery::default()
    };
    assert_eq!(found(&index, &query), ["e19", "e17"]);
    let query = ListQuery {
        limit_per_config: Some(1),
        application: Some("SHOP".to_owned()),
        ..ListQuery::default()
    };
    assert_eq!(found(&index, &query), ["e19", "e18"]);
    let query = ListQuery {
        application: Some("bank".to_owned()),
        ..ListQuery::default()
    };
    assert!(found(&index, &query).is_empty());
    let query = ListQuery {
        application: Some("bank".to_owned()),
        config_ids: vec!["odd".to_owned()],
        ..ListQuery::default()
    };
    assert!(found(&index, &query).is_empty());
}

#[test]
fn a_list_goes_on_where_the_page_before_ended() {
    let index = twenty();
    for oldest_first in [false, true] {
        let whole = found(
            &index,
            &ListQuery {
                oldest_first,
                ..ListQuery::default()
            },
        );
        let mut paged: Vec<String> = Vec::new();
        let mut after = None;
        loop {
            let query = ListQuery {
                application: Some("shop".to_owned()),
                limit: Some(7),
                after: after.take(),
                oldest_first,
                ..ListQuery::default()
            };
            let page = found(&index, &query);
            let Some(last) = page.last() else { break };
            after = Some(ListPlace {
                time_ms: last[1..].parse().unwrap(),
                execution: id(last),
            });
            paged.extend(page);
        }
        assert_eq!(paged, whole);
        assert_eq!(paged[0], if oldest_first { "e00" } else { "e19" });
    }
}

#[test]
fn times_bound_a_list_on_both_sides() {
    let index = twenty();
    let between = |since, until, after: Option<i64>| ListQuery {
        since_ms: since,
        until_ms: until,
        after: after.map(|time_ms| ListPlace {
            time_ms,
            execution: id(&format!("e{time_ms:02}")),
        }),
        ..ListQuery::default()
    };
    let query = between(Some(3), Some(5), None);
    assert_eq!(found(&index, &query), ["e05", "e04", "e03"]);
    let query = between(Some(3), Some(5), Some(4));
    assert_eq!(found(&index, &query), ["e03"]);
    for empty in [
        between(Some(5), Some(3), None),
        between(Some(5), None, Some(5)),
        between(None, Some(-1), None),
    ] {
        assert!(found(&index, &empty).is_empty(), "{empty:?}");
    }
    assert_eq!(
        found(&index, &between(None, Some(i64::MAX), None)).len(),
        20
    );
}

#[test]
fn searches_are_answered_by_the_index() {
    let mut index = twenty();
    let trigger = |kind: &str, event: &str| json!({"name": "Release", "trigger": {"type": kind, "eventId": event}});
    index.put(&with(
        "one",
        "bank",
        Some("c"),
        30,
        trigger("webhook", "w1"),
    ));
    index.put(&with("two", "bank", Some("c"), 31, trigger("cron", "w2")));
    let by = |change: fn(&mut ListQuery)| {
        let mut query = ListQuery::default();
        change(&mut query);
        found(&index, &query)
    };
    assert_eq!(by(|it| it.event = Some("w2".to_owned())), ["two"]);
    assert_eq!(by(|it| it.event = Some(String::new())).len(), 20);
    assert_eq!(
        by(|it| it.name = Some("Release".to_owned())),
        ["two", "one"]
    );
    assert!(by(|it| it.name = Some("release".to_owned())).is_empty());
    assert_eq!(
        by(|it| it.name_contains = Some("ELEA".to_owned())),
        ["two", "one"]
    );
    assert_eq!(
        by(|it| it.trigger_types = vec!["webhook".to_owned()]),
        ["one"]
    );
}

#[test]
fn what_runs_is_found_without_a_look_at_the_rest() {
    let mut index = twenty();
    let running = |status: &str| with("run", "shop", Some("odd"), 5, json!({"status": status}));
    index.put(&running("RUNNING"));
    let query = ListQuery {
        statuses: vec![gennaker_model::Status::Running],
        config_ids: vec!["odd".to_owned()],
        limit_per_config: Some(1),
        ..ListQuery::default()
    };
    assert_eq!(found(&index, &query), ["run"]);
    assert_eq!(index.active.len(), 1);
    let other = ListQuery {
        config_ids: vec!["even".to_owned()],
        ..query.clone()
    };
    assert!(found(&index, &other).is_empty());
    index.put(&running("TERMINAL"));
    assert!(found(&index, &query).is_empty() && index.active.is_empty());
    let failed = ListQuery {
        statuses: vec![
            gennaker_model::Status::Terminal,
            gennaker_model::Status::Running,
        ],
        ..ListQuery::default()
    };
    assert_eq!(found(&index, &failed), ["run"]);
    assert_eq!(index.failed.len(), 1);
    // A stage was restarted.
    index.set_archived(&id("run"), true);
    assert_eq!(index.archived(), 1);
    index.put(&running("RUNNING"));
    assert_eq!(
        (index.archived(), index.active.len(), index.failed.len()),
        (0, 1, 0)
    );
    index.remove(&id("run"));
    assert!(index.active.is_empty());
}

#[test]
fn a_sweep_looks_at_everything_in_pieces() {
    let mut index = twenty();
    index.put(&with(
        "run",
        "shop",
        Some("odd"),
        5,
        json!({"status": "RUNNING"}),
    ));
    index.put(&document("loose", "shop", None, 6));
    index.set_archived(&id("e03"), true);
    let mut seen = Vec::new();
    let mut behind: Option<Place> = None;
    let mut turns = 0;
    loop {
        let (found, next) = index.sweep(behind.as_ref(), 18, 2, 3);
        assert!(found.len() <= 3);
        seen.extend(found);
        turns += 1;
        behind = next;
        if behind.is_none() {
            break;
        }
    }
    assert_eq!(
        (seen.len(), turns),
        (19, 7),
        "18 of both pipelines, and the loose one"
    );
    let names = |of: fn(&super::Finished) -> bool| -> Vec<&str> {
        let some = seen.iter().filter(|found| of(found));
        some.map(|found| found.id.as_str()).collect()
    };
    assert_eq!(names(|it| it.is_archived), ["e03"]);
    assert_eq!(names(|it| it.is_recent), ["e16", "e17"]);
}
