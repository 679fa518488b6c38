//! Golden texts: the words of Echo's agents and templates.

use serde_json::{Value, json};

use super::{event as events, message};
use crate::{
    notice::{Notice, Told},
    testing::{event, input, judgment},
    text::message::{Markup, Message},
};

const LINK: &str = "https://deck.example.com/#/applications/myapp/executions/details/01JEXEC";

fn told(notice: &Notice) -> &crate::notice::Happened {
    let Told::Event(event) = &notice.told else {
        panic!()
    };
    event
}

fn asked(notice: &Notice) -> &Message {
    let Told::Message(message) = &notice.told else {
        panic!()
    };
    message
}

#[test]
fn a_pipeline_in_the_words_of_each_channel() {
    for (status, what) in [
        ("starting", "is starting"),
        ("complete", "has completed successfully"),
        ("failed", "has failed"),
    ] {
        let notice = event(json!({"type": "x"}), &format!("pipeline.{status}"));
        let (event, entry) = (told(&notice), &notice.entry);
        assert_eq!(events::title(event), format!("Pipeline {status} for MYAPP"));
        assert_eq!(
            events::slack(event, entry),
            format!("Myapp's <{LINK}|deploy> pipeline {what}")
        );
        assert_eq!(
            events::chat_html(event, entry),
            format!("Myapp's <a href=\"{LINK}\">deploy</a> pipeline {what}")
        );
        assert_eq!(
            events::sms(event),
            format!("Myapp's deploy pipeline {what} {LINK}")
        );
        assert_eq!(
            events::subject(event, entry),
            format!("myapp's deploy pipeline {what}")
        );
        assert_eq!(
            events::summary(event),
            format!("myapp's deploy pipeline {what}")
        );
    }
    let colours = ["failed", "starting", "complete", "skipped"].map(events::colour);
    assert_eq!(colours, ["#B82525", "#2275B8", "#769D3E", "#CCCCCC"]);
}

#[test]
fn a_stage_and_the_build_that_started_it() {
    let mut input = input(json!({"type": "x"}), "stage.failed");
    input["execution"]["trigger"] = json!({"buildInfo": {"url": "https://ci/7", "number": 7.0}});
    let notice = Notice::due(&input, "https://deck.example.com/").unwrap();
    let (event, entry) = (told(&notice), &notice.entry);
    assert_eq!(events::title(event), "Stage failed for MYAPP");
    assert_eq!(
        events::slack(event, entry),
        format!(
            "Stage Bake &amp; ship for Myapp's <{LINK}|deploy> build <https://ci/7|7> pipeline has failed"
        )
    );
    assert_eq!(
        events::chat_html(event, entry),
        format!(
            "Stage Bake &amp; ship for Myapp's <a href=\"{LINK}\">deploy</a> build #<a href=\"https://ci/7\">7</a> pipeline \
             has failed"
        )
    );
    assert_eq!(
        events::subject(event, entry),
        "Stage Bake & ship for myapp's deploy pipeline build #7 has failed"
    );
    assert_eq!(
        events::sms(event),
        format!("Stage Bake & ship for Myapp's deploy build #7 pipeline has failed {LINK}")
    );
}

#[test]
fn tasks_are_called_by_what_they_do() {
    let mut input = input(json!({"type": "x"}), "task.complete");
    input["execution"]["name"] = Value::Null;
    input["execution"]["description"] = "Resize: web".into();
    let notice = Notice::due(&input, "https://deck.example.com").unwrap();
    let link = "https://deck.example.com/#/applications/myapp/tasks/01JEXEC";
    assert_eq!(
        events::slack(told(&notice), &notice.entry),
        format!("Myapp's <{link}|Resize: web> task has completed successfully")
    );
    assert_eq!(
        events::subject(told(&notice), &notice.entry),
        "myapp's 01JEXEC task has completed successfully"
    );
}

#[test]
fn texts_of_the_author() {
    let texts =
        json!({"pipeline.failed": {"text": "Call **Anna**"}, "pipeline.complete": {"text": "no"}});
    let notice = event(json!({"type": "x", "message": texts}), "pipeline.failed");
    let (it, entry) = (told(&notice), &notice.entry);
    assert!(events::slack(it, entry).ends_with("has failed\n\nCall **Anna**"));
    assert_eq!(
        events::mail(it, entry),
        format!(
            "<p>Call <strong>Anna</strong></p>\n<p>To see more details, please visit:</p>\n<p><a href=\"{LINK}\">{LINK}</a></p>\n"
        )
    );
    let own = json!({"type": "x", "customMessage": "{{executionId}} is at {{link}}", "customSubject": "Oh\r\nBcc: x",
        "customBody": "See [it]({{link}})"});
    let notice = event(own, "pipeline.failed");
    let (it, entry) = (told(&notice), &notice.entry);
    assert_eq!(events::slack(it, entry), format!("01JEXEC is at {LINK}"));
    assert_eq!(events::subject(it, entry), "Oh  Bcc: x");
    assert_eq!(
        events::mail(it, entry),
        format!("<p>See <a href=\"{LINK}\">it</a></p>\n")
    );

    let mut of_stage = input(json!({"type": "x"}), "stage.complete");
    of_stage["stage"]["context"] = json!({"customMessage": "from the stage"});
    let notice = Notice::due(&of_stage, "").unwrap();
    assert_eq!(
        events::slack(told(&notice), &notice.entry),
        "from the stage"
    );
}

#[test]
fn a_judgement_that_waits() {
    let notice = judgment(json!({"type": "x"}), "manualJudgment");
    let it = asked(&notice);
    let link = format!("{LINK}?refId=3");
    let subject =
        "Stage Judge <it> for myapp's deploy pipeline build 7 is awaiting manual judgment";
    assert_eq!(message::subject(it), subject);
    assert_eq!(
        message::body(it, Markup::Plain),
        format!(
            "{subject}.\n\nInstructions:\nLook at this first\n\nFor more details, please visit:\n{link}"
        )
    );
    assert_eq!(
        message::body(it, Markup::Slack),
        format!(
            "Stage <{link}|Judge &lt;it&gt;> for *myapp*'s *deploy* pipeline build #*7* is awaiting manual judgment.\n\n\
             *Instructions:*\nLook at this first"
        )
    );
    assert_eq!(
        message::body(it, Markup::Mail),
        format!(
            "Stage <a href=\"{link}\">Judge &lt;it&gt;</a> for <b>myapp</b>'s <b>deploy</b> pipeline build #<b>7</b> is awaiting \
             manual judgment.\n<br>\n<b>Instructions:</b>\n<p>Look at <b>this</b> first</p>\n"
        )
    );
    assert_eq!(
        message::body(it, Markup::GoogleChat),
        format!(
            "Stage <i>Judge &lt;it&gt;</i> for myapp's deploy pipeline build 7 is <b>awaiting manual judgment</b>.\n\n\
             <u>Instructions:</u>\n<p>Look at <b>this</b> first</p>\n\nFor more details, please visit:\n\
             <a href=\"{link}\">{link}</a>"
        )
    );
    assert_eq!(
        message::body(it, Markup::Teams),
        "Instructions:\n\nLook at this first\n\nFor more details, please click the View Execution button below."
    );
    assert!(
        message::body(it, Markup::HipChat).starts_with(
            "Spinnaker application <strong>myapp</strong> is awaiting <strong>manual judgment</strong>.\n<br/><br/>\n\
             Instructions:<br/>\nLook at <b>this</b> first\n<br/><br/>\nFor more details"
        )
    );
}

#[test]
fn a_judgement_that_was_made() {
    let texts = json!({"manualJudgmentContinue": {"text": "Off it *goes*"}, "manualJudgmentStop": {"text": "Pity"}});
    let entry = json!({"type": "x", "message": texts});
    let notice = judgment(entry.clone(), "manualJudgmentContinue");
    let it = asked(&notice);
    let sentence = "Stage Judge <it> for myapp's deploy pipeline build 7 was judged to continue by anna@example.com";
    assert_eq!(message::subject(it), sentence);
    assert_eq!(
        message::body(it, Markup::Plain),
        format!(
            "{sentence}.\n\nOff it *goes*\nJudgment 'yes' was selected.\n\nFor more details, please visit:\n{LINK}?refId=3"
        )
    );
    assert_eq!(
        message::body(it, Markup::Slack),
        format!(
            "Stage <{LINK}?refId=3|Judge &lt;it&gt;> for *myapp*'s *deploy* pipeline build #*7* _was judged to *continue*_ by \
             anna@example.com.\n\nOff it *goes*\n\nJudgment '*yes*' was selected."
        )
    );
    assert!(it.actions.is_none());

    let notice = judgment(entry, "manualJudgmentStop");
    let it = asked(&notice);
    assert!(message::subject(it).ends_with("build 7 was judged to stop"));
    let mail = message::body(it, Markup::Mail);
    assert!(
        mail.ends_with("<i>was judged to <b>stop</b></i> by anna@example.com.\n\n<p>Pity</p>\n"),
        "{mail}"
    );
}

#[test]
fn links_of_judgements_know_windows_and_names_that_need_escapes() {
    let mut input = input(json!({"type": "x"}), "stage.starting");
    input["when"] = "manualJudgment".into();
    input["event"]["application"] = "my app".into();
    input["stage"]["context"] = json!({"restrictExecutionDuringTimeWindow": true});
    let notice = Notice::due(&input, "https://deck.example.com").unwrap();
    let it = asked(&notice);
    let link = "https://deck.example.com/#/applications/my%20app/executions/details/01JEXEC?refId=3&step=1";
    assert_eq!(it.link, link);
    input["link"] = "https://x.io/#/applications/a/executions/details/b?refId=3".into();
    let notice = Notice::due(&input, "").unwrap();
    assert_eq!(
        asked(&notice).link,
        "https://x.io/#/applications/a/executions/details/b?refId=3"
    );
}

#[test]
fn messages_with_texts_of_their_own_are_markdown_unless_they_say_otherwise() {
    let of = |context: Value| crate::testing::message("EMAIL", json!(["a@b.io"]), context);
    let notice = of(json!({"subject": "S", "body": "**b** <i>i</i>"}));
    let it = asked(&notice);
    assert_eq!(message::subject(it), "S");
    let html = "<p><strong>b</strong> <i>i</i></p>\n";
    assert_eq!(message::body(it, Markup::Mail), html);
    assert_eq!(message::body(it, Markup::Slack), "b i");
    let notice = of(json!({"customSubject": "C", "customBody": "<p>x</p>", "formatter": "TEXT"}));
    assert_eq!(message::body(asked(&notice), Markup::Mail), "x");
    let notice = of(json!({"body": "*x*", "formatter": "MARKDOWN"}));
    assert_eq!(message::body(asked(&notice), Markup::Slack), "*x*");
}

#[test]
fn what_cannot_be_told_is_refused_with_a_sentence() {
    let none = |input: Value| Notice::due(input.as_object().unwrap(), "").unwrap_err();
    assert_eq!(none(json!({})), "there is no notification");
    assert_eq!(
        none(json!({"notification": {}})),
        "the notification has no type"
    );
    let entry = json!({"type": "slack"});
    assert_eq!(
        none(json!({"notification": entry})),
        "the event has no application"
    );
    let odd = json!({"notification": entry, "event": {"type": "orca:x", "application": "a"}});
    assert_eq!(
        none(odd),
        "'orca:x' is no type of an event that can be told"
    );
    let none = |body: Value| Notice::message(body.as_object().unwrap(), "").unwrap_err();
    assert_eq!(none(json!({})), "'notificationType' is missing");
    assert_eq!(
        none(json!({"notificationType": "EMAIL", "to": 7})),
        "'to' must be a list of texts"
    );
    let other = none(json!({"notificationType": "EMAIL", "templateGroup": "swabbie"}));
    assert!(
        other.starts_with("there is no template group 'swabbie'"),
        "{other}"
    );
}
