//! Notifications of manual judgements (events reference 7.4).

use super::*;

fn judged(more: Value) -> Driver {
    let mut stage = json!({"refId": "1", "type": "manualJudgment", "name": "Judge", "instructions": "look",
        "judgmentInputs": [{"value": "blue"}]});
    stage
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Driver::start(json!({"stages": [stage]}))
}

#[test]
fn list_14_14_each_state_is_told_once_and_decisions_need_send_notifications() {
    let words = [
        "manualJudgment",
        "manualJudgmentContinue",
        "manualJudgmentStop",
    ];
    for (sends, judgement, after) in [
        (true, "continue", Some("manualJudgmentContinue")),
        (true, "stop", Some("manualJudgmentStop")),
        (false, "continue", None),
    ] {
        let text =
            json!({"manualJudgment": {"text": "please"}, "manualJudgmentContinue": {"text": "go"}});
        let mut entry = to("ops", &words);
        entry["message"] = text;
        let mut driver = judged(json!({"sendNotifications": sends, "notifications": [entry]}));
        assert_eq!(due(&driver), ["ops manualJudgment"]);
        let input = driver.message(open(&driver)[0]).input.clone();
        let judgment = &input["judgment"];
        assert_eq!(judgment["state"], "manualJudgment");
        assert_eq!(
            (&judgment["instructions"], &judgment["message"]),
            (&json!("look"), &json!("please"))
        );
        assert_eq!(
            (&judgment["stageId"], &judgment["stageName"]),
            (&json!("1"), &json!("Judge"))
        );
        assert_eq!(
            input["notification"].get("lastNotifiedByNotificationState"),
            None
        );
        let marks =
            &driver.stage("1").context["notifications"][0]["lastNotifiedByNotificationState"];
        assert_eq!(marks["manualJudgment"], json!(driver.now()));
        deliver_all(&mut driver);
        driver.patch("1", json!({"comments": "hm"}));
        driver.advance(3_600_000);
        assert_eq!(due(&driver), Vec::<String>::new(), "once");
        driver.patch(
            "1",
            json!({"judgmentStatus": judgement, "judgmentInput": "blue"}),
        );
        let told: Vec<String> = after.iter().map(|word| format!("ops {word}")).collect();
        assert_eq!(due(&driver), told);
        if after == Some("manualJudgmentContinue") {
            let judgment = &driver.message(open(&driver)[0]).input["judgment"];
            assert_eq!(
                (&judgment["judgedBy"], &judgment["judgmentInput"]),
                (&json!("ann"), &json!("blue"))
            );
            assert_eq!(judgment["message"], "go");
        }
    }
}

#[test]
fn an_entry_without_words_is_for_all_and_one_with_others_for_none() {
    let bare = json!({"type": "email", "address": "all"});
    let driver = judged(json!({"notifications": [bare, to("none", &["stage.complete"])]}));
    assert_eq!(due(&driver), ["all manualJudgment"]);
}

#[test]
fn one_that_wants_it_is_reminded() {
    let mut entry = to("ops", &["manualJudgment"]);
    entry["notifyEveryMs"] = json!("60000");
    let mut driver = judged(json!({"notifications": [entry, to("once", &["manualJudgment"])]}));
    assert_eq!(due(&driver).len(), 2);
    deliver_all(&mut driver);
    driver.advance(59_999);
    assert_eq!(due(&driver).len(), 0);
    driver.advance(1);
    assert_eq!(due(&driver), ["ops manualJudgment"]);
    deliver_all(&mut driver);
    driver.patch("1", json!({"comments": "hm"}));
    driver.advance(59_999);
    assert_eq!(due(&driver).len(), 0);
    driver.advance(1);
    assert_eq!(due(&driver), ["ops manualJudgment"]);
    driver.patch("1", json!({"judgmentStatus": "continue"}));
    assert_eq!(driver.status(), Status::Succeeded);
    deliver_all(&mut driver);
    assert_eq!(driver.state.book.timers.len(), 0);
}

#[test]
fn a_judgement_that_is_made_again_is_told_again() {
    let words = ["manualJudgment", "manualJudgmentStop"];
    let mut driver =
        judged(json!({"sendNotifications": true, "notifications": [to("ops", &words)]}));
    driver.patch("1", json!({"judgmentStatus": "stop"}));
    deliver_all(&mut driver);
    driver.restart("1");
    assert_eq!(due(&driver), ["ops manualJudgment"]);
}

#[test]
fn the_link_lands_on_the_decision() {
    let rules = Rules {
        address: "https://ci.example.com".to_owned(),
        ..Rules::default()
    };
    let stage = json!({"refId": "judge", "type": "manualJudgment", "notifications": [to("ops", &["manualJudgment"])]});
    let driver = Driver::start_by(json!({"stages": [stage]}), json!({}), rules);
    let link = driver.message(open(&driver)[0]).input["link"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        link.ends_with(&format!(
            "/executions/details/{}?refId=judge",
            driver.state.doc.id
        )),
        "{link}"
    );
}
