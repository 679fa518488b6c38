//! Variables of a template against the values that a configuration gives. Source: orca `DefaultVariableAssignmentTransform` and
//! its copy for the second generation.

use gennaker_model::Map;
use serde_json::Value;

use crate::{java, problem::Problem};

/// What a template wants to know.
pub(crate) struct Wanted<'a> {
    pub name: &'a str,
    /// `object` takes anything.
    pub kind: Option<&'a str>,
    pub default: &'a Value,
    pub nullable: bool,
}

/// The configuration as problems name it.
pub(crate) fn whose(application: Option<&str>, name: Option<&str>, id: Option<&str>) -> String {
    let parts = [("application", application), ("name", name), ("id", id)];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(key, text)| Some((key, text.filter(|it| !it.is_empty())?)))
        .map(|(key, text)| format!("{key}='{text}'"))
        .collect();
    match parts.is_empty() {
        true => "[Pipeline Config: unknown]".to_owned(),
        false => format!("[Pipeline Config: {}]", parts.join(", ")),
    }
}

/// Fills in defaults, and checks that everything is there and of the right type.
///
/// # Errors
/// Names of what is missing, null or of another type, after `whose` configuration it is.
pub(crate) fn assign(wanted: &[Wanted<'_>], given: &mut Map, whose: &str) -> Result<(), Problem> {
    for variable in wanted {
        if !given.contains_key(variable.name) && !variable.default.is_null() {
            given.insert(variable.name.to_owned(), variable.default.clone());
        }
    }
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|it| !it.nullable && !given.contains_key(it.name))
        .map(|it| it.name)
        .collect();
    if !missing.is_empty() {
        let cause = format!(
            "{whose} Missing variable values for: {}",
            missing.join(", ")
        );
        return Err(Problem::malformed(cause));
    }
    let value_of = |variable: &Wanted<'_>| given.get(variable.name).unwrap_or(&Value::Null);
    let null: Vec<String> = wanted
        .iter()
        .filter(|it| !it.nullable && value_of(it).is_null())
        .map(|it| {
            let name = it.name;
            format!("variable '{name}' supplied value is null but variable is not nullable\n")
        })
        .collect();
    if !null.is_empty() {
        return Err(wrong(whose, &null));
    }
    let other: Vec<String> = wanted
        .iter()
        .filter(|it| !fits(it.kind.unwrap_or("object"), value_of(it), it.nullable))
        .map(|it| {
            format!(
                "{} (expected type '{}' found type '{}')",
                it.name,
                it.kind.unwrap_or("object"),
                java::class_name(value_of(it))
            )
        })
        .collect();
    match other.is_empty() {
        true => Ok(()),
        false => Err(wrong(whose, &other)),
    }
}

fn wrong(whose: &str, messages: &[String]) -> Problem {
    Problem::malformed(format!(
        "{whose} Incorrectly defined variable(s): {}",
        messages.join(", ")
    ))
}

fn fits(kind: &str, value: &Value, nullable: bool) -> bool {
    let class = java::class_name(value);
    let is = |word: &str| kind.eq_ignore_ascii_case(word);
    if is("object") || (nullable && value.is_null()) {
        return true;
    }
    // A whole number may have come as 5.0 from a client that knows only doubles.
    let whole = value.as_f64().is_some_and(|it| it.fract() == 0.0);
    (is("int") && (class == "Integer" || (class == "Double" && whole)))
        || (is("bool") && value.is_boolean())
        || (is("list") && value.is_array())
        || (is("string") && value.is_string())
        || (is("float") && class == "Double")
        || kind.eq_ignore_ascii_case(class)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cause(kind: &str, default: Value, nullable: bool, given: Value) -> String {
        let wanted = [Wanted {
            name: "v",
            kind: (!kind.is_empty()).then_some(kind),
            default: &default,
            nullable,
        }];
        let mut given = given.as_object().cloned().unwrap();
        match assign(&wanted, &mut given, "[x]") {
            Ok(()) => given.get("v").unwrap_or(&Value::Null).to_string(),
            Err(problem) => problem.cause.unwrap().into(),
        }
    }

    #[test]
    fn a_configuration_is_named() {
        assert_eq!(whose(None, Some(""), None), "[Pipeline Config: unknown]");
        assert_eq!(
            whose(Some("a"), Some("b"), Some("c")),
            "[Pipeline Config: application='a', name='b', id='c']"
        );
    }

    #[test]
    fn defaults_fill_what_is_absent() {
        assert_eq!(cause("", json!(3), false, json!({})), "3");
        assert_eq!(cause("", json!(3), false, json!({"v": 4})), "4");
        assert_eq!(cause("int", Value::Null, true, json!({})), "null");
        assert_eq!(cause("int", Value::Null, true, json!({"v": null})), "null");
    }

    #[test]
    fn a_value_must_be_there() {
        assert_eq!(
            cause("", Value::Null, false, json!({})),
            "[x] Missing variable values for: v"
        );
        assert_eq!(
            cause("", Value::Null, false, json!({"v": null})),
            "[x] Incorrectly defined variable(s): variable 'v' supplied value is null but variable is not nullable\n"
        );
    }

    #[test]
    fn a_value_must_have_the_type() {
        for (kind, value, found) in [
            ("int", json!(1), None),
            ("int", json!(5.0), None),
            ("int", json!(5.5), Some("Double")),
            ("int", json!(3_000_000_000_i64), Some("Long")),
            ("int", json!("1"), Some("String")),
            ("Integer", json!(1), None),
            ("float", json!(1.5), None),
            ("float", json!(1), Some("Integer")),
            ("bool", json!(true), None),
            ("boolean", json!(true), None),
            ("bool", json!("true"), Some("String")),
            ("list", json!([]), None),
            ("list", json!({}), Some("LinkedHashMap")),
            ("string", json!("x"), None),
            ("string", json!(1), Some("Integer")),
            ("object", json!([1]), None),
            ("map", json!({}), Some("LinkedHashMap")),
        ] {
            let told = cause(kind, Value::Null, false, json!({"v": value}));
            match found {
                None => assert_eq!(told, value.to_string(), "{kind}"),
                Some(found) => assert_eq!(
                    told,
                    format!(
                        "[x] Incorrectly defined variable(s): v (expected type '{kind}' found type '{found}')"
                    )
                ),
            }
        }
    }
}
