//! The task in a worker, against a server.

use gennaker_model::{Map, work::Outcome};
use serde_json::{Value, json};

use crate::testing::{Fixture, Target, answer};

async fn read(fixture: &mut Fixture, url: &str) -> Result<String, (String, String)> {
    let mut task = fixture.task("readAddress", json!({ "url": url }));
    task.effect = None;
    match fixture.finish(&task).await {
        Outcome::Succeeded { context, outputs } => {
            assert_eq!(context, Map::new());
            Ok(outputs["body"].as_str().unwrap().to_owned())
        }
        Outcome::Failed {
            exception: None,
            context,
            ..
        } => {
            let text = |key: &str| context[key].as_str().unwrap().to_owned();
            Err((text("exceptionType"), text("reason")))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_text_comes_back_after_a_busy_answer() {
    let target = Target::answering([answer(503, "", "busy"), answer(200, "", "a: 1\n")]).await;
    let mut fixture = Fixture::new().await;
    let url = format!("{}/v?x=1", target.url);
    assert_eq!(read(&mut fixture, &url).await, Ok("a: 1\n".to_owned()));
    let got = target.got();
    assert_eq!(got.len(), 2);
    assert!(
        got.iter()
            .all(|got| got.method == "GET" && got.path == "/v?x=1")
    );
    assert_eq!(got[0].header("idempotency-key"), None);
}

#[tokio::test]
async fn redirects_are_followed_and_checked() {
    let end = Target::answering([answer(200, "", "there")]).await;
    let to = |location: &str| answer(302, &format!("Location: {location}\r\n"), "");
    let start = Target::answering([
        to(&format!("{}/end", end.url)),
        to("http://169.254.169.254/latest"),
    ])
    .await;
    let mut fixture = Fixture::new().await;
    assert_eq!(read(&mut fixture, &start.url).await, Ok("there".to_owned()));
    let (class, reason) = read(&mut fixture, &start.url).await.unwrap_err();
    assert_eq!(class, "java.lang.IllegalArgumentException");
    assert!(
        reason.starts_with("invalid address for 169.254.169.254"),
        "{reason}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let large = "x".repeat(9 << 20);
    let target = Target::answering([
        answer(404, "", "nothing here"),
        answer(200, "", &large),
        None,
        None,
    ])
    .await;
    let mut fixture = Fixture::new().await;
    let url = format!("{}/missing", target.url);
    for (class, words) in [
        (
            "HttpClientUtils$RetryRequestException",
            "Not retrying /missing. Count 1, Max 1 (status 404)",
        ),
        (
            "java.io.IOException",
            "the text is larger than 8192 KiB, the most that an expression can read",
        ),
        ("java.net.SocketTimeoutException", "Read timed out"),
    ] {
        let (found, reason) = read(&mut fixture, &url).await.unwrap_err();
        assert!(found.ends_with(class), "{found}");
        assert_eq!(reason, words);
    }
    assert_eq!(target.got().len(), 4, "the last one was tried twice");
    let mut task = fixture.task("readAddress", json!({"url": 7}));
    task.effect = None;
    let outcome = fixture.finish(&task).await;
    let Outcome::Failed { context, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        context["reason"],
        Value::from("the lookup names no address")
    );
}
