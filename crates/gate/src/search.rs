//! `GET /applications/{application}/executions/search`. Source: orca `TaskController.searchForPipelineExecutionsByTrigger`.

mod subset;

use std::collections::{BTreeMap, BTreeSet};

use gennaker_model::{Execution, ExecutionId, ExecutionType, command::ListQuery};
use serde_json::Value;

use crate::{
    Gate, answer::Answer, call::Call, executions, owners::Gathered, problem::Problem, view,
};
use subset::Subset;

/// Most executions in one answer.
const SIZE_MAX: u32 = 1_000;

/// Executions that are read at the same time, without and with everything in them: a partition answers in one message.
const READ_AT_ONCE: (usize, usize) = (250, 50);

/// Farthest page.
const START_MAX: u32 = 100_000;

/// Newest build time first, or oldest with `reverse`; without an application, or with `*`, those of all.
pub(crate) async fn search(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let wanted = Wanted::read(&call)?;
    let first = call.query_number("startIndex", 0, (0, START_MAX))?;
    let size = call.query_number("size", 10, (1, SIZE_MAX))?;
    let expand = call.query_bool("expand", false)?;
    let partial = call.query_bool("partial", false)?;
    let application = Some(call.param("application")).filter(|name| !["", "*"].contains(name));
    let query = ListQuery {
        kind: Some(ExecutionType::Pipeline),
        application: application.map(str::to_owned),
        statuses: call.statuses()?,
        name: wanted.name.clone(),
        trigger_types: wanted.trigger_types.iter().cloned().collect(),
        event: wanted.event.clone(),
        since_ms: wanted.since_ms,
        until_ms: wanted.until_ms,
        oldest_first: call.query_bool("reverse", false)?,
        ..ListQuery::default()
    };
    let enough = first.saturating_add(size);
    // A part of the trigger is looked for in the documents, all else in the owners' indexes. There a page is cut out by places, which
    // asks twice, and is worth it where what stands before the page is more than the page.
    let page = if wanted.trigger.is_none() && first > size {
        let places = gate.owners().places(&call, &query, enough, partial).await?;
        let page = cut(places.found, &query, first, size, |it| {
            (it.time_ms, &it.execution)
        });
        let ids = page.into_iter().map(|it| it.execution).collect();
        let mut page = read(&gate, &call, ids, expand, partial).await?;
        // Owners compare hashes of events.
        page.retain(|it| wanted.fits(it));
        Gathered {
            found: page,
            silent: places.silent,
        }
    } else {
        let listed = gate
            .owners()
            .search(&call, &query, enough, |found| wanted.fits(found), partial)
            .await?;
        let mut page = cut(listed.found, &query, first, size, |it| {
            (it.build_time, &it.id)
        });
        if expand {
            let ids = page.into_iter().map(|it| it.id).collect();
            page = read(&gate, &call, ids, true, partial).await?;
        }
        Gathered {
            found: page,
            silent: listed.silent,
        }
    };
    Ok(executions::told(
        Answer::json(view::executions(&page.found)?),
        &page.silent,
    ))
}

/// A page of what all partitions have found.
fn cut<T>(
    mut found: Vec<T>,
    query: &ListQuery,
    first: u32,
    size: u32,
    place: impl Fn(&T) -> (i64, &ExecutionId),
) -> Vec<T> {
    found.sort_by(|one, two| place(two).cmp(&place(one)));
    if query.oldest_first {
        found.reverse();
    }
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let page = found.into_iter().skip(number(first));
    page.take(number(size)).collect()
}

/// These executions, in this order; what was deleted meanwhile is left out.
async fn read(
    gate: &Gate,
    call: &Call,
    ids: Vec<ExecutionId>,
    expand: bool,
    partial: bool,
) -> Result<Vec<Execution>, Problem> {
    let at_once = if expand {
        READ_AT_ONCE.1
    } else {
        READ_AT_ONCE.0
    };
    let mut by_id = BTreeMap::new();
    for part in ids.chunks(at_once) {
        let query = ListQuery {
            executions: part.to_vec(),
            expand,
            ..ListQuery::default()
        };
        let listed = gate.owners().list(call, &query, partial).await?;
        by_id.extend(listed.found.into_iter().map(|it| (it.id.clone(), it)));
    }
    let read = ids.into_iter().filter_map(|id| by_id.remove(&id));
    Ok(read.collect())
}

struct Wanted {
    name: Option<String>,
    trigger_types: BTreeSet<String>,
    event: Option<String>,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
    trigger: Option<Subset>,
}

impl Wanted {
    fn read(call: &Call) -> Result<Self, Problem> {
        let since_ms = boundary_ms(call, "triggerTimeStartBoundary")?;
        let until_ms = boundary_ms(call, "triggerTimeEndBoundary")?;
        if since_ms > until_ms && until_ms.is_some() {
            return Err(Problem::bad_request(
                "triggerTimeStartBoundary must be <= triggerTimeEndBoundary",
            ));
        }
        Ok(Self {
            name: call.query("pipelineName").map(str::to_owned),
            trigger_types: call
                .query_list("triggerTypes")
                .into_iter()
                .filter(|kind| kind != "*")
                .collect(),
            event: call.query("eventId").map(str::to_owned),
            since_ms,
            until_ms,
            trigger: call.query("trigger").map(Subset::read).transpose()?,
        })
    }

    fn fits(&self, execution: &Execution) -> bool {
        let trigger = &execution.trigger;
        let text = |field: &str| trigger.get(field).and_then(Value::as_str);
        self.name.is_none_or_equal(execution.name.as_deref())
            && self.event.is_none_or_equal(text("eventId"))
            && self
                .until_ms
                .is_none_or(|until| execution.build_time <= until)
            && self
                .since_ms
                .is_none_or(|since| execution.build_time >= since)
            && (self.trigger_types.is_empty()
                || text("type").is_some_and(|kind| self.trigger_types.contains(kind)))
            && self
                .trigger
                .as_ref()
                .is_none_or(|subset| subset.is_in(trigger))
    }
}

fn boundary_ms(call: &Call, name: &str) -> Result<Option<i64>, Problem> {
    let boundary = call.query_time_ms(name)?;
    match boundary.is_some_and(|boundary| boundary < 0) {
        true => Err(Problem::bad_request(format!("{name} must be >= 0"))),
        false => Ok(boundary),
    }
}

trait NoneOrEqual {
    fn is_none_or_equal(&self, found: Option<&str>) -> bool;
}

impl NoneOrEqual for Option<String> {
    fn is_none_or_equal(&self, found: Option<&str>) -> bool {
        self.as_deref().is_none_or(|wanted| found == Some(wanted))
    }
}
