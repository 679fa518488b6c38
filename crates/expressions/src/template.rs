//! Cuts a text into literal parts and `${…}` expressions by bracket matching, as Spring's
//! `TemplateAwareExpressionParser` does, quirks of its quote handling included.

use crate::error::{Error, Result};

/// A piece of a template, with the byte at which it starts in the whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part<'s> {
    Literal(&'s str),
    /// The trimmed text between `${` and `}`, and where it begins.
    Expression(&'s str, usize),
}

/// Splits `text`. A text without `${` is one literal.
///
/// # Errors
/// Brackets that do not pair up, a quote without an end, an expression without an end or without content.
pub(crate) fn split(text: &str) -> Result<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    split_into(text, &mut parts)?;
    Ok(parts)
}

/// The same; the parts before an error are there all the same, for Spring parses each as it finds it.
///
/// # Errors
/// As [`split`].
pub(crate) fn split_into<'t>(text: &'t str, parts: &mut Vec<Part<'t>>) -> Result<()> {
    let mut from = 0;
    while let Some(found) = text[from..].find("${") {
        let prefix = from + found;
        if prefix > from {
            parts.push(Part::Literal(&text[from..prefix]));
        }
        let after = prefix + 2;
        let Some(end) = end_of_expression(text, after)? else {
            let shown = crate::error::utf16_at(text, prefix);
            let message = format!(
                "No ending suffix '}}' for expression starting at character {shown}: {}",
                &text[prefix..]
            );
            return Err(Error::template(message, text, prefix));
        };
        let raw = &text[after..end];
        // Java's `trim` takes away everything up to the blank.
        let trimmed = raw.trim_matches(|c: char| c <= ' ');
        if trimmed.is_empty() {
            let shown = crate::error::utf16_at(text, prefix);
            let message =
                format!("No expression defined within delimiter '${{}}' at character {shown}");
            return Err(Error::template(message, text, prefix));
        }
        let lead = raw.len() - raw.trim_start_matches(|c: char| c <= ' ').len();
        parts.push(Part::Expression(trimmed, after + lead));
        from = end + 1;
    }
    if from < text.len() {
        parts.push(Part::Literal(&text[from..]));
    }
    Ok(())
}

fn end_of_expression(text: &str, start: usize) -> Result<Option<usize>> {
    if !text[start..].contains('}') {
        return Ok(None);
    }
    let bytes = text.as_bytes();
    let shown = |at: usize| crate::error::utf16_at(text, at);
    let mut open: Vec<(u8, usize)> = Vec::new();
    let mut at = start;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'}' && open.is_empty() {
            return Ok(Some(at));
        }
        match byte {
            b'{' | b'[' | b'(' => open.push((byte, at)),
            b'}' | b']' | b')' => {
                let wanted = opening(byte);
                let close = char::from(byte);
                let here = shown(at);
                match open.pop() {
                    None => {
                        let opening = char::from(wanted);
                        let message = format!(
                            "Found closing '{close}' at position {here} without an opening '{opening}'"
                        );
                        return Err(Error::template(message, text, at));
                    }
                    Some((bracket, place)) if bracket != wanted => {
                        let message = format!(
                            "Found closing '{close}' at position {here} but most recent opening is '{}' at position {}",
                            char::from(bracket),
                            shown(place)
                        );
                        return Err(Error::template(message, text, at));
                    }
                    Some(_) => {}
                }
            }
            b'\'' | b'"' => match text[at + 1..].find(char::from(byte)) {
                None => {
                    let message = format!(
                        "Found non terminating string literal starting at position {}",
                        shown(at)
                    );
                    return Err(Error::template(message, text, at));
                }
                Some(found) => at += 1 + found,
            },
            _ => {}
        }
        at += 1;
    }
    if let Some((bracket, place)) = open.pop() {
        let message = format!(
            "Missing closing '{}' for '{}' at position {}",
            char::from(closing(bracket)),
            char::from(bracket),
            shown(place)
        );
        return Err(Error::template(message, text, place));
    }
    Ok(None)
}

fn opening(close: u8) -> u8 {
    match close {
        b'}' => b'{',
        b']' => b'[',
        _ => b'(',
    }
}

fn closing(open: u8) -> u8 {
    match open {
        b'{' => b'}',
        b'[' => b']',
        _ => b')',
    }
}
