//! What goes to the standard output: documents as JSON, YAML or the value of a path, exactly as `spin` prints them.

pub(crate) mod gojson;
pub(crate) mod jsonpath;

use serde_json::Value;

use crate::Failure;

/// How documents are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Sentences and tables; only for the verbs that are not spin's.
    Human,
    /// Go's `MarshalIndent` with one blank.
    Json,
    /// YAML with sorted keys.
    Yaml,
    /// The first value that a Kubernetes JSONPath expression finds.
    JsonPath(String),
    /// One compact JSON document per line; only for the verbs that are not spin's.
    JsonLines,
    /// Ids or names only; only for the verbs that are not spin's.
    Name,
}

impl Format {
    /// Reads spin's `--output`: nothing, `json`, `yaml` or `jsonpath=EXPRESSION` with exactly one `=` (spin `output.go`).
    pub(crate) fn of_spin(text: Option<&str>) -> Result<Self, String> {
        let text = text.unwrap_or_default();
        match text {
            "" | "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            _ => text
                .strip_prefix("jsonpath=")
                .filter(|expression| !expression.is_empty() && !expression.contains('='))
                .map(|expression| Self::JsonPath(expression.to_owned()))
                .ok_or_else(|| format!("Failed to parse output format flag value: {text}")),
        }
    }

    /// Reads `--output` of the other verbs; nothing means sentences.
    pub(crate) fn of_verb(text: Option<&str>) -> Result<Self, Failure> {
        match text {
            None => Ok(Self::Human),
            Some("json") => Ok(Self::Json),
            Some("yaml") => Ok(Self::Yaml),
            Some("jsonl") => Ok(Self::JsonLines),
            Some("name") => Ok(Self::Name),
            Some(text) => match text.strip_prefix("jsonpath=") {
                Some(expression) if !expression.is_empty() => {
                    Ok(Self::JsonPath(expression.to_owned()))
                }
                _ => Err(Failure::usage(format!("--output '{text}' is unknown"))
                    .fix("write json, jsonl, yaml, name or jsonpath=EXPRESSION")),
            },
        }
    }

    /// The document as text without a final line end. `Human` and `Name` have no general form and give JSON.
    ///
    /// # Errors
    /// The expression of a JSONPath is wrong or finds nothing; the text is spin's.
    pub(crate) fn render(&self, document: &Value) -> Result<String, String> {
        match self {
            Self::Human | Self::Name | Self::Json => Ok(gojson::indented(document)),
            Self::JsonLines => Ok(gojson::compact(document)),
            Self::Yaml => serde_norway::to_string(&gojson::sorted(document))
                .map_err(|error| format!("Failed to marshal to yaml: {error}")),
            Self::JsonPath(expression) => {
                let found = jsonpath::first(expression, document)?;
                Ok(gojson::indented(&found).trim_matches('"').to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spin_takes_three_formats_and_refuses_the_rest_with_its_text() {
        assert_eq!(Format::of_spin(None), Ok(Format::Json));
        assert_eq!(Format::of_spin(Some("yaml")), Ok(Format::Yaml));
        assert_eq!(
            Format::of_spin(Some("jsonpath={.a}")),
            Ok(Format::JsonPath("{.a}".into()))
        );
        for wrong in ["jsonpath=", "jsonpath={.a[?(@.b==1)]}", "table", "jsonl"] {
            assert_eq!(
                Format::of_spin(Some(wrong)),
                Err(format!("Failed to parse output format flag value: {wrong}"))
            );
        }
    }

    #[test]
    fn documents_come_in_every_format() {
        let document = json!({"b": [1, {"d": "true", "c": null}], "a": "x<y"});
        let render = |format: Format| format.render(&document).unwrap();
        assert_eq!(
            render(Format::Json),
            "{\n \"a\": \"x\\u003cy\",\n \"b\": [\n  1,\n  {\n   \"c\": null,\n   \"d\": \"true\"\n  }\n ]\n}"
        );
        assert_eq!(
            render(Format::JsonLines),
            r#"{"b":[1,{"d":"true","c":null}],"a":"x<y"}"#
        );
        assert_eq!(
            render(Format::Yaml),
            "a: x<y\nb:\n- 1\n- c: null\n  d: 'true'\n"
        );
        assert_eq!(render(Format::JsonPath("{.a}".into())), "x\\u003cy");
        assert_eq!(render(Format::JsonPath("{.b[0]}".into())), "1");
    }
}
