//! CDEvents 0.3 as CloudEvents over HTTP. Spans of OpenTelemetry, which Echo can send instead, are not built.
//!
//! Source: echo `CDEventsBuilderService`, `CDEventsSenderService`; the shapes are those of cdevents-sdk-java 0.3.1.

#[cfg(test)]
mod tests;

use gennaker_outbound::Request;
use serde_json::{Value, json};
use url::Url;

use crate::{
    channels::Delivery,
    line::{Line, Repeat, of_address},
    notice::{Happened, Notice, Told, object, text},
    problem::Problem,
    receipt::{Sent, shown_address},
};

const SPEC: &str = "0.3.0";
const CLOUD_EVENTS: &str = "1.0";

/// Those that Spinnaker sends; a notification names one by a part of it. Of several the first counts.
const TYPES: [&str; 5] = [
    "dev.cdevents.pipelinerun.queued.0.1.1",
    "dev.cdevents.pipelinerun.started.0.1.1",
    "dev.cdevents.pipelinerun.finished.0.1.1",
    "dev.cdevents.taskrun.started.0.1.1",
    "dev.cdevents.taskrun.finished.0.1.1",
];

/// CDEvents; the address of a broker of events stands in the notification.
#[derive(Clone, Debug)]
pub(crate) struct CdEvents {
    source: String,
}

impl CdEvents {
    pub(crate) fn new(base_url: &str) -> Self {
        let source = base_url.to_owned();
        Self { source }
    }

    pub(crate) async fn deliver(
        &self,
        notice: &Notice,
        delivery: &Delivery<'_>,
        line: &Line<'_>,
    ) -> Result<Sent, Problem> {
        let Told::Event(event) = &notice.told else {
            return Err(Problem::refused("judgements are no CDEvents"));
        };
        let address = notice.address()?;
        let url = Url::parse(&address)
            .ok()
            .filter(|url| url.path() != "/" || address.ends_with('/'));
        if url.is_none_or(|url| url.path().is_empty()) {
            return Err(Problem::refused("the address of CDEvents needs a path"));
        }
        let wanted = text(&notice.entry, "cdEventsType").filter(|it| !it.is_empty());
        let wanted =
            wanted.ok_or_else(|| Problem::refused("the notification has no cdEventsType"))?;
        let kind = TYPES
            .into_iter()
            .find(|kind| kind.contains(wanted))
            .ok_or_else(|| {
                Problem::refused(format!("'{wanted}' is no part of {}", TYPES.join(", ")))
            })?;
        let custom = object(&notice.entry, "customData").map(|it| json!(it));
        let custom = custom.or_else(|| event.of_context("customData").cloned());
        let event = self.event(event, kind, custom, delivery);
        let request = Request::post(address.as_str(), "application/json", event.to_string())
            .header("Ce-Id", delivery.id)
            .header("Ce-Specversion", CLOUD_EVENTS)
            .header("Ce-Source", &self.source)
            .header("Ce-Type", kind);
        let secrets = of_address(&address);
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        line.hiding(&secrets)
            .deliver(request, Repeat::Harmless)
            .await?;
        Ok(Sent {
            to: vec![shown_address(&address)],
            reference: Some(delivery.id.to_owned()),
            note: None,
        })
    }

    /// The CloudEvent with the CDEvent as its data. Echo draws both ids anew for each try; here receivers know a repeated event by them.
    fn event(
        &self,
        event: &Happened,
        kind: &str,
        custom: Option<Value>,
        delivery: &Delivery<'_>,
    ) -> Value {
        let Self { source } = self;
        let at = timestamp(delivery.now_ms);
        let id = event.of_execution("id").unwrap_or_default();
        let name = event.of_execution("name").unwrap_or_default();
        let is_task = kind.contains(".taskrun.");
        let mut content = match is_task {
            true => json!({"taskName": name, "pipelineRun": {"id": id}, "url": event.link}),
            false => json!({"pipelineName": name, "url": event.link}),
        };
        if kind.contains(".finished.") {
            content["errors"] = event.status.as_str().into();
            match event.status.as_str() {
                "complete" => content["outcome"] = "success".into(),
                "failed" => content["outcome"] = "failure".into(),
                _ => {}
            }
        }
        let data = json!({
            "context": {"version": SPEC, "id": delivery.id, "source": source, "type": kind, "timestamp": at},
            "subject": {
                "id": id,
                "source": source,
                "type": if is_task { "taskRun" } else { "pipelineRun" },
                "content": content,
            },
            "customData": custom.unwrap_or_else(|| json!({})),
            "customDataContentType": "application/json",
        });
        json!({
            "specversion": CLOUD_EVENTS,
            "id": delivery.id,
            "source": source,
            "type": kind,
            "datacontenttype": "application/json",
            "time": at,
            "data": data,
        })
    }
}

/// Epoch milliseconds as RFC 3339.
fn timestamp(now_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(now_ms)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}
