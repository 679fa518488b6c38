//! Rules of a pipeline document, without IO: what is refused, what is filled in, what order they are listed in.

use gennaker_model::{Map, id::ID_BYTES_MAX, routing::fnv1a64, uuid};
use serde_json::Value;

use crate::{
    Kind, SaveError,
    key::{NAME_BYTES_MAX, Name},
    stamp::{is_own, stamp, updated_ms},
};

/// The id in a submitted document; `null` and the empty text count as none (some clients send them for a new pipeline).
pub(super) fn id_of(pipeline: &Map) -> Option<&str> {
    pipeline
        .get("id")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
}

/// Source: Front50 `PipelineController.validatePipeline`; the checks of types and lengths are what Jackson and the SQL
/// schema did there.
pub(crate) fn validate(kind: Kind, pipeline: &Map) -> Result<(), SaveError> {
    let word = kind.word();
    for field in ["application", "name"] {
        match pipeline.get(field) {
            Some(Value::String(text)) if !text.trim().is_empty() => {
                if text.len() > NAME_BYTES_MAX {
                    return Err(SaveError::Rejected(format!(
                        "the {field} of a {word} may have at most {NAME_BYTES_MAX} bytes"
                    )));
                }
                if text.chars().any(char::is_control) {
                    return Err(SaveError::Rejected(format!(
                        "the {field} of a {word} may not hold control characters"
                    )));
                }
            }
            None | Some(Value::Null | Value::String(_)) => {
                return Err(SaveError::Invalid(format!(
                    "A {word} requires name and application fields"
                )));
            }
            Some(_) => {
                return Err(SaveError::Rejected(format!(
                    "the {field} of a {word} must be a string"
                )));
            }
        }
    }
    if Name::of(kind, pipeline).is_none_or(|name| !name.fits()) {
        return Err(SaveError::Rejected(format!(
            "the application and the name of the {word} are together too long"
        )));
    }
    match pipeline.get("id") {
        None | Some(Value::Null) => {}
        Some(Value::String(id))
            if id.len() <= ID_BYTES_MAX && !id.chars().any(char::is_control) => {}
        Some(_) => {
            return Err(SaveError::Rejected(format!(
                "the id of a {word} must be a string of at most {ID_BYTES_MAX} printable bytes"
            )));
        }
    }
    for field in [
        "stages",
        "triggers",
        "parameterConfig",
        "expectedArtifacts",
        "notifications",
    ] {
        match pipeline.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) if items.iter().all(Value::is_object) => {}
            Some(_) => {
                return Err(SaveError::Rejected(format!(
                    "{field} of a {word} must be a list of objects"
                )));
            }
        }
    }
    Ok(())
}

/// The stored form of `submitted`: name trimmed, nulls of the top level dropped, id, author and time set.
pub(super) fn prepared(
    kind: Kind,
    submitted: &Map,
    id: &str,
    user: &str,
    stored: Option<&Map>,
    now_ms: i64,
) -> Map {
    let mut body: Map = submitted
        .iter()
        .filter(|(key, value)| !value.is_null() && !is_own(kind, key) && *key != REGENERATE)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for field in ["name", "application"] {
        if let Some(Value::String(text)) = body.get_mut(field) {
            *text = text.trim().to_owned();
        }
    }
    let had_id = id_of(submitted).is_some();
    body.insert("id".to_owned(), id.into());
    // Orca's SavePipelineTask keeps the place of a pipeline whose client does not know it.
    if had_id
        && !submitted.contains_key("index")
        && let Some(index) = stored.and_then(|stored| stored.get("index"))
    {
        body.insert("index".to_owned(), index.clone());
    }
    let regenerate = !had_id || submitted.get(REGENERATE).and_then(Value::as_bool) == Some(true);
    identify_cron_triggers(&mut body, id, regenerate);
    if kind == Kind::Strategy {
        body.insert("strategy".to_owned(), true.into());
    }
    stamp(kind, &mut body, stored, user, now_ms);
    body
}

/// Source: Front50 `checkForStalePipeline`; a blank or unreadable `updateTs` means no check.
pub(super) fn check_stale(kind: Kind, submitted: &Map, stored: &Map) -> Result<(), SaveError> {
    let (Some(theirs), Some(ours)) = (updated_ms(kind, submitted), updated_ms(kind, stored)) else {
        return Ok(());
    };
    if theirs == ours {
        return Ok(());
    }
    Err(SaveError::Rejected(format!(
        "The submitted {} is stale.  submitted updateTs {theirs} does not match stored updateTs {ours}",
        kind.word()
    )))
}

/// Sort key of a list: by index, those without one last, then by name ignoring case.
pub(super) fn order_of(pipeline: &crate::Document) -> (bool, i64, String) {
    let index = pipeline.body.get("index").and_then(Value::as_i64);
    let name = pipeline.text("name").unwrap_or_else(|| pipeline.id());
    (index.is_none(), index.unwrap_or(0), name.to_lowercase())
}

const REGENERATE: &str = "regenerateCronTriggerIds";

/// Cron triggers need an id. Front50 draws it; here it follows from the pipeline and the trigger, so that a repeated save
/// writes the same document, and a copied pipeline (another id) gets other ones.
fn identify_cron_triggers(pipeline: &mut Map, id: &str, regenerate: bool) {
    let Some(Value::Array(triggers)) = pipeline.get_mut("triggers") else {
        return;
    };
    for (place, trigger) in triggers.iter_mut().enumerate() {
        let Value::Object(trigger) = trigger else {
            continue;
        };
        let is_cron = trigger.get("type").and_then(Value::as_str) == Some("cron");
        let has_id = id_of(trigger).is_some();
        if is_cron && (regenerate || !has_id) {
            let seed = format!("{id}/{place}/{:?}", trigger.get("cronExpression"));
            trigger.insert("id".to_owned(), uuid_from(seed.as_bytes()).into());
        }
    }
}

/// A text in the form of a UUID (version 8: "custom"), derived from `seed`.
fn uuid_from(seed: &[u8]) -> String {
    let high = fnv1a64(seed);
    let low = fnv1a64(&[seed, b"/low"].concat());
    let value = (u128::from(high) << 64) | u128::from(low);
    uuid(8, value)
}

/// What a templated pipeline says its template is.
pub(crate) fn template_of(pipeline: &Map) -> Option<&str> {
    if pipeline.get("type").and_then(Value::as_str) != Some("templatedPipeline") {
        return None;
    }
    match pipeline.get("schema").and_then(Value::as_str) {
        Some("v2") => pipeline.get("template")?.get("reference")?.as_str(),
        Some(_) | None => pipeline
            .get("config")?
            .get("pipeline")?
            .get("template")?
            .get("source")?
            .as_str(),
    }
}
