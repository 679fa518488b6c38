//! `notify test`.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_channel_is_tried_and_the_receipt_is_told() {
    let receipt = json!({"status": "sent", "channel": "slack", "to": ["#ops"], "reference": "1.2", "note": "fine\u{1b}[2J"});
    let server = Scripted::default().on("POST /notifications", 200, json!({"receipt": receipt}));
    let line = ["notify", "test", "slack", "#ops", "--message", "hi"];
    let (code, out, err) = verb(&line, &server).await;
    assert_eq!(
        (code, out.as_str()),
        (0, "sent by slack to #ops, as 1.2 (fine?[2J)\n"),
        "{err}"
    );
}

#[tokio::test]
async fn a_channel_that_does_not_work_says_why() {
    let message = "the channel slack is not set up in this installation: the settings have no [notifications.slack]";
    let server = Scripted::default().on("POST /notifications", 400, json!({ "message": message }));
    let (code, _, err) = verb(&["notify", "test", "slack", "#ops"], &server).await;
    assert_ne!(code, 0);
    assert!(err.contains("[notifications.slack]"), "{err}");
}
