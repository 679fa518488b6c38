//! Objects as JSON and as text, when an expression's value is one.

use serde_json::{Map, Value as Json, json};

use super::stages::execution_id;
use super::tables::{ARTIFACT, AUTHENTICATION, STAGE};
use crate::root::ExecutionView;
use crate::value::{Bean, BeanClass, Data, Object, Value, json as values};

/// What becomes of properties that are null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// Orca's mapper leaves them out of results.
    Dropped,
    /// The plain mapper of `#toJson` writes them.
    Kept,
}

/// The document of an object.
pub(crate) fn document(
    execution: Option<&dyn ExecutionView>,
    object: &Object<'_>,
    nulls: Nulls,
) -> Json {
    let mut document = match object {
        Object::Bean(bean) => of_bean(bean, nulls),
        Object::Execution => execution.map_or(Json::Null, ExecutionView::document),
        Object::Stage(stage) => {
            let Some(execution) = execution else {
                return Json::Null;
            };
            let mut out = Map::new();
            for (name, _) in STAGE {
                let value = match *name {
                    "context" => Some(Json::Object(execution.stage_context(*stage).clone())),
                    "outputs" => Some(Json::Object(execution.stage_outputs(*stage).clone())),
                    name => execution
                        .stage_property(*stage, name)
                        .map(|data| data.to_json()),
                };
                if let Some(value) = value {
                    out.insert((*name).to_owned(), value);
                }
            }
            Json::Object(out)
        }
    };
    if nulls == Nulls::Dropped {
        drop_nulls(&mut document);
    }
    document
}

/// Takes null members out of maps, however deep. Nulls in lists stay.
fn drop_nulls(document: &mut Json) {
    match document {
        Json::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Json::Array(items) => items.iter_mut().for_each(drop_nulls),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// `toString` of an object.
pub(crate) fn text(execution: Option<&dyn ExecutionView>, object: &Object<'_>) -> String {
    match (object, execution) {
        (Object::Stage(stage), Some(view)) => {
            let id = super::stage_text(view, *stage, "id");
            format!(
                "Stage {{id='{}', executionId='{}'}}",
                id.as_deref().unwrap_or("null"),
                execution_id(view)
            )
        }
        (Object::Bean(bean), _) if bean.class == BeanClass::Artifact => {
            let Json::Object(fields) = of_bean(bean, Nulls::Kept) else {
                return String::new();
            };
            let field = |(name, value): (&String, &Json)| {
                let shown = crate::value::text::java(&values::view(value));
                format!("{name}={shown}")
            };
            let fields: Vec<String> = fields.iter().map(field).collect();
            format!("Artifact({})", fields.join(", "))
        }
        (Object::Bean(bean), _) => bean.data.to_json().to_string(),
        // Java shows an address; a fixed one keeps replay the same.
        (object, _) => format!(
            "{}@0",
            crate::types::class_name(&Value::Object(object.clone()))
        ),
    }
}

fn of_bean(bean: &Bean<'_>, nulls: Nulls) -> Json {
    let data = &bean.data;
    let read = |name: &str| data.get(name).map(|data| data.to_json());
    match bean.class {
        BeanClass::Artifact => {
            let property = |name: &str| match (name, read(name)) {
                ("customKind", None | Some(Json::Null)) => json!(false),
                ("metadata", None | Some(Json::Null)) => json!({}),
                (_, value) => value.unwrap_or(Json::Null),
            };
            let fields = ARTIFACT.iter().map(|(name, _)| (*name, property(name)));
            let kept = fields.filter(|(_, value)| nulls == Nulls::Kept || !value.is_null());
            Json::Object(kept.map(|(name, value)| (name.to_owned(), value)).collect())
        }
        BeanClass::BuildInfo => {
            let mut document = data.to_json();
            if let Json::Object(fields) = &mut document {
                fields.entry("building").or_insert(json!(false));
                if !fields.contains_key("fullDisplayName") {
                    let shown = |name: &str| {
                        let value = data.get(name).map_or(Value::Null, Data::into_value);
                        crate::value::text::java(&value)
                    };
                    let name = format!("{}#{}", shown("name"), shown("number"));
                    fields.insert("fullDisplayName".to_owned(), Json::from(name));
                }
            }
            document
        }
        BeanClass::Authentication => {
            let property = |name: &str| match (name, data.get(name)) {
                ("allowedAccounts", None) => json!([]),
                (_, value) => value.map_or(Json::Null, |value| value.to_json()),
            };
            let fields = AUTHENTICATION.iter();
            Json::Object(
                fields
                    .map(|(name, _)| ((*name).to_owned(), property(name)))
                    .collect(),
            )
        }
        _ => data.to_json(),
    }
}
