//! `java.util.Properties.load`.

use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::value::{MapKind, Value};

/// Keys and values of a properties text; a later key wins.
///
/// Quirk of the original: it hands the bytes of the text on as a stream, which Java reads as Latin-1, so letters beyond ASCII
/// come out as several (`UrlExpressionFunctionProvider.readProperties`).
pub(super) fn read<'a>(machine: &mut Machine<'a, '_>, text: &str) -> Result<Value<'a>> {
    machine.charge(text.len())?;
    let text: String = text.replace("\r\n", "\n").bytes().map(char::from).collect();
    let mut entries = Vec::new();
    let mut lines = text.split(['\n', '\r']);
    while let Some(line) = lines.next() {
        let start = line.trim_start_matches([' ', '\t', '\u{c}']);
        if start.is_empty() || start.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = start.to_owned();
        while continued(&logical) {
            logical.pop();
            let Some(next) = lines.next() else { break };
            logical.push_str(next.trim_start_matches([' ', '\t', '\u{c}']));
        }
        let (key, value) = divided(&logical);
        entries.push((Value::text(unescaped(key)?), Value::text(unescaped(value)?)));
    }
    Ok(Value::map(MapKind::Hash, entries))
}

/// Whether the line ends with an odd number of backslashes.
fn continued(line: &str) -> bool {
    line.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

/// Key and value: the first `=`, `:` or blank that is not escaped divides them.
fn divided(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let mut end = line.len();
    for (at, c) in line.char_indices() {
        if !escaped && matches!(c, '=' | ':' | ' ' | '\t' | '\u{c}') {
            end = at;
            break;
        }
        escaped = c == '\\' && !escaped;
    }
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches([' ', '\t', '\u{c}']);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches([' ', '\t', '\u{c}']))
}

fn unescaped(text: &str) -> Result<String> {
    // Two escapes may be the halves of one character.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            continue;
        }
        match chars.next() {
            Some('t') => units.push(9),
            Some('n') => units.push(10),
            Some('r') => units.push(13),
            Some('f') => units.push(12),
            Some('u') => {
                let mut unit = 0;
                for _ in 0..4 {
                    let digit = chars.next().and_then(|c| c.to_digit(16));
                    let digit = digit
                        .ok_or_else(|| Error::illegal_argument("Malformed \\uxxxx encoding."))?;
                    unit = unit << 4 | digit as u16;
                }
                units.push(unit);
            }
            Some(c) => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            None => {}
        }
    }
    Ok(String::from_utf16_lossy(&units))
}
