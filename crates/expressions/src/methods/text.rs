//! `java.lang.String`. Positions count UTF-16 units.

use super::{Table, bounds, fixed, flag, hidden, illegal, instance, int, own, text_arg, variadic};
use crate::error::{Error, Result};
use crate::format;
use crate::regex::{Pattern, TooManySteps};
use crate::types::Param as P;
use crate::value::{Value, text};

/// Characters that one text method may produce.
const PRODUCED_MAX: usize = 1 << 20;

pub(super) const CONSTRUCTORS: Table = &[
    instance("new", &[], |_, _, _| Ok(Value::from(""))),
    instance("new", &[P::CharArray], |_, _, a| {
        Ok(Value::text(units_text(&a[0])))
    }),
    instance("new", &[P::ByteArray], |_, _, a| {
        Ok(Value::text(
            String::from_utf8_lossy(&bytes_of(&a[0])).into_owned(),
        ))
    }),
    instance("new", &[P::Text], |_, _, a| {
        Ok(Value::text(&**text_arg(&a[0])?))
    }),
    instance("new", &[P::ByteArray, P::Text], |_, _, a| {
        decode(&a[0], text_arg(&a[1])?)
    }),
    instance("new", &[P::ByteArray, P::Charset], |_, _, a| {
        decode(&a[0], text_arg(&a[1])?)
    }),
];

pub(super) const TABLE: Table = &[
    instance("length", &[], |_, t, _| Ok(Value::Int(length(own(t))))),
    instance("isEmpty", &[], |_, t, _| Ok(Value::Bool(own(t).is_empty()))),
    instance("charAt", &[P::Int], |_, t, a| {
        let at = int(&a[0]);
        let unit = usize::try_from(at).ok().and_then(|at| unit_at(own(t), at));
        // A lone half of a pair has no character of its own here.
        let c =
            unit.map(|unit| char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
        c.map(Value::Char).ok_or_else(|| out_of_range(at))
    }),
    instance("codePointAt", &[P::Int], |_, t, a| {
        let at = int(&a[0]);
        let units: Vec<u16> = own(t).encode_utf16().collect();
        let Some(rest) = usize::try_from(at)
            .ok()
            .and_then(|at| units.get(at..))
            .filter(|rest| !rest.is_empty())
        else {
            return Err(out_of_range(at));
        };
        let code = match char::decode_utf16(rest.iter().copied()).next() {
            Some(Ok(c)) => u32::from(c),
            _ => u32::from(rest[0]),
        };
        Ok(Value::Int(code as i32))
    }),
    instance("getBytes", &[], |_, t, _| Ok(bytes(own(t).as_bytes()))),
    instance("getBytes", &[P::Text], |_, t, a| {
        encode(own(t), text_arg(&a[0])?)
    }),
    instance("getBytes", &[P::Charset], |_, t, a| {
        encode(own(t), text_arg(&a[0])?)
    }),
    instance("equalsIgnoreCase", &[P::Text], |_, t, a| {
        Ok(Value::Bool(
            a[0].as_str()
                .is_some_and(|other| folded(own(t)) == folded(other)),
        ))
    }),
    instance("contentEquals", &[P::Chars], |_, t, a| {
        Ok(Value::Bool(own(t) == &**text_arg(&a[0])?))
    }),
    instance("compareTo", &[P::Text], |_, t, a| {
        Ok(Value::Int(compare(own(t), text_arg(&a[0])?)))
    }),
    instance("compareToIgnoreCase", &[P::Text], |_, t, a| {
        Ok(Value::Int(compare(
            &folded(own(t)),
            &folded(text_arg(&a[0])?),
        )))
    }),
    instance(
        "regionMatches",
        &[P::Int, P::Text, P::Int, P::Int],
        |_, t, a| region(own(t), false, a),
    ),
    instance(
        "regionMatches",
        &[P::Bool, P::Int, P::Text, P::Int, P::Int],
        |_, t, a| region(own(t), flag(&a[0]), &a[1..]),
    ),
    instance("startsWith", &[P::Text], |_, t, a| {
        Ok(Value::Bool(own(t).starts_with(&**text_arg(&a[0])?)))
    }),
    instance("startsWith", &[P::Text, P::Int], |_, t, a| {
        let from = int(&a[1]);
        let rest = usize::try_from(from)
            .ok()
            .filter(|from| *from as i32 <= length(own(t)));
        let prefix = text_arg(&a[0])?;
        Ok(Value::Bool(rest.is_some_and(|from| {
            after(own(t), from).starts_with(&**prefix)
        })))
    }),
    instance("endsWith", &[P::Text], |_, t, a| {
        Ok(Value::Bool(own(t).ends_with(&**text_arg(&a[0])?)))
    }),
    instance("indexOf", &[P::Int], |_, t, a| {
        Ok(find(own(t), &code_text(int(&a[0])), 0))
    }),
    instance("indexOf", &[P::Int, P::Int], |_, t, a| {
        Ok(find(own(t), &code_text(int(&a[0])), int(&a[1])))
    }),
    instance("indexOf", &[P::Text], |_, t, a| {
        Ok(find(own(t), text_arg(&a[0])?, 0))
    }),
    instance("indexOf", &[P::Text, P::Int], |_, t, a| {
        Ok(find(own(t), text_arg(&a[0])?, int(&a[1])))
    }),
    instance("lastIndexOf", &[P::Int], |_, t, a| {
        Ok(find_last(own(t), &code_text(int(&a[0])), i32::MAX))
    }),
    instance("lastIndexOf", &[P::Int, P::Int], |_, t, a| {
        Ok(find_last(own(t), &code_text(int(&a[0])), int(&a[1])))
    }),
    instance("lastIndexOf", &[P::Text], |_, t, a| {
        Ok(find_last(own(t), text_arg(&a[0])?, i32::MAX))
    }),
    instance("lastIndexOf", &[P::Text, P::Int], |_, t, a| {
        Ok(find_last(own(t), text_arg(&a[0])?, int(&a[1])))
    }),
    instance("substring", &[P::Int], |_, t, a| {
        substring(own(t), int(&a[0]), length(own(t)))
    }),
    instance("substring", &[P::Int, P::Int], |_, t, a| {
        substring(own(t), int(&a[0]), int(&a[1]))
    }),
    instance("concat", &[P::Text], |m, t, a| {
        let joined = format!("{}{}", own(t), &**text_arg(&a[0])?);
        m.charge(joined.len())?;
        produced(joined)
    }),
    instance("replace", &[P::Char, P::Char], |_, t, a| {
        Ok(Value::text(
            own(t).replace(&text::java(&a[0]), &text::java(&a[1])),
        ))
    }),
    instance("replace", &[P::Chars, P::Chars], |m, t, a| {
        let (from, to) = (text_arg(&a[0])?, text_arg(&a[1])?);
        let count = if from.is_empty() {
            own(t).chars().count() + 1
        } else {
            own(t).matches(&**from).count()
        };
        limited(own(t).len() + count.saturating_mul(to.len()))?;
        let replaced = match from.is_empty() {
            false => own(t).replace(&**from, to),
            true => between_units(own(t), to),
        };
        m.charge(replaced.len())?;
        produced(replaced)
    }),
    instance("matches", &[P::Text], |m, t, a| {
        let pattern = Pattern::compile(text_arg(&a[0])?, m.env.limits.regex_steps_max)?;
        m.charge(a[0].as_str().map_or(0, str::len) * 32)?;
        pattern
            .matches(own(t))
            .map(Value::Bool)
            .map_err(|TooManySteps| {
                Error::new(
                    crate::error::ILLEGAL_STATE,
                    "the regular expression takes too many steps",
                )
            })
    }),
    instance("contains", &[P::Chars], |_, t, a| {
        Ok(Value::Bool(
            own(t).contains(&**crate::machine::need_text(&a[0], "s")?),
        ))
    }),
    instance("replaceFirst", &[P::Text, P::Text], |m, t, a| {
        m.charge(a[0].as_str().map_or(0, str::len) * 32)?;
        let pattern = Pattern::compile(text_arg(&a[0])?, m.env.limits.regex_steps_max)?;
        produced(pattern.replace(own(t), text_arg(&a[1])?, false)?)
    }),
    instance("replaceAll", &[P::Text, P::Text], |m, t, a| {
        m.charge(a[0].as_str().map_or(0, str::len) * 32)?;
        let pattern = Pattern::compile(text_arg(&a[0])?, m.env.limits.regex_steps_max)?;
        let to = text_arg(&a[1])?;
        m.charge(own(t).len().saturating_mul(1 + to.len()))?;
        let replaced = pattern.replace(own(t), to, true)?;
        m.charge(replaced.len())?;
        produced(replaced)
    }),
    instance("split", &[P::Text], |m, t, a| split(m, own(t), &a[0], 0)),
    instance("split", &[P::Text, P::Int], |m, t, a| {
        split(m, own(t), &a[0], int(&a[1]))
    }),
    instance("toLowerCase", &[], |_, t, _| {
        Ok(Value::text(own(t).to_lowercase()))
    }),
    instance("toLowerCase", &[P::Locale], |_, t, _| {
        Ok(Value::text(own(t).to_lowercase()))
    }),
    instance("toUpperCase", &[], |_, t, _| {
        Ok(Value::text(own(t).to_uppercase()))
    }),
    instance("toUpperCase", &[P::Locale], |_, t, _| {
        Ok(Value::text(own(t).to_uppercase()))
    }),
    instance("trim", &[], |_, t, _| {
        Ok(Value::from(own(t).trim_matches(|c: char| c <= ' ')))
    }),
    instance("strip", &[], |_, t, _| {
        Ok(Value::from(own(t).trim_matches(java_space)))
    }),
    instance("stripLeading", &[], |_, t, _| {
        Ok(Value::from(own(t).trim_start_matches(java_space)))
    }),
    instance("stripTrailing", &[], |_, t, _| {
        Ok(Value::from(own(t).trim_end_matches(java_space)))
    }),
    instance("stripIndent", &[], |_, t, _| {
        Ok(Value::text(strip_indent(own(t))))
    }),
    instance("indent", &[P::Int], |m, t, a| {
        let by = int(&a[0]);
        m.charge((by.max(0) as usize).saturating_mul(own(t).lines().count()))?;
        Ok(Value::text(indent(own(t), by)))
    }),
    instance("isBlank", &[], |_, t, _| {
        Ok(Value::Bool(own(t).chars().all(java_space)))
    }),
    instance("repeat", &[P::Int], |m, t, a| {
        let count = int(&a[0]);
        let Ok(times) = usize::try_from(count) else {
            return Err(illegal(format!("count is negative: {count}")));
        };
        limited(own(t).len().saturating_mul(times))?;
        m.charge(own(t).len() * times)?;
        Ok(Value::text(own(t).repeat(times)))
    }),
    instance("toCharArray", &[], |_, t, _| {
        let unit = |unit: u16| {
            Value::Char(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER))
        };
        Ok(Value::array(
            "char",
            own(t).encode_utf16().map(unit).collect(),
        ))
    }),
    instance("intern", &[], |_, t, _| Ok(t.clone())),
    instance("translateEscapes", &[], |_, t, _| {
        translate_escapes(own(t)).map(Value::text)
    }),
    variadic("formatted", &[P::ObjectArray], false, |m, t, a| {
        produced(format::format(m, own(t), &packed(&a[0]))?)
    }),
    variadic("format", &[P::Text, P::ObjectArray], true, |m, _, a| {
        produced(format::format(m, text_arg(&a[0])?, &packed(&a[1]))?)
    }),
    variadic(
        "format",
        &[P::Locale, P::Text, P::ObjectArray],
        true,
        |m, _, a| produced(format::format(m, text_arg(&a[1])?, &packed(&a[2]))?),
    ),
    variadic("join", &[P::Chars, P::CharsArray], true, |m, _, a| {
        join(m, &a[0], &packed(&a[1]))
    }),
    fixed("join", &[P::Chars, P::Iterable], |m, _, a| match &a[1] {
        Value::List(list) => join(m, &a[0], &list.items()),
        _ => Err(Error::null_pointer("elements")),
    }),
    fixed("valueOf", &[P::Object], |m, _, a| {
        Ok(Value::text(m.text_of(&a[0])))
    }),
    fixed("valueOf", &[P::CharArray], |_, _, a| {
        Ok(Value::text(units_text(&a[0])))
    }),
    fixed("valueOf", &[P::Bool], |m, _, a| {
        Ok(Value::text(m.text_of(&a[0])))
    }),
    fixed("valueOf", &[P::Char], |m, _, a| {
        Ok(Value::text(m.text_of(&a[0])))
    }),
    fixed("valueOf", &[P::Int], |m, _, a| {
        Ok(Value::text(m.text_of(&a[0])))
    }),
    fixed("valueOf", &[P::Long], |m, _, a| {
        Ok(Value::text(m.text_of(&a[0])))
    }),
    fixed("valueOf", &[P::Float], |m, _, a| {
        Ok(Value::text(m.text_of(&a[0])))
    }),
    fixed("valueOf", &[P::Double], |m, _, a| {
        Ok(Value::text(m.text_of(&a[0])))
    }),
    fixed("copyValueOf", &[P::CharArray], |_, _, a| {
        Ok(Value::text(units_text(&a[0])))
    }),
    hidden("chars", "interface java.util.stream.IntStream"),
    hidden("codePoints", "interface java.util.stream.IntStream"),
    hidden("lines", "class java.util.stream.Stream"),
    hidden("describeConstable", "class java.util.Optional"),
];

fn length(text: &str) -> i32 {
    let units = if text.is_ascii() {
        text.len()
    } else {
        text.encode_utf16().count()
    };
    i32::try_from(units).unwrap_or(i32::MAX)
}

fn unit_at(text: &str, at: usize) -> Option<u16> {
    if text.is_ascii() {
        text.as_bytes().get(at).map(|b| u16::from(*b))
    } else {
        text.encode_utf16().nth(at)
    }
}

/// The text from a UTF-16 position on.
fn after(text: &str, from: usize) -> &str {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= from {
            return &text[at..];
        }
        units += c.len_utf16();
    }
    ""
}

fn units_before(text: &str, byte: usize) -> i32 {
    length(&text[..byte])
}

fn out_of_range(at: i32) -> Error {
    bounds(format!("String index out of range: {at}"))
}

fn substring<'a>(text: &str, begin: i32, end: i32) -> Result<Value<'a>> {
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

fn find<'a>(text: &str, wanted: &str, from: i32) -> Value<'a> {
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

fn find_last<'a>(text: &str, wanted: &str, from: i32) -> Value<'a> {
    let found = text
        .rmatch_indices(wanted)
        .map(|(at, _)| units_before(text, at))
        .find(|at| *at <= from);
    // Overlapping occurrences are not seen by the reverse search; look at every position where that may matter.
    let overlapping = || {
        let places = text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .collect::<Vec<_>>();
        places
            .into_iter()
            .rev()
            .filter(|at| text[*at..].starts_with(wanted))
            .map(|at| units_before(text, at))
            .find(|at| *at <= from)
    };
    Value::Int(match found {
        Some(at) if from == i32::MAX => at,
        _ => overlapping().or(found).unwrap_or(-1),
    })
}

fn code_text(code: i32) -> String {
    u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .map_or("\u{0}\u{ffff}\u{0}".to_owned(), String::from)
}

fn compare(a: &str, b: &str) -> i32 {
    let (mut left, mut right) = (a.encode_utf16(), b.encode_utf16());
    loop {
        match (left.next(), right.next()) {
            (Some(x), Some(y)) if x != y => return i32::from(x) - i32::from(y),
            (Some(_), Some(_)) => {}
            _ => return length(a) - length(b),
        }
    }
}

/// Upper then lower case, letter by letter, as `equalsIgnoreCase` compares.
fn folded(text: &str) -> String {
    let single = |c: char| {
        let mut upper = c.to_uppercase();
        let up = match (upper.next(), upper.next()) {
            (Some(up), None) => up,
            _ => c,
        };
        let mut lower = up.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(low), None) => low,
            _ => up,
        }
    };
    text.chars().map(single).collect()
}

fn region<'a>(text: &str, ignore_case: bool, args: &[Value<'a>]) -> Result<Value<'a>> {
    let other = text_arg(&args[1])?;
    let (start, other_start, count) = (int(&args[0]), int(&args[2]), int(&args[3]));
    let fits =
        |from: i32, size: i32| from >= 0 && i64::from(from) <= i64::from(size) - i64::from(count);
    if !fits(start, length(text)) || !fits(other_start, length(other)) {
        return Ok(Value::Bool(false));
    }
    let cut = |text: &str, from: i32| -> Vec<u16> {
        text.encode_utf16()
            .skip(from as usize)
            .take(count.max(0) as usize)
            .collect()
    };
    let (a, b) = (cut(text, start), cut(other, other_start));
    Ok(Value::Bool(match ignore_case {
        false => a == b,
        true => folded(&String::from_utf16_lossy(&a)) == folded(&String::from_utf16_lossy(&b)),
    }))
}

fn split<'a>(
    m: &mut crate::machine::Machine<'a, '_>,
    text: &str,
    pattern: &Value<'a>,
    limit: i32,
) -> Result<Value<'a>> {
    let pattern = text_arg(pattern)?;
    m.charge(pattern.len() * 32)?;
    let parts = Pattern::compile(pattern, m.env.limits.regex_steps_max)?.split(text, limit)?;
    m.charge(parts.len() * 4)?;
    Ok(Value::array(
        "java.lang.String",
        parts.into_iter().map(Value::text).collect(),
    ))
}

fn join<'a>(
    m: &mut crate::machine::Machine<'a, '_>,
    between: &Value<'a>,
    items: &[Value<'a>],
) -> Result<Value<'a>> {
    let between = text_arg(between)?;
    let mut out = String::new();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(between);
        }
        match item {
            Value::Null => out.push_str("null"),
            Value::Text(text) | Value::Status(text) => out.push_str(text),
            other => {
                let class = crate::types::class_name(other);
                let text = crate::types::class_cast(&class, "java.lang.CharSequence");
                return Err(Error::new("java.lang.ClassCastException", text));
            }
        }
        limited(out.len())?;
    }
    m.charge(out.len())?;
    Ok(Value::text(out))
}

fn packed<'a>(array: &Value<'a>) -> Vec<Value<'a>> {
    match array {
        Value::Array(array) => array.items.borrow().clone(),
        _ => Vec::new(),
    }
}

fn units_text(array: &Value<'_>) -> String {
    packed(array).iter().map(text::java).collect()
}

fn bytes_of(array: &Value<'_>) -> Vec<u8> {
    packed(array).iter().map(|item| int(item) as u8).collect()
}

fn bytes<'a>(bytes: &[u8]) -> Value<'a> {
    Value::array(
        "byte",
        bytes.iter().map(|byte| Value::Byte(*byte as i8)).collect(),
    )
}

fn unknown_charset(name: &str) -> Error {
    Error::new("java.io.UnsupportedEncodingException", name)
}

fn encode<'a>(text: &str, charset: &str) -> Result<Value<'a>> {
    match charset.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => Ok(bytes(text.as_bytes())),
        "US-ASCII" | "ASCII" => Ok(bytes(
            &text
                .chars()
                .map(|c| if c.is_ascii() { c as u8 } else { b'?' })
                .collect::<Vec<_>>(),
        )),
        "ISO-8859-1" | "LATIN1" => Ok(bytes(
            &text
                .chars()
                .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
                .collect::<Vec<_>>(),
        )),
        _ => Err(unknown_charset(charset)),
    }
}

fn decode<'a>(array: &Value<'a>, charset: &str) -> Result<Value<'a>> {
    let bytes = bytes_of(array);
    match charset.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => Ok(Value::text(String::from_utf8_lossy(&bytes).into_owned())),
        "US-ASCII" | "ASCII" => {
            let c = |b: &u8| {
                if b.is_ascii() {
                    char::from(*b)
                } else {
                    char::REPLACEMENT_CHARACTER
                }
            };
            Ok(Value::text(bytes.iter().map(c).collect::<String>()))
        }
        "ISO-8859-1" | "LATIN1" => Ok(Value::text(
            bytes.iter().map(|b| char::from(*b)).collect::<String>(),
        )),
        _ => Err(unknown_charset(charset)),
    }
}

fn limited(size: usize) -> Result<()> {
    match size > PRODUCED_MAX {
        true => Err(Error::new(
            crate::error::SPEL_EVALUATION,
            format!("a text of more than {PRODUCED_MAX} bytes"),
        )),
        false => Ok(()),
    }
}

fn produced<'a>(text: String) -> Result<Value<'a>> {
    limited(text.len())?;
    Ok(Value::text(text))
}

/// `replace("", x)`: around every UTF-16 unit.
fn between_units(text: &str, to: &str) -> String {
    let mut out = String::from(to);
    for c in text.chars() {
        out.push(c);
        out.push_str(to);
    }
    out
}

/// `Character.isWhitespace`: no-break blanks are none.
fn java_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | '\u{1c}'..='\u{1f}' | ' ' | '\u{1680}' | '\u{2000}'..='\u{2006}'
        | '\u{2008}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{205f}' | '\u{3000}')
}

fn indent(text: &str, by: i32) -> String {
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

fn strip_indent(text: &str) -> String {
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

fn translate_escapes(text: &str) -> Result<String> {
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
