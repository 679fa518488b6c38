//! Lists, sets and maps. Methods that give elements out are hidden: their return type is `Object`.

use super::{Table, hidden, instance, int};
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::types::Param as P;
use crate::value::{Backing, ListCell, ListKind, MapCell, Value, compare};

pub(super) const COLLECTION: Table = &[
    instance("size", &[], |_, t, _| {
        Ok(Value::Int(cell(t).map_or(0, |list| list.len() as i32)))
    }),
    instance("isEmpty", &[], |_, t, _| {
        Ok(Value::Bool(cell(t).is_none_or(|list| list.len() == 0)))
    }),
    instance("contains", &[P::Object], |m, t, a| {
        Ok(Value::Bool(position(m, t, &a[0])?.is_some()))
    }),
    instance("containsAll", &[P::Collection], |m, t, a| {
        for item in items(&a[0])? {
            if position(m, t, &item)?.is_none() {
                return Ok(Value::Bool(false));
            }
        }
        Ok(Value::Bool(true))
    }),
    instance("add", &[P::Object], |m, t, a| {
        changeable(t)?;
        let Some(list) = cell(t) else {
            return Ok(Value::Bool(false));
        };
        match list.kind {
            ListKind::KeySet(_) | ListKind::Values(_) | ListKind::EntrySet(_) => {
                return Err(Error::unsupported());
            }
            ListKind::HashSet if position(m, t, &a[0])?.is_some() => return Ok(Value::Bool(false)),
            _ => {}
        }
        m.check_storable(&a[0], t)?;
        list.change(|items| items.push(a[0].clone()));
        Ok(Value::Bool(true))
    }),
    instance("addAll", &[P::Collection], |m, t, a| {
        changeable(t)?;
        let new = items(&a[0])?;
        m.charge(new.len())?;
        for item in &new {
            m.check_storable(item, t)?;
        }
        let any = !new.is_empty();
        if let Some(list) = cell(t) {
            list.change(|items| items.extend(new));
        }
        Ok(Value::Bool(any))
    }),
    instance("remove", &[P::Object], |m, t, a| {
        changeable(t)?;
        let at = position(m, t, &a[0])?;
        if let (Some(at), Some(list)) = (at, cell(t)) {
            drop(list.change(|items| items.remove(at)));
        }
        Ok(Value::Bool(at.is_some()))
    }),
    instance("removeAll", &[P::Collection], |m, t, a| {
        retain(m, t, &a[0], false)
    }),
    instance("retainAll", &[P::Collection], |m, t, a| {
        retain(m, t, &a[0], true)
    }),
    instance("clear", &[], |_, t, _| {
        changeable(t)?;
        if let Some(list) = cell(t) {
            drop(list.change(std::mem::take));
        }
        Ok(Value::Null)
    }),
    hidden("stream", "interface java.util.stream.Stream"),
    hidden("parallelStream", "interface java.util.stream.Stream"),
    hidden("iterator", "interface java.util.Iterator"),
    hidden("spliterator", "interface java.util.Spliterator"),
    hidden("toArray", "class [Ljava.lang.Object;"),
];

pub(super) const LIST: Table = &[
    instance("indexOf", &[P::Object], |m, t, a| {
        Ok(Value::Int(
            position(m, t, &a[0])?.map_or(-1, |at| at as i32),
        ))
    }),
    instance("lastIndexOf", &[P::Object], |m, t, a| {
        m.measure(t)?;
        let found = cell(t).and_then(|list| {
            list.with(|items| items.iter().rposition(|item| compare::equals(item, &a[0])))
        });
        Ok(Value::Int(found.map_or(-1, |at| at as i32)))
    }),
    instance("subList", &[P::Int, P::Int], |m, t, a| {
        m.charge(cell(t).map_or(0, |list| list.len() * 2))?;
        let (from, to) = (int(&a[0]), int(&a[1]));
        let Some(list) = cell(t) else {
            return Ok(Value::Null);
        };
        let size = list.len() as i32;
        let bounds = |text: String| Error::new("java.lang.IndexOutOfBoundsException", text);
        if from < 0 {
            return Err(bounds(format!("fromIndex = {from}")));
        }
        if to > size {
            return Err(bounds(format!("toIndex = {to}")));
        }
        if from > to {
            return Err(Error::illegal_argument(format!(
                "fromIndex({from}) > toIndex({to})"
            )));
        }
        let part = list.with(|items| items[from as usize..to as usize].to_vec());
        let kind = if list.kind == ListKind::Unmodifiable {
            ListKind::Unmodifiable
        } else {
            ListKind::SubList
        };
        Ok(Value::set(kind, part))
    }),
    instance("add", &[P::Int, P::Object], |m, t, a| {
        changeable(t)?;
        let (at, Some(list)) = (int(&a[0]), cell(t)) else {
            return Ok(Value::Null);
        };
        let size = list.len();
        let Some(at) = usize::try_from(at).ok().filter(|at| *at <= size) else {
            let text = format!("Index: {at}, Size: {size}");
            return Err(Error::new("java.lang.IndexOutOfBoundsException", text));
        };
        m.check_storable(&a[1], t)?;
        list.change(|items| items.insert(at, a[1].clone()));
        Ok(Value::Null)
    }),
    hidden("listIterator", "interface java.util.ListIterator"),
    hidden("clone", "class java.lang.Object"),
];

/// What the context of a stage has beside the methods of a map.
pub(super) const CONTEXT: Table = &[instance("getAll", &[P::Object], |m, t, a| {
    let Some(context) = map(t) else {
        return Ok(Value::Null);
    };
    if a[0].is_null() {
        return Err(Error::new(
            "java.lang.NullPointerException",
            "Cannot invoke \"Object.equals(Object)\" because \"key\" is null",
        ));
    }
    m.all_of(context, &a[0])
})];

pub(super) const MAP: Table = &[
    instance("size", &[], |_, t, _| {
        Ok(Value::Int(map(t).map_or(0, |map| map.len() as i32)))
    }),
    instance("isEmpty", &[], |_, t, _| {
        Ok(Value::Bool(map(t).is_none_or(|map| map.len() == 0)))
    }),
    instance("containsKey", &[P::Object], |m, t, a| {
        m.measure_key(&a[0])?;
        Ok(Value::Bool(map(t).is_some_and(|map| map.contains(&a[0]))))
    }),
    instance("containsValue", &[P::Object], |m, t, a| {
        m.measure(t)?;
        Ok(Value::Bool(
            entries(t)
                .iter()
                .any(|(_, value)| compare::equals(value, &a[0])),
        ))
    }),
    instance("keySet", &[], |m, t, _| {
        m.charge(map(t).map_or(0, |map| map.len() * 16))?;
        Ok(Value::set(
            ListKind::KeySet(backing(t)),
            entries(t).into_iter().map(|(key, _)| key).collect(),
        ))
    }),
    instance("values", &[], |m, t, _| {
        m.charge(map(t).map_or(0, |map| map.len() * 16))?;
        Ok(Value::set(
            ListKind::Values(backing(t)),
            entries(t).into_iter().map(|(_, value)| value).collect(),
        ))
    }),
    instance("entrySet", &[], |m, t, _| {
        m.charge(map(t).map_or(0, |map| map.len() * 24))?;
        Ok(Value::set(
            ListKind::EntrySet(backing(t)),
            entries(t)
                .into_iter()
                .map(|pair| Value::Entry(pair.into(), backing(t)))
                .collect(),
        ))
    }),
    instance("putAll", &[P::Map], |m, t, a| {
        let Some(target) = writable(t)? else {
            return Ok(Value::Null);
        };
        let new = entries(&a[0]);
        m.charge(new.len())?;
        for (key, value) in new {
            m.check_storable(&value, t)?;
            target.insert(key, value);
        }
        Ok(Value::Null)
    }),
    instance("clear", &[], |_, t, _| {
        if let Some(map) = writable(t)? {
            map.clear();
        }
        Ok(Value::Null)
    }),
    instance("remove", &[P::Object, P::Object], |m, t, a| {
        let Some(map) = writable(t)? else {
            return Ok(Value::Bool(false));
        };
        m.measure_key(&a[0])?;
        m.measure(&a[1])?;
        let same = map
            .get_by(&a[0])
            .is_some_and(|value| compare::equals(&value, &a[1]));
        if same {
            map.remove(&a[0]);
        }
        Ok(Value::Bool(same))
    }),
    instance("replace", &[P::Object, P::Object, P::Object], |m, t, a| {
        let Some(map) = writable(t)? else {
            return Ok(Value::Bool(false));
        };
        m.measure_key(&a[0])?;
        m.measure(&a[1])?;
        let same = map
            .get_by(&a[0])
            .is_some_and(|value| compare::equals(&value, &a[1]));
        if same {
            m.check_storable(&a[2], t)?;
            map.insert(a[0].clone(), a[2].clone());
        }
        Ok(Value::Bool(same))
    }),
    hidden("clone", "class java.lang.Object"),
];

/// Entries of a map have no readable property: key and value are `Object`s.
pub(super) const ENTRY: Table = &[
    hidden("getKey", "class java.lang.Object"),
    hidden("getValue", "class java.lang.Object"),
];

fn cell<'v, 'a>(value: &'v Value<'a>) -> Option<&'v ListCell<'a>> {
    match value {
        Value::List(list) => Some(list),
        _ => None,
    }
}

fn map<'v, 'a>(value: &'v Value<'a>) -> Option<&'v MapCell<'a>> {
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

fn entries<'a>(value: &Value<'a>) -> Vec<(Value<'a>, Value<'a>)> {
    map(value).map(MapCell::entries).unwrap_or_default()
}

fn writable<'v, 'a>(value: &'v Value<'a>) -> Result<Option<&'v MapCell<'a>>> {
    match map(value) {
        Some(map) if !map.kind.can_change() => Err(Error::unsupported()),
        map => Ok(map),
    }
}

fn changeable(value: &Value<'_>) -> Result<()> {
    match cell(value) {
        Some(list) if list.kind == ListKind::Unmodifiable => Err(Error::unsupported()),
        _ => Ok(()),
    }
}

fn items<'a>(value: &Value<'a>) -> Result<Vec<Value<'a>>> {
    cell(value)
        .map(ListCell::items)
        .ok_or_else(|| Error::null_pointer("c"))
}

fn position<'a>(
    m: &mut Machine<'a, '_>,
    list: &Value<'a>,
    wanted: &Value<'a>,
) -> Result<Option<usize>> {
    m.measure(list)?;
    let Some(list) = cell(list) else {
        return Ok(None);
    };
    Ok(list.with(|items| items.iter().position(|item| compare::equals(item, wanted))))
}

fn retain<'a>(
    m: &mut Machine<'a, '_>,
    target: &Value<'a>,
    others: &Value<'a>,
    keep: bool,
) -> Result<Value<'a>> {
    changeable(target)?;
    let others = items(others)?;
    let Some(list) = cell(target) else {
        return Ok(Value::Bool(false));
    };
    let before = list.len();
    let mut kept = Vec::with_capacity(before);
    for item in list.items() {
        let mut found = false;
        for other in &others {
            m.charge(1)?;
            found = m.same(&item, other)?;
            if found {
                break;
            }
        }
        if found == keep {
            kept.push(item);
        }
    }
    let changed = kept.len() != before;
    drop(list.change(|items| std::mem::replace(items, kept)));
    Ok(Value::Bool(changed))
}

fn backing(value: &Value<'_>) -> Backing {
    map(value).map_or(Backing::Linked, |map| map.kind.backing())
}
