//! Triggers of the type `cron` (events reference 4.5). Their instants come as events of our own clock.

use std::collections::BTreeMap;

use gennaker_cron::{Invalid, Schedule};
use gennaker_model::Map;
use serde_json::{Value, json};

use super::{
    Check, Event, Header, Origin, VERSION, pipeline_enabled, text, trigger_enabled, triggers_of,
};

/// The kind of such events.
pub const CRON: &str = "cron";

/// A schedule of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    /// What tells it from the pipeline's other schedules: the trigger's id, or its place if it has none.
    pub trigger: String,
    /// As it is written.
    pub expression: String,
    /// As it is read; the reason if it never fires because it cannot be read.
    pub schedule: Result<Schedule, Invalid>,
}

/// The enabled schedules of a pipeline that is not disabled.
#[must_use]
pub fn schedules(config: &Map) -> Vec<Scheduled> {
    if pipeline_enabled(config).is_err() {
        return Vec::new();
    }
    triggers_of(config)
        .filter(|(_, trigger)| is_cron(trigger) && trigger_enabled(trigger).is_ok())
        .map(|(place, trigger)| {
            let expression = text(trigger, "cronExpression").unwrap_or_default();
            Scheduled {
                trigger: identity(place, trigger),
                expression: expression.to_owned(),
                schedule: Schedule::parse(expression),
            }
        })
        .collect()
}

/// The event of an instant (epoch milliseconds): the same from every process that sees the clock reach it. Header and body.
#[must_use]
pub fn firing(pipeline: &str, scheduled: &Scheduled, at_ms: i64) -> (Header, Value) {
    let Scheduled {
        trigger,
        expression,
        ..
    } = scheduled;
    let header = Header {
        v: VERSION,
        id: format!("cron-{pipeline}-{trigger}-{at_ms}"),
        kind: CRON.to_owned(),
        source: pipeline.to_owned(),
        at_ms,
        headers: BTreeMap::new(),
        origin: Origin::Inside,
    };
    (
        header,
        json!({"trigger": trigger, "cronExpression": expression}),
    )
}

/// Whose schedule it is, the event's source says.
pub(super) fn concerns(event: &Event, config: &Map) -> bool {
    let Header {
        kind,
        source,
        origin,
        ..
    } = &event.header;
    kind == CRON && *origin == Origin::Inside && text(config, "id") == Some(source)
}

pub(super) fn check(event: &Event, place: usize, trigger: &Map) -> Check {
    if text(&event.payload, "trigger") != Some(&identity(place, trigger)) {
        return Err("it is the instant of another schedule of this pipeline".to_owned());
    }
    let (fired, now) = (
        text(&event.payload, "cronExpression").unwrap_or_default(),
        text(trigger, "cronExpression").unwrap_or_default(),
    );
    match fired == now {
        true => Ok(()),
        false => Err(format!(
            "the schedule was {fired:?} at that instant, and is {now:?} now"
        )),
    }
}

fn is_cron(trigger: &Map) -> bool {
    text(trigger, "type").is_some_and(|kind| kind.eq_ignore_ascii_case(CRON))
}

fn identity(place: usize, trigger: &Map) -> String {
    match text(trigger, "id").filter(|id| !id.is_empty()) {
        Some(id) => id.to_owned(),
        None => format!("place-{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{Verdict, consider, decode, encode};

    fn config(more: Value) -> Map {
        let mut config = json!({"id": "p", "triggers": [
            {"type": "cron", "enabled": true, "id": "hourly", "cronExpression": "0 0 * * * ?", "parameters": {"a": 1}, "runAsUser": "bot"},
            {"type": "cron", "enabled": true, "cronExpression": "0 30 * * * ?"},
            {"type": "cron", "enabled": false, "id": "off", "cronExpression": "0 0 * * * ?"},
            {"type": "cron", "enabled": true, "id": "broken", "cronExpression": "every day"},
            {"type": "webhook", "enabled": true, "source": "hook"},
        ]});
        let fields = config.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        fields.clone()
    }

    fn verdicts(event: &(Header, Value), config: &Map) -> Vec<(usize, Option<String>)> {
        let stored = encode(&event.0, event.1.to_string().as_bytes());
        consider(&decode(&stored).unwrap(), config)
            .into_iter()
            .map(|(place, verdict)| match verdict {
                Verdict::Fires(_) => (place, None),
                Verdict::Passes(reason) => (place, Some(reason)),
            })
            .collect()
    }

    #[test]
    fn enabled_schedules_are_found_with_what_is_wrong_with_them() {
        let found: Vec<(String, bool)> = schedules(&config(json!({})))
            .into_iter()
            .map(|it| (it.trigger, it.schedule.is_ok()))
            .collect();
        let expected = [("hourly", true), ("place-1", true), ("broken", false)];
        assert_eq!(found, expected.map(|(id, is_ok)| (id.to_owned(), is_ok)));
        assert!(schedules(&config(json!({"disabled": true}))).is_empty());
    }

    #[test]
    fn an_instant_fires_its_own_schedule() {
        let config = config(json!({}));
        let event = firing("p", &schedules(&config)[0], 3_600_000);
        let other = Some("it is the instant of another schedule of this pipeline".to_owned());
        let off = Some("the trigger is not enabled".to_owned());
        assert_eq!(
            verdicts(&event, &config),
            [(0, None), (1, other.clone()), (2, off), (3, other)]
        );
    }

    #[test]
    fn a_schedule_that_changed_since_does_not_fire() {
        let event = firing("p", &schedules(&config(json!({})))[0], 3_600_000);
        let changed = config(
            json!({"triggers": [{"type": "cron", "enabled": true, "id": "hourly", "cronExpression": "0 0 1 * * ?"}]}),
        );
        assert_eq!(
            verdicts(&event, &changed),
            [(
                0,
                Some(
                    "the schedule was \"0 0 * * * ?\" at that instant, and is \"0 0 1 * * ?\" now"
                        .to_owned()
                )
            )]
        );
    }

    #[test]
    fn an_instant_cannot_be_claimed_from_outside() {
        let config = config(json!({}));
        let (mut header, body) = firing("p", &schedules(&config)[0], 3_600_000);
        header.origin = Origin::Outside;
        assert!(verdicts(&(header, body), &config).is_empty());
    }

    #[test]
    fn the_execution_has_what_the_trigger_says() {
        let config = config(json!({}));
        let (header, body) = firing("p", &schedules(&config)[0], 3_600_000);
        let event = decode(&encode(&header, body.to_string().as_bytes())).unwrap();
        let (_, verdict) = consider(&event, &config).remove(0);
        let Verdict::Fires(trigger) = verdict else {
            panic!("{verdict:?}");
        };
        assert_eq!(
            Value::from(*trigger),
            json!({
                "type": "cron", "enabled": true, "id": "hourly", "cronExpression": "0 0 * * * ?", "parameters": {"a": 1},
                "runAsUser": "bot", "user": "bot", "artifacts": [], "eventId": "cron-p-hourly-3600000",
            })
        );
    }
}
