//! Files of properties that builds leave (Igor: `PropertyFile`, `events.md` 11.6).

use gennaker_model::Map;
use serde_json::Value;

/// What such a file says, by the end of its name: `.yml` and `.yaml`, `.json`, else Java's properties. Empty when it cannot be read
/// as such.
#[must_use]
pub fn parse(file: &str, bytes: &[u8]) -> Map {
    let name = file.to_ascii_lowercase();
    let read = if name.ends_with(".yml") || name.ends_with(".yaml") {
        serde_norway::from_slice::<Value>(bytes).ok()
    } else if name.ends_with(".json") {
        serde_json::from_slice::<Value>(bytes).ok()
    } else {
        let text = String::from_utf8_lossy(bytes);
        return java(&text);
    };
    match read {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// Java's properties: `key=value`, `key:value` or `key value`, comments, escapes, lines that go on after a backslash.
#[must_use]
pub fn java(text: &str) -> Map {
    let mut found = Map::new();
    for line in logical_lines(text) {
        let (key, value) = split(&line);
        found.insert(unescaped(key), Value::String(unescaped(value)));
    }
    found
}

/// Lines without comments, each with those that it goes on with.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open: Option<String> = None;
    for line in text.split(['\n', '\r']) {
        let line = line.trim_start_matches([' ', '\t', '\u{c}']);
        if open.is_none() && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let mut whole = open.take().unwrap_or_default();
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            whole.push_str(&line[..line.len() - 1]);
            open = Some(whole);
        } else {
            whole.push_str(line);
            lines.push(whole);
        }
    }
    lines.extend(open);
    lines
}

/// Key and value, still escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|letter: char| {
        let ends = !escaped && matches!(letter, '=' | ':' | ' ' | '\t' | '\u{c}');
        escaped = letter == '\\' && !escaped;
        ends
    });
    let Some(end) = end else { return (line, "") };
    let blank = [' ', '\t', '\u{c}'];
    let rest = line[end..].trim_start_matches(blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&line[..end], rest.trim_start_matches(blank))
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    // Pairs of surrogates are written as two escapes.
    let mut units: Vec<u16> = Vec::new();
    let flush = |units: &mut Vec<u16>, out: &mut String| {
        out.push_str(&String::from_utf16_lossy(units));
        units.clear();
    };
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            flush(&mut units, &mut out);
            out.push(letter);
            continue;
        }
        let next = letters.next();
        if next == Some('u') {
            let digits: String = letters.clone().take(4).collect();
            if let (4, Ok(unit)) = (digits.len(), u16::from_str_radix(&digits, 16)) {
                letters.nth(3);
                units.push(unit);
                continue;
            }
        }
        flush(&mut units, &mut out);
        match next {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    flush(&mut units, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn javas_properties_are_read_as_java_reads_them() {
        let text = "# c\n! c\n\na=1\nb : two words \nc three\n  d=x\\\n    y\ne\\=f=g\\u00e9\\n\nempty=\nalone\nlast=\\\\\nk=v=w\npair=\\ud83d\\ude00";
        assert_eq!(
            Value::Object(java(text)),
            json!({
                "a": "1", "b": "two words ", "c": "three", "d": "xy", "e=f": "gé\n", "empty": "", "alone": "", "last": "\\",
                "k": "v=w", "pair": "😀",
            })
        );
        for odd in ["\\", "\\u12", "\\uzzzz=1", "=", "a\\"] {
            let _ = java(odd);
        }
    }

    #[test]
    fn the_name_says_how_a_file_is_read() {
        let read = |file: &str, text: &str| Value::Object(parse(file, text.as_bytes()));
        assert_eq!(read("a.yml", "x: 1\ny: [a]"), json!({"x": 1, "y": ["a"]}));
        assert_eq!(read("a.YAML", "x: {y: z}"), json!({"x": {"y": "z"}}));
        assert_eq!(read("a.json", r#"{"x": {"y": 2}}"#), json!({"x": {"y": 2}}));
        assert_eq!(read("a.properties", "x=1"), json!({"x": "1"}));
        assert_eq!(read("a", "x=1"), json!({"x": "1"}));
        for (file, text) in [
            ("a.json", "[1]"),
            ("a.json", "{"),
            ("a.yml", ": :\n- ["),
            ("a.yml", "just text"),
        ] {
            assert_eq!(read(file, text), json!({}), "{file} {text}");
        }
    }
}
