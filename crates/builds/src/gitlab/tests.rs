//! GitLab as a double of its REST interface.

use std::sync::{Arc, Mutex, MutexGuard};

use gennaker_testkit::http::{Reply, Seen, Server};
use serde_json::json;

use super::*;
use crate::{BuildResult, rest::testing::client};

#[derive(Default)]
struct State {
    pipelines: Vec<Value>,
    loses_answer: bool,
    forbids_variables: bool,
}

struct World {
    server: Server,
    state: Arc<Mutex<State>>,
    gitlab: Gitlab,
    _folder: tempfile::TempDir,
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Whether a thing has this id.
fn has_id(thing: &Value, id: &str) -> bool {
    thing["id"].as_u64() == id.parse().ok()
}

fn answer(state: &mut State, request: &Seen) -> Reply {
    let (path, query) = request
        .path()
        .split_once('?')
        .unwrap_or((request.path(), ""));
    let place = path.strip_prefix("/api/v4/projects").unwrap();
    if (request.method.as_str(), place) == ("POST", "/7/trigger/pipeline") {
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(&request.body)
            .into_owned()
            .collect();
        let field = |name: &str| {
            fields
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        if field("token").as_deref() != Some("trigger-secret") {
            return Reply::status(404, "{\"message\": \"404 Not Found\"}");
        }
        if field("ref").as_deref() == Some("gone") {
            return Reply::status(400, "{\"message\": {\"base\": [\"Reference not found\"]}}");
        }
        let variables: Vec<Value> = fields
            .iter()
            .filter_map(|(key, value)| {
                let key = key.strip_prefix("variables[")?.strip_suffix(']')?;
                Some(json!({"key": key, "value": value, "variable_type": "env_var"}))
            })
            .collect();
        let id = 100 + state.pipelines.len();
        let pipeline = json!({"id": id, "ref": field("ref"), "sha": "abc", "status": "created",
            "created_at": "2026-01-01T00:00:00.000Z", "variables": variables});
        state.pipelines.insert(0, pipeline.clone());
        return match std::mem::take(&mut state.loses_answer) {
            true => Reply::status(500, ""),
            false => Reply::ok(&pipeline.to_string()),
        };
    }
    if request.header("private-token") != Some("glpat") {
        return Reply::status(401, "{\"message\": \"401 Unauthorized\"}");
    }
    let parts: Vec<&str> = place.trim_start_matches('/').split('/').collect();
    let of = |state: &State, id: &str| state.pipelines.iter().position(|it| has_id(it, id));
    match parts[..] {
        [""] => {
            assert!(
                query.contains("membership=true") && query.contains("owned=false"),
                "{query}"
            );
            let first = json!([{"id": 7, "path_with_namespace": "g/web", "builds_access_level": "enabled"},
                {"id": 8, "path_with_namespace": "g/off", "builds_access_level": "disabled"}]);
            let page = query.split('&').find_map(|pair| pair.strip_prefix("page="));
            Reply::ok(&if page == Some("1") { first } else { json!([]) }.to_string())
        }
        ["7"] => Reply::ok("{\"id\": 7, \"path_with_namespace\": \"g/web\"}"),
        ["7", "pipelines"] if query.split('&').any(|pair| pair == "page=2") => Reply::ok("[]"),
        ["7", "pipelines"] => Reply::ok(&json!(state.pipelines).to_string()),
        ["7", "pipelines", id] => match of(state, id) {
            Some(at) => Reply::ok(&state.pipelines[at].to_string()),
            None => Reply::status(404, "{\"message\": \"404 Not found\"}"),
        },
        ["7", "pipelines", _, "variables"] if state.forbids_variables => {
            Reply::status(403, "{\"message\": \"403 Forbidden\"}")
        }
        ["7", "pipelines", id, "variables"] => {
            let at = of(state, id).unwrap();
            Reply::ok(&state.pipelines[at]["variables"].to_string())
        }
        ["7", "pipelines", id, "cancel"] => {
            let at = of(state, id).unwrap();
            state.pipelines[at]["status"] = "canceling".into();
            Reply::ok(&state.pipelines[at].to_string())
        }
        ["7", "pipelines", "100", "jobs"] => Reply::ok("[{\"id\": 1}, {\"id\": 2}]"),
        ["7", "pipelines", "100", "bridges"] => Reply::ok(
            "[{\"downstream_pipeline\": {\"id\": 200, \"status\": \"success\"}}, \
                {\"downstream_pipeline\": {\"id\": 201, \"status\": \"failed\"}}, {\"downstream_pipeline\": null}]",
        ),
        ["7", "pipelines", "200", "jobs"] => Reply::ok("[{\"id\": 3}]"),
        ["7", "jobs", "1", "trace"] => Reply::ok("SPINNAKER_PROPERTY_A=1\n"),
        ["7", "jobs", "3", "trace"] => Reply::ok("SPINNAKER_PROPERTY_B=2\n"),
        ["7", "jobs", "2", "trace"] => Reply::status(404, "{}"),
        _ => panic!("{} {path} is not called", request.method),
    }
}

async fn world() -> World {
    let state = Arc::new(Mutex::new(State::default()));
    let shared = Arc::clone(&state);
    let server = Server::start(move |request| answer(&mut shared.lock().unwrap(), request)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Secret::File(path)
    };
    let gitlab = Gitlab::new(GitlabOptions {
        client: client(),
        clock: Clock::simulated(1_767_225_660_000),
        address: server.url("/"),
        private_token: file("private", "glpat"),
        trigger_token: Some(file("trigger", "trigger-secret")),
        limit_by_membership: true,
        limit_by_ownership: false,
        page_length: 2,
    });
    World {
        server,
        state,
        gitlab: gitlab.unwrap(),
        _folder: folder,
    }
}

fn start(token: &str, parameters: &[(&str, &str)]) -> Start {
    let parameters = parameters.iter();
    Start {
        job: "7".to_owned(),
        parameters: parameters
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        token: token.to_owned(),
        before: noted(1_767_225_660_000),
    }
}

#[tokio::test]
async fn a_pipeline_is_triggered_followed_and_stopped() {
    let world = world().await;
    let wanted = start("E.S.0.1.0", &[("ref", "v1"), ("COLOR", "b&w")]);
    assert_eq!(
        world.gitlab.start(&wanted).await.unwrap(),
        Started::Running(100)
    );
    let made = world.state().pipelines[0].clone();
    assert_eq!(
        (&made["ref"], &made["variables"][0]["value"]),
        (&json!("v1"), &json!("b&w"))
    );
    let see = || world.gitlab.build("7", 100);
    let build = see().await.unwrap();
    assert_eq!(build.result, Some(BuildResult::NotBuilt));
    assert_eq!(build.url, Some(world.server.url("/g/web/pipelines/100")));
    assert_eq!(build.full_display_name.as_deref(), Some("v1 (100)"));
    world.state().pipelines[0]["status"] = "running".into();
    assert!(see().await.unwrap().building);
    assert_eq!(
        world.gitlab.queued("7", "100").await.unwrap(),
        Queued::Number(100)
    );
    let stop = Stop {
        job: "7".to_owned(),
        item: None,
        number: Some(100),
    };
    world.gitlab.stop(&stop).await.unwrap();
    assert!(see().await.unwrap().building, "it is being stopped");
    for (status, result) in [
        ("canceled", BuildResult::Aborted),
        ("failed", BuildResult::Failure),
        ("success", BuildResult::Success),
        ("skipped", BuildResult::NotBuilt),
        ("a_new_word", BuildResult::NotBuilt),
    ] {
        world.state().pipelines[0]["status"] = status.into();
        assert_eq!(see().await.unwrap().result, Some(result), "{status}");
    }
    let refused = world
        .gitlab
        .start(&start("t", &[("ref", "gone")]))
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("Reference not found"),
        "{refused}"
    );
    assert!(!refused.may_have_happened());
    let seen = world.server.seen();
    assert!(
        seen.iter().all(|seen| !seen.path().contains("secret")),
        "no token stands in an address"
    );
}

#[tokio::test]
async fn a_start_without_an_answer_is_found_by_its_variable() {
    let world = world().await;
    let wanted = start("E.S.0.1.0", &[]);
    assert_eq!(world.gitlab.find(&wanted).await.unwrap(), None);
    world.state().loses_answer = true;
    assert!(
        world
            .gitlab
            .start(&wanted)
            .await
            .unwrap_err()
            .may_have_happened()
    );
    world.gitlab.start(&start("later", &[])).await.unwrap();
    assert_eq!(
        world.gitlab.find(&wanted).await.unwrap(),
        Some(Started::Running(100))
    );
    assert_eq!(world.gitlab.find(&start("never", &[])).await.unwrap(), None);
    let asked = world.server.seen();
    let listing = asked
        .iter()
        .find(|seen| seen.path().contains("source=trigger"))
        .unwrap();
    assert!(
        listing
            .path()
            .contains("updated_after=2026-01-01T00%3A00%3A00Z"),
        "{}",
        listing.path()
    );
    // Who may not see variables does not know.
    world.state().forbids_variables = true;
    assert!(world.gitlab.find(&wanted).await.is_err());
}

#[tokio::test]
async fn properties_are_lines_of_all_logs() {
    let world = world().await;
    let properties = world.gitlab.properties("7", 100, "any").await.unwrap();
    assert_eq!(Value::Object(properties), json!({"a": "1", "b": "2"}));
}

#[tokio::test]
async fn a_poller_sees_projects_that_build() {
    let world = world().await;
    world.gitlab.start(&start("t", &[])).await.unwrap();
    let projects = world.gitlab.projects().await.unwrap();
    assert_eq!(projects.len(), 1);
    assert_eq!(
        (
            projects[0].name.as_str(),
            projects[0].last_build.as_ref().unwrap().number
        ),
        ("7", 100)
    );
    assert_eq!(world.gitlab.jobs().await.unwrap(), ["7"]);
    let since = world.gitlab.builds_since("7", Some(1)).await.unwrap();
    assert_eq!(since[0].timestamp_ms, Some(1_767_225_600_000));
    let revisions = world.gitlab.revisions("7", 100).await.unwrap();
    assert_eq!(revisions[0].sha1.as_deref(), Some("abc"));
}

#[tokio::test]
async fn without_a_trigger_token_nothing_is_started() {
    let mut world = world().await;
    world.gitlab.options.trigger_token = None;
    let error = world.gitlab.start(&start("t", &[])).await.unwrap_err();
    assert!(error.to_string().contains("trigger_token_file"), "{error}");
    assert!(world.server.seen().is_empty());
}
