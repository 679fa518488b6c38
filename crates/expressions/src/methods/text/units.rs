//! Places in a text: Java counts units of UTF-16.

use crate::error::{Error, Result};
use crate::methods::bounds;
use crate::value::Value;

pub(super) fn length(text: &str) -> i32 {
    let units = if text.is_ascii() {
        text.len()
    } else {
        text.encode_utf16().count()
    };
    i32::try_from(units).unwrap_or(i32::MAX)
}

pub(super) fn unit_at(text: &str, at: usize) -> Option<u16> {
    if text.is_ascii() {
        text.as_bytes().get(at).map(|b| u16::from(*b))
    } else {
        text.encode_utf16().nth(at)
    }
}

/// The text from a UTF-16 position on.
pub(super) fn after(text: &str, from: usize) -> &str {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= from {
            return &text[at..];
        }
        units += c.len_utf16();
    }
    ""
}

pub(super) fn units_before(text: &str, byte: usize) -> i32 {
    length(&text[..byte])
}

pub(super) fn out_of_range(at: i32) -> Error {
    bounds(format!("String index out of range: {at}"))
}

pub(super) fn substring<'a>(text: &str, begin: i32, end: i32) -> Result<Value<'a>> {
    let size = length(text);
    if begin < 0 || begin > end || end > size {
        return Err(bounds(format!("begin {begin}, end {end}, length {size}")));
    }
    let (begin, end) = (begin as usize, end as usize);
    if text.is_ascii() {
        return Ok(Value::from(&text[begin..end]));
    }
    let units: Vec<u16> = text.encode_utf16().skip(begin).take(end - begin).collect();
    Ok(Value::text(String::from_utf16_lossy(&units)))
}

pub(super) fn find<'a>(text: &str, wanted: &str, from: i32) -> Value<'a> {
    let from = from.max(0);
    if from > length(text) {
        return Value::Int(if wanted.is_empty() { length(text) } else { -1 });
    }
    let rest = after(text, from as usize);
    let skipped = text.len() - rest.len();
    Value::Int(
        rest.find(wanted)
            .map_or(-1, |at| units_before(text, skipped + at)),
    )
}

pub(super) fn find_last<'a>(text: &str, wanted: &str, from: i32) -> Value<'a> {
    if from < 0 {
        return Value::Int(-1);
    }
    // The last occurrence that begins at `from` ends so much behind it.
    let rest = after(text, from as usize);
    let begin = text.len() - rest.len();
    let mut end = (begin + wanted.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    Value::Int(
        text[..end]
            .rfind(wanted)
            .map_or(-1, |at| units_before(text, at)),
    )
}

pub(super) fn code_text(code: i32) -> String {
    u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .map_or("\u{0}\u{ffff}\u{0}".to_owned(), String::from)
}

pub(super) fn compare(a: &str, b: &str) -> i32 {
    let (mut left, mut right) = (a.encode_utf16(), b.encode_utf16());
    loop {
        match (left.next(), right.next()) {
            (Some(x), Some(y)) if x != y => return i32::from(x) - i32::from(y),
            (Some(_), Some(_)) => {}
            _ => return length(a) - length(b),
        }
    }
}

/// `replace("", x)`: around every UTF-16 unit.
pub(super) fn between_units(text: &str, to: &str) -> String {
    let mut out = String::from(to);
    for c in text.chars() {
        out.push(c);
        out.push_str(to);
    }
    out
}
