//! Flags that hold several values, as Go's flag package splits them.

use serde_json::{Map, Value};

/// `-p` is a Go string slice: one flag may hold several comma-separated `key=value`. What has no `=` is ignored, as by spin.
pub(super) fn parameters(flags: &[String]) -> Map<String, Value> {
    flags
        .iter()
        .flat_map(|flag| comma_separated(flag))
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((key.to_owned(), Value::String(value.to_owned())))
        })
        .collect()
}

/// A Go `StringToString` flag: `key=value`, several behind commas; a later value of a key wins.
///
/// # Errors
/// Something without `=`; the sentence is Go's.
pub(super) fn pairs(name: &str, flags: &[String]) -> Result<Map<String, Value>, String> {
    let mut pairs = Map::new();
    for flag in flags {
        // With one `=` the comma belongs to the value (pflag `string_to_string.go`).
        let items = match flag.matches('=').count() {
            1 => vec![flag.trim_matches('"').to_owned()],
            _ => comma_separated(flag),
        };
        for item in items {
            let (key, value) = item.split_once('=').ok_or_else(|| {
                format!("invalid argument {flag:?} for \"--{name}\" flag: {item} must be formatted as key=value")
            })?;
            pairs.insert(key.to_owned(), Value::String(value.to_owned()));
        }
    }
    Ok(pairs)
}

/// One line of comma-separated values with `"` around fields that hold commas. A quote inside an unquoted field, for which
/// Go's reader refuses the line, makes the whole flag one field here, so that `-p 'body={"a":1,"b":2}'` works.
pub(super) fn comma_separated(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => match quoted_field(quoted) {
                Some(split) => split,
                None => return vec![line.to_owned()],
            },
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                if rest[..end].contains('"') {
                    return vec![line.to_owned()];
                }
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return fields,
            None => return vec![line.to_owned()],
        }
    }
}

/// The field up to its closing quote, `""` standing for one, and what follows.
fn quoted_field(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Some((field, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_split_as_go_splits_them() {
        let cases: &[(&str, &[&str])] = &[
            ("a=1", &["a=1"]),
            ("a=1,b=2", &["a=1", "b=2"]),
            ("\"a=1,2\",b=3", &["a=1,2", "b=3"]),
            ("\"a=say \"\"hi\"\"\"", &["a=say \"hi\""]),
            ("body={\"x\":1,\"y\":2}", &["body={\"x\":1,\"y\":2}"]),
            ("\"open", &["\"open"]),
            ("", &[""]),
        ];
        for (line, expected) in cases {
            assert_eq!(comma_separated(line), *expected, "{line}");
        }
        let parameters = parameters(&["a=1,b=x=y".into(), "noise".into(), "a=2".into()]);
        assert_eq!(Value::Object(parameters), json!({"a": "2", "b": "x=y"}));
    }
    #[test]
    fn pairs_are_split_as_go_splits_them() {
        let of = |flags: &[&str]| {
            let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
            pairs("set", &flags).map(Value::Object)
        };
        assert_eq!(of(&["a=1,b=2", "a=3"]), Ok(json!({"a": "3", "b": "2"})));
        assert_eq!(of(&["list=x,y"]), Ok(json!({"list": "x,y"})));
        assert_eq!(of(&["\"a=1,2\",b=3"]), Ok(json!({"a": "1,2", "b": "3"})));
        assert_eq!(
            of(&["a"]),
            Err(
                "invalid argument \"a\" for \"--set\" flag: a must be formatted as key=value"
                    .to_owned()
            )
        );
    }
}
