//! `GET /search`: applications and projects by name, and what clouds have.
//!
//! Source: gate `SearchController`, clouddriver `SearchController`, `CatsSearchProvider`, `ProjectSearchProvider`.

use gennaker_store::Document;
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// Shortest word that is searched without `allowShortQuery`, in letters.
const LETTERS_MIN: usize = 3;

/// Types that are looked for among the documents, and not in clouds.
const STORED: [&str; 2] = ["applications", "projects"];

/// Largest page.
const PAGE_MAX: u32 = 10_000;

/// Answers a list of one page, or nothing for a word that is too short.
pub(crate) async fn search(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let types = call.query_list("type");
    if types.is_empty() {
        return Err(Problem::bad_request(
            "Required parameter 'type' is not present.",
        ));
    }
    let word = call.query("q").unwrap_or_default();
    let size = call.query_number("pageSize", PAGE_MAX, (1, PAGE_MAX))?;
    let page = call.query_number("page", 1, (1, u32::MAX))?;
    let is_short = word.chars().count() < LETTERS_MIN;
    if is_short && !call.query_bool("allowShortQuery", false)? {
        return Ok(Answer::json(json!([])));
    }
    let wanted = word.to_lowercase();
    let asks_for = |kind: &str| types.iter().any(|it| it.eq_ignore_ascii_case(kind));
    let mut found = Vec::new();
    if asks_for("applications") {
        let listed = gate.store().applications().await?;
        found.extend(listed.iter().filter_map(|it| application(it, &wanted)));
    }
    if asks_for("projects") {
        let listed = gate.store().projects().await?;
        found.extend(listed.iter().filter_map(|it| project(it, &wanted)));
    }
    let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    for kind in types
        .iter()
        .filter(|it| !STORED.iter().any(|stored| it.eq_ignore_ascii_case(stored)))
    {
        found.extend(gate.search_clouds(kind, word, place(PAGE_MAX)).await?);
    }
    let total = found.len();
    let skipped = place(page - 1).saturating_mul(place(size));
    let results: Vec<Value> = found.into_iter().skip(skipped).take(place(size)).collect();
    Ok(Answer::json(json!([{
        "pageNumber": page,
        "pageSize": size,
        "platform": call.query("platform").unwrap_or("aws"),
        "query": word,
        "results": results,
        "totalMatches": total,
    }])))
}

fn application(stored: &Document, wanted: &str) -> Option<Value> {
    let name = stored.text("name")?.to_lowercase();
    let found = || json!({"type": "applications", "application": name, "url": format!("/applications/{name}")});
    name.contains(wanted).then(found)
}

/// A project is found by its name and by its applications.
fn project(stored: &Document, wanted: &str) -> Option<Value> {
    let holds = |text: &str| text.to_lowercase().contains(wanted);
    let applications = stored
        .body
        .get("config")
        .and_then(|it| it.get("applications")?.as_array());
    let is_found = stored.text("name").is_some_and(holds)
        || applications
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(holds);
    is_found.then(|| {
        let mut found = Value::Object(stored.body.clone());
        found["type"] = "projects".into();
        found["url"] = format!("/projects/{}", stored.id()).into();
        found
    })
}
