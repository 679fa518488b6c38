//! From files and what the server has to exit codes and requests.

use serde_json::{Value, json};

use crate::{
    http::scripted::Scripted,
    testing::{Screen, run},
};

const CONFIG: &str = "GET /applications/demo/pipelineConfigs/deploy";
const SAVE: &str = "POST /pipelines?staleCheck=true";

fn stored(seconds: i64) -> Value {
    json!({"application": "demo", "name": "deploy", "id": "c-1", "index": 3, "updateTs": "17", "lastModifiedBy": "ann",
        "stages": [{"refId": "1", "type": "wait", "name": "Wait", "waitTime": seconds}]})
}

const FILE: &str = "application: demo\nname: deploy\nstages:\n- {refId: '1', type: wait, name: Wait, waitTime: 5}\n";

async fn verb(line: &[&str], file: &str, server: &Scripted) -> (u8, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    std::fs::write(&path, file).unwrap();
    let line = [line, &[path.to_str().unwrap()]].concat();
    let mut screen = Screen::pipe();
    let code = run(&line, server, &mut screen).await;
    (code, screen.out(), screen.err())
}

#[tokio::test]
async fn a_plan_says_what_would_change_and_ends_with_it() {
    let same = Scripted::default().on(CONFIG, 200, stored(5));
    assert_eq!(
        verb(&["plan"], FILE, &same).await,
        (
            0,
            String::new(),
            "1 pipeline: 0 changed, 1 same, 0 new. 0 errors, 0 warnings.\n".into()
        )
    );
    let changed = Scripted::default().on(CONFIG, 200, stored(4));
    let (code, out, err) = verb(&["plan"], FILE, &changed).await;
    assert_eq!(code, 10);
    assert_eq!(out, "~ demo/deploy   stage \"Wait\": waitTime: 4 -> 5\n");
    assert!(err.starts_with("1 pipeline: 1 changed"), "{err}");
    let new = Scripted::default();
    let (code, out, _) = verb(&["plan"], FILE, &new).await;
    assert_eq!((code, out.as_str()), (10, "+ demo/deploy   new\n"));
    let (code, out, _) = verb(&["plan", "-o", "jsonpath={[0].state}"], FILE, &new).await;
    assert_eq!((code, out.as_str()), (10, "new\n"));

    let wrong = FILE.replace("type: wait", "type: wiat");
    let (code, out, err) = verb(&["plan"], &wrong, &changed).await;
    assert_eq!(code, 11);
    assert!(out.contains("! demo/deploy   error: "), "{out}");
    assert!(err.contains("1 error"), "{err}");
    assert_eq!(verb(&["plan"], "name: x\n", &new).await.0, 11);
    assert_eq!(verb(&["plan"], "{\"name\":", &new).await.0, 11);
    let down = Scripted::default().on(CONFIG, 503, json!({"message": "down"}));
    assert_eq!(verb(&["plan"], FILE, &down).await.0, 9);
}

#[tokio::test]
async fn apply_saves_over_what_was_compared_and_nothing_else() {
    let server = Scripted::default()
        .on(CONFIG, 200, stored(4))
        .empty(SAVE, 200);
    let (code, _, err) = verb(&["apply"], FILE, &server).await;
    assert_eq!(code, 2);
    assert!(err.contains("1 pipeline will be saved"), "{err}");
    assert_eq!(server.requests(), [CONFIG]);
    let (code, out, _) = verb(&["apply", "--yes"], FILE, &server).await;
    assert_eq!(code, 0);
    assert!(out.ends_with("Saved demo/deploy\n"), "{out}");
    let saved = server.requests().pop().unwrap();
    let body: Value = serde_json::from_str(saved.strip_prefix(SAVE).unwrap()).unwrap();
    assert_eq!(body, {
        let mut expected = stored(5);
        expected["stages"] = body["stages"].clone();
        expected
    });
    assert_eq!(body["stages"][0]["waitTime"], 5);

    let stale =
        "The submitted pipeline is stale.  submitted updateTs 17 does not match stored updateTs 18";
    let server =
        Scripted::default()
            .on(CONFIG, 200, stored(4))
            .on(SAVE, 400, json!({"message": stale}));
    let (code, _, err) = verb(&["apply", "-y"], FILE, &server).await;
    assert_eq!(code, 8);
    assert!(err.contains("gennaker plan"), "{err}");

    let same = Scripted::default().on(CONFIG, 200, stored(5));
    assert_eq!(verb(&["apply"], FILE, &same).await.0, 0);
    assert_eq!(same.requests(), [CONFIG], "nothing to save");
    let wrong = FILE.replace("type: wait", "type: wiat");
    let server = Scripted::default().on(CONFIG, 200, stored(4));
    assert_eq!(verb(&["apply", "-y"], &wrong, &server).await.0, 11);
    assert_eq!(server.requests(), [CONFIG], "nothing wrong is saved");
}
