//! Texts of several lines, and escapes in them.

use crate::error::Result;
use crate::methods::illegal;

/// `Character.isWhitespace`: no-break blanks are none.
pub(super) fn java_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | '\u{1c}'..='\u{1f}' | ' ' | '\u{1680}' | '\u{2000}'..='\u{2006}'
        | '\u{2008}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{205f}' | '\u{3000}')
}

pub(super) fn indent(text: &str, by: i32) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    for line in text.lines() {
        if by > 0 {
            out.push_str(&" ".repeat(by as usize));
            out.push_str(line);
        } else {
            let cut = line
                .char_indices()
                .take_while(|(_, c)| java_space(*c))
                .take(-by as usize)
                .last();
            out.push_str(&line[cut.map_or(0, |(at, c)| at + c.len_utf8())..]);
        }
        out.push('\n');
    }
    out
}

pub(super) fn strip_indent(text: &str) -> String {
    let lines: Vec<&str> = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .collect();
    let lead = |line: &str| line.chars().take_while(|c| java_space(*c)).count();
    let blank = |line: &str| line.chars().all(java_space);
    let last = lines.last().copied().unwrap_or("");
    let least = lines
        .iter()
        .filter(|line| !blank(line))
        .map(|line| lead(line))
        .chain(blank(last).then(|| lead(last)))
        .min()
        .unwrap_or(0);
    let stripped: Vec<String> = lines
        .iter()
        .map(|line| match blank(line) {
            true => String::new(),
            false => line
                .chars()
                .skip(least)
                .collect::<String>()
                .trim_end_matches(java_space)
                .to_owned(),
        })
        .collect();
    stripped.join("\n")
}

pub(super) fn translate_escapes(text: &str) -> Result<String> {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('s') => out.push(' '),
            Some('t') => out.push('\t'),
            Some(c @ ('\'' | '"' | '\\')) => out.push(c),
            Some('\n') => {}
            Some('\r') => {
                chars.next_if_eq(&'\n');
            }
            Some(c @ '0'..='7') => {
                let most = if c <= '3' { 2 } else { 1 };
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..most {
                    let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    code = code * 8 + digit;
                    chars.next();
                }
                out.extend(char::from_u32(code));
            }
            other => {
                let (shown, code) =
                    other.map_or((String::new(), 0), |c| (c.to_string(), u32::from(c)));
                return Err(illegal(format!(
                    "Invalid escape sequence: \\{shown} \\\\u{code:04X}"
                )));
            }
        }
    }
    Ok(out)
}
