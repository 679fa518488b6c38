//! `java.lang.String`. Positions count UTF-16 units.

mod charset;
mod lines;
mod units;

use self::charset::{bytes, bytes_of, decode, encode, units_text};
use self::lines::{indent, java_space, strip_indent, translate_escapes};
use self::units::{
    after, between_units, code_text, compare, find, find_last, length, out_of_range, substring,
    unit_at,
};
use super::{Table, fixed, flag, hidden, illegal, instance, int, own, text_arg, variadic};
use crate::error::{Error, Result};
use crate::format;
use crate::regex::{TooManySteps, too_many};
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
    instance("codePointAt", &[P::Int], |m, t, a| {
        m.charge(own(t).len() / 2)?;
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
    instance("getBytes", &[], |m, t, _| {
        m.charge(own(t).len() * 8)?;
        Ok(bytes(own(t).as_bytes()))
    }),
    instance("getBytes", &[P::Text], |m, t, a| {
        m.charge(own(t).len() * 8)?;
        encode(own(t), text_arg(&a[0])?)
    }),
    instance("getBytes", &[P::Charset], |m, t, a| {
        m.charge(own(t).len() * 8)?;
        encode(own(t), text_arg(&a[0])?)
    }),
    instance("equalsIgnoreCase", &[P::Text], |_, t, a| {
        Ok(Value::Bool(
            a[0].as_str()
                .is_some_and(|other| folded(own(t)).eq(folded(other))),
        ))
    }),
    instance("contentEquals", &[P::Chars], |_, t, a| {
        Ok(Value::Bool(own(t) == &**text_arg(&a[0])?))
    }),
    instance("compareTo", &[P::Text], |_, t, a| {
        Ok(Value::Int(compare(own(t), text_arg(&a[0])?)))
    }),
    instance("compareToIgnoreCase", &[P::Text], |_, t, a| {
        let [left, right] = [own(t), text_arg(&a[0])?].map(|text| folded(text).collect::<String>());
        Ok(Value::Int(compare(&left, &right)))
    }),
    instance(
        "regionMatches",
        &[P::Int, P::Text, P::Int, P::Int],
        |m, t, a| {
            m.charge(own(t).len())?;
            region(own(t), false, a)
        },
    ),
    instance(
        "regionMatches",
        &[P::Bool, P::Int, P::Text, P::Int, P::Int],
        |m, t, a| {
            m.charge(own(t).len() * 2)?;
            region(own(t), flag(&a[0]), &a[1..])
        },
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
        let pattern = m.pattern(text_arg(&a[0])?)?;
        let matched = m.with_steps(|steps| pattern.matches(own(t), steps));
        matched?.map(Value::Bool).map_err(|TooManySteps| too_many())
    }),
    instance("contains", &[P::Chars], |_, t, a| {
        Ok(Value::Bool(
            own(t).contains(&**crate::machine::need_text(&a[0], "s")?),
        ))
    }),
    instance("replaceFirst", &[P::Text, P::Text], |m, t, a| {
        replace(m, own(t), a, false)
    }),
    instance("replaceAll", &[P::Text, P::Text], |m, t, a| {
        replace(m, own(t), a, true)
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
    instance("toCharArray", &[], |m, t, _| {
        m.charge(own(t).len() * 8)?;
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
    fixed("valueOf", &[P::Object], |m, _, a| m.text_value(&a[0])),
    fixed("valueOf", &[P::CharArray], |_, _, a| {
        Ok(Value::text(units_text(&a[0])))
    }),
    fixed("valueOf", &[P::Bool], |m, _, a| m.text_value(&a[0])),
    fixed("valueOf", &[P::Char], |m, _, a| m.text_value(&a[0])),
    fixed("valueOf", &[P::Int], |m, _, a| m.text_value(&a[0])),
    fixed("valueOf", &[P::Long], |m, _, a| m.text_value(&a[0])),
    fixed("valueOf", &[P::Float], |m, _, a| m.text_value(&a[0])),
    fixed("valueOf", &[P::Double], |m, _, a| m.text_value(&a[0])),
    fixed("copyValueOf", &[P::CharArray], |_, _, a| {
        Ok(Value::text(units_text(&a[0])))
    }),
    hidden("chars", "interface java.util.stream.IntStream"),
    hidden("codePoints", "interface java.util.stream.IntStream"),
    hidden("lines", "class java.util.stream.Stream"),
    hidden("describeConstable", "class java.util.Optional"),
];

/// Letter by letter, as `equalsIgnoreCase` compares.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(text::folded)
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
        true => {
            let [a, b] = [a, b].map(|units| String::from_utf16_lossy(&units));
            folded(&a).eq(folded(&b))
        }
    }))
}

fn replace<'a>(
    m: &mut crate::machine::Machine<'a, '_>,
    text: &str,
    args: &[Value<'a>],
    all: bool,
) -> Result<Value<'a>> {
    let pattern = m.pattern(text_arg(&args[0])?)?;
    let to = text_arg(&args[1])?;
    let replaced =
        m.with_steps(|steps| pattern.replace(text, to, all, steps, &mut |size| limited(size)))??;
    m.charge(replaced.len() / 4)?;
    produced(replaced)
}

fn split<'a>(
    m: &mut crate::machine::Machine<'a, '_>,
    text: &str,
    pattern: &Value<'a>,
    limit: i32,
) -> Result<Value<'a>> {
    let pattern = m.pattern(text_arg(pattern)?)?;
    let parts = m.with_steps(|steps| pattern.split(text, limit, steps))??;
    m.charge(parts.len() * 8)?;
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
