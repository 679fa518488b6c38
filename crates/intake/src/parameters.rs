//! Parameters of a pipeline: what is required, what the defaults are (orchestration reference 8.4).

use gennaker_model::Map;
use serde_json::Value;

/// Name of the first required parameter that has no value and no default; the rule of Gate for manual starts.
///
/// An empty-string default satisfies it, and so does a supplied null. Source: gate `PipelineService.trigger`.
#[must_use]
pub fn missing(config: &Map, trigger: &Map) -> Option<String> {
    let supplied = trigger.get("parameters").and_then(Value::as_object);
    declared(config)
        .find(|(name, parameter)| {
            let required = match parameter.get("required") {
                Some(Value::Bool(required)) => *required,
                Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
                _ => false,
            };
            let has_default = parameter
                .get("default")
                .is_some_and(|default| !default.is_null());
            required
                && !has_default
                && supplied.is_none_or(|supplied| !supplied.contains_key(*name))
        })
        .map(|(name, _)| name.to_owned())
}

/// `trigger.parameters` with the defaults of the config for keys that are absent (a supplied null or `""` is kept).
#[must_use]
pub fn with_defaults(config: &Map, trigger: &Map) -> Map {
    let mut parameters = trigger
        .get("parameters")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for (name, parameter) in declared(config) {
        if !parameters.contains_key(name) {
            parameters.insert(
                name.to_owned(),
                parameter.get("default").cloned().unwrap_or(Value::Null),
            );
        }
    }
    parameters
}

fn declared(config: &Map) -> impl Iterator<Item = (&str, &Map)> {
    config
        .get("parameterConfig")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter_map(|parameter| {
            parameter
                .get("name")
                .and_then(Value::as_str)
                .map(|name| (name, parameter))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn defaults_fill_only_absent_keys() {
        let config = map(json!({"parameterConfig": [
            {"name": "a", "default": "1"}, {"name": "b", "default": "2"}, {"name": "c", "default": "3"}, {"name": "d"}]}));
        let trigger = map(json!({"parameters": {"b": "", "c": null, "extra": 7}}));
        let expected = map(json!({"b": "", "c": null, "extra": 7, "a": "1", "d": null}));
        assert_eq!(with_defaults(&config, &trigger), expected);
    }

    #[test]
    fn a_required_parameter_needs_a_value_or_a_default() {
        let config = |parameter: Value| map(json!({ "parameterConfig": [parameter] }));
        let none = Map::new();
        assert_eq!(
            missing(&config(json!({"name": "tag", "required": true})), &none).as_deref(),
            Some("tag")
        );
        assert_eq!(
            missing(
                &config(json!({"name": "tag", "required": true, "default": null})),
                &none
            )
            .as_deref(),
            Some("tag")
        );
        assert_eq!(
            missing(
                &config(json!({"name": "tag", "required": true, "default": ""})),
                &none
            ),
            None
        );
        assert_eq!(missing(&config(json!({"name": "tag"})), &none), None);
        let trigger = map(json!({"parameters": {"tag": "v1"}}));
        assert_eq!(
            missing(&config(json!({"name": "tag", "required": true})), &trigger),
            None
        );
    }
}
