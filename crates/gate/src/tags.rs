//! Tags of cloud entities, and the saved states of clusters: documents that Front50 keeps and others write.
//!
//! Source: gate `EntityTagsController`, `BatchEntityTagsController`, `SnapshotController`; clouddriver `EntityTagsController`.

use axum::http::StatusCode;
use gennaker_model::Map;
use gennaker_store::{Document, Kind};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, configs, problem::Problem, tasks};

/// Most documents of one list, and as many as nobody asks for more. Source: clouddriver `EntityTagsController.list`.
const RESULTS: (u32, u32) = (100, 10_000);

/// Most entities that are tagged at once.
const ENTITIES_MAX: usize = 500;

/// The parameters that are compared with a field of `entityRef`.
const ENTITY_FIELDS: [&str; 5] = [
    "cloudProvider",
    "application",
    "entityType",
    "account",
    "region",
];

/// `GET /tags?cloudProvider=&application=&entityType=&entityId=&idPrefix=&account=&region=&namespace=&maxResults=`, and
/// `tag:<name>=<value>`, with `*` for any value.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let most = call.query_number("maxResults", RESULTS.0, (1, RESULTS.1))?;
    let wanted = Wanted::read(&call);
    let listed = gate.store().list(Kind::EntityTags).await?;
    let found = listed.into_iter().filter(|it| wanted.fits(it));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Ok(Answer::json(configs::bodies(found.take(most))))
}

/// `GET /tags/{id}`.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(stored(&gate, call.param("id")).await?.body))
}

/// `POST /tags?entityId=&entityType=&account=&region=&cloudProvider=&application=&isPartial=`: the body is the list of tags.
pub(crate) async fn save(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let Some(Value::Array(tags)) = call.json()? else {
        return Err(Problem::malformed_json("a list of tags is expected"));
    };
    call.exactly()?;
    let mut entity = Map::new();
    for field in [
        "entityId",
        "entityType",
        "account",
        "region",
        "cloudProvider",
    ] {
        let value = call.query(field).ok_or_else(|| {
            Problem::bad_request(format!(
                "Required request parameter '{field}' for method parameter type String is not present"
            ))
        })?;
        entity.insert(field.to_owned(), value.into());
    }
    let id = call.query("entityId").unwrap_or_default();
    let application = match call.query("application") {
        Some(application) => application.to_owned(),
        None => application_of(id),
    };
    let job = json!({"type": "upsertEntityTags", "entityRef": entity, "tags": tags,
                     "isPartial": call.query_bool("isPartial", true)?});
    submit(
        &gate,
        &call,
        &application,
        format!("Updating Tags on '{id}'"),
        job,
    )
    .await
}

/// `POST /batch/tags`: a list of `{entityRef, tags}`.
pub(crate) async fn save_many(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let Some(Value::Array(entities)) = call.json()? else {
        return Err(Problem::malformed_json("a list of entity tags is expected"));
    };
    call.exactly()?;
    if entities.len() > ENTITIES_MAX || !entities.iter().all(Value::is_object) {
        return Err(Problem::bad_request(format!(
            "A list of at most {ENTITIES_MAX} objects is expected"
        )));
    }
    let named = entities.first().and_then(|it| it.get("entityRef"));
    let named = named.and_then(|it| it.get("entityId")?.as_str());
    let application = application_of(named.unwrap_or_default());
    let description = format!("Updating Tags of {} entities", entities.len());
    let job = json!({"type": "bulkUpsertEntityTags", "entityTags": entities});
    submit(&gate, &call, &application, description, job).await
}

/// `DELETE /tags/{id}/{tag}`: one tag, or several with commas between them.
pub(crate) async fn delete(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id");
    let stored = stored(&gate, id).await?;
    let entity = stored.body.get("entityRef");
    let name = entity.and_then(|entity| entity.get("entityId")?.as_str());
    let tags: Vec<&str> = call.param("tag").split(',').map(str::trim).collect();
    let job = json!({"type": "deleteEntityTags", "id": id, "tags": tags});
    let application = application_of(name.unwrap_or_default());
    submit(
        &gate,
        &call,
        &application,
        format!("Deleting Tags on '{id}'"),
        job,
    )
    .await
}

/// `GET /applications/{application}/snapshots/{account}`.
pub(crate) async fn snapshot(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = snapshot_id(&call);
    let found = gate.store().get(Kind::Snapshot, &id).await?;
    let found =
        found.ok_or_else(|| Problem::not_found(format!("Snapshot not found (id: {id})")))?;
    Ok(Answer::json(found.body))
}

/// `GET /applications/{application}/snapshots/{account}/history`.
pub(crate) async fn snapshots(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = snapshot_id(&call);
    configs::history_of_id(&gate, &call, Kind::Snapshot, &id).await
}

fn snapshot_id(call: &Call) -> String {
    format!("{}-{}", call.param("application"), call.param("account"))
}

async fn stored(gate: &Gate, id: &str) -> Result<Document, Problem> {
    let found = gate.store().entity_tags(id).await?;
    found.ok_or_else(|| Problem::not_found(format!("No EntityTags found w/ id = {id}")))
}

/// Runs the job; answers where the task can be asked for, without waiting for it.
async fn submit(
    gate: &Gate,
    call: &Call,
    application: &str,
    description: String,
    mut job: Value,
) -> Result<Answer, Problem> {
    job["user"] = call.user().into();
    let id = tasks::run(gate, call, application, &description, vec![job], Map::new()).await?;
    Ok(Answer::Json(
        StatusCode::ACCEPTED,
        json!({"ref": format!("/tasks/{id}")}),
    ))
}

/// The first part of a name. Source: frigga `Names.parseName`.
fn application_of(entity: &str) -> String {
    match entity.split('-').next() {
        Some(application) if !application.trim().is_empty() => application.to_lowercase(),
        Some(_) | None => "spinnaker".to_owned(),
    }
}

/// What a list is asked for.
struct Wanted {
    /// Fields of `entityRef` with their values.
    fields: Vec<(&'static str, String)>,
    /// Names of entities, in which `*` stands for anything; empty means all.
    names: Vec<String>,
    id_prefix: String,
    namespace: Option<String>,
    /// Tags with their values; `*` is any.
    tags: Vec<(String, String)>,
}

impl Wanted {
    fn read(call: &Call) -> Self {
        let fields = ENTITY_FIELDS.into_iter();
        let prefix = call.query("idPrefix").unwrap_or_default();
        Self {
            fields: fields
                .filter_map(|field| Some((field, call.query(field)?.to_owned())))
                .collect(),
            names: call.query_list("entityId"),
            id_prefix: prefix.trim_end_matches('*').to_lowercase(),
            namespace: call.query("namespace").map(str::to_owned),
            tags: call
                .query
                .iter()
                .filter_map(|(name, value)| {
                    Some((name.strip_prefix("tag:")?.to_owned(), value.clone()))
                })
                .collect(),
        }
    }

    fn fits(&self, document: &Document) -> bool {
        let entity = document.body.get("entityRef");
        let text = |field: &str| {
            let text = entity.and_then(|entity| entity.get(field)?.as_str());
            text.unwrap_or_default()
        };
        let tags = document.body.get("tags").and_then(Value::as_array);
        let tags = tags.map_or(&[] as &[Value], Vec::as_slice);
        self.fields
            .iter()
            .all(|(field, value)| text(field).eq_ignore_ascii_case(value))
            && (self.names.is_empty() || self.names.iter().any(|it| is_like(text("entityId"), it)))
            && document.id().starts_with(&self.id_prefix)
            && self.namespace.as_deref().is_none_or(|namespace| {
                tags.iter()
                    .any(|tag| tag.get("namespace").and_then(Value::as_str) == Some(namespace))
            })
            && self
                .tags
                .iter()
                .all(|(name, value)| tags.iter().any(|tag| has(tag, name, value)))
    }
}

fn has(tag: &Value, name: &str, value: &str) -> bool {
    let is_it = tag.get("name").and_then(Value::as_str) == Some(name);
    is_it
        && (value == "*"
            || match tag.get("value") {
                Some(Value::String(text)) => text.eq_ignore_ascii_case(value),
                Some(other) => {
                    serde_json::from_str(value).is_ok_and(|value: Value| *other == value)
                }
                None => false,
            })
}

/// Whether a name is as wanted, where `*` may stand at the end.
fn is_like(name: &str, wanted: &str) -> bool {
    let (name, wanted) = (name.to_lowercase(), wanted.to_lowercase());
    match wanted.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == wanted,
    }
}
