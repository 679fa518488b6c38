use std::time::Duration;

use gennaker_credentials::auth::Secret;
use gennaker_outbound::{Client, Policy};
use gennaker_testkit::jenkins::{Fault, Jenkins as Double, Job, Parameter, Rules};
use serde_json::json;

use super::*;
use crate::{BuildResult, Start, Started};

fn rules() -> Rules {
    Rules {
        user: Some(("spin".to_owned(), "secretword".to_owned())),
        crumbs: true,
        ..Rules::default()
    }
}

fn job(name: &str) -> Job {
    Job {
        name: name.to_owned(),
        ..Job::default()
    }
}

/// A job that declares the parameter for the token.
fn telling(name: &str) -> Job {
    Job {
        parameters: vec![
            Parameter::Choice("ENV".to_owned(), vec!["test".to_owned(), "prod".to_owned()]),
            Parameter::Text("GENNAKER_TOKEN".to_owned(), String::new()),
        ],
        ..job(name)
    }
}

fn client(address: String, csrf: bool) -> Jenkins {
    let outbound = gennaker_outbound::Options::default();
    let password = gennaker_settings::Secret::new("secretword".to_owned());
    let identity = JenkinsIdentity {
        user: Some(("spin".to_owned(), Secret::Value(password))),
        ..JenkinsIdentity::default()
    };
    let options = Options {
        name: "ci".to_owned(),
        address,
        identity,
        csrf,
        token_parameter: "GENNAKER_TOKEN".to_owned(),
        timeout: Duration::from_secs(5),
    };
    Jenkins::new(options, Client::new(Policy::trusted(), outbound).unwrap()).unwrap()
}

fn start(job: &str, parameters: &[(&str, &str)]) -> Start {
    Start {
        job: job.to_owned(),
        parameters: parameters
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect(),
        token: "token-1".to_owned(),
        before: None,
    }
}

#[tokio::test]
async fn a_build_goes_from_the_queue_to_its_end() {
    let double = Double::start(rules()).await;
    double.job(Job {
        files: vec![
            ("target/a.jar".to_owned(), "x".to_owned()),
            ("out/build.properties".to_owned(), "a=1".to_owned()),
        ],
        tests: Some((1, 2, 10)),
        commit: Some((
            "refs/remotes/origin/main".to_owned(),
            "abc".to_owned(),
            "https://git/x".to_owned(),
        )),
        ..telling("team/job/my app")
    });
    double.hold_queue(true);
    let jenkins = client(double.url(), true);
    let name = "team/job/my app";
    let begun = jenkins
        .start(&start(name, &[("ENV", "prod")]))
        .await
        .unwrap();
    assert_eq!(begun, Started::Queued("1".to_owned()));
    let waiting = jenkins.queued(name, "1").await.unwrap();
    assert!(matches!(waiting, Queued::Waiting(Some(why)) if why.contains("quiet period")));
    double.hold_queue(false);
    assert_eq!(jenkins.queued(name, "1").await.unwrap(), Queued::Number(1));
    let build = jenkins.build(name, 1).await.unwrap();
    assert!(build.building && build.result == Some(BuildResult::Building));
    double.finish(name, 1, "SUCCESS");
    let build = jenkins.build(name, 1).await.unwrap();
    assert!(build.is_success());
    let mut shown = serde_json::Value::Object(build.to_map());
    for key in ["timestamp", "duration"] {
        assert!(shown.as_object_mut().unwrap().shift_remove(key).is_some());
    }
    let artifact = |file: &str, path: &str| {
        json!({"fileName": file, "displayPath": file, "relativePath": path, "reference": path, "name": name, "type": "jenkins/file",
            "version": "1", "decorated": false})
    };
    assert_eq!(
        shown,
        json!({
            "building": false, "fullDisplayName": "my app #1", "name": name, "number": 1, "result": "SUCCESS",
            "artifacts": [artifact("a.jar", "target/a.jar"), artifact("build.properties", "out/build.properties")],
            "testResults": [{"failCount": 1, "skipCount": 2, "totalCount": 10, "urlName": "testReport"}],
            "url": format!("{}/job/{name}/1/", double.url()), "id": "team/job/my app-1",
        })
    );
    let revisions = serde_json::to_value(jenkins.revisions(name, 1).await.unwrap()).unwrap();
    let wanted = json!([{"name": "refs/remotes/origin/main", "branch": "main", "sha1": "abc", "remoteUrl": "https://git/x"}]);
    assert_eq!(revisions, wanted);
    let properties = jenkins
        .properties(name, 1, "build.properties")
        .await
        .unwrap();
    assert_eq!(serde_json::Value::Object(properties), json!({"a": "1"}));
    // A file's name is not a path.
    let missing = jenkins
        .properties(name, 1, "out/build.properties")
        .await
        .unwrap_err();
    assert_eq!(missing.status(), Some(404));
    let ran = double.builds(name);
    assert_eq!(ran[0].parameters["ENV"], "prod");
    assert_eq!(ran[0].parameters["GENNAKER_TOKEN"], "token-1");
    let first = &double.seen()[0];
    assert_eq!(first.header("user-agent"), Some("Spinnaker-igor"));
}

#[tokio::test]
async fn jobs_and_projects_are_named_with_their_folders() {
    let double = Double::start(rules()).await;
    for name in [
        "plain",
        "team/job/app/job/deploy",
        "team/job/app/job/test",
        "team/job/other",
    ] {
        double.job(job(name));
    }
    double.press_build_now("team/job/app/job/test", "ann");
    let jenkins = client(double.url(), true);
    let names = [
        "plain",
        "team/job/app/job/deploy",
        "team/job/app/job/test",
        "team/job/other",
    ];
    assert_eq!(jenkins.jobs().await.unwrap(), names);
    let projects = jenkins.projects().await.unwrap();
    let built: Vec<_> = projects
        .iter()
        .map(|project| {
            (
                project.name.as_str(),
                project.last_build.as_ref().map(|build| build.number),
            )
        })
        .collect();
    let wanted = [
        ("plain", None),
        (names[1], None),
        (names[2], Some(1)),
        (names[3], None),
    ];
    assert_eq!(built, wanted);
    double.finish(names[2], 1, "UNSTABLE");
    double.press_build_now(names[2], "ann");
    let builds = jenkins.builds(names[2]).await.unwrap();
    let shown: Vec<_> = builds
        .iter()
        .map(|build| (build.number, build.result))
        .collect();
    let wanted = [
        (2, Some(BuildResult::Building)),
        (1, Some(BuildResult::Unstable)),
    ];
    assert_eq!(shown, wanted);
    let since = builds[1].timestamp_ms.map(|time| time - 1);
    let since = jenkins.builds_since(names[2], since).await.unwrap();
    assert_eq!(
        since.iter().map(|build| build.number).collect::<Vec<_>>(),
        [1, 2]
    );
    let config = jenkins.job("plain").await.unwrap();
    assert_eq!(config["buildable"], true);
    let missing = jenkins.job("nothing").await.unwrap_err();
    assert_eq!(
        missing,
        Error::NotFound("Job 'nothing' not found".to_owned())
    );
}

#[tokio::test]
async fn a_crumb_goes_with_each_post_and_its_session() {
    for csrf in [true, false] {
        let double = Double::start(rules()).await;
        double.job(job("deploy"));
        let jenkins = client(double.url(), csrf);
        jenkins.start(&start("deploy", &[])).await.unwrap();
        jenkins.describe("deploy", 1, "by <us> & co").await.unwrap();
        assert_eq!(double.count("GET", "/crumbIssuer/api/xml"), 2);
        assert_eq!(
            double.builds("deploy")[0].description.as_deref(),
            Some("by <us> & co")
        );
        // Where the settings do not say so, Jenkins does, before it does anything.
        assert_eq!(
            double.count("POST", "/job/deploy/build"),
            if csrf { 1 } else { 2 }
        );
    }
    // A session may end between its crumb and its use: nothing was done then.
    let double = Double::start(rules()).await;
    double.job(job("deploy"));
    let ended = "No valid crumb was included in the request".to_owned();
    double.fault("POST", "/job/deploy/build", Fault::Refused(403, ended));
    let jenkins = client(double.url(), true);
    jenkins.start(&start("deploy", &[])).await.unwrap();
    assert_eq!(double.count("GET", "/crumbIssuer/api/xml"), 2);
    assert_eq!(double.builds("deploy").len(), 1);
    let without = Double::start(Rules {
        crumbs: false,
        ..rules()
    })
    .await;
    without.job(job("deploy"));
    let jenkins = client(without.url(), true);
    jenkins.start(&start("deploy", &[])).await.unwrap();
}

#[tokio::test]
async fn what_can_be_said_against_a_start_is_said_before_it() {
    let double = Double::start(rules()).await;
    double.job(telling("deploy"));
    double.job(job("plain"));
    double.job(Job {
        disabled: true,
        ..job("off")
    });
    let jenkins = client(double.url(), true);
    for (job, parameters, sentence) in [
        (
            "deploy",
            vec![("ENV", "moon")],
            "`moon` is not a valid choice for `ENV`. Valid choices are: test, prod",
        ),
        (
            "off",
            vec![],
            "Job 'off' is not buildable. It may be disabled.",
        ),
        (
            "plain",
            vec![("a", "b")],
            "Job 'plain' is not parameterised, so it takes none of the parameters that were given",
        ),
        ("none", vec![], "Job 'none' not found"),
        (
            "a/../b",
            vec![],
            "the name of a job has a part that leads elsewhere",
        ),
    ] {
        let error = jenkins.start(&start(job, &parameters)).await.unwrap_err();
        assert_eq!(error.to_string(), sentence);
        assert!(!error.is_transient() && !error.may_have_happened());
    }
    assert_eq!(double.count("POST", ""), 0);
    // Without any, a job with parameters gets Igor's.
    jenkins.start(&start("deploy", &[])).await.unwrap();
    assert_eq!(
        double.count(
            "POST",
            "/job/deploy/buildWithParameters?startedBy=igor&GENNAKER_TOKEN=token-1"
        ),
        1
    );
    // More than an address holds goes in the body.
    double.job(Job {
        parameters: vec![Parameter::Text("LONG".to_owned(), String::new())],
        ..job("long")
    });
    let long = "ü".repeat(5_000);
    jenkins
        .start(&start("long", &[("LONG", &long)]))
        .await
        .unwrap();
    assert_eq!(double.builds("long")[0].parameters["LONG"], long);
}

#[tokio::test]
async fn only_201_with_a_queue_item_is_an_acceptance() {
    let double = Double::start(rules()).await;
    double.job(telling("deploy"));
    let jenkins = client(double.url(), true);
    for (fault, transient, happened) in [
        (Fault::Done(200, String::new()), false, true),
        (Fault::Done(302, String::new()), false, true),
        (Fault::Done(201, "no location".to_owned()), false, true),
        (
            Fault::Done(500, "<html><head><title>Oops</title>".to_owned()),
            true,
            true,
        ),
        (Fault::Refused(503, "starting up".to_owned()), true, false),
        (Fault::Refused(400, "no".to_owned()), false, false),
        (Fault::Refused(403, "denied".to_owned()), false, false),
    ] {
        double.fault("POST", "/job/deploy", fault.clone());
        let error = jenkins.start(&start("deploy", &[])).await.unwrap_err();
        assert_eq!(
            (error.is_transient(), error.may_have_happened()),
            (transient, happened),
            "{fault:?}: {error}"
        );
    }
}

#[tokio::test]
async fn what_is_no_jenkins_is_said_so() {
    let double = Double::start(rules()).await;
    double.job(job("deploy"));
    let jenkins = client(double.url(), false);
    for (body, word) in [
        ("<html><p>login</html>", "no XML"),
        ("{}", "no XML"),
        ("<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>", "no XML"),
        ("<x><number>many</number></x>", "no number"),
    ] {
        double.fault("GET", "/1/api/xml", Fault::Done(200, body.to_owned()));
        double.press_build_now("deploy", "ann");
        let error = jenkins.build("deploy", 1).await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        assert!(!error.is_transient());
    }
    for (status, transient) in [
        (500, true),
        (502, true),
        (429, true),
        (401, false),
        (418, false),
    ] {
        double.fault(
            "GET",
            "/1/api/xml",
            Fault::Refused(status, "busy\nand more".to_owned()),
        );
        let error = jenkins.build("deploy", 1).await.unwrap_err();
        assert_eq!(error.is_transient(), transient, "{error}");
        assert!(error.to_string().ends_with(": busy"), "{error}");
    }
    let moved = client(double.moved_url(), false);
    assert_eq!(moved.build("deploy", 1).await.unwrap().number, 1);
    let wrong = Jenkins::new(
        Options {
            name: "x".to_owned(),
            address: "file:///etc".to_owned(),
            identity: JenkinsIdentity::default(),
            csrf: false,
            token_parameter: "T".to_owned(),
            timeout: Duration::from_secs(1),
        },
        Client::new(Policy::trusted(), gennaker_outbound::Options::default()).unwrap(),
    );
    assert!(wrong.is_err());
}

#[tokio::test]
async fn a_start_is_found_again_by_its_token() {
    let double = Double::start(Rules {
        remember: Some(Duration::ZERO),
        ..rules()
    })
    .await;
    double.job(telling("deploy"));
    double.hold_queue(true);
    let jenkins = client(double.url(), true);
    let ours = start("deploy", &[]);
    assert_eq!(jenkins.before(&ours).await.unwrap(), None);
    assert_eq!(jenkins.find(&ours).await.unwrap(), None);
    double.press_build_now("deploy", "spin");
    assert_eq!(jenkins.find(&ours).await.unwrap(), None);
    jenkins.start(&ours).await.unwrap();
    let found = Some(Started::Queued("2".to_owned()));
    assert_eq!(jenkins.find(&ours).await.unwrap(), found);
    double.hold_queue(false);
    // Now it is a build, and the queue has forgotten it.
    assert_eq!(jenkins.find(&ours).await.unwrap(), found);
    assert_eq!(
        jenkins.queued("deploy", "2").await.unwrap(),
        Queued::Number(2)
    );
    // Somebody has changed the job meanwhile.
    double.job(job("deploy"));
    assert_eq!(jenkins.find(&ours).await.unwrap(), found);
    let gone = jenkins.queued("deploy", "77").await.unwrap_err();
    assert_eq!(gone.status(), Some(404));
}

#[tokio::test]
async fn a_start_without_token_is_found_by_what_was_there_before() {
    let double = Double::start(rules()).await;
    double.job(job("deploy"));
    double.job(job("team/job/deploy"));
    let jenkins = client(double.url(), true);
    double.press_build_now("deploy", "spin");
    let mut ours = start("deploy", &[]);
    ours.before = jenkins.before(&ours).await.unwrap();
    assert_eq!(ours.before.as_deref(), Some("1"));
    // Of somebody else, and of a job of the same name elsewhere.
    double.hold_queue(true);
    double.press_build_now("team/job/deploy", "spin");
    assert_eq!(jenkins.find(&ours).await.unwrap(), None);
    double.hold_queue(false);
    double.press_build_now("deploy", "ann");
    assert_eq!(jenkins.find(&ours).await.unwrap(), None);
    let begun = jenkins.start(&ours).await.unwrap();
    assert_eq!(jenkins.find(&ours).await.unwrap(), Some(begun));
    double.press_build_now("deploy", "spin");
    let unsure = jenkins.find(&ours).await.unwrap_err();
    assert!(unsure.to_string().contains("several builds"), "{unsure}");
    // Without a note nothing was asked.
    assert_eq!(jenkins.find(&start("deploy", &[])).await.unwrap(), None);
}

#[tokio::test]
async fn queued_and_running_builds_are_stopped() {
    let double = Double::start(rules()).await;
    double.job(telling("deploy"));
    let jenkins = client(double.url(), true);
    let stop = |item: &str, number| Stop {
        job: "deploy".to_owned(),
        item: Some(item.to_owned()),
        number,
    };
    double.hold_queue(true);
    jenkins.start(&start("deploy", &[])).await.unwrap();
    jenkins.stop(&stop("1", None)).await.unwrap();
    double.hold_queue(false);
    assert_eq!(
        (double.waiting("deploy"), double.builds("deploy").len()),
        (0, 0)
    );
    assert_eq!(
        jenkins.queued("deploy", "1").await.unwrap(),
        Queued::Cancelled
    );
    // It has left the queue without our knowing.
    jenkins.start(&start("deploy", &[])).await.unwrap();
    jenkins.stop(&stop("2", None)).await.unwrap();
    assert_eq!(
        double.builds("deploy")[0].result.as_deref(),
        Some("ABORTED")
    );
    jenkins.start(&start("deploy", &[])).await.unwrap();
    jenkins.stop(&stop("3", Some(2))).await.unwrap();
    jenkins.stop(&stop("3", Some(2))).await.unwrap();
    assert_eq!(
        double.builds("deploy")[1].result.as_deref(),
        Some("ABORTED")
    );
    jenkins.stop(&stop("99", None)).await.unwrap();
    jenkins.stop(&stop("3", Some(99))).await.unwrap();
}

#[tokio::test]
async fn no_error_shows_a_secret() {
    let double = Double::start(Rules {
        user: Some(("spin".to_owned(), "other".to_owned())),
        ..rules()
    })
    .await;
    double.job(job("deploy"));
    let jenkins = client(double.url(), true);
    let refused = jenkins.build("deploy", 1).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Jenkins master 'ci' refuses our account (401): Error 401 Unauthorized"
    );
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nothing").display().to_string();
    let mut options = client(double.url(), true);
    options
        .calls
        .set_user("spin", Secret::of(None, Some(&missing)).unwrap());
    let unreadable = options.build("deploy", 1).await.unwrap_err();
    assert!(
        unreadable.is_transient() && unreadable.to_string().contains("cannot be read"),
        "{unreadable}"
    );
    for error in [refused, unreadable] {
        assert!(!format!("{error} {error:?}").contains("secretword"));
    }
}

#[test]
fn many_files_are_few() {
    let files: String = (0..40)
        .map(|number| {
            let kind = if number % 8 == 0 { "deb" } else { "bin" };
            format!("<artifact><fileName>{number}.{kind}</fileName><relativePath>o/{number}.{kind}</relativePath></artifact>")
        })
        .collect();
    let build = answers::build(&format!("<b>{files}<number>3</number></b>"), "j").unwrap();
    let names: Vec<_> = build
        .artifacts
        .iter()
        .filter_map(|it| it.file_name.as_deref())
        .collect();
    assert_eq!(names.len(), 20);
    assert_eq!(
        names[..6],
        ["0.deb", "8.deb", "16.deb", "24.deb", "32.deb", "1.bin"]
    );
}

#[test]
fn revisions_of_both_layouts_count_once() {
    let old = "<action><remoteUrl>u</remoteUrl><lastBuiltRevision><branch><SHA1>a</SHA1><name>origin/main</name></branch></lastBuiltRevision></action>";
    let new = "<action><build><revision><branch><SHA1>a</SHA1><name>origin/main</name></branch></revision></build>\
        <build><revision><branch><SHA1>b</SHA1><name>detached</name></branch></revision></build></action>";
    let found = answers::revisions(&format!("<b><action/>{old}{new}</b>")).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.branch.as_deref().unwrap(), it.sha1.as_deref().unwrap()))
        .collect();
    assert_eq!(found, [("main", "a"), ("detached", "b")]);
}
