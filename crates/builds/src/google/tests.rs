//! Google Cloud Build as a double of its REST interface: strict about tokens, tags and bodies.

use std::sync::{Arc, Mutex};

use gennaker_runtime::Clock;
use gennaker_testkit::http::{Reply, Seen, Server};
use gennaker_testkit::keys::PEM;

use super::*;
use crate::rest::testing::client;

/// What Google has.
#[derive(Default)]
struct Google {
    builds: Vec<Value>,
    /// The next start is carried out, and its answer lost.
    loses_answer: bool,
}

struct World {
    server: Server,
    google: Arc<Mutex<Google>>,
    account: GoogleCloudBuild,
    _folder: tempfile::TempDir,
}

fn answer(google: &mut Google, request: &Seen) -> Reply {
    let (path, query) = request
        .path()
        .split_once('?')
        .unwrap_or((request.path(), ""));
    if path == "/token" {
        return Reply::ok("{\"access_token\": \"ya29\", \"expires_in\": 3600}");
    }
    if request.header("authorization") != Some("Bearer ya29") {
        return Reply::status(401, "{\"error\": {\"message\": \"who are you\"}}");
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let id = format!("b{}", google.builds.len() + 1);
    let mut made = |mut build: Value, place: &str| {
        build["id"] = id.clone().into();
        build["name"] = format!("projects/p/locations/{place}/builds/{id}").into();
        build["status"] = "QUEUED".into();
        build["logUrl"] = "https://log".into();
        build["createTime"] = "2026-01-01T00:00:00Z".into();
        google.builds.insert(0, build.clone());
        match std::mem::take(&mut google.loses_answer) {
            true => Reply::status(504, ""),
            false => Reply::ok(&json!({"metadata": {"build": build}}).to_string()),
        }
    };
    match (request.method.as_str(), path) {
        ("POST", "/v1/projects/p/builds") => made(body, "global"),
        ("POST", "/v1/projects/p/locations/eu/builds") => made(body, "eu"),
        ("POST", "/v1/projects/p/triggers/t1:run") => made(
            json!({"substitutions": body["substitutions"], "source": body}),
            "global",
        ),
        ("GET", "/v1/projects/p/builds" | "/v1/projects/p/locations/eu/builds") => {
            let skip = usize::from(query.contains("pageToken=more"));
            let page: Vec<&Value> = google.builds.iter().skip(skip).take(1).collect();
            let more = if google.builds.len() > skip + 1 {
                "more"
            } else {
                ""
            };
            Reply::ok(&json!({"builds": page, "nextPageToken": more}).to_string())
        }
        ("GET", "/v1/projects/p/triggers") => Reply::ok("{\"triggers\": [{\"id\": \"t1\"}]}"),
        ("GET", "/storage/v1/b/out/o/a%2Fmanifest.json") => {
            assert_eq!(query, "alt=media&generation=5");
            Reply::ok("{\"location\": \"gs://out/web.tgz#9\"}\n")
        }
        (method, path) => {
            let place = path.strip_prefix("/v1/projects/p/").unwrap_or_default();
            let place = place.strip_prefix("locations/eu/").unwrap_or(place);
            let wanted = place.strip_prefix("builds/").unwrap_or_default();
            let (wanted, cancels) = match wanted.strip_suffix(":cancel") {
                Some(id) => (id, true),
                None => (wanted, false),
            };
            let Some(build) = google.builds.iter_mut().find(|build| build["id"] == wanted) else {
                return Reply::status(404, "{\"error\": {\"message\": \"no such build\"}}");
            };
            assert_eq!(cancels, method == "POST", "{method} {path}");
            if cancels {
                if build["status"] != "QUEUED" {
                    return Reply::status(400, "{\"error\": {\"message\": \"it is over\"}}");
                }
                build["status"] = "CANCELLED".into();
            }
            Reply::ok(&build.to_string())
        }
    }
}

async fn world(region: Option<&str>) -> World {
    let google = Arc::new(Mutex::new(Google::default()));
    let state = Arc::clone(&google);
    let server = Server::start(move |request| answer(&mut state.lock().unwrap(), request)).await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.json");
    let text =
        json!({"client_email": "a@p", "private_key": PEM, "token_uri": server.url("/token")});
    std::fs::write(&key, text.to_string()).unwrap();
    let account = GoogleCloudBuild::new(CloudBuildOptions {
        client: client(),
        identity: Arc::new(Identity::new(client(), Clock::system(), Some(key))),
        project: "p".to_owned(),
        region: region.map(str::to_owned),
        address: Some(server.url("")),
        storage_address: Some(server.url("")),
    });
    World {
        server,
        google,
        account: account.unwrap(),
        _folder: folder,
    }
}

fn start(what: What) -> CloudStart {
    CloudStart {
        what,
        token: "E.S.0.1.0".to_owned(),
        since_ms: 1_767_225_600_000,
    }
}

fn definition(definition: Value) -> CloudStart {
    start(What::Definition(definition.as_object().unwrap().clone()))
}

#[tokio::test]
async fn a_build_is_started_followed_and_stopped() {
    let world = world(None).await;
    let wanted = definition(json!({"steps": [{"name": "busybox"}], "tags": ["mine"]}));
    let started = world.account.start(&wanted).await.unwrap();
    assert_eq!(
        (started.id.as_str(), started.status),
        ("b1", CloudStatus::Queued)
    );
    assert_eq!(
        serde_json::to_value(&started).unwrap(),
        json!({"id": "b1", "status": "QUEUED", "logUrl": "https://log", "name": "projects/p/locations/global/builds/b1"})
    );
    let tags = world.google.lock().unwrap().builds[0]["tags"].clone();
    assert_eq!(
        tags,
        json!(["mine", "started-by.spinnaker.io", "gennaker-E.S.0.1.0"])
    );

    assert_eq!(world.account.get(&started).await.unwrap(), started);
    let stopped = world.account.stop(&started).await.unwrap();
    assert_eq!(stopped.status, CloudStatus::Cancelled);
    // What is over is stopped.
    assert_eq!(world.account.stop(&started).await.unwrap(), stopped);
    let triggers = world.account.triggers().await.unwrap();
    assert_eq!(triggers, [json!({"id": "t1"})]);
    let other = CloudBuild {
        id: "b9".to_owned(),
        ..CloudBuild::default()
    };
    let missing = world.account.get(&other).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound(_)), "{missing}");
}

#[tokio::test]
async fn a_start_without_an_answer_is_found_by_what_it_carries() {
    let world = world(None).await;
    let trigger = start(What::Trigger {
        id: "t1".to_owned(),
        source: json!({"branchName": "main"}).as_object().unwrap().clone(),
    });
    for wanted in [definition(json!({"steps": []})), trigger] {
        assert_eq!(world.account.find(&wanted).await.unwrap(), None);
        world.google.lock().unwrap().loses_answer = true;
        let lost = world.account.start(&wanted).await.unwrap_err();
        assert!(lost.may_have_happened(), "{lost}");
        // A later one stands before it, on a page of its own.
        let other = CloudStart {
            token: "other".to_owned(),
            ..definition(json!({}))
        };
        world.account.start(&other).await.unwrap();
        let found = world.account.find(&wanted).await.unwrap().unwrap();
        let later = CloudStart {
            token: "never".to_owned(),
            ..wanted.clone()
        };
        assert_eq!(world.account.find(&later).await.unwrap(), None);
        assert!(["b1", "b3"].contains(&found.id.as_str()), "{found:?}");
        world.google.lock().unwrap().builds.clear();
    }
}

#[tokio::test]
async fn regions_and_private_pools_have_places_of_their_own() {
    let world = world(Some("eu")).await;
    let started = world.account.start(&definition(json!({}))).await.unwrap();
    assert_eq!(world.account.get(&started).await.unwrap(), started);
    let pool = json!({"options": {"pool": {"name": "projects/p/locations/eu/workerPools/w"}}});
    let global = self::world(None).await;
    let started = global
        .account
        .start(&definition(pool.clone()))
        .await
        .unwrap();
    assert_eq!(
        started.name.as_deref(),
        Some("projects/p/locations/eu/builds/b1")
    );
    global.account.stop(&started).await.unwrap();
    assert!(
        global
            .account
            .find(&definition(pool))
            .await
            .unwrap()
            .is_some()
    );
    let seen: Vec<String> = global
        .server
        .seen()
        .iter()
        .map(|it| it.path().to_owned())
        .collect();
    assert!(
        seen.contains(&"/v1/projects/p/locations/eu/builds/b1:cancel".to_owned()),
        "{seen:?}"
    );
}

#[tokio::test]
async fn artifacts_are_images_and_files() {
    let world = world(None).await;
    let build = world.account.start(&definition(json!({}))).await.unwrap();
    assert_eq!(
        world.account.artifacts(&build).await.unwrap(),
        Vec::<Map>::new()
    );
    world.google.lock().unwrap().builds[0]["results"] = json!({
        "images": [{"name": "gcr.io/p/web:7", "digest": "sha256:d"}], "artifactManifest": "gs://out/a/manifest.json#5",
    });
    let found = world.account.artifacts(&build).await.unwrap();
    assert_eq!(found[0]["reference"], "gcr.io/p/web@sha256:d");
    assert_eq!(found[1]["reference"], "gs://out/web.tgz#9");
}

#[tokio::test]
async fn a_refusal_has_googles_sentence_and_no_secret() {
    let world = world(None).await;
    let bad = definition(json!({"tags": "x"}));
    let error = world.account.start(&bad).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "tags of the build definition must be a list"
    );
    let unknown = serde_json::from_value::<CloudStatus>(json!("NEW_WORD")).unwrap();
    assert!(!unknown.is_over());
}
