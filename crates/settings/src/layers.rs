//! Defaults, then the file, then the environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value as Schema;
use toml::{Table, Value};

use crate::error::Error;
use crate::nearest::nearest;
use crate::schema::{self, is_type};
use crate::sections::Settings;

/// A settings file that was read.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// What errors call it.
    pub name: &'a str,
    /// Its content.
    pub text: &'a str,
}

/// Makes settings of a file and environment variables (all of them: what is not Gennaker's is skipped), and checks
/// them. An empty variable counts as one that is not set. Lists stand in a variable separated by commas, or as in TOML.
///
/// # Errors
/// What is wrong first: syntax, an unknown key, an unknown variable, a value of the wrong type; then everything that
/// [`Settings::check`] finds.
pub fn load(
    file: Option<File<'_>>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, Error> {
    let name = file.map_or("the defaults", |file| file.name);
    let mut merged = file.map(parse).transpose()?.unwrap_or_default();
    // In order, so that the first error does not depend on the environment's.
    let mut from: BTreeMap<String, String> = BTreeMap::new();
    let env: BTreeMap<String, String> = env
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    for (variable, value) in &env {
        if let Some(path) = path_of(variable)? {
            let wrong = |reason: String| Error::Value {
                name: variable.clone(),
                path: path.clone(),
                reason,
            };
            let schema = schema::at(&path).ok_or_else(|| wrong("is no setting".to_owned()))?;
            set(
                &mut merged,
                &path,
                parse_variable(schema, value).map_err(wrong)?,
            )
            .map_err(wrong)?;
            from.insert(path, variable.clone());
        }
    }
    let settings: Settings =
        serde_path_to_error::deserialize(Value::Table(merged)).map_err(|error| {
            let path = error.path().to_string();
            // A list's entry is named with its index; the variable set the whole list.
            let setting = path.split('[').next().unwrap_or(&path);
            let name = from
                .get(setting)
                .cloned()
                .unwrap_or_else(|| name.to_owned());
            Error::Value {
                name,
                path,
                reason: first_line(&error.inner().to_string()),
            }
        })?;
    settings.check()?;
    Ok(settings)
}

/// [`load`] with a file on disk, if one is named, and the process's environment.
///
/// # Errors
/// The file cannot be read, or as [`load`].
pub fn read(file: Option<&Path>) -> Result<Settings, Error> {
    let name = file
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let text = match file {
        Some(path) => Some(fs::read_to_string(path).map_err(|source| Error::Read {
            name: name.clone(),
            source,
        })?),
        None => None,
    };
    // Not `vars`, which panics at a variable that is not UTF-8, whosever it is.
    let mut env = Vec::new();
    for (variable, value) in std::env::vars_os() {
        let Ok(variable) = variable.into_string() else {
            continue;
        };
        if variable.starts_with(PREFIX) {
            let value = value.into_string().map_err(|_| Error::NotUtf8 {
                variable: variable.clone(),
            })?;
            env.push((variable, value));
        }
    }
    load(text.as_deref().map(|text| File { name: &name, text }), env)
}

const PREFIX: &str = "GENNAKER_";

/// The setting that a variable sets; none if it is not about settings.
fn path_of(variable: &str) -> Result<Option<String>, Error> {
    let Some(rest) = variable.strip_prefix(PREFIX) else {
        return Ok(None);
    };
    let path = rest.replace("__", ".").to_ascii_lowercase();
    let nodes = schema::nodes();
    let known = nodes
        .iter()
        .find(|node| node.path == path && rest == rest.to_ascii_uppercase());
    let is_setting = known.is_some_and(|node| schema::properties(node.schema).is_none());
    if is_setting {
        return Ok(Some(path));
    }
    if !rest.contains("__") {
        return Ok(None);
    }
    let settings = nodes
        .iter()
        .filter(|node| schema::properties(node.schema).is_none());
    let nearest = nearest(&path, settings.map(|node| node.path.as_str())).map(variable_of);
    Err(Error::UnknownVariable {
        variable: variable.to_owned(),
        nearest,
    })
}

/// The variable of a setting.
pub(crate) fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

fn parse(file: File<'_>) -> Result<Table, Error> {
    let table: Table = toml::from_str(file.text).map_err(|error: toml::de::Error| {
        // The error's own text quotes the line, which may hold a secret.
        let at = error
            .span()
            .map_or(0, |span| span.start)
            .min(file.text.len());
        let before = file.text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        Error::Syntax {
            name: file.name.to_owned(),
            line,
            column,
            reason: first_line(error.message()),
        }
    })?;
    check_keys(file.name, "", schema::schema(), &table)?;
    Ok(table)
}

/// Serde would name an unknown key without its section and without a guess.
fn check_keys(
    name: &str,
    prefix: &str,
    schema: &'static Schema,
    table: &Table,
) -> Result<(), Error> {
    let Some(known) = schema::properties(schema) else {
        return Ok(());
    };
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        let Some(schema) = known.get(key) else {
            let nodes = schema::nodes();
            let nearest =
                nearest(&path, nodes.iter().map(|node| node.path.as_str())).map(str::to_owned);
            return Err(Error::UnknownKey {
                name: name.to_owned(),
                path,
                nearest,
            });
        };
        if let Value::Table(table) = value {
            check_keys(name, &path, schema, table)?;
        }
    }
    Ok(())
}

/// What a variable's text means for a setting of this type.
fn parse_variable(schema: &Schema, text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    if is_type(schema, "boolean") {
        return trimmed
            .parse()
            .map(Value::Boolean)
            .map_err(|_| "must be true or false".to_owned());
    }
    if is_type(schema, "integer") {
        return trimmed
            .replace('_', "")
            .parse()
            .map(Value::Integer)
            .map_err(|_| "must be a whole number".to_owned());
    }
    if !is_type(schema, "array") {
        return Ok(Value::String(text.to_owned()));
    }
    // An IPv6 address is in brackets too, so only what parses is a list in TOML.
    let listed = trimmed
        .starts_with('[')
        .then(|| toml::from_str::<Table>(&format!("list = {trimmed}")).ok())
        .flatten();
    Ok(listed
        .and_then(|mut table| table.remove("list"))
        .unwrap_or_else(|| {
            let entries = trimmed
                .split(',')
                .map(str::trim)
                .filter(|entry| !entry.is_empty());
            Value::Array(
                entries
                    .map(|entry| Value::String(entry.to_owned()))
                    .collect(),
            )
        }))
}

fn set(table: &mut Table, path: &str, value: Value) -> Result<(), String> {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
            Ok(())
        }
        Some((section, rest)) => {
            let inner = table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            match inner {
                Value::Table(inner) => set(inner, rest, value),
                _ => Err(format!("{section} is not a section in the file")),
            }
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
