//! Templates of queries: which one counts, and what stands for `${…}` (Kayenta `QueryConfigUtils`, with Apache Commons Text's
//! `StringSubstitutor`). Not FreeMarker, whatever Spinnaker's guide says.

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde_json::Value;

use crate::request::Scope;

/// Deepest nesting of values in values, and longest result in bytes.
const DEPTH_MAX: usize = 32;
const BYTES_MAX: usize = 256 * 1024;

/// The expanded template of a metric's query; `None` when it has none.
///
/// # Errors
/// Kayenta's words: the query is of the old kind, the template is not there, or it does not expand.
pub(crate) fn expanded(
    query: &Map,
    templates: Option<&Value>,
    base: &[(&str, Option<&str>)],
    scope: &Scope,
) -> Result<Option<String>, String> {
    if query
        .get("customFilter")
        .is_some_and(|filter| !filter.is_null())
    {
        return Err(
            "CanaryMetricSetQueryConfig.customFilter is deprecated, use CanaryMetricSetQueryConfig.customInlineTemplate instead."
                .to_owned(),
        );
    }
    let named = |key: &str| {
        query
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let template = match (named("customInlineTemplate"), named("customFilterTemplate")) {
        (Some(template), _) => template,
        (None, Some(name)) => {
            let templates = templates
                .and_then(Value::as_object)
                .filter(|all| !all.is_empty());
            let templates = templates.ok_or_else(|| {
                format!(
                    "Custom filter template '{name}' was referenced, but no templates were defined."
                )
            })?;
            let found = templates.get(name).and_then(Value::as_str);
            found.ok_or_else(|| format!("Custom filter template '{name}' was not found."))?
        }
        (None, None) => return Ok(None),
    };
    expanded_text(template, query, base, scope).map(Some)
}

/// A text with the same variables.
///
/// # Errors
/// It does not expand.
pub(crate) fn expanded_text(
    template: &str,
    query: &Map,
    base: &[(&str, Option<&str>)],
    scope: &Scope,
) -> Result<String, String> {
    let mut variables = BTreeMap::new();
    for (name, value) in base {
        let of_query = query.get(*name).and_then(Value::as_str);
        for value in [*value, of_query]
            .into_iter()
            .flatten()
            .filter(|value| !value.is_empty())
        {
            variables.insert((*name).to_owned(), value.to_owned());
        }
    }
    variables.extend(scope.parameters.clone());
    // Stored and launched copies are escaped, so that pipelines' expressions leave them alone.
    let template = template.replace("$\\{", "${");
    substitute(&template, &variables, &mut Vec::new())
        .map_err(|problem| format!("Problem evaluating custom filter template: {problem}"))
}

/// `${name}`, `${name:-default}`, and `$${name}` for the text itself. Values are looked through for variables too.
fn substitute(
    text: &str,
    variables: &BTreeMap<String, String>,
    within: &mut Vec<String>,
) -> Result<String, String> {
    if within.len() > DEPTH_MAX {
        return Err("variables are nested too deep".to_owned());
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let Some(length) = rest[at + 2..].find('}') else {
            break;
        };
        let inner = &rest[at + 2..at + 2 + length];
        let after = &rest[at + 3 + length..];
        if let Some(before) = rest[..at].strip_suffix('$') {
            out.push_str(before);
            out.push_str(&rest[at..at + 3 + length]);
            rest = after;
            continue;
        }
        out.push_str(&rest[..at]);
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if within.iter().any(|outer| outer == name) {
            return Err(format!("Infinite loop in property interpolation of {name}"));
        }
        let value = variables.get(name).map(String::as_str).or(default);
        let value = value.ok_or_else(|| format!("Cannot resolve variable '{name}'"))?;
        within.push(name.to_owned());
        out.push_str(&substitute(value, variables, within)?);
        within.pop();
        rest = after;
        if out.len() > BYTES_MAX {
            return Err(format!("the result has more than {BYTES_MAX} bytes"));
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::scope;

    fn all(
        query: Value,
        templates: Value,
        parameters: &[(&str, &str)],
    ) -> Result<Option<String>, String> {
        let mut scope = scope();
        scope.location = Some("us-east1".to_owned());
        scope.parameters = parameters
            .iter()
            .map(|&(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        let base = [
            ("location", scope.location.as_deref()),
            ("resourceType", None),
        ];
        expanded(query.as_object().unwrap(), Some(&templates), &base, &scope)
    }

    fn inline(template: &str, parameters: &[(&str, &str)]) -> Result<String, String> {
        let query = json!({"customInlineTemplate": template, "resourceType": "gce"});
        all(query, Value::Null, parameters).map(Option::unwrap)
    }

    #[test]
    fn variables_defaults_escapes_and_values_within_values() {
        let given = [
            ("a", "1"),
            ("b", "<${a}>"),
            ("location", "eu"),
            ("ver", "7"),
        ];
        let text = |template: &str| inline(template, &given).unwrap();
        assert_eq!(
            text(r#"zone="${location}" AND v="${ver:-none}""#),
            r#"zone="eu" AND v="7""#
        );
        assert_eq!(
            text("${x:-d}|$${a}|$\\{a}|${b}|${resourceType}"),
            "d|${a}|1|<1>|gce"
        );
        assert_eq!(text("${x:-${a"), "${x:-${a");
        assert_eq!(inline("${location}", &[]).unwrap(), "us-east1");
        let error = inline("${nope}", &[]).unwrap_err();
        assert_eq!(
            error,
            "Problem evaluating custom filter template: Cannot resolve variable 'nope'"
        );
        assert!(
            inline("${a}", &[("a", "${b}"), ("b", "${a}")])
                .unwrap_err()
                .contains("Infinite loop")
        );
    }

    #[test]
    fn which_template_counts() {
        let named = json!({"customFilterTemplate": "t"});
        assert_eq!(
            all(named.clone(), json!({"t": "x"}), &[])
                .unwrap()
                .as_deref(),
            Some("x")
        );
        assert_eq!(
            all(named.clone(), json!({}), &[]).unwrap_err(),
            "Custom filter template 't' was referenced, but no templates were defined."
        );
        assert_eq!(
            all(named, json!({"u": "x"}), &[]).unwrap_err(),
            "Custom filter template 't' was not found."
        );
        let both = json!({"customInlineTemplate": "i", "customFilterTemplate": "t"});
        assert_eq!(
            all(both, json!({"t": "x"}), &[]).unwrap().as_deref(),
            Some("i")
        );
        assert!(
            all(json!({"customFilter": ""}), json!({}), &[])
                .unwrap_err()
                .contains("is deprecated")
        );
        assert_eq!(all(json!({}), json!({}), &[]).unwrap(), None);
    }
}
