//! Whole numbers that JSON can write and this program cannot keep.
//!
//! Spinnaker keeps whole numbers of any size. Here one beyond 64 bits would become the nearest floating-point number, and a
//! document would not read back as it was saved, so it is refused instead.

/// The first whole number that would change, as it is written.
pub(crate) fn inexact(json: &[u8]) -> Option<&str> {
    let mut rest = json;
    while let Some((first, after)) = rest.split_first() {
        match first {
            b'"' => rest = after_string(after),
            b'-' | b'0'..=b'9' => {
                let is_part =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let end = rest.iter().position(|byte| !is_part(byte));
                let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
                let number = std::str::from_utf8(number).unwrap_or_default();
                if !is_kept(number) {
                    return Some(number);
                }
                rest = after;
            }
            _ => rest = after,
        }
    }
    None
}

/// What follows a string, from behind its opening quote.
fn after_string(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = match rest {
            [] => return rest,
            [b'"', after @ ..] => return after,
            [b'\\', _, after @ ..] | [_, after @ ..] => after,
        };
    }
}

fn is_kept(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    let fits = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
    if !is_whole || fits {
        return true;
    }
    // Some larger ones are floating-point numbers exactly: 18446744073709551616 is.
    number
        .parse::<f64>()
        .is_ok_and(|float| format!("{float:.0}") == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_that_would_change_are_found() {
        for (json, found) in [
            (
                r#"{"a": 1, "b": [-9223372036854775808, 18446744073709551615]}"#,
                None,
            ),
            (r#"{"a": 18446744073709551616}"#, None),
            (
                r#"{"a": 18446744073709551617}"#,
                Some("18446744073709551617"),
            ),
            (r#"[-9223372036854775809]"#, Some("-9223372036854775809")),
            (r#"{"a": "18446744073709551617", "\"": 1.5e300}"#, None),
            (
                r#"{"a\\": "\\", "b": 123456789012345678901}"#,
                Some("123456789012345678901"),
            ),
            (r#"{"a": 0.12345678901234567890123}"#, None),
            ("", None),
            ("\"", None),
            ("\"\\", None),
        ] {
            assert_eq!(inexact(json.as_bytes()), found, "{json}");
        }
    }
}
