//! The tables of section 3 of the canary reference.

use gennaker_model::Status;
use serde_json::json;

use super::{aggregate::verdict, config::Thresholds, *};
use crate::testing::{execution, stage};

const START: i64 = 1_767_225_600_000;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

fn config(fields: Value, scope: Value) -> Config {
    let mut config = map(fields);
    let mut whole = map(
        json!({"controlScope": "base", "controlLocation": "r", "experimentScope": "canary",
        "experimentLocation": "r", "startTimeIso": "2026-01-01T00:00:00Z"}),
    );
    whole.extend(map(scope));
    config.insert("scopes".to_owned(), json!([whole]));
    Config::read(&map(json!({"canaryConfig": config}))).unwrap()
}

/// The windows in minutes from the start.
fn minutes(fields: Value, scope: Value) -> Vec<(i64, i64)> {
    let windows = intervals::windows(&config(fields, scope), START).unwrap();
    let minute = |ms: i64| (ms - START) / 60_000;
    let windows = windows.list.iter().map(|window| window.experiment);
    windows
        .map(|(start, end)| (minute(start), minute(end)))
        .collect()
}

#[test]
fn windows_as_in_the_table() {
    let live = |fields: Value| minutes(fields, json!({}));
    assert_eq!(
        live(json!({"lifetimeDuration": "PT4H", "canaryAnalysisIntervalMins": "60"})),
        [(0, 60), (0, 120), (0, 180), (0, 240)]
    );
    assert_eq!(
        live(
            json!({"lifetimeDuration": "PT4H", "canaryAnalysisIntervalMins": 60, "lookbackMins": 60})
        ),
        [(0, 60), (60, 120), (120, 180), (180, 240)]
    );
    assert_eq!(
        live(json!({"lifetimeDuration": "PT240M", "lookbackMins": "120"})),
        [(120, 240)]
    );
    assert_eq!(
        live(json!({"lifetimeHours": 4, "canaryAnalysisIntervalMins": 300})),
        [(0, 240)]
    );
    assert_eq!(
        live(json!({"lifetimeDuration": "PT1H30M", "canaryAnalysisIntervalMins": 60})),
        [(0, 60)]
    );
    assert_eq!(
        live(
            json!({"lifetimeDuration": "P1D", "canaryAnalysisIntervalMins": 480, "beginCanaryAnalysisAfterMins": "45"})
        ),
        [(45, 525), (45, 1005), (45, 1485)]
    );
    let past = json!({"canaryAnalysisIntervalMins": 120, "beginCanaryAnalysisAfterMins": 30});
    assert_eq!(
        minutes(past, json!({"endTimeIso": "2026-01-01T04:00:00Z"})),
        [(0, 120), (0, 240)]
    );
}

#[test]
fn the_baseline_can_be_of_earlier() {
    let config = config(
        json!({"lifetimeDuration": "PT60M", "baselineAnalysisOffsetInMins": 1440, "canaryConfigId": "c", "storageAccountName": ""}),
        json!({"step": "30", "extendedScopeParams": {"a": "b"}}),
    );
    let windows = intervals::windows(&config, START).unwrap();
    let context = Value::Object(config.for_run(&windows.list[0]));
    assert_eq!(
        context,
        json!({"canaryConfigId": "c", "scoreThresholds": {"pass": 75, "marginal": 50}, "scopes": {"default": {
            "controlScope": {"scope": "base", "location": "r", "start": "2025-12-31T00:00:00Z", "end": "2025-12-31T01:00:00Z",
                "step": 30, "extendedScopeParams": {"a": "b"}},
            "experimentScope": {"scope": "canary", "location": "r", "start": "2026-01-01T00:00:00Z",
                "end": "2026-01-01T01:00:00Z", "step": 30, "extendedScopeParams": {"a": "b"}}}}})
    );
}

#[test]
fn what_a_canary_must_have() {
    let said = |config: Value| {
        let stage = stage("kayentaCanary", map(json!({ "canaryConfig": config })));
        let execution = execution(&json!([]), &json!({}));
        let context = PlanContext {
            execution: &execution,
            stage: &stage,
            now: START,
        };
        KayentaCanary.plan(&context).unwrap_err().message
    };
    let scope = json!({"controlScope": "a"});
    assert_eq!(
        said(json!({})),
        "Canary stage configuration must contain at least one scope."
    );
    assert_eq!(
        said(json!({"scopes": [scope]})),
        "Canary stage configuration must include either `endTime` or `lifetimeDuration`."
    );
    let bad = said(json!({"scopes": [scope], "lifetimeDuration": "soon"}));
    assert_eq!(bad, "lifetimeDuration is no duration in ISO format: soon");
    let config = config(json!({"lifetimeDuration": "PT30S"}), json!({}));
    assert!(intervals::windows(&config, START).is_err());
}

#[test]
fn waits_and_analyses_follow_one_another() {
    let planned = |config: Value| -> Vec<(String, Vec<usize>)> {
        let stage = stage("runCanaryIntervals", map(json!({ "canaryConfig": config })));
        let execution = execution(&json!([]), &json!({}));
        let context = PlanContext {
            execution: &execution,
            stage: &stage,
            now: START,
        };
        let plan = RunCanaryIntervals.plan(&context).unwrap();
        plan.before
            .into_iter()
            .map(|stage| (stage.name, stage.requires))
            .collect()
    };
    let names = |planned: &[(String, Vec<usize>)]| {
        planned
            .iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    let live = planned(
        json!({"scopes": [{}], "lifetimeDuration": "PT2H", "canaryAnalysisIntervalMins": 60,
        "beginCanaryAnalysisAfterMins": 5}),
    );
    assert_eq!(
        names(&live),
        [
            "Warmup Wait",
            "Interval Wait #1",
            "Run Canary #1",
            "Interval Wait #2",
            "Run Canary #2"
        ]
    );
    let requires: Vec<_> = live.into_iter().map(|(_, requires)| requires).collect();
    assert_eq!(requires, [vec![], vec![0], vec![1], vec![2], vec![3]]);
    let past = planned(
        json!({"scopes": [{"startTimeIso": "2026-01-01T00:00:00Z", "endTimeIso": "2026-01-01T02:00:00Z"}],
        "canaryAnalysisIntervalMins": "60"}),
    );
    assert_eq!(names(&past), ["Run Canary #1", "Run Canary #2"]);
}

#[test]
fn the_last_score_decides() {
    let thresholds = Thresholds {
        pass: 95,
        marginal: 75,
    };
    for (score, wanted, says) in [
        (75.0, Status::Terminal, "is not above the marginal"),
        (76.0, Status::Terminal, "is below the pass"),
        (95.0, Status::Succeeded, "met or exceeded the pass"),
    ] {
        assert_eq!(verdict(score, thresholds), (wanted, says));
    }
    let read = |value: Value| Thresholds::read(&map(value));
    assert_eq!(
        read(json!({})),
        Thresholds {
            pass: 75,
            marginal: 50
        }
    );
    assert_eq!(
        read(json!({"scoreThresholds": {}})),
        Thresholds {
            pass: 0,
            marginal: 0
        }
    );
    let quoted = json!({"scoreThresholds": {"pass": "95.9", "marginal": 75.9}});
    assert_eq!(read(quoted), thresholds);
}

#[test]
fn a_score_at_the_marginal_threshold_fails_and_decimals_are_cut() {
    let judged = |score: f64, marginal: Value, more: Value| {
        let mut own = map(more);
        own.insert("canaryScoreExact".to_owned(), score.into());
        own.insert(
            "scoreThresholds".to_owned(),
            json!({"pass": 95, "marginal": marginal}),
        );
        run_canary::judged(&own)
    };
    for (score, marginal, cut, wanted) in [
        (75.0, json!(75), 75, Status::Terminal),
        // 75.9 is 75 to orca, and 75 is not above 75.
        (75.9, json!(75), 75, Status::Terminal),
        (76.0, json!(75), 76, Status::Succeeded),
        (76.0, json!("75.9"), 76, Status::Succeeded),
        (0.0, json!(0), 0, Status::Terminal),
    ] {
        let (status, learned) = judged(score, marginal, json!({})).unwrap();
        assert_eq!(status, wanted, "{score}");
        assert_eq!(learned["canaryScore"], json!(cut));
        let is_told = learned.contains_key("canaryScoreMessage");
        assert_eq!(is_told, wanted != Status::Succeeded);
    }
    let (status, _) = judged(1.0, json!(75), json!({"continuePipeline": true})).unwrap();
    assert_eq!(status, Status::FailedContinue);
    let exact = |score| {
        judged(score, json!(75.5), json!({"hasExactThresholds": true}))
            .unwrap()
            .0
    };
    assert_eq!(
        (exact(75.5), exact(75.6)),
        (Status::Terminal, Status::Succeeded)
    );
    assert_eq!(run_canary::judged(&Map::new()), None);
}

#[test]
fn a_standalone_analysis_brings_its_configuration_and_exact_thresholds() {
    let canary = json!({"canaryConfig": "e30=", "scoreThresholds": {"pass": 95.5, "marginal": 75.5}, "lifetimeDuration": "PT2M",
        "canaryAnalysisIntervalMins": 1, "scopes": [{"controlScope": "a", "experimentScope": "b",
            "startTimeIso": "2026-01-01T00:00:00Z", "endTimeIso": "2026-01-01T00:02:00Z"}]});
    let own = map(json!({"canaryConfig": canary, "continuePipeline": true}));
    let stage = stage("setupAndExecuteCanariesStage", own);
    let execution = execution(&json!([]), &json!({}));
    let context = PlanContext {
        execution: &execution,
        stage: &stage,
        now: START,
    };
    let runs = RunCanaryIntervals.plan(&context).unwrap().before;
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert_eq!(run.context["canaryConfig"], "e30=");
        assert_eq!(
            run.context["scoreThresholds"],
            json!({"pass": 95.5, "marginal": 75.5})
        );
        assert_eq!(run.context["continuePipeline"], false);
    }
}
