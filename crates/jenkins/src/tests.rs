use std::time::Duration;

use gennaker_model::{
    build_reads::{Answer, Question, Read, VERSION},
    work::{Order, Outcome},
};
use gennaker_testkit::jenkins::{Fault, Job};
use serde_json::{Value, json};

use crate::testing::{Fixture, context, error, telling};

fn stage(job: &str, more: &Value) -> Value {
    let mut input = json!({"master": "ci", "job": job});
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    input
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_started_followed_and_read() {
    let mut pool = Fixture::new().await;
    pool.double.job(Job {
        files: vec![(
            "out/build.properties".to_owned(),
            "image=reg/app:7\nmessageFormat=docker".to_owned(),
        )],
        commit: Some((
            "origin/main".to_owned(),
            "abc".to_owned(),
            "https://git/x".to_owned(),
        )),
        ..telling("deploy")
    });
    let parameters =
        json!({"parameters": {"WHO": 7, "COMMAND": null}, "propertyFile": "build.properties"});
    let task = pool.task("startJenkinsJob", stage("deploy", &parameters));
    let started = pool.finish(&task).await;
    assert_eq!(context(&started)["queuedBuild"], "1", "{started:?}");
    let ran = pool.double.builds("deploy");
    assert_eq!(ran[0].parameters["WHO"], "7");
    assert_eq!(
        ran[0].parameters["GENNAKER_TOKEN"],
        task.effect.as_ref().unwrap().as_str()
    );

    let queued = stage("deploy", &json!({"queuedBuild": "1"}));
    let waited = pool.run("waitForJenkinsJobStart", queued).await;
    assert_eq!(context(&waited)["buildNumber"], 1);
    let description = pool.double.builds("deploy")[0].description.clone().unwrap();
    assert_eq!(
        description,
        "This build was triggered by '<a href=\"https://spin.example.com/#/applications/demo/executions/details/E2\">demo</a>' in \
         Spinnaker."
    );

    let running = stage(
        "deploy",
        &json!({"buildNumber": 1, "propertyFile": "build.properties"}),
    );
    let looked = pool.run("monitorJenkinsJob", running.clone()).await;
    let Outcome::Running {
        again_ms,
        context: seen,
    } = &looked
    else {
        panic!("{looked:?}");
    };
    assert_eq!(
        (*again_ms, &seen["buildInfo"]["building"]),
        (10_000, &json!(true))
    );
    // What is known already is not written again.
    let mut known = running.clone();
    known["buildInfo"] = seen["buildInfo"].clone();
    let again = pool.run("monitorJenkinsJob", known).await;
    assert!(
        matches!(&again, Outcome::Running { context, .. } if context.is_empty()),
        "{again:?}"
    );

    pool.double.finish("deploy", 1, "SUCCESS");
    let over = pool.run("monitorJenkinsJob", running.clone()).await;
    let Outcome::Succeeded {
        context: learned,
        outputs,
    } = &over
    else {
        panic!("{over:?}");
    };
    assert_eq!(learned, outputs);
    assert_eq!(outputs["buildInfo"]["result"], "SUCCESS");
    assert_eq!(outputs["buildInfo"]["scm"][0]["branch"], "main");

    let read = pool.run("getBuildProperties", running.clone()).await;
    let Outcome::Succeeded { outputs, .. } = &read else {
        panic!("{read:?}")
    };
    assert_eq!(outputs["image"], "reg/app:7");
    assert_eq!(
        outputs["propertyFileContents"],
        json!({"image": "reg/app:7", "messageFormat": "docker"})
    );
    let mut with_properties = running;
    with_properties["propertyFileContents"] = outputs["propertyFileContents"].clone();
    let found = pool.run("getBuildArtifacts", with_properties).await;
    let names: Vec<&str> = context(&found)["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["reg/app", "deploy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_end_the_stage_as_in_orca() {
    let mut pool = Fixture::new().await;
    for (result, good, words) in [
        ("FAILURE", false, "Job failed (see Jenkins)"),
        ("UNSTABLE", false, "Job is unstable (see Jenkins)"),
    ] {
        pool.double.press_build_now("plain", "ann");
        let number = pool.double.builds("plain").len();
        pool.double.finish("plain", number as u64, result);
        let more = json!({"buildNumber": number.to_string(), "markUnstableAsSuccessful": good});
        let ended = pool.run("monitorJenkinsJob", stage("plain", &more)).await;
        assert!(
            matches!(
                &ended,
                Outcome::Failed {
                    exception: None,
                    ..
                }
            ),
            "{ended:?}"
        );
        assert_eq!(
            context(&ended)["exception"]["details"]["errors"],
            json!([words])
        );
        assert_eq!(context(&ended)["buildInfo"]["result"], result);
    }
    let more = json!({"buildNumber": 2, "markUnstableAsSuccessful": "true"});
    let good = pool.run("monitorJenkinsJob", stage("plain", &more)).await;
    assert!(matches!(good, Outcome::Succeeded { .. }), "{good:?}");
    pool.double.press_build_now("plain", "ann");
    pool.double.finish("plain", 3, "ABORTED");
    let aborted = pool
        .run(
            "monitorJenkinsJob",
            stage("plain", &json!({"buildNumber": 3})),
        )
        .await;
    assert!(
        matches!(&aborted, Outcome::Canceled { context } if context["buildInfo"]["result"] == "ABORTED"),
        "{aborted:?}"
    );
    pool.double.press_build_now("plain", "ann");
    pool.double.finish("plain", 4, "NOT_BUILT");
    let waits = pool
        .run(
            "monitorJenkinsJob",
            stage("plain", &json!({"buildNumber": 4})),
        )
        .await;
    assert!(matches!(waits, Outcome::Running { .. }), "{waits:?}");
    // Servers that are down, and builds that are not there, may come back.
    for number in [4, 99] {
        pool.double
            .fault("GET", "/4/api/xml", Fault::Refused(503, String::new()));
        let more = json!({"buildNumber": number});
        let waits = pool.run("monitorJenkinsJob", stage("plain", &more)).await;
        assert!(matches!(waits, Outcome::Running { .. }), "{waits:?}");
        let why = context(&waits)["waitsFor"].as_str().unwrap();
        let expected = if number == 4 {
            "answered 503"
        } else {
            "'99' of job 'plain' not found"
        };
        assert!(why.contains(expected), "{why}");
    }
    let nowhere = pool
        .run("monitorJenkinsJob", stage("plain", &json!({})))
        .await;
    assert!(error(&nowhere).contains("buildNumber"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_says_why_its_build_is_still_in_the_queue() {
    let mut pool = Fixture::new().await;
    pool.double.hold_queue(true);
    pool.run("startJenkinsJob", stage("plain", &json!({})))
        .await;
    let mut queued = stage("plain", &json!({"queuedBuild": "1"}));
    let waits = pool.run("waitForJenkinsJobStart", queued.clone()).await;
    assert!(matches!(waits, Outcome::Running { .. }), "{waits:?}");
    let why = context(&waits)["waitsFor"].clone();
    assert!(why.as_str().unwrap().contains("quiet period"), "{why}");
    // What is known already is not written again, and is taken back in the end.
    queued["waitsFor"] = why;
    let again = pool.run("waitForJenkinsJobStart", queued.clone()).await;
    assert!(
        matches!(&again, Outcome::Running { context, .. } if context.is_empty()),
        "{again:?}"
    );
    pool.double.hold_queue(false);
    let begun = pool.run("waitForJenkinsJobStart", queued).await;
    let learned = Value::Object(context(&begun).clone());
    assert_eq!(learned, json!({"buildNumber": 1, "waitsFor": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_says_why() {
    let mut pool = Fixture::new().await;
    pool.double.job(Job {
        name: "off".to_owned(),
        disabled: true,
        ..Job::default()
    });
    for (input, words) in [
        (
            json!({"master": "other", "job": "x"}),
            "Build master 'other' not found",
        ),
        (json!({"job": "x"}), "master must be specified"),
        (json!({"master": "ci"}), "job must be specified"),
        (
            stage("off", &json!({})),
            "Job 'off' is not buildable. It may be disabled.",
        ),
        (stage("none", &json!({})), "Job 'none' not found"),
        (
            stage("plain", &json!({"parameters": {"a": "b"}})),
            "takes none of the parameters",
        ),
        (
            stage("plain", &json!({"parameters": [1]})),
            "parameters must be an object",
        ),
    ] {
        let ended = pool.run("startJenkinsJob", input).await;
        assert!(error(&ended).contains(words), "{ended:?}");
    }
    // Jenkins is being restarted: nothing was begun, and later it is.
    pool.double.fault(
        "POST",
        "/job/plain/build",
        Fault::Refused(503, "starting".to_owned()),
    );
    let later = pool
        .run("startJenkinsJob", stage("plain", &json!({})))
        .await;
    assert!(
        matches!(
            later,
            Outcome::Running {
                again_ms: 30_000,
                ..
            }
        ),
        "{later:?}"
    );
    assert!(pool.double.builds("plain").is_empty());
}

/// The steps of the protocol at which a worker may be lost, for a job that takes the token and one that does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_lost_is_followed_by_one_that_finds_its_build() {
    let mut pool = Fixture::new().await;
    for job in ["deploy", "plain"] {
        for step in ["before the call", "queued", "running", "over"] {
            let task = pool.task("startJenkinsJob", stage(job, &json!({})));
            let before = pool.double.builds(job).len() as u64;
            let server = &pool.masters.get("ci").unwrap().server;
            let start = gennaker_builds::Start {
                job: job.to_owned(),
                token: task.effect.as_ref().unwrap().as_str().to_owned(),
                ..gennaker_builds::Start::default()
            };
            let mark = server
                .before(&start)
                .await
                .unwrap()
                .map(|mark| format!("before:{mark}"));
            pool.double.hold_queue(step == "queued");
            if step != "before the call" {
                server.start(&start).await.unwrap();
            }
            if step == "over" {
                pool.double.finish(job, before + 1, "SUCCESS");
            }
            pool.lose_worker_with(&task, mark.as_deref()).await;
            let ended = pool.finish(&task).await;
            let item = context(&ended)["queuedBuild"].as_str().unwrap().to_owned();
            pool.double.hold_queue(false);
            let builds = pool.double.builds(job);
            assert_eq!(builds.len() as u64, before + 1, "{job} {step}: {ended:?}");
            assert_eq!(
                builds.last().unwrap().item.to_string(),
                item,
                "{job} {step}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_started_twice_when_nobody_can_tell() {
    let mut pool = Fixture::new().await;
    let task = pool.task("startJenkinsJob", stage("plain", &json!({})));
    pool.double.press_build_now("plain", "anonymous");
    pool.double.press_build_now("plain", "anonymous");
    // Both of them are newer than the note.
    pool.lose_worker_with(&task, Some("before:0")).await;
    let ended = pool.finish(&task).await;
    assert!(
        error(&ended).contains("several builds of job 'plain' could be the one"),
        "{ended:?}"
    );
    assert_eq!(pool.double.builds("plain").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_is_cancelled_stops_what_it_began() {
    let mut pool = Fixture::new().await;
    pool.double.hold_queue(true);
    pool.run("startJenkinsJob", stage("plain", &json!({})))
        .await;
    let queued = stage("plain", &json!({"queuedBuild": "1"}));
    let stopped = pool.run("stopJenkinsJob", queued.clone()).await;
    assert!(matches!(stopped, Outcome::Succeeded { .. }), "{stopped:?}");
    pool.double.hold_queue(false);
    assert!(pool.double.builds("plain").is_empty());
    let waited = pool.run("waitForJenkinsJobStart", queued).await;
    assert!(matches!(waited, Outcome::Canceled { .. }), "{waited:?}");

    pool.run("startJenkinsJob", stage("plain", &json!({})))
        .await;
    pool.run(
        "stopJenkinsJob",
        stage("plain", &json!({"queuedBuild": "2", "buildNumber": 1})),
    )
    .await;
    assert_eq!(
        pool.double.builds("plain")[0].result.as_deref(),
        Some("ABORTED")
    );

    // Cancelled while a worker was lost in the start: whoever closes finds the build and stops it.
    for (job, noted) in [("deploy", None), ("plain", Some("before:2"))] {
        let mut task = pool.task("startJenkinsJob", stage(job, &json!({})));
        let start = gennaker_builds::Start {
            job: job.to_owned(),
            token: task.effect.as_ref().unwrap().as_str().to_owned(),
            ..gennaker_builds::Start::default()
        };
        pool.masters
            .get("ci")
            .unwrap()
            .server
            .start(&start)
            .await
            .unwrap();
        pool.lose_worker_with(&task, noted).await;
        task.order = Order::Close;
        let closed = pool.finish(&task).await;
        assert!(
            matches!(closed, Outcome::Closed { remains: None, .. }),
            "{closed:?}"
        );
        let last = pool.double.builds(job).pop().unwrap();
        assert_eq!(last.result.as_deref(), Some("ABORTED"), "{job}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_run_in_their_job() {
    let mut pool = Fixture::new().await;
    let started = pool
        .run("startScript", json!({"command": "ls", "region": null}))
        .await;
    assert_eq!(
        Value::Object(context(&started).clone()),
        json!({"master": "ci", "job": "deploy", "queuedBuild": "1"})
    );
    assert_eq!(pool.double.builds("deploy")[0].parameters["COMMAND"], "ls");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_property_file_fails_the_stage() {
    let mut pool = Fixture::new().await;
    pool.double.job(Job {
        files: vec![("p.json".to_owned(), "no json".to_owned())],
        runs: Some((Duration::ZERO, "SUCCESS".to_owned())),
        ..Job {
            name: "plain".to_owned(),
            ..Job::default()
        }
    });
    pool.double.press_build_now("plain", "ann");
    let input = stage(
        "plain",
        &json!({"buildNumber": 1, "propertyFile": "p.json"}),
    );
    let ended = pool.run("getBuildProperties", input.clone()).await;
    assert_eq!(
        error(&ended),
        "Expected properties file p.json but it was either missing, empty or contained invalid syntax"
    );
    pool.double
        .fault("GET", "/1/api/xml", Fault::Refused(500, String::new()));
    let later = pool.run("getBuildProperties", input).await;
    assert!(
        matches!(
            later,
            Outcome::Running {
                again_ms: 5_000,
                ..
            }
        ),
        "{later:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_with_igors_codes() {
    let pool = Fixture::new().await;
    pool.double.press_build_now("plain", "ann");
    let ask = async |master: &str, read: Read| {
        let question = Question {
            v: VERSION,
            master: master.to_owned(),
            read,
        };
        let answer = crate::answer(&pool.masters, &serde_json::to_vec(&question).unwrap()).await;
        let answer: Answer = serde_json::from_slice(&answer).unwrap();
        (answer.status, answer.body)
    };
    let job = || "plain".to_owned();
    assert_eq!(
        ask("ci", Read::Jobs).await,
        (200, json!(["deploy", "plain"]))
    );
    assert_eq!(
        ask("ci", Read::Job { job: job() }).await.1["buildable"],
        true
    );
    assert_eq!(
        ask("ci", Read::Builds { job: job() }).await.1[0]["number"],
        1
    );
    assert_eq!(
        ask(
            "ci",
            Read::Build {
                job: job(),
                number: 1
            }
        )
        .await
        .1["building"],
        true
    );
    let trigger = Read::Trigger {
        job: job(),
        number: 1,
        property_file: None,
    };
    assert_eq!(ask("ci", trigger).await.1["buildInfo"]["number"], 1);
    let missing = (404, json!("Build '9' of job 'plain' not found"));
    assert_eq!(
        ask(
            "ci",
            Read::Build {
                job: job(),
                number: 9
            }
        )
        .await,
        missing
    );
    assert_eq!(
        ask("x", Read::Jobs).await,
        (404, json!("Build master 'x' not found"))
    );
    let garbage: Answer =
        serde_json::from_slice(&crate::answer(&pool.masters, b"?").await).unwrap();
    assert_eq!(garbage.status, 400);
}
